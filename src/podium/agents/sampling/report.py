"""What samples came to, and what each of them bought."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from podium.agents.verify.verdict import NO_COST, Cost, Verdict
from podium.core.errors import PodiumError

StoppedBy = Literal["all", "enough", "certain", "budget", "exhausted"]
"""Why no further sample was taken: all were, one was good enough, no other can win any more, what may be
spent is spent, or there was nothing left to try."""


class Sample(msgspec.Struct, frozen=True):
    """One sample.

    Attributes:
        number: From 1.
        value: What it is; None where it failed.
        score: How good it is, from 0 to 1; how many agree with it; or the share of its matches won.
        ok: Whether it may be chosen: it was made, and passes where it had to pass.
        verdict: What the verifier said, where there is one.
        key: Equal for values that agree, where there was a vote.
        error: Why there is no value; empty where there is one.
        cost: What making and judging it took.
    """

    number: int
    value: Any = None
    score: float = 0.0
    ok: bool = True
    verdict: Verdict | None = None
    key: str = ""
    error: str = ""
    cost: Cost = NO_COST


class Bought(msgspec.Struct, frozen=True):
    """What was known after so many samples.

    Attributes:
        samples: How many were taken.
        score: Of the best so far; of a vote how certain its leader is, of a tournament whether the
            winner is among them.
        gain: How much the last one added to it.
        cost: What the last one took.
        total: What all so far took.
    """

    samples: int
    score: float
    gain: float
    cost: Cost
    total: Cost


class Report(msgspec.Struct, frozen=True):
    """What more samples bought.

    Attributes:
        method: How they were chosen from.
        wanted: How many were allowed.
        stopped_by: Why there are no more.
        after: What was known after each.
        extra: What choosing took besides, such as the matches of a tournament.
        disagreement: Of a tournament: the share of pairs where the order of the two decided.
    """

    method: str
    wanted: int
    stopped_by: StoppedBy
    after: tuple[Bought, ...]
    extra: Cost = NO_COST
    disagreement: float = 0.0

    @property
    def cost(self) -> Cost:
        """What all of it took."""
        return (self.after[-1].total if self.after else NO_COST) + self.extra

    @property
    def gain(self) -> float:
        """How much better the choice is than the first sample."""
        return self.after[-1].score - self.after[0].score if self.after else 0.0

    def text(self) -> str:
        """Say it as a table, a line for each sample."""
        lines = [
            f"{self.method}: {len(self.after)} of {self.wanted} samples, {_WHY[self.stopped_by]}"
        ]
        lines.append(f"{'samples':>7}  {'score':>5}  {'gain':>6}  cost")
        lines += [
            f"{one.samples:>7}  {one.score:>5.2f}  {one.gain:>+6.2f}  {one.cost.line()}"
            for one in self.after
        ]
        if self.extra.calls:
            lines.append(f"choosing: {self.extra.line()}")
        if self.disagreement:
            lines.append(f"in {self.disagreement:.0%} of the pairs the order decided")
        lines.append(f"together: {self.cost.line()}")
        return "\n".join(lines)


class Chosen(msgspec.Struct, frozen=True):
    """What was chosen from samples.

    Attributes:
        value: The choice.
        score: How good it is: as of its sample.
        ok: Whether it passes, where it had to pass.
        samples: All of them.
        report: What each of them bought.
    """

    value: Any
    score: float
    ok: bool
    samples: tuple[Sample, ...]
    report: Report


class NoSample(PodiumError):
    """Not one sample was made, so there is nothing to choose from.

    Attributes:
        details: Why each of them failed.
    """

    code = "no-sample"

    def __init__(self, method: str, samples: tuple[Sample, ...]) -> None:
        errors = [one.error for one in samples if one.error]
        why = errors[0] if errors else "there was nothing to try"
        super().__init__(f"{method}: none of {len(samples)} samples gave a value: {why}")
        self.details = {"errors": errors}


_WHY: Final = {
    "all": "all that were allowed",
    "enough": "then one was good enough",
    "certain": "then no other could win",
    "budget": "then the budget was spent",
    "exhausted": "then there was nothing left to try",
}


def bought(samples: tuple[Sample, ...], scores: list[float]) -> tuple[Bought, ...]:
    """Return what was known after each sample.

    Args:
        samples: In their order.
        scores: Of the best after each.
    """
    found: list[Bought] = []
    before, total = 0.0, NO_COST
    for sample, score in zip(samples, scores, strict=True):
        total += sample.cost
        found.append(Bought(len(found) + 1, score, score - before, sample.cost, total))
        before = score
    return tuple(found)
