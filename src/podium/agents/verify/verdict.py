"""What a gate says of a value, as data that a journal keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self

import msgspec

from podium.models.tally import Tally

BROKEN: Final = "gate-broken"
"""Code of a finding about a gate that could not judge."""


class Cost(msgspec.Struct, frozen=True):
    """What something took.

    Attributes:
        calls: Of models.
        tokens: Sent and answered, all together.
        usd: In US dollars; None where a price is not known.
    """

    calls: int = 0
    tokens: int = 0
    usd: float | None = 0.0

    @classmethod
    def of(cls, tally: Tally) -> Self:
        """Return what was counted."""
        return cls(tally.calls, tally.usage.tokens, tally.cost_usd)

    def __add__(self, other: Cost) -> Cost:
        """Return the sum; it is unknown where one of the two is."""
        known = self.usd is not None and other.usd is not None
        usd = (self.usd or 0.0) + (other.usd or 0.0) if known else None
        return Cost(self.calls + other.calls, self.tokens + other.tokens, usd)

    def less(self, other: Cost) -> Cost:
        """Return what is left of it without a part of it."""
        known = self.usd is not None and other.usd is not None
        usd = max(0.0, (self.usd or 0.0) - (other.usd or 0.0)) if known else None
        return Cost(self.calls - other.calls, self.tokens - other.tokens, usd)

    def line(self) -> str:
        """Say it in a few words: ``3 calls, 1,200 tokens, $0.0042``."""
        if not self.calls:
            return "no calls"
        price = "unknown price" if self.usd is None else f"${self.usd:.4f}"
        calls = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        return f"{calls}, {self.tokens:,} tokens, {price}"


NO_COST: Final = Cost()


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong with a value.

    Attributes:
        code: A word to branch on, such as ``quote-not-found``.
        message: What is wrong, with what was found.
        at: Where in the value: ``claims[2].quote``; empty where it is about the whole.
        hint: What to do instead.
    """

    code: str
    message: str
    at: str = ""
    hint: str = ""

    def line(self) -> str:
        """Say it in one line."""
        text = f"{self.at}: {self.message}" if self.at else self.message
        return f"{text} {self.hint}" if self.hint else text


class Verdict(msgspec.Struct, frozen=True):
    """What a gate says of a value.

    Attributes:
        ok: Whether the value passes.
        gate: Who says so.
        reason: Why, in a sentence.
        score: How good the value is, from 0 to 1; None where the gate has only yes and no.
        findings: What is wrong, one by one.
        disagreement: How far those who were asked differ, from 0 to 1; 0 where one was asked.
        is_broken: Whether the gate could not judge: its verdict is about itself, not the value.
        cost: What the judging took.
        parts: The verdicts that this one was made of.
    """

    ok: bool
    gate: str = ""
    reason: str = ""
    score: float | None = None
    findings: tuple[Finding, ...] = ()
    disagreement: float = 0.0
    is_broken: bool = False
    cost: Cost = NO_COST
    parts: tuple[Verdict, ...] = ()

    @property
    def points(self) -> float:
        """The score; where there is none, 1 or 0."""
        return self.score if self.score is not None else float(self.ok)

    def line(self) -> str:
        """Say it in one line."""
        word = "broken" if self.is_broken else "passed" if self.ok else "refused"
        text = f"{self.gate or 'gate'}: {word}"
        return f"{text}: {self.reason}" if self.reason else text

    def complaints(self) -> tuple[Finding, ...]:
        """Return all that is wrong, in the order of the gates."""
        parts = (part for part in self.parts if not part.ok)
        return self.findings or tuple(one for part in parts for one in part.complaints())


class Background(msgspec.Struct, frozen=True, omit_defaults=True):
    """What gates know besides the value that they judge.

    Attributes:
        goal: What the value is for, in words: the question, the task.
        input: What it was made of.
        sources: Texts that it may quote, by name.
        effect: What will be done with it: ``pure``, ``read``, ``write``, ``transaction``, ``once``.
        amount: How much is at stake, in the unit that the ladder's :class:`Risk` is told.
    """

    goal: str = ""
    input: Any = None
    sources: dict[str, str] = {}
    effect: str = "read"
    amount: float = 0.0


NOTHING: Final = Background()


def passed(reason: str = "", *, score: float | None = None) -> Verdict:
    """Return a verdict that lets a value pass."""
    return Verdict(True, reason=reason, score=score)


def refused(
    findings: Sequence[Finding], *, reason: str = "", score: float | None = None
) -> Verdict:
    """Return a verdict that refuses a value for what is wrong with it."""
    said = reason or "; ".join(one.line() for one in findings[:_SAID_MAX])
    more = len(findings) - _SAID_MAX
    if more > 0 and not reason:
        said = f"{said}; and {more:,} more"
    return Verdict(False, reason=said, score=score, findings=tuple(findings))


def broken(message: str) -> Verdict:
    """Return the verdict of a gate that could not judge: never a pass."""
    finding = Finding(BROKEN, message)
    return Verdict(False, reason=message, findings=(finding,), is_broken=True)


_SAID_MAX: Final = 5
