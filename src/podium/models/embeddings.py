"""Texts as vectors, and labels by likeness: what says nearly the same is near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from podium.core.errors import InvalidOption
from podium.functions.decorators import task
from podium.models.errors import ModelUnknown

MINILM: Final = "local:minilm"
TEXTS_MAX: Final = 1_000
_DECIMALS: Final = 6
"""Of the numbers that are recorded; their order of likeness is the same."""
_BEST: Final = 3
"""How many examples of a label speak for it."""


@task(name="podium.embed", effect="pure", timeout="10m")
def embed(texts: list[str], model: str = MINILM) -> list[list[float]]:
    """Return a vector of length 1 for each text; the product of two is how alike the texts are.

    In a workflow it is the step ``podium.embed``; outside it just runs.

    Args:
        texts: At most 1,000; of a long one its first 256 pieces of words count.
        model: ``local:minilm`` (384 numbers, English).

    Raises:
        ModelUnknown: There is no such model; its weights are missing (code ``weights-missing``); or
            numpy is not installed.
        InvalidOption: There are too many texts.
    """
    if len(texts) > TEXTS_MAX:
        raise InvalidOption(
            f"embed(): {len(texts):,} texts, at most {TEXTS_MAX:,} at once. Call it for a part at a time."
        )
    if model != MINILM:
        raise ModelUnknown(f"There is no model {model!r} of vectors; expected {MINILM!r}.")
    from podium.models.local.minilm import minilm

    rows = minilm().vectors(texts).tolist()
    return [[round(number, _DECIMALS) for number in row] for row in rows]


@dataclass(frozen=True)
class Likeness:
    """What a text is, judged by the labelled examples most like it.

    Attributes:
        label: The label whose examples are the nearest.
        likeness: How near: the mean cosine of its best three, from -1 to 1.
        lead: By how much that is more than the next label's.
        is_sure: Whether both are enough to act on.
        alike: The nearest examples with their labels, the nearest last.
    """

    label: str
    likeness: float
    lead: float
    is_sure: bool
    alike: tuple[tuple[str, str], ...]


class Nearest:
    """Labels by likeness to labelled examples, which abstains where it is not sure.

    Nothing is trained. The examples' vectors are computed with the first guess and kept beside the
    weights, so that they are computed once on a machine. It blocks; in a workflow call it in a task.

    Args:
        examples: Texts with their labels.
        likeness_from: With less it is not sure.
        lead_from: With less it is not sure either.
        shown: How many of the nearest examples a guess names.

    Raises:
        InvalidOption: There are fewer than two labels.
    """

    def __init__(
        self, examples: Sequence[tuple[str, str]], *, likeness_from: float = 0.4,
        lead_from: float = 0.1, shown: int = 8,
    ) -> None:  # fmt: skip
        self.examples = tuple(examples)
        self.labels = tuple(sorted({label for _, label in self.examples}))
        if len(self.labels) < 2:
            raise InvalidOption(
                f"Nearest: {len(self.labels)} labels in the examples, expected 2 or more."
            )
        self._likeness_from, self._lead_from = likeness_from, lead_from
        self._shown = shown

    def guess(self, text: str) -> Likeness:
        """Judge a text; an example with the very same text has no say.

        Raises:
            ModelUnknown: The weights of MiniLM are not here, or numpy is not.
        """
        from podium.models.local.minilm import kept_vectors, minilm

        known = kept_vectors([said for said, _ in self.examples])
        near = (known @ minilm().vectors([text])[0]).tolist()
        order = sorted(
            (at for at, (said, _) in enumerate(self.examples) if said != text),
            key=near.__getitem__,
        )
        votes = {label: self._vote([at for at in order if self.examples[at][1] == label], near)
                 for label in self.labels}  # fmt: skip
        first, second = sorted(votes.values(), reverse=True)[:2]
        label = max(votes, key=votes.__getitem__)
        return Likeness(
            label, round(first, 3), round(first - second, 3),
            first >= self._likeness_from and first - second >= self._lead_from,
            tuple(self.examples[at] for at in order[-self._shown :]),
        )  # fmt: skip

    @staticmethod
    def _vote(order: list[int], near: list[float]) -> float:
        best = order[-_BEST:]
        return sum(near[at] for at in best) / len(best) if best else -1.0
