"""What every gate is: a program over the Context that gives a verdict, and never passes by failing."""

from __future__ import annotations

import inspect

from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import IntEnum
from typing import Any, Final, Literal, Self, TypeVar

import msgspec

from podium.agents.places import place
from podium.agents.verify.verdict import (
    NO_COST,
    NOTHING,
    Background,
    Cost,
    Finding,
    Verdict,
    broken,
    passed,
    refused,
)
from podium.core.codec import plain
from podium.core.context import current_context
from podium.core.effects import Effect
from podium.core.errors import InvalidOption, Nondeterminism, NotInWorkflow, StepFailed
from podium.core.failures import code_of
from podium.core.scope import current_scope
from podium.core.spec import TaskOptions, TaskSpec
from podium.functions import structure
from podium.functions.calls import Task, Workflow
from podium.models.tally import tallied

T = TypeVar("T")

Judge = Callable[[Any, Background], Awaitable[Any]]
"""Judges a value, given its background."""
WhenBroken = Literal["refuse", "pass", "raise"]
_STOPS: Final = frozenset({"budget-exceeded", "budget-cheaper", "price-unknown"})
"""Codes of failures that are no gate's: they stop whoever asked."""


class Rank(IntEnum):
    """What it costs to ask a gate; the cheap ones are asked first."""

    FREE = 0
    COMPUTE = 1
    MODEL = 2
    PERSON = 3


class Gate:
    """Something that judges values: ``await gate(value)`` gives a :class:`Verdict`.

    Attributes:
        name: What it is called in verdicts and paths.
        rank: What it costs to ask it.
        when_broken: What its own failure means.
    """

    def __init__(
        self, name: str, rank: Rank, judge: Judge, *, when_broken: WhenBroken = "refuse"
    ) -> None:
        self.name = name
        self.rank = rank
        self.when_broken: WhenBroken = when_broken
        self._judge = judge

    async def __call__(self, value: Any, about: Background = NOTHING) -> Verdict:
        """Judge a value.

        A gate that fails refuses (``is_broken``), unless :meth:`if_broken` said otherwise.
        """
        with tallied() as used:
            verdict = await self._judged(value, about)
        if verdict.is_broken and self.when_broken == "pass":
            verdict = msgspec.structs.replace(verdict, ok=True)
        return msgspec.structs.replace(verdict, gate=verdict.gate or self.name, cost=Cost.of(used))

    async def _judged(self, value: Any, about: Background) -> Verdict:
        try:
            return verdict_of(await self._judge(value, about))
        except (Nondeterminism, NotInWorkflow):
            raise
        except Exception as problem:
            if self.when_broken == "raise" or stops(problem):
                raise
            return broken(f"the gate {self.name!r} failed: {_said(problem)}")

    def named(self, name: str) -> Self:
        """Return the same gate under another name."""
        return self._other(name, self.when_broken)

    def if_broken(self, then: WhenBroken) -> Self:
        """Return the same gate; its own failure then means this.

        Args:
            then: ``refuse`` (the usual), ``pass``, or ``raise`` the error.

        Raises:
            InvalidOption: It is none of these.
        """
        if then not in ("refuse", "pass", "raise"):
            raise InvalidOption(f"if_broken({then!r}): expected 'refuse', 'pass' or 'raise'.")
        return self._other(self.name, then)

    def _other(self, name: str, when_broken: WhenBroken) -> Self:
        return type(self)(name, self.rank, self._judge, when_broken=when_broken)

    def __repr__(self) -> str:
        return f"<gate {self.name}>"


AnyGate = Gate | Callable[..., Any]
"""A gate, or a function or task that can be made one."""


def python(judge: Callable[..., Any], /, *, name: str = "") -> Gate:
    """Make a gate of a function or task: ``judge(value)`` or ``judge(value, about)``.

    It returns whether the value is right, or a list of complaints (none: it is right), or a
    :class:`Verdict`. A plain function is carried out in the program itself, so it must be quick and
    depend on nothing but its arguments; anything else is a task, and so a step.

    Args:
        judge: The function, task or workflow.
        name: What the gate is called; the function's name unless given.

    Raises:
        InvalidOption: It cannot be called with a value.
    """
    if isinstance(judge, Gate):
        return judge if not name else judge.named(name)
    takes_background = _takes_two(judge)

    async def ask(value: Any, about: Background) -> Any:
        found = judge(value, about) if takes_background else judge(value)
        return await found if inspect.isawaitable(found) else found

    own = name or str(getattr(judge, "name", "") or getattr(judge, "__name__", "python"))
    is_step = isinstance(judge, Task | Workflow) or inspect.iscoroutinefunction(judge)
    return Gate(own, Rank.COMPUTE if is_step else Rank.FREE, ask)


def gates_of(given: AnyGate | Iterable[AnyGate]) -> list[Gate]:
    """Return gates in the order in which they are asked, cheap ones first, each with its own name.

    Raises:
        InvalidOption: There is none, or one is none.
    """
    many = [given] if callable(given) else list(given)
    if not many:
        raise InvalidOption("gates=[]: with nothing to hold a value against, it is not verified.")
    gates = sorted((python(one) for one in many), key=lambda one: one.rank)
    seen: dict[str, int] = {}
    found: list[Gate] = []
    for gate in gates:
        seen[gate.name] = seen.get(gate.name, 0) + 1
        number = seen[gate.name]
        found.append(gate if number == 1 else gate.named(f"{gate.name} {number}"))
    return found


