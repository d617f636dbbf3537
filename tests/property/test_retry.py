"""The decision to try again agrees with a naive reading of the policy, for every policy and history."""

from hypothesis import given
from hypothesis import strategies as st

from podium import Retry, RetryRule
from podium.policy.retry import NO_FAILURES, Failure, Sign, count, decide

KINDS = ("OSError", "ValueError", "RetryLater", "Odd")
STATUSES = (400, 429, 503)
names = st.lists(st.sampled_from(KINDS), max_size=2, unique=True)
statuses = st.lists(st.sampled_from(STATUSES), max_size=2, unique=True)
spans = st.sampled_from(["0s", "10ms", "1s", "90s"])
factors = st.sampled_from([1.0, 2.0, 10.0])
shares = st.sampled_from([0.0, 0.5, 1.0])
rules = st.builds(
    lambda on, on_status, **numbers: RetryRule(
        on=on, on_status=on_status or ([] if on else [429]),
        **{name: value for name, value in numbers.items() if value is not None},
    ),
    on=names, on_status=statuses, attempts=st.none() | st.integers(1, 4), backoff=st.none() | spans,
    factor=st.none() | factors, backoff_max=st.none() | spans, jitter=st.none() | shares,
)  # fmt: skip
policies = st.builds(
    Retry, attempts=st.integers(1, 6), backoff=spans, factor=factors, backoff_max=spans, jitter=shares,
    on=names, not_on=names, on_status=statuses, not_on_status=statuses, retry_after_max=spans,
    rules=st.lists(rules, max_size=3),
)  # fmt: skip
signs = st.builds(
    Sign, st.tuples(st.sampled_from(KINDS), st.just("Exception")), st.none() | st.sampled_from(STATUSES)
)  # fmt: skip
failures = st.tuples(signs, st.floats(0, 40), st.sampled_from([0.0, 0.5, 30.0, 600.0]))


def fitting(retry: Retry, sign: Sign) -> RetryRule | None:
    """Return the first rule that names the failure."""
    for rule in retry.rules:
        if any(name in rule.on for name in sign.types) or sign.status in rule.on_status:
            return rule
    return None


def naive(retry: Retry, signs: list[Sign], left_s: float, asked_s: float, chance: float) -> object:
    """Say what follows the last failure, from all of them: seconds to wait, or why none follows."""
    last = signs[-1]
    rule = fitting(retry, last)
    is_listed = any(n in retry.on for n in last.types) or last.status in retry.on_status
    is_open = not retry.on and not retry.on_status
    is_never = any(n in retry.not_on for n in last.types) or last.status in retry.not_on_status
    if rule is None and (is_never or not (is_listed or is_open or "RetryLater" in last.types)):
        return "not retryable"
    if len(signs) >= retry.attempts:
        return "attempts" if retry.attempts > 1 or asked_s else ""
    mine = signs if rule is None else [one for one in signs if fitting(retry, one) is rule]
    if rule is not None and rule.attempts is not None and len(mine) >= rule.attempts:
        return "attempts"

    def number(name: str) -> float:
        own = getattr(rule, name) if rule is not None else None
        return float(getattr(retry, name) if own is None else own)

    wait = number("backoff_s")
    for _ in mine[1:]:
        wait *= number("factor")
    wait = min(wait, number("backoff_max_s"))
    wait -= wait * number("jitter") * chance
    wait = max(wait, min(asked_s, retry.retry_after_max_s))
    return "deadline" if wait >= left_s else round(wait, 6)


@given(policies, st.lists(failures, min_size=1, max_size=7), st.none() | st.floats(0, 300),
       st.floats(0, 1, exclude_max=True))  # fmt: skip
def test_the_decision_is_that_of_the_naive_model(
    retry: Retry, history: list[tuple[Sign, float, float]], total_s: float | None, chance: float
) -> None:
    """Which rule, which count, how long, and why not: after each failure of a step."""
    tally, now_us, seen, expected, found = NO_FAILURES, 0, [], [], []
    for sign, took_s, asked_s in history:
        now_us += round(took_s * 1e6)
        seen.append(sign)
        tally = count(retry, tally, sign)
        failure = Failure(sign, 0, now_us, asked_s)
        wait_s, reason = decide(retry, tally, failure, total_s, chance)
        found.append(
            reason.split(":")[0].split(" exhausted")[0] if wait_s is None else round(wait_s, 6)
        )
        left_s = float("inf") if total_s is None else total_s - now_us / 1e6
        expected.append(naive(retry, seen, left_s, asked_s, chance))

    assert found == expected
