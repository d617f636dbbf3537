"""One attempt's way through the doors that its task names, and back out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from podium.core.budgets import Amount, Lines
from podium.core.context import StepOptions
from podium.core.errors import ErrorInfo
from podium.core.priority import priority_of
from podium.core.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What an attempt waits for before its body begins.

    Attributes:
        kind: ``rate``, ``concurrency``, ``breaker`` or ``budget``.
        key: Under which name it is shared.
        text: Why it waits, for people.
        until_us: When that can change at the earliest, µs since 1970; 0 where nobody knows.
    """

    kind: str
    key: str
    text: str
    until_us: int = 0


class Door(Protocol):
    """A limit or a breaker, as an attempt meets it."""

    def enter(self, passage: Passage) -> bool:
        """Let it pass now, or keep it and call ``passage.go_on`` (or ``refuse``) later."""
        ...

    def withdraw(self, passage: Passage) -> None:
        """It no longer waits at this door."""
        ...

    def put_back(self, passage: Passage) -> None:
        """It has passed this door, but its body never began."""
        ...

    def leave(self, passage: Passage) -> None:
        """Its body has ended."""
        ...

    def obstacle(self, passage: Passage) -> Obstacle:
        """Say what it waits for here."""
        ...


class Judge(Door, Protocol):
    """A breaker: it also wants to know what became of the call."""

    def stands(self, passage: Passage) -> bool:
        """Whether what let it pass still holds."""
        ...

    def report(self, passage: Passage, outcome: str, types: tuple[str, ...], took_s: float) -> None:
        """What became of its call is decided: ``ok``, ``failed``, ``unknown``."""
        ...


class Bill(Protocol):
    """What an attempt may cost, as the budgets see it."""

    number: int
    lines: Lines
    unknown: frozenset[str]
    want: Amount
    needs_room: bool
    is_reserved: bool

    def release(self) -> None:
        """Give back what was reserved: the body never began."""
        ...


class Visitor(Protocol):
    """A step, as it comes to the doors."""

    path: str
    spec: TaskSpec
    options: StepOptions

    @property
    def run(self) -> Any: ...
    @property
    def tab(self) -> Bill | None: ...
    def ask_for_room(self, form: bytes) -> None:
        """Ask a person to raise a budget; the answer goes to the door."""
        ...

    def no_longer_asks(self) -> None:
        """What was asked so needs no answer any more."""
        ...

    def admitted(self) -> None:
        """It has passed all doors: its body may begin."""
        ...

    def refused(self, error: ErrorInfo) -> None:
        """A door will not let it pass."""
        ...

    def show_waiting(self) -> None:
        """There is something new to say about what it waits for."""
        ...


class Passage:
    """An attempt among its doors.

    Attributes:
        step: Whose attempt it is.
        since_us: Since when it is under way.
        turn: Of the breaker, when it let this attempt pass; -1 before.
        is_probe: Whether it passed a breaker that is half open.
    """

    __slots__ = (
        "_begun", "_doors", "_index", "_is_over", "_judge", "_waits_at", "is_probe", "since_us",
        "step", "turn",
    )  # fmt: skip

    def __init__(
        self, step: Visitor, doors: tuple[Door, ...], judge: Judge | None, since_us: int
    ) -> None:
        self.step = step
        self.since_us = since_us
        self.turn = -1
        self.is_probe = False
        self._doors = doors
        self._judge = judge
        self._index = 0
        self._waits_at: Door | None = None
        self._is_over = False
        self._begun = False

    @property
    def tab(self) -> Bill:
        """What it may cost, where that is limited."""
        tab = self.step.tab
        assert tab is not None, "who comes to the budgets has a tab"
        return tab

    def enter(self) -> None:
        """Go through door after door; the last one lets the body begin."""
        doors = self._doors
        while self._index < len(doors):
            door = self._waits_at = doors[self._index]
            if not door.enter(self) or self._is_over:
                return
            self._index += 1
        self._waits_at = None
        if self._judge is not None and not self._judge.stands(self):
            self._start_over()
            return
        self._begun = True
        self.step.admitted()

    def _start_over(self) -> None:
        """What let it through a first door is no longer so: back to the beginning."""
        for door in reversed(self._doors):
            door.put_back(self)
        self._index = 0
        self.enter()

    def go_on(self) -> None:
        """The door it waits at has let it pass."""
        if not self._is_over:
            self._index += 1
            self.enter()

    def tell(self) -> None:
        """There is something new to say about what it waits for."""
        if self.is_waiting:
            self.step.show_waiting()

    def refuse(self, error: ErrorInfo) -> None:
        """The door it stands at will not let it pass."""
        if not self._is_over:
            self._waits_at = None
            self._let_go()
            self.step.refused(error)

    def give_up(self) -> None:
        """Nobody wants it to pass any more."""
        if not self._is_over and not self._begun:
            if self._waits_at is not None:
                self._waits_at.withdraw(self)
                self._waits_at = None
            self._let_go()

    def _let_go(self) -> None:
        self._is_over = True
        for door in reversed(self._doors[: self._index]):
            door.put_back(self)

    def report(self, outcome: str, types: tuple[str, ...], took_s: float) -> None:
        """Tell the breaker what became of the call; what it is told first counts.

        Args:
            outcome: ``ok``, ``failed`` or ``unknown``.
            types: Names of the error's class and its bases.
            took_s: How long it took.
        """
        if self._begun and self._judge is not None:
            self._judge.report(self, outcome, types, took_s)

    def leave(self) -> None:
        """The body has ended."""
        if self._begun and not self._is_over:
            self._is_over = True
            for door in self._doors:
                door.leave(self)

    def abandon(self) -> None:
        """It has passed, and its body will never begin."""
        if self._begun and not self._is_over:
            self._is_over = True
            for door in self._doors:
                door.put_back(self)

    @property
    def is_waiting(self) -> bool:
        """Whether it stands before a door."""
        return self._waits_at is not None and not self._is_over

    def obstacle(self) -> Obstacle | None:
        """Return what it waits for."""
        return self._waits_at.obstacle(self) if self._waits_at is not None else None

    @property
    def priority(self) -> int:
        """Higher goes first."""
        step = self.step
        return priority_of(step.run.headers, step.spec.options.priority)

    @property
    def fair_key(self) -> str:
        """Whose turn it is among equals: the tenant's, else the run's."""
        run = self.step.run
        return str(run.headers.get("tenant") or run.id)
