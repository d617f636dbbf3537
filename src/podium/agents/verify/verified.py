"""``verified``: a value that passes its gates, however many rounds that takes within limits."""

from __future__ import annotations

import inspect

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from podium.agents.places import place
from podium.agents.verify.gate import (
    AnyGate,
    Gate,
    ask_all,
    gates_of,
    json_of,
    recorded,
)
from podium.agents.verify.refusal import OnRefusal, Produce, policies_of
from podium.agents.verify.rounds import Brief, Round, same_again
from podium.agents.verify.verdict import NO_COST, NOTHING, Background, Cost, Verdict
from podium.core.context import current_context
from podium.core.errors import InvalidOption, PodiumError
from podium.functions.primitives import warn
from podium.models.tally import tallied

ROUNDS_MAX: Final = 10
REFUSED: Final = "refused-by-gate"


class RefusedByGate(PodiumError):
    """A value did not pass its gates, and no policy made one that does.

    Attributes:
        rounds: What was proposed, and what was said of it.
        details: The same as plain data; the journal keeps it with the error.
    """

    code = REFUSED

    def __init__(self, rounds: Sequence[Round]) -> None:
        last = rounds[-1]
        count = "1 round" if len(rounds) == 1 else f"{len(rounds)} rounds"
        how = "could not be judged" if last.verdict.is_broken else "was refused"
        super().__init__(f"After {count} the value {how}: {last.verdict.line()}")
        self.rounds = tuple(rounds)
        self.details = {"verdicts": [json_of(one.verdict) for one in rounds]}


class Verification(msgspec.Struct, frozen=True):
    """What became of a value that had to pass gates.

    Attributes:
        ok: Whether it has passed.
        value: The value that has passed, or the last that was refused.
        verdict: What was said of it.
        rounds: All rounds in order.
    """

    ok: bool
    value: Any
    verdict: Verdict
    rounds: tuple[Round, ...]

    @property
    def cost(self) -> Cost:
        """What making and judging took, all rounds together."""
        return sum((one.cost + one.verdict.cost for one in self.rounds), NO_COST)


async def verified(
    produce: Produce, /, *, gates: AnyGate | Iterable[AnyGate],
    on_refusal: OnRefusal | Sequence[OnRefusal] = (), about: Background = NOTHING,
    rounds_max: int = ROUNDS_MAX, name: str = "verified",
) -> Any:  # fmt: skip
    """Have a value made, and return it once it passes its gates.

    Each round is a scope, ``verified/round[1]``. What bounds the rounds are those of the policies,
    ``rounds_max``, and the budgets of the run.

    Args:
        produce: Makes a value: ``await produce()`` or ``await produce(brief)``; the :class:`Brief` has
            the model to use and what was refused before.
        gates: What it is held against, as in :func:`verify`.
        on_refusal: Policies, tried in order: ``reflect(2)``, ``other_model("…")``,
            ``other_plan(produce)``, ``ask_person()``; behind the last one is the error.
        about: What the gates know besides.
        rounds_max: How many rounds there are at most, whatever the policies say.
        name: Of the scope.

    Raises:
        RefusedByGate: None passes, or a gate is broken and no person is asked.
        InvalidOption: There is no gate, or an option makes no sense.
    """
    found = await verification(
        produce, gates=gates, on_refusal=on_refusal, about=about, rounds_max=rounds_max, name=name
    )
    if not found.ok:
        raise RefusedByGate(found.rounds)
    return found.value


async def verification(
    produce: Produce, /, *, gates: AnyGate | Iterable[AnyGate],
    on_refusal: OnRefusal | Sequence[OnRefusal] = (), about: Background = NOTHING,
    rounds_max: int = ROUNDS_MAX, name: str = "verified",
) -> Verification:  # fmt: skip
    """Do as :func:`verified`, and tell everything; it is not raised that a value was refused.

    Raises:
        InvalidOption: There is no gate, or an option makes no sense.
    """
    if isinstance(rounds_max, bool) or not isinstance(rounds_max, int) or rounds_max < 1:
        raise InvalidOption(f"verified(rounds_max={rounds_max!r}): expected a whole number from 1.")
    case = _Case(produce, gates_of(gates), about, rounds_max)
    policies = policies_of(on_refusal)
    with place(name):
        await case.round("first", case.brief())
        for policy in policies:
            if case.is_over:
                break
            if case.rounds[-1].verdict.is_broken and not policy.mends_gates:
                continue  # another value does not mend a gate
            await policy.go_on(case)
    return case.end()


class _Case:
    """A value in the making."""

    def __init__(
        self, produce: Produce, gates: list[Gate], about: Background, rounds_max: int
    ) -> None:
        self.about = about
        self.rounds: list[Round] = []
        self._produce = produce
        self._gates = gates
        self._rounds_max = rounds_max
        self._accepted: Verification | None = None
        self._given_up = False

    @property
    def is_over(self) -> bool:
        if self._accepted is not None or self._given_up or len(self.rounds) >= self._rounds_max:
            return True
        return bool(self.rounds) and self.rounds[-1].verdict.ok

    def brief(self, *, model: str | None = None, advice: str = "") -> Brief:
        return Brief(len(self.rounds) + 1, model, tuple(self.rounds), advice)

    async def round(self, by: str, brief: Brief, produce: Produce | None = None) -> bool:
        with place("round", brief.round):
            with tallied() as used:
                value = await _made(produce or self._produce, brief)
            verdict = same_again(value, brief.earlier)
            if verdict is None:
                verdict = await ask_all(self._gates, value, self.about)
            else:
                self._warn(verdict)
            verdict = await recorded(verdict)
        self.rounds.append(Round(brief.round, by, value, verdict, cost=Cost.of(used)))
        return verdict.ok

    def critique(self, text: str) -> None:
        self.rounds[-1] = msgspec.structs.replace(self.rounds[-1], critique=text)

    def accept(self, verdict: Verdict, value: Any) -> None:
        self._accepted = Verification(True, value, verdict, tuple(self.rounds))

    def give_up(self) -> None:
        self._given_up = True

    def end(self) -> Verification:
        """Return what became of it."""
        if self._accepted is not None:
            return self._accepted
        last = self.rounds[-1]
        return Verification(last.verdict.ok, last.value, last.verdict, tuple(self.rounds))

    @staticmethod
    def _warn(verdict: Verdict) -> None:
        if current_context.get() is not None:
            warn(verdict.gate, verdict.reason)


async def _made(produce: Produce, brief: Brief) -> Any:
    found = produce(brief) if _takes_brief(produce) else produce()
    return await found if inspect.isawaitable(found) else found


def _takes_brief(produce: Any) -> bool:
    try:
        parameters = inspect.signature(getattr(produce, "fn", produce)).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(
        one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.VAR_POSITIONAL)
        and (one.default is one.empty or one.name == "brief")
        for one in parameters
    )