async def verify(
    value: Any, gates: AnyGate | Iterable[AnyGate], *, about: Background = NOTHING
) -> Verdict:
    """Hold a value against gates; it passes if all of them let it pass.

    Cheap gates are asked first, those of one rank at once, and dear ones only if the value has passed
    so far. In a workflow the verdict is recorded.

    Args:
        value: What is judged.
        gates: Gates, functions or tasks.
        about: What they know besides.

    Returns:
        The verdict; its parts are those of the gates that were asked.

    Raises:
        InvalidOption: There is no gate.
    """
    wanted = gates_of(gates)
    with place("verify"):
        return await recorded(await ask_all(wanted, value, about))


async def ask_all(gates: Sequence[Gate], value: Any, about: Background) -> Verdict:
    """Ask gates, rank by rank, until one refuses."""
    asked: list[Verdict] = []
    for rank in sorted({gate.rank for gate in gates}):
        asked += await ask_at_once([one for one in gates if one.rank == rank], value, about)
        if not all(one.ok for one in asked):
            break
    return _whole(asked, len(gates))


async def ask_at_once(gates: Sequence[Gate], value: Any, about: Background) -> list[Verdict]:
    """Ask several gates at once; return their verdicts in order."""
    if len(gates) == 1 or all(one.rank is Rank.FREE for one in gates):
        found: list[Verdict] = []
        for one in gates:
            with place(one.name):
                found.append(await one(value, about))
        return found

    async def gate(one: Gate) -> Verdict:
        return await one(value, about)

    return await structure.map(gate, gates, key=lambda one: one.name)


def _whole(asked: Sequence[Verdict], count: int) -> Verdict:
    """Return one verdict for all; gates that were not asked give no points."""
    if len(asked) == 1 and count == 1:
        return asked[0]
    wrong = [one for one in asked if not one.ok]
    score = sum(one.points for one in asked) / count
    return Verdict(
        not wrong, "all",
        "; ".join(one.line() for one in wrong),
        score=score,
        disagreement=max(one.disagreement for one in asked),
        is_broken=bool(wrong) and all(one.is_broken for one in wrong),
        cost=total_cost(asked),
        parts=tuple(asked),
    )  # fmt: skip


def total_cost(verdicts: Iterable[Verdict]) -> Cost:
    """Return what several verdicts took together."""
    return sum((one.cost for one in verdicts), NO_COST)


# what gates return ------------------------------------------------------------------------


def verdict_of(given: Any) -> Verdict:
    """Return the verdict that a function meant.

    Raises:
        InvalidOption: It is none.
    """
    match given:
        case Verdict():
            return given
        case bool():
            return passed() if given else refused([Finding("refused", "it says no")])
        case list() | tuple() if all(isinstance(one, str | Finding) for one in given):
            found = [Finding("refused", one) if isinstance(one, str) else one for one in given]
            return refused(found) if found else passed()
        case dict() if isinstance(given.get("ok"), bool):
            try:
                return msgspec.convert(given, Verdict)
            except msgspec.ValidationError as problem:
                raise InvalidOption(f"{given!r:.200} is no verdict: {problem}.") from None
        case _:
            raise InvalidOption(
                f"{given!r:.200} is no verdict; a gate returns true or false, a list of complaints, or "
                "podium.Verdict(…)."
            )


def json_of(value: Any) -> Any:
    """Return a value as plain JSON.

    Raises:
        InvalidOption: It has no JSON form.
    """
    try:
        return plain(value)
    except (TypeError, NotImplementedError, ValueError, RecursionError) as problem:
        raise InvalidOption(f"{value!r:.100} has no JSON form: {problem}.") from None


# inside -----------------------------------------------------------------------------------


async def _verdict(verdict: Verdict) -> Verdict:
    """Return a verdict: what is recorded of the gates that were asked."""
    return verdict


_RECORD: Final = TaskSpec(
    _verdict, "podium.verdict", TaskOptions(effect=Effect.PURE, is_declared=True)
)


async def recorded(verdict: Verdict) -> Verdict:
    """Record a verdict in the run: a replay by other code takes it as it was."""
    context = current_context.get()
    if context is None:
        return verdict
    path = current_scope.get().name(_RECORD.name)
    kept: Verdict = await context.step(path, _RECORD, {"verdict": verdict})
    return kept


def _takes_two(judge: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(getattr(judge, "fn", judge)).parameters.values()
    except (TypeError, ValueError):
        return False
    places = [
        one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    if not places and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
        raise InvalidOption(
            f"{judge!r:.100}: a gate takes the value that it judges: judge(value), or judge(value, about)."
        )
    return len(places) > 1 and (places[1].name == "about" or places[1].default is places[1].empty)


def stops(problem: Exception) -> bool:
    """Tell whether a failure is none of the gate or the sample, but stops whoever asked for it."""
    return code_in(problem) in _STOPS


def code_in(problem: Exception) -> str:
    """Return the code of a failure, or of what a step failed with."""
    return problem.error.code if isinstance(problem, StepFailed) else code_of(problem)


def _said(problem: Exception) -> str:
    return problem.error.line() if isinstance(problem, StepFailed) else f"{type(problem).__name__}: {problem}"  # fmt: skip
