"""``best_of`` and ``self_consistency``: many samples, chosen by a verifier or by a vote."""

from __future__ import annotations

import math

from collections import Counter
from collections.abc import Callable
from typing import Any

from podium.agents.places import place
from podium.agents.sampling.effort import Effort, dial, spending
from podium.agents.sampling.report import Chosen, Report, Sample, StoppedBy, bought
from podium.agents.sampling.sampling import (
    AT_ONCE,
    Pool,
    Produce,
    Verifier,
    best_first,
    score_of,
    with_scores,
)
from podium.agents.verify.verdict import NOTHING, Background
from podium.core.errors import InvalidOption


async def best_of(
    effort: Effort, produce: Produce, verifier: Verifier, /, *, enough: float = 1.0,
    at_once: int = AT_ONCE, about: Background = NOTHING,
) -> Chosen:  # fmt: skip
    """Make several values and choose the best, by what a verifier says of each.

    A value that passes goes before one that does not, then the score counts, then who was first.
    Samples are made ``at_once`` at a time; none is made after one that passes with ``enough``.

    Args:
        effort: How many at most: ``low`` (3), ``medium`` (7), ``high`` (15), a number, or a Budget.
        produce: Makes a value: ``await produce()``, or ``await produce(number)`` with its number from 1.
        verifier: Gates as of :func:`podium.verify`, or a function that returns a score from 0 to 1.
        enough: The score that ends the search.
        at_once: How many are made at the same time.
        about: What gates know besides.

    Returns:
        The choice, all samples, and what each of them bought.

    Raises:
        NoSample: Each of them failed.
        InvalidOption: An option makes no sense.
    """
    read = dial(effort, "best_of")
    pool = Pool("best_of", read, produce, score_of(verifier, about))
    _require_count(at_once)
    stopped: StoppedBy = "all"
    with place("best_of"), spending(read):
        while pool.left:
            await pool.take(at_once)
            if any(one.ok and one.score >= enough for one in pool.samples):
                stopped = "enough"
                break
    if pool.is_spent:
        stopped = "budget"
    best = best_first(pool.require())[0]
    scores = [
        best_first(pool.samples[:count])[0].score for count in range(1, len(pool.samples) + 1)
    ]
    report = Report("best_of", pool.wanted, stopped, bought(pool.samples, scores))
    return Chosen(best.value, best.score, best.ok, pool.samples, report)


async def self_consistency(
    effort: Effort, produce: Produce, /, *, key: Callable[[Any], Any] | None = None,
    certain: float = 1.0, quorum: float = 0.0,
) -> Chosen:  # fmt: skip
    """Make several values and choose the one that most agree on.

    Only as many are made as a decision needs: first what would be a majority, then in each wave what
    the leader needs to be out of reach.

    Args:
        effort: How many at most, as of :func:`best_of`.
        produce: Makes a value, as of :func:`best_of`.
        key: What of a value must be equal; the whole value unless given, of texts without regard to
            case and spaces.
        certain: How certain the majority must be to stop before all have voted: with 1.0 no other can
            win any more; with 0.95 the leader has, in 95 of 100 cases, more than the second.
        quorum: The share of votes that the choice needs to be ``ok``.

    Returns:
        The first value of the group with the most votes (of equal groups that which was first); its
        score is its share of the votes. The report says after each vote how certain the leader is.

    Raises:
        NoSample: Each of them failed.
        InvalidOption: An option makes no sense.
    """
    if not 0.5 < certain <= 1 or not 0 <= quorum <= 1:
        raise InvalidOption(
            f"self_consistency(certain={certain!r}, quorum={quorum!r}): expected more than 0.5 up to 1, "
            "and from 0 to 1."
        )
    read = dial(effort, "self_consistency")
    pool = Pool("self_consistency", read, produce, key=key or _whole)
    stopped: StoppedBy = "all"
    with place("self_consistency"), spending(read):
        while pool.left:
            needed = votes_needed(_counts(pool.samples), pool.left, certain)
            if not needed:
                stopped = "certain"
                break
            await pool.take(needed)
    if pool.is_spent:
        stopped = "budget"
    made = pool.require()
    votes = _votes(made)
    winner = votes.most_common(1)[0][0]  # of equal groups the first
    best = next(one for one in made if one.key == winner)
    shares = {one.number: votes[one.key] / len(made) for one in made}
    share = shares[best.number]
    scores = [_certainty(pool.samples[:count]) for count in range(1, len(pool.samples) + 1)]
    report = Report("self_consistency", pool.wanted, stopped, bought(pool.samples, scores))
    return Chosen(best.value, share, share >= quorum, with_scores(pool.samples, shares), report)


def votes_needed(counts: list[int], left: int, certain: float = 1.0) -> int:
    """Return how many more votes the leader needs, all for itself, to be certain; 0: it is.

    Args:
        counts: Votes by group, the most first.
        left: How many votes are still to come.
        certain: As of :func:`self_consistency`.
    """
    first, second = ([*counts, 0, 0])[:2]
    if first > second + left:
        return 0
    out_of_reach = (second + left - first) // 2 + 1
    if certain < 1:
        for more in range(out_of_reach):
            if first + more > 0 and lead(first + more, second) >= certain:
                return more
    return min(out_of_reach, left)


def lead(first: int, second: int) -> float:
    """Return how certain it is that the first of two groups is the more likely one.

    The share of the first among votes for the two is taken to be anything, before the votes.
    """
    count = first + second + 1
    return sum(math.comb(count, index) for index in range(first + 1)) / (1 << count)


def _votes(samples: tuple[Sample, ...]) -> Counter[str]:
    return Counter(one.key for one in samples if not one.error)


def _counts(samples: tuple[Sample, ...]) -> list[int]:
    return [count for _, count in _votes(samples).most_common()]


def _certainty(samples: tuple[Sample, ...]) -> float:
    """Return how certain the leader of so many samples is."""
    counts = _counts(samples)
    return lead(counts[0], counts[1] if len(counts) > 1 else 0) if counts else 0.0


def _whole(value: Any) -> Any:
    """Return what of a value must be equal, where nobody says."""
    return " ".join(value.casefold().split()) if isinstance(value, str) else value


def _require_count(at_once: int) -> None:
    if isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1:
        raise InvalidOption(f"at_once={at_once!r}: expected a whole number from 1.")
