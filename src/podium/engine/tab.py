"""What one attempt of a step may cost, and what it has used: its tab."""

from __future__ import annotations

import asyncio
import inspect

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, Self

from podium.core.budgets import NOTHING, UNKNOWN, Amount, Line, Lines, Spend, dollars
from podium.core.errors import NotDone, PodiumError
from podium.core.ports import Attempt
from podium.core.spec import TaskSpec
from podium.engine.commands import Wait
from podium.journal.records import Kind, Note, Spent, body
from podium.policy.budget import How, used


class PriceFailed(PodiumError):
    """The function that says what a call costs has failed, or has returned no price."""

    code = "price-failed"


class Budgets(Protocol):
    """Where tabs are reserved and settled."""

    def begin(self, run: str, path: str, attempt: int) -> None: ...
    def settle(self, run: str, path: str, attempt: int, used: Amount) -> None: ...
    def release(self, run: str, path: str, attempt: int) -> None: ...
    def charge(self, lines: Lines, used: Amount) -> None: ...


class TabRun(Protocol):
    """The run, as a tab sees it."""

    id: str
    is_closed: bool

    def record(self, kind: int, path: str, record_body: bytes, at: int = 0) -> int: ...


class Tab:
    """What an attempt may cost at worst, until it is settled.

    Attributes:
        number: Which attempt.
        lines: The budgets that it stands under.
        want: What it may cost.
        unknown: What of that nobody knows.
        needs_room: Whether its budgets have to have room for it.
        is_priced: Whether its task has a price.
        is_reserved: Whether they have.
        attempt: Its body, once that has begun.
    """

    __slots__ = (
        "_budgets", "_is_settled", "_path", "_run", "attempt", "is_priced", "is_reserved", "lines",
        "needs_room", "number", "unknown", "want",
    )  # fmt: skip

    def __init__(
        self, run: TabRun, budgets: Budgets, path: str, number: int, lines: Lines,
        price: Spend | None, *, is_tool: bool = False,
    ) -> None:  # fmt: skip
        self._run = run
        self._budgets = budgets
        self._path = path
        self._is_settled = False
        known = NOTHING if price is None else price.amount()
        is_call = price is None and is_tool
        self.number = number
        self.lines = lines
        self.unknown = price.unknown if price is not None else frozenset[str]()
        self.want = known.plus(Amount(calls=int(is_call), steps=int(number == 1)))
        self.is_priced = price is not None
        self.needs_room = bool(lines) and (
            self.is_priced or any(_is_counted(line, is_call=is_call) for line in lines)
        )
        self.is_reserved = False
        self.attempt: Attempt | None = None

    @classmethod
    def of(
        cls, run: TabRun, budgets: Budgets, wait: Wait, number: int,
        arguments: Callable[[], dict[str, Any]],
    ) -> Self:  # fmt: skip
        """Return the tab of an attempt that has not begun.

        Raises:
            PriceFailed: What it costs cannot be told.
        """
        spec: TaskSpec = wait.spec
        price = price_of(spec, arguments)
        return cls(run, budgets, wait.path, number, wait.budgets, price, is_tool=spec.is_tool)

    @property
    def is_noted(self) -> bool:
        """Whether the attempt is recorded as begun before its body is, whatever its effect."""
        return self.is_priced or self.is_reserved

    @property
    def worst(self) -> Amount | None:
        """What is recorded at the start as the most that it may cost; None: nothing."""
        return self.want if self.is_priced else None

    def note_start(self) -> None:
        """The commit that records the start of the attempt also says so to its budgets."""
        if self.is_reserved:
            self._budgets.begin(self._run.id, self._path, self.number)

    def release(self) -> None:
        """Give back what was reserved: the body never began."""
        if self.is_reserved:
            self.is_reserved = False
            self._budgets.release(self._run.id, self._path, self.number)

    def settle(
        self, error: BaseException | None, not_done: tuple[type[BaseException], ...]
    ) -> None:
        """Its body has ended: record what it has used.

        Args:
            error: What it raised.
            not_done: What else than ``NotDone`` means that it did not happen.
        """
        if isinstance(error, (NotDone, *not_done)):
            self._settle("not-done")
        else:
            self._settle("unknown" if isinstance(error, asyncio.CancelledError) else "known")

    def give_up(self) -> None:
        """Nobody waits for its body any more, or it never began: what is not known counts as spent."""
        if self.attempt is None:
            self.release()
        else:
            self._settle("unknown")

    def _settle(self, how: How) -> None:
        attempt = self.attempt
        if self._is_settled or attempt is None or self._run.is_closed:
            return
        self._is_settled = True
        if not (self.is_priced or self.is_reserved or attempt.spent):
            return
        amount = used(self.want, attempt.spent, how)
        if self.is_priced or amount.usd or amount.tokens or amount.calls:
            self._record(amount)
        if self.is_reserved:
            self._budgets.settle(self._run.id, self._path, self.number, amount)
        elif self.lines:
            self._budgets.charge(self.lines, amount)

    def _record(self, amount: Amount) -> None:
        run, path = self._run, self._path
        run.record(Kind.SPENT, path, body(Spent(self.number, amount)))
        if self.is_priced and "usd" not in self.unknown and amount.usd > self.want.usd:
            text = (
                f"attempt {self.number} has cost {dollars(amount.usd)}; "
                f"its price said at most {dollars(self.want.usd)}"
            )
            run.record(Kind.WARNING, path, body(Note("price-exceeded", text)))


def _is_counted(line: Line, *, is_call: bool) -> bool:
    """Whether a step that has no price counts in a budget."""
    limits = line.limits
    return "steps" in limits or "time" in limits or (is_call and "calls" in limits)


def price_of(spec: TaskSpec, arguments: Callable[[], dict[str, Any]]) -> Spend | None:
    """Return what a call of a task costs at worst; None where it has no price.

    Raises:
        PriceFailed: Its price is a function that raised, or returned something else.
    """
    price = spec.options.price
    if price is None or isinstance(price, Spend):
        return price
    try:
        found: Any = price(**_given(price, spec, arguments()))
    except Exception as error:
        raise PriceFailed(
            f"The price of {spec.name} could not be told: {type(error).__name__}: {error}. "
            "Its price= is a function of the call's arguments that must not fail."
        ) from error
    if found is None:
        return UNKNOWN
    if not isinstance(found, Spend):
        raise PriceFailed(
            f"The price of {spec.name} is {found!r:.80}; expected podium.Spend(…), or None where "
            "nobody knows."
        )
    return found


def _given(
    function: Callable[..., Any], spec: TaskSpec, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Return those of a call's arguments that a function has parameters for, defaults included."""
    names = _parameters(function)
    known = {
        name: one.default for name, one in spec.binder.parameters.items()
        if one.default is not one.empty and name not in arguments
    } | arguments  # fmt: skip
    return known if names is None else {k: v for k, v in known.items() if k in names}


@cache
def _parameters(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names of its parameters; None where it takes any."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    return frozenset(one.name for one in parameters)
