"""Whether and when a failed attempt is tried again."""

import pickle

from datetime import timedelta
from typing import Any

import pytest

from podium import InvalidOption, Retry, RetryLater, RetryRule
from podium.policy.retry import NO_FAILURES, Decision, Failure, Sign, count, decide

FAILED = Sign(("ConnectionError", "OSError", "Exception"))
BUSY = Sign(("HttpError", "Exception"), 429)
SMOOTH: Any = {"backoff": "100ms", "factor": 2, "jitter": 0}


def after(
    retry: Retry, *signs: Sign, total: float | None = None, asked_s: float = 0, chance: float = 0
) -> Decision:
    """Return what follows the last of several failures, each a second after the one before."""
    tally = NO_FAILURES
    for sign in signs:
        tally = count(retry, tally, sign)
    failure = Failure(signs[-1], 0, len(signs) * 1_000_000, asked_s)
    return decide(retry, tally, failure, total, chance)


def test_waits_grow_up_to_a_limit() -> None:
    """Exponential with a cap, less what chance takes away, and an end that says the count."""
    retry = Retry(attempts=5, backoff="100ms", factor=2, backoff_max="300ms", jitter=0.5)

    assert [after(retry, *[FAILED] * n).wait_s for n in range(1, 5)] == [0.1, 0.2, 0.3, 0.3]
    assert after(retry, *[FAILED] * 5) == (None, "attempts exhausted (5 of 5)")
    assert after(retry, FAILED, chance=1.0).wait_s == pytest.approx(0.05)


def test_a_wait_beyond_all_numbers_is_the_longest_one() -> None:
    """The ten thousandth failure waits as long as the tenth."""
    retry = Retry(attempts=100_000, factor=10, jitter=0)
    many = NO_FAILURES._replace(total=10_000)

    assert decide(retry, many, Failure(FAILED, 0, 0), None, 0.0) == (60.0, "")


@pytest.mark.parametrize(
    ("retry", "sign", "reason"),
    [
        (Retry(on=[ValueError]), FAILED, "not retryable: ConnectionError"),
        (Retry(not_on=[OSError]), FAILED, "not retryable: ConnectionError"),
        (Retry(on=["OSError"]), FAILED, ""),
        (Retry(on=[OSError]), BUSY, "not retryable: HttpError with status 429"),
        (Retry(on=[OSError], on_status=[429]), BUSY, ""),
        (Retry(on=[OSError], on_status=[429]), FAILED, ""),
        (Retry(on_status=[429]), FAILED, "not retryable: ConnectionError"),
        (Retry(not_on_status=range(400, 500)), BUSY, "not retryable: HttpError with status 429"),
        (Retry(on=["HttpError"], not_on_status=[429]), BUSY, "not retryable: HttpError with status 429"),
        (Retry(on=[OSError]), Sign(("RetryLater", "PodiumError", "Exception")), ""),
        (Retry(not_on=[RetryLater]), Sign(("RetryLater",)), "not retryable: RetryLater"),
    ],
)  # fmt: skip
def test_what_is_tried_again(retry: Retry, sign: Sign, reason: str) -> None:
    """By class and by status; what is listed as never wins, and a task's own wish beats a list."""
    assert after(retry, sign).reason == reason


def test_the_first_rule_that_fits_decides() -> None:
    """It has its own numbers and its own count; what it does not say is as around it."""
    retry = Retry(
        attempts=6, **SMOOTH, not_on=["HttpError"],
        rules=[RetryRule(on_status=[429, 503], attempts=3, backoff="1s"), RetryRule(on=["HttpError"], factor=1)],
    )  # fmt: skip
    other = Sign(("HttpError", "Exception"), 500)

    assert after(retry, FAILED, FAILED, BUSY).wait_s == 1.0
    assert after(retry, BUSY, FAILED, BUSY).wait_s == 2.0
    assert (
        after(retry, BUSY, FAILED, BUSY, BUSY).reason == "attempts exhausted (3 of 3 for 429, 503)"
    )
    assert after(retry, FAILED, other, other).wait_s == 0.1
    assert after(retry, BUSY, FAILED, other, FAILED, other, BUSY).reason == (
        "attempts exhausted (6 of 6)"
    )


def test_the_other_side_says_when() -> None:
    """Not before that, however short the wait would be, and no later than its limit."""
    retry = Retry(**SMOOTH, retry_after_max="1m")

    assert after(retry, BUSY, asked_s=20).wait_s == 20.0
    assert after(retry, BUSY, asked_s=0.05).wait_s == 0.1
    assert after(retry, BUSY, asked_s=3_600).wait_s == 60.0


def test_what_would_begin_too_late_is_given_up_at_once() -> None:
    """The reason says the wait, who asked for it, and what is left."""
    retry = Retry(**SMOOTH)

    assert after(retry, FAILED, total=1.05) == (
        None, "deadline: it would wait 100ms, and 50ms of 1.05s are left",
    )  # fmt: skip
    assert after(retry, FAILED, total=1.2).wait_s == 0.1
    assert after(retry, BUSY, total=30, asked_s=40).reason == (
        "deadline: it would wait 40s, as it was asked to, and 29s of 30s are left"
    )


def test_one_attempt_is_no_policy() -> None:
    """A task without a retry gives no reason, unless it asked for another attempt."""
    assert after(Retry(attempts=1), FAILED) == (None, "")
    assert after(Retry(attempts=1), FAILED, asked_s=1).reason == "attempts exhausted (1 of 1)"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"attempts": 0}, "the first try counts"),
        ({"attempts": "3"}, "attempts='3'"),
        ({"factor": 0.5}, "waits must not shrink"),
        ({"factor": float("nan")}, "waits must not shrink"),
        ({"jitter": 2}, "between 0 and 1"),
        ({"backoff": 5}, "no unit"),
        ({"backoff": "5 parsecs"}, "5 parsecs"),
        ({"on": ValueError}, "expected a list"),
        ({"on": "ValueError"}, r"expected a list: \['ValueError'\]"),
        ({"on_status": 429}, r"expected a list: \[429\]"),
        ({"on_status": ["429"]}, "'429'; a status is a whole number"),
        ({"rules": [429]}, "429 is no RetryRule"),
        ({"retry_after_max": 5}, "no unit"),
        ({"statuses": [429]}, r"Retry\(statuses=…\): no such option"),
    ],
)
def test_a_retry_that_makes_no_sense(options: dict[str, Any], told: str) -> None:
    """It is refused with the value."""
    with pytest.raises(InvalidOption, match=told):
        Retry(**options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "is for no failure"),
        ({"on": [OSError], "attempts": 0}, r"RetryRule\(attempts=0\)"),
        ({"on": [OSError], "not_on": [OSError]}, "no such option"),
    ],
)
def test_a_rule_that_makes_no_sense(options: dict[str, Any], told: str) -> None:
    """It is refused with the value."""
    with pytest.raises(InvalidOption, match=told):
        RetryRule(**options)


def test_a_wish_to_be_tried_later_travels() -> None:
    """It says when, and comes back whole from another process."""
    error = pickle.loads(pickle.dumps(RetryLater(timedelta(seconds=90), "not ready")))

    assert (error.retry_after_s, str(error)) == (90.0, "not ready")
    assert str(RetryLater("5m")) == "to be tried again in 5m"
