"""When a failed attempt is tried again, as a pure decision.

Exponential backoff with full jitter after Marc Brooker, "Exponential Backoff And Jitter"
(AWS Architecture Blog, 2015): delay = uniform(d × (1 − jitter), d), d = min(cap, first × factorⁿ).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from podium.core.durations import text
from podium.core.errors import ROOTS, ErrorInfo
from podium.core.retry import Retry, RetryRule

ALWAYS = "RetryLater"
"""Name of the exception by which a task asks to be tried again."""
NEVER = "SecretMissing"
"""Name of the exception that no policy retries: waiting does not help it."""


class Sign(NamedTuple):
    """What a failure is told apart by.

    Attributes:
        types: Names of the exception's class and its bases.
        status: Its status, if it has one.
    """

    types: tuple[str, ...]
    status: int | None = None


def sign_of(error: ErrorInfo) -> Sign:
    """Return what a recorded failure is told apart by."""
    return Sign((error.type, *error.bases, *ROOTS), error.status)


class Tally(NamedTuple):
    """How many attempts have failed, in all and by rule (by its place in the policy)."""

    total: int = 0
    by_rule: tuple[int, ...] = ()


NO_FAILURES = Tally()


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed.

    Attributes:
        sign: What it is told apart by.
        started_at: When the step's first attempt started, in µs.
        at: Now, in µs.
        retry_after_s: How long the other side asks to wait.
    """

    sign: Sign
    started_at: int
    at: int
    retry_after_s: float = 0.0


class Decision(NamedTuple):
    """What follows a failure.

    Attributes:
        wait_s: Seconds before the next attempt; ``None``: none follows.
        reason: Why none follows; empty where there never was to be a second one.
    """

    wait_s: float | None
    reason: str = ""


def count(retry: Retry, tally: Tally, sign: Sign) -> Tally:
    """Return the tally with one more failure."""
    by_rule = list(tally.by_rule) + [0] * (len(retry.rules) - len(tally.by_rule))
    number = _rule_of(retry, sign)
    if number is not None:
        by_rule[number] += 1
    return Tally(tally.total + 1, tuple(by_rule))


def decide(
    retry: Retry, tally: Tally, failure: Failure, total_timeout_s: float | None, chance: float
) -> Decision:
    """Return how long to wait before the next attempt, or why there is none.

    Args:
        retry: The policy.
        tally: The step's failures, this one included.
        failure: What happened.
        total_timeout_s: The step's time over all attempts.
        chance: A number in [0, 1) from the run's own generator.
    """
    number = _rule_of(retry, failure.sign)
    rule = None if number is None else retry.rules[number]
    if NEVER in failure.sign.types or (rule is None and not _is_for(retry, failure.sign)):
        return Decision(None, f"not retryable: {_told(failure.sign)}")
    if tally.total >= retry.attempts:
        is_policy = retry.attempts > 1 or failure.retry_after_s > 0
        counts = f"{tally.total} of {retry.attempts}"
        return Decision(None, f"attempts exhausted ({counts})" if is_policy else "")
    failed = tally.total if number is None else tally.by_rule[number]
    if rule is not None and rule.attempts is not None and failed >= rule.attempts:
        counts = f"{failed} of {rule.attempts} for {rule.label}"
        return Decision(None, f"attempts exhausted ({counts})")
    wait_s = _backoff_s(retry, rule, failed, chance)
    asked_s = min(failure.retry_after_s, retry.retry_after_max_s)
    wait_s = max(wait_s, asked_s)
    if total_timeout_s is not None:
        left_s = total_timeout_s - (failure.at - failure.started_at) / 1e6
        if wait_s >= left_s:
            asked = ", as it was asked to" if wait_s == asked_s > 0 else ""
            return Decision(
                None,
                f"deadline: it would wait {text(wait_s)}{asked}, "
                f"and {text(max(0.0, left_s))} of {text(total_timeout_s)} are left",
            )
    return Decision(wait_s)


def _rule_of(retry: Retry, sign: Sign) -> int | None:
    """Return the place of the first rule that fits."""
    for number, rule in enumerate(retry.rules):
        if sign.status in rule.on_status or not rule.on.isdisjoint(sign.types):
            return number
    return None


def _is_for(retry: Retry, sign: Sign) -> bool:
    """Whether a failure that no rule fits is retried at all."""
    if sign.status in retry.not_on_status or not retry.not_on.isdisjoint(sign.types):
        return False
    if ALWAYS in sign.types or not (retry.on or retry.on_status):
        return True
    return sign.status in retry.on_status or not retry.on.isdisjoint(sign.types)


def _told(sign: Sign) -> str:
    status = "" if sign.status is None else f" with status {sign.status}"
    return f"{sign.types[0]}{status}"


def _backoff_s(retry: Retry, rule: RetryRule | None, failed: int, chance: float) -> float:
    """Return the wait after so many failures of the rule, or of all where there is no rule."""

    def number(name: str) -> float:
        own = None if rule is None else getattr(rule, name)
        return float(getattr(retry, name) if own is None else own)

    first_s, cap_s = number("backoff_s"), number("backoff_max_s")
    try:
        wait_s = min(cap_s, first_s * number("factor") ** (failed - 1))
    except OverflowError:
        wait_s = cap_s if first_s else 0.0
    return wait_s * (1 - number("jitter") * chance)
