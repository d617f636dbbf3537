"""One attempt's way through the doors that its task names, and back out of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from podium.core.errors import ErrorInfo


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who wants to pass.

    Attributes:
        run_id: The run.
        path: The step.
        priority: Higher goes first.
        fair_key: Whose turn it is among equals: the tenant, else the run.
        has_fallback: Whether there is another answer, so that it need not wait for a breaker.
    """

    run_id: str
    path: str
    priority: int
    fair_key: str
    has_fallback: bool


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What an attempt waits for before its body begins.

    Attributes:
        kind: ``rate``, ``concurrency`` or ``breaker``.
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

    def stands(self, passage: Passage) -> bool:
        """Whether what let it pass still holds; else it has been let go of and enters again."""
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

    def report(self, passage: Passage, outcome: str, types: tuple[str, ...], took_s: float) -> None:
        """What became of its call is decided: ``ok``, ``failed``, ``unknown``."""
        ...

    def obstacle(self, passage: Passage) -> Obstacle:
        """Say what it waits for here."""
        ...


class Passage:
    """An attempt among its doors.

    Attributes:
        visitor: Who wants to pass.
        since_us: Since when.
    """

    __slots__ = ("_begun", "_doors", "_index", "_is_over", "_is_told", "_passed", "_refused", "_waits", "_waits_at", "notes", "since_us", "visitor")  # fmt: skip

    def __init__(
        self, doors: tuple[Door, ...], visitor: Visitor, since_us: int,
        passed: Callable[[], None], refused: Callable[[ErrorInfo], None], waits: Callable[[], None],
    ) -> None:  # fmt: skip
        self.visitor = visitor
        self.since_us = since_us
        self.notes: dict[Door, object] = {}
        """What doors remember of it."""
        self._doors = doors
        self._passed = passed
        self._refused = refused
        self._waits = waits
        self._index = 0
        self._waits_at: Door | None = None
        self._is_over = False
        self._is_told = False
        self._begun = False

    def enter(self) -> None:
        """Go through door after door; the last one lets the body begin."""
        while self._index < len(self._doors):
            door = self._doors[self._index]
            self._waits_at = door
            if not door.enter(self) or self._is_over:
                return
            self._index += 1
        self._waits_at = None
        if not all(door.stands(self) for door in self._doors):
            self._start_over()
            return
        self._begun = True
        self._passed()

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
            self._waits()

    def refuse(self, error: ErrorInfo) -> None:
        """The door it stands at will not let it pass."""
        if not self._is_over:
            self._waits_at = None
            self._let_go()
            self._refused(error)

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
        """Tell the doors once what became of the call.

        Args:
            outcome: ``ok``, ``failed`` or ``unknown``.
            types: Names of the error's class and its bases.
            took_s: How long it took.
        """
        if self._begun and not self._is_told:
            self._is_told = True
            for door in self._doors:
                door.report(self, outcome, types, took_s)

    def leave(self) -> None:
        """The body has ended."""
        if self._begun and not self._is_over:
            self._is_over = True
            for door in reversed(self._doors):
                door.leave(self)

    def abandon(self) -> None:
        """It has passed, and its body will never begin."""
        if self._begun and not self._is_over:
            self._is_over = True
            for door in reversed(self._doors):
                door.put_back(self)

    @property
    def is_waiting(self) -> bool:
        """Whether it stands before a door."""
        return self._waits_at is not None and not self._is_over

    def obstacle(self) -> Obstacle | None:
        """Return what it waits for."""
        return self._waits_at.obstacle(self) if self._waits_at is not None else None
