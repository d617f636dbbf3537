"""Gates made of gates: a quorum, and a ladder that is climbed as far as risk and doubt ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from podium.agents.places import place
from podium.agents.verify.gate import AnyGate, Gate, Rank, ask_at_once, gates_of
from podium.agents.verify.verdict import Background, Verdict
from podium.core.effects import Effect
from podium.core.errors import InvalidOption

EFFECTS: Final[Mapping[str, float]] = {
    Effect.PURE: 0.0, Effect.READ: 0.1, Effect.WRITE: 0.5, Effect.TRANSACTION: 0.5, Effect.ONCE: 0.9,
}  # fmt: skip
"""How risky it is to act on a value, by the effect of what is done with it."""
RANKS: Final[Mapping[Rank, float]] = {
    Rank.FREE: 0.0, Rank.COMPUTE: 0.0, Rank.MODEL: 0.3, Rank.PERSON: 0.8,
}  # fmt: skip
"""The risk from which a rung is climbed whatever those below it say, by the rank of its gate."""
UNSURE: Final = 0.5
"""Disagreement from which the next rung is asked."""


def quorum(gates: Iterable[AnyGate], n: int, /, *, name: str = "quorum") -> Gate:
    """Make a gate that lets pass what at least ``n`` of several let pass; all are asked at once.

    Those that are broken say nothing. Where that is why ``n`` cannot be reached, the quorum is broken.
    Its disagreement is the share of the smaller side among those who say something, doubled.

    Args:
        gates: Gates, functions or tasks.
        n: How many must let the value pass.
        name: What the gate is called.

    Raises:
        InvalidOption: There are not so many gates.
    """
    asked = gates_of(gates)
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= len(asked):
        raise InvalidOption(f"quorum(n={n!r}): expected a number from 1 to {len(asked)}, the number of gates.")  # fmt: skip

    async def judge(value: Any, about: Background) -> Verdict:
        verdicts = await ask_at_once(asked, value, about)
        heard = [one for one in verdicts if not one.is_broken]
        yes = sum(one.ok for one in heard)
        smaller = min(yes, len(heard) - yes)
        against = "; ".join(one.line() for one in verdicts if not one.ok)
        return Verdict(
            yes >= n, name,
            f"{yes} of {len(asked)} let it pass, {n} must" + (f": {against}" if against else ""),
            score=yes / len(asked),
            disagreement=2 * smaller / len(heard) if heard else 1.0,
            is_broken=yes < n <= yes + len(verdicts) - len(heard),
            parts=tuple(verdicts),
        )  # fmt: skip

    return Gate(name, max(one.rank for one in asked), judge)


@dataclass(frozen=True, slots=True)
class Risk:
    """How risky it is to act on a value, from 0 to 1: the larger of what effect and amount say.

    Attributes:
        effects: By the effect of what is done with it.
        amount_max: The amount whose risk is 1; a half of it has 0.5. None: amounts say nothing.
    """

    effects: Mapping[str, float] = field(default_factory=lambda: dict(EFFECTS))
    amount_max: float | None = None

    def __call__(self, about: Background) -> float:
        """Return the risk of acting on a value with this background."""
        by_effect = self.effects.get(about.effect, 1.0)
        if self.amount_max is None:
            return by_effect
        return max(by_effect, min(1.0, abs(about.amount) / self.amount_max))


@dataclass(frozen=True, slots=True)
class Rung:
    """A rung of a ladder.

    Attributes:
        gate: Who is asked.
        from_risk: The risk from which it is asked whatever those below it say.
    """

    gate: Gate
    from_risk: float


def rung(gate: AnyGate, /, *, from_risk: float) -> Rung:
    """Say from which risk a gate of a ladder is asked.

    Raises:
        InvalidOption: The risk is below 0. One above 1 is never reached: only doubt leads there.
    """
    if not isinstance(from_risk, int | float) or from_risk < 0:
        raise InvalidOption(f"rung(from_risk={from_risk!r}): expected a number from 0.")
    return Rung(gates_of([gate])[0], from_risk)


def ladder(
    *rungs: AnyGate | Rung, risk: Callable[[Background], float] | None = None, unsure: float = UNSURE,
    name: str = "ladder",
) -> Gate:  # fmt: skip
    """Make a gate of several, from the cheap one below to the dear one above, climbed as far as needed.

    The first rung is always asked. A rung that refuses and is sure ends it. One that is broken, or
    whose disagreement is ``unsure`` or more, leaves the word to the next. One that lets pass ends it
    too, unless the risk reaches what the next rung is for: free gates and commands 0, models 0.3,
    people 0.8, or what :func:`rung` says.

    Args:
        rungs: Gates from below to above.
        risk: Tells the risk of acting on a value; :class:`Risk` unless given.
        unsure: As above.
        name: What the gate is called.

    Raises:
        InvalidOption: There is no rung.
    """
    if not rungs:
        raise InvalidOption("ladder(): there is no rung.")
    named = [one if isinstance(one, Rung) else _usual(one) for one in rungs]
    measure = risk or Risk()

    async def judge(value: Any, about: Background) -> Verdict:
        danger = measure(about)
        verdicts: list[Verdict] = []
        for number, each in enumerate(named, 1):
            with place(each.gate.name, number):
                verdict = await each.gate(value, about)
            verdicts.append(verdict)
            if number < len(named) and _goes_on(verdict, named[number], danger, unsure):
                continue
            break
        return _climbed(name, verdicts, len(named), danger)

    return Gate(name, min(one.gate.rank for one in named), judge)


def _usual(given: AnyGate) -> Rung:
    gate = gates_of([given])[0]
    return Rung(gate, RANKS[gate.rank])


def _goes_on(verdict: Verdict, above: Rung, danger: float, unsure: float) -> bool:
    if verdict.is_broken or verdict.disagreement >= unsure:
        return True
    return verdict.ok and danger >= above.from_risk


def _climbed(name: str, verdicts: Sequence[Verdict], count: int, danger: float) -> Verdict:
    """Return the last word, with what those below it said."""
    last = verdicts[-1]
    said = f"rung {len(verdicts)} of {count}, at risk {danger:.2f}: {last.line()}"
    return Verdict(
        last.ok, name, said, score=last.score, findings=last.findings,
        disagreement=last.disagreement, is_broken=last.is_broken,
        parts=tuple(verdicts),
    )  # fmt: skip
