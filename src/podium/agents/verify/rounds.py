"""What whoever makes a value is told: which round it is, and what became of the rounds before."""

from __future__ import annotations

import hashlib

from typing import Any

import msgspec

from podium.agents.verify.gate import json_of
from podium.agents.verify.verdict import NO_COST, Cost, Finding, Verdict
from podium.core.codec import encode_sorted

SAME_AGAIN = "same-again"
"""Code of the finding about a value that was refused before, in the same words."""
_VALUE_CHARS_MAX = 2_000


class Round(msgspec.Struct, frozen=True):
    """One round: a value, and what was said of it.

    Attributes:
        number: From 1.
        by: What made it be tried: ``first``, or the policy: ``reflect``, ``other_model`` …
        value: What was proposed.
        verdict: What the gates said.
        critique: How the next one should differ; empty where nobody said.
        cost: What making the value took; what judging it took is the verdict's.
    """

    number: int
    by: str
    value: Any
    verdict: Verdict
    critique: str = ""
    cost: Cost = NO_COST


class Brief(msgspec.Struct, frozen=True):
    """What whoever makes a value is told.

    Attributes:
        round: The number of this round, from 1.
        model: The model that is to be used; None: the usual one.
        earlier: The rounds before, which were refused.
        advice: What a person has said about how to go on.
    """

    round: int = 1
    model: str | None = None
    earlier: tuple[Round, ...] = ()
    advice: str = ""

    def model_or(self, usual: str) -> str:
        """Return the model that is to be used."""
        return self.model or usual

    @property
    def text(self) -> str:
        """Say to a model what was tried and why it was refused; empty in the first round."""
        if not self.earlier:
            return self.advice
        lines = ["What was proposed before was refused. Do not propose any of it again."]
        for one in self.earlier:
            shown = msgspec.json.encode(json_of(one.value)).decode()
            if len(shown) > _VALUE_CHARS_MAX:
                shown = f"{shown[:_VALUE_CHARS_MAX]}… ({len(shown):,} characters)"
            lines.append(f"Round {one.number} proposed: {shown}")
            lines += [f"- refused: {finding.line()}" for finding in one.verdict.complaints()]
            if one.critique:
                lines.append(f"- critique: {one.critique}")
        if self.advice:
            lines.append(f"A person says: {self.advice}")
        return "\n".join(lines)


FIRST = Brief()


def mark(value: Any) -> bytes:
    """Return what equal values have in common, whatever the order of their fields."""
    return hashlib.blake2b(encode_sorted(json_of(value)), digest_size=16).digest()


def same_again(value: Any, earlier: tuple[Round, ...]) -> Verdict | None:
    """Return the verdict on a value that was refused before; None where it is new."""
    own = mark(value)
    for one in earlier:
        if not one.verdict.is_broken and mark(one.value) == own:
            text = f"this is what round {one.number} proposed, and it was refused then."
            return Verdict(
                False, SAME_AGAIN, text, one.verdict.score,
                (Finding(SAME_AGAIN, text), *one.verdict.complaints()),
            )  # fmt: skip
    return None
