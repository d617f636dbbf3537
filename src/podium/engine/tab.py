"""What one attempt of a step may cost, and what it has used: its tab."""

from __future__ import annotations

import asyncio
import inspect

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, Self

from podium.core.budgets import NOTHING, UNKNOWN, Amount, Spend, dollars
from podium.core.errors import NotDone, PodiumError
from podium.core.ports import Attempt
from podium.core.spec import TaskSpec
from podium.engine.commands import Wait
from podium.journal.records import Kind, Note, Spent, body
from podium.policy.budget import How, used


class PriceFailed(PodiumError):
    """The function that says what a call costs has failed, or has returned no price."""

    code = "price-failed"


class TabRun(Protocol):
    """The run, as a tab sees it."""

    is_closed: bool

    def record(self, kind: int, path: str, record_body: bytes, at: int = 0) -> int: ...


class Tab:
    """What an attempt may cost at worst, until it is settled.

    Attributes:
        number: Which attempt.
        worst: What it may cost.
        attempt: Its body, once that has begun.
    """

    __slots__ = ("_is_settled", "_path", "_run", "attempt", "number", "worst")

    def __init__(self, run: TabRun, path: str, number: int, worst: Amount) -> None:
        self._run = run
        self._path = path
        self._is_settled = False
        self.number = number
        self.worst = worst
        self.attempt: Attempt | None = None

    @classmethod
    def of(cls, run: TabRun, wait: Wait, number: int, arguments: dict[str, Any]) -> Self:
        """Return the tab of an attempt that has not begun.

        Raises:
            PriceFailed: What it costs cannot be told.
        """
        price = price_of(wait.spec, arguments)
        return cls(run, wait.path, number, NOTHING if price is None else price.amount())

    @classmethod
    def unpriced(cls, run: TabRun, path: str, attempt: Attempt) -> Self:
        """Return the tab of an attempt that has used what nobody had announced."""
        tab = cls(run, path, attempt.number, NOTHING)
        tab.attempt = attempt
        return tab

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
        self._settle("unknown")

    def _settle(self, how: How) -> None:
        if self._is_settled:
            return
        self._is_settled = True
        if self.attempt is not None and not self._run.is_closed:
            self._record(used(self.worst, self.attempt.spent, how))

    def _record(self, amount: Amount) -> None:
        run, path = self._run, self._path
        run.record(Kind.SPENT, path, body(Spent(self.number, amount)))
        if amount.usd > self.worst.usd and self.worst.usd:
            text = (
                f"attempt {self.number} has cost {dollars(amount.usd)}; "
                f"its price said at most {dollars(self.worst.usd)}"
            )
            run.record(Kind.WARNING, path, body(Note("price-exceeded", text)))


def price_of(spec: TaskSpec, arguments: dict[str, Any]) -> Spend | None:
    """Return what a call of a task costs at worst; None where it has no price.

    Raises:
        PriceFailed: Its price is a function that raised, or returned something else.
    """
    price = spec.options.price
    if price is None or isinstance(price, Spend):
        return price
    try:
        found: Any = price(**_given(price, spec, arguments))
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
