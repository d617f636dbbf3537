"""When a failed attempt is tried again, as a pure decision.

Exponential backoff with full jitter after Marc Brooker, "Exponential Backoff And Jitter"
(AWS Architecture Blog, 2015): delay = uniform(d × (1 − jitter), d), d = min(cap, first × factorⁿ).
"""

from __future__ import annotations

from dataclasses import dataclass

from podium.core.retry import Retry


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed.

    Attributes:
        attempt: Which try it was, from 1.
        types: Names of the exception's class and its bases.
        started_at: When the step's first attempt started, in µs.
        at: Now, in µs.
        did_not_happen: Whether the outside was certainly not touched.
    """

    attempt: int
    types: tuple[str, ...]
    started_at: int
    at: int
    did_not_happen: bool = False


def decide(
    retry: Retry, failure: Failure, total_timeout_s: float | None, chance: float
) -> float | None:
    """Return the seconds to wait before the next attempt, or ``None`` to give up.

    Args:
        retry: The policy.
        failure: What happened.
        total_timeout_s: The step's time over all attempts.
        chance: A number in [0, 1) from the run's own generator.
    """
    if failure.attempt >= retry.attempts:
        return None
    names = set(failure.types)
    if names & retry.not_on or (retry.on and not names & retry.on):
        return None
    wait = min(retry.backoff_max_s, retry.backoff_s * retry.factor ** (failure.attempt - 1))
    wait *= 1 - retry.jitter * chance
    if total_timeout_s is not None:
        spent = (failure.at - failure.started_at) / 1e6
        if spent + wait >= total_timeout_s:
            return None
    return wait
