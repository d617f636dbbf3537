"""Permits: never too many out, nobody starves, and the books balance whatever dies."""

import msgspec
import pytest

from hypothesis import example, given, settings
from hypothesis import strategies as st

from podium.policy import permits
from podium.policy.book import HEAD_START_US
from podium.policy.permits import (
    BUCKETS,
    PATIENCE_US,
    Give,
    Granted,
    Lost,
    Noted,
    Permits,
    Take,
    Withdraw,
)
from podium.policy.shared import Now
from tests.policy.fleet import SECOND, Fleet
from tests.policy.shelf import Shelf

pytestmark = pytest.mark.long

LIMITS = st.integers(1, 30)
PERIODS = st.sampled_from([0, 1, 50, 20_000, SECOND, 60 * SECOND])


def counted_in_any_period(fleet: Fleet) -> int:
    """How many calls the server counted in the worst period (half open at its end)."""
    counted = sorted(call.counted_us for call in fleet.calls)
    return max(
        (
            sum(start <= other < start + fleet.period_us for other in counted[index:])
            for index, start in enumerate(counted)
        ),
        default=0,
    )


def at_once(fleet: Fleet) -> int:
    """How many calls were in flight at the worst moment."""
    return max(
        (
            sum(other.start_us <= one.start_us < other.end_us for other in fleet.calls)
            for one in fleet.calls
        ),
        default=0,
    )


def troubled_fleet(seed: int, limit: int, *, period_us: int, is_strict: bool) -> Fleet:
    """Run some workers through crashes, restarts and withdrawals until all work is done."""
    fleet = Fleet(
        seed, limit=limit, period_us=period_us, is_strict=is_strict,
        trouble=[0.05, 0.1, 0.3][seed % 3],
        call_us=max(period_us, SECOND),
    )  # fmt: skip
    for _ in range(fleet.random.randrange(1, 5)):
        fleet.add(fleet.random.randrange(1, 2 + 2 * limit), fleet.random.randrange(-1, 2))
    fleet.later(0, fleet.stumble)
    fleet.run()
    return fleet


def check_troubled(seed: int, limit: int, *, period_us: int, is_strict: bool) -> None:
    """What must hold of a fleet in trouble, to its very end."""
    fleet = troubled_fleet(seed, limit, period_us=period_us, is_strict=is_strict)

    assert all(not (one.backlog or one.spare or one.flying) for one in fleet.workers)
    if period_us:
        assert counted_in_any_period(fleet) <= limit
    else:
        assert at_once(fleet) <= limit
    fleet.at_us += 2 * period_us + 2 * SECOND + PATIENCE_US
    assert fleet.ask(Take("last", limit, limit, period_us, is_strict)) == Granted(
        limit, use_by_us=fleet.now.at_us + slack(period_us) if not is_strict else None
    )


def slack(period_us: int) -> int:
    """How long a permit of a lax rate may lie about."""
    return min(max(period_us // 20, 20_000), SECOND)


@given(seed=st.integers(0, 2**32), limit=LIMITS, period_s=st.sampled_from([1, 5, 60]))
@settings(max_examples=40)
def test_a_strict_rate_is_held_as_the_server_counts(seed: int, limit: int, period_s: int) -> None:
    """In no period does the server count more than the limit, whenever within a call it counts,
    through deaths of workers and restarts of the machine; and all work gets done."""
    check_troubled(seed, limit, period_us=period_s * SECOND, is_strict=True)


@given(seed=st.integers(0, 2**32), limit=LIMITS, period_s=st.sampled_from([1, 5, 60]))
@settings(max_examples=40)
def test_a_lax_rate_is_held_by_the_starts(seed: int, limit: int, period_s: int) -> None:
    """In no period do more calls start than the limit, if they start before their permits end."""
    check_troubled(seed, limit, period_us=period_s * SECOND, is_strict=False)


@given(seed=st.integers(0, 2**32), limit=LIMITS)
@settings(max_examples=40)
def test_a_limit_of_concurrency_is_held(seed: int, limit: int) -> None:
    """At no moment are more calls in flight than the limit, and no permit is lost for good."""
    check_troubled(seed, limit, period_us=0, is_strict=True)


@given(
    seed=st.integers(0, 2**32), limit=LIMITS, period_us=st.sampled_from([0, SECOND, 60 * SECOND]),
    is_strict=st.booleans(),
)  # fmt: skip
@settings(max_examples=600)
def test_limits_are_held_through_any_trouble(
    seed: int, limit: int, period_us: int, is_strict: bool
) -> None:
    """As above, for many more fleets."""
    check_troubled(seed, limit, period_us=period_us, is_strict=is_strict or not period_us)


# against the naive model -----------------------------------------------------------------


class Naive:
    """One number for each permit that is out: who holds it, or when exactly it is free again."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.cooling: list[int] = []

    def out(self, at_us: int) -> int:
        self.cooling = [until_us for until_us in self.cooling if until_us > at_us]
        return len(self.held) + len(self.cooling)

    def give(self, holder: str, used: int, unused: int, until_us: int) -> None:
        used = min(used, self.held.count(holder))
        unused = min(unused, self.held.count(holder) - used)
        for _ in range(used + unused):
            self.held.remove(holder)
        self.cooling += [until_us] * used

    def lose(self, holder: str, until_us: int) -> None:
        self.give(holder, self.held.count(holder), 0, until_us)


HOLDERS = st.sampled_from("abc")
TAKES = st.tuples(st.just("take"), HOLDERS, st.integers(0, 40), st.integers(-2, 2))
STEPS = st.one_of(
    TAKES,
    TAKES,
    TAKES,
    st.tuples(st.just("give"), HOLDERS, st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("lost"), HOLDERS),
    st.tuples(st.just("withdraw"), HOLDERS),
    st.tuples(st.just("wait"), st.integers(0, 3 * SECOND)),
    st.tuples(st.just("part"), st.integers(0, 12)),
    st.tuples(st.just("limit"), LIMITS),
    st.tuples(st.just("boot"), st.integers(0, SECOND)),
)


@given(limit=LIMITS, period_us=PERIODS, steps=st.lists(STEPS, min_size=10, max_size=40))
@example(limit=2, period_us=50, steps=[("take", "a", 2, 0), ("boot", 0), ("take", "a", 2, 0)])
@settings(max_examples=100)
def test_as_the_naive_model_has_it(limit: int, period_us: int, steps: list[tuple]) -> None:
    """What is granted and what is held are as in a model with one number for each permit; what
    cools is free at most a hundredth of the period later, and alone a holder gets all that is."""
    shelf, naive, boots, at_us = Shelf(), Naive(), 0, 0
    step_us = max(1, period_us // BUCKETS)

    def ask(event: permits.Event) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now(str(boots), at_us, 0))

    for verb, *rest in [*steps, ("wait", period_us + step_us + PATIENCE_US)]:
        until_us = at_us + period_us
        match verb, rest:
            case "take", (holder, want, priority):
                got = ask(Take(holder, want, limit, period_us, True, priority))
                assert isinstance(got, Granted)
                assert 0 <= got.count <= want
                assert naive.out(at_us) + got.count <= max(limit, naive.out(at_us))
                assert got.retry_at_us is None or got.retry_at_us > at_us
                naive.held += [holder] * got.count
            case "give", (holder, used, unused):
                ask(Give(holder, used, unused))
                naive.give(holder, used, unused, until_us)
            case "lost", (holder,):
                ask(Lost(holder))
                naive.lose(holder, until_us)
            case "withdraw", (holder,):
                ask(Withdraw(holder))
            case "wait", (wait_us,):
                at_us += wait_us
            case "part", (tenths,):
                at_us += period_us * tenths // 10
            case "limit", (limit,):
                pass
            case "boot", (after_us,):
                out, boots, at_us = naive.out(at_us), boots + 1, after_us
                naive.cooling = [at_us + period_us] * out
                naive.held = []
                ask(Withdraw("nobody"))
        state = shelf.get(permits.KIND, "k")
        if state is not None:
            kept = permits.read(state, "k")
            assert sum(kept.held.values()) == len(naive.held)
            assert len(kept.cooling) <= BUCKETS + 2
            assert all(tag > kept.tag for tag in kept.tags.values())
            assert not kept.is_idle
    got = ask(Take("new", limit, limit, period_us))
    assert isinstance(got, Granted)
    assert got.count == max(0, limit - naive.out(at_us))


@given(limit=LIMITS, period_us=PERIODS, steps=st.lists(STEPS, max_size=10), last=STEPS)
def test_decisions_are_pure(limit: int, period_us: int, steps: list[tuple], last: tuple) -> None:
    """A decision leaves the state that it was given as it was."""
    state, at_us = Permits(), 5
    for verb, *rest in [*steps, last]:
        event: permits.Event = Withdraw("a")
        match verb, rest:
            case "take", (holder, want, priority):
                event = Take(holder, want, limit, period_us, True, priority)
            case "give", (holder, used, unused):
                event = Give(holder, used, unused)
            case "lost", (holder,):
                event = Lost(holder)
            case "wait", (wait_us,):
                at_us += wait_us
        before = msgspec.json.encode(state)
        after, _ = permits.decide(state, event, Now("b", at_us, 0))

        assert msgspec.json.encode(state) == before
        state = after


# fairness --------------------------------------------------------------------------------


@given(
    limit=st.integers(1, 12),
    backlogs=st.lists(st.integers(20, 120), min_size=2, max_size=5),
    period_us=st.sampled_from([0, SECOND]),
)
@settings(max_examples=30)
def test_workers_share_evenly(limit: int, backlogs: list[int], period_us: int) -> None:
    """While all want more, none is ahead of another by more than the limit (what the first one got
    before the others came), whatever each has to do."""
    fleet = Fleet(0, limit=limit, period_us=period_us, call_us=SECOND // 10)
    workers = [fleet.add(backlog) for backlog in backlogs]
    while all(one.backlog for one in workers):
        got = [backlog - one.backlog for one, backlog in zip(workers, backlogs, strict=True)]
        assert max(got) - min(got) <= limit
        fleet.run(fleet.at_us + SECOND // 20)


@given(limit=st.integers(1, 12), steps=st.integers(1, 3))
@settings(max_examples=12)
def test_a_low_priority_does_not_starve(limit: int, steps: int) -> None:
    """Beside workers of a higher priority that always want more, a low one is served when its age
    makes up for the difference, not before, and then no more than its share."""
    fleet = Fleet(0, limit=limit, period_us=SECOND, call_us=0)
    for _ in range(3):
        fleet.add(10_000, priority=steps)
    fleet.run(SECOND // 2)
    low = fleet.add(1000)
    fleet.run(fleet.at_us + 2 * steps * HEAD_START_US + 20 * SECOND)
    head_us = steps * HEAD_START_US
    waits_us = [at_us - SECOND // 2 for at_us in low.done_us]

    assert head_us - 2 * SECOND <= waits_us[0] <= head_us + 6 * SECOND
    assert any(2 * head_us - 2 * SECOND <= at_us <= 2 * head_us + 12 * SECOND for at_us in waits_us)
    assert sum(at_us <= waits_us[0] + head_us - 2 * SECOND for at_us in waits_us) <= 1 + limit // 2


def test_what_is_dealt_to_others_is_kept_for_them() -> None:
    """One that asks often gets no more than its share while another one is on its way."""
    shelf = Shelf()

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    ask(Take("a", 4, 4), 0)
    ask(Take("b", 4, 4), 1)
    given = ask(Give("a", used=4), 2)
    again = ask(Take("a", 4, 4), 3)
    greedy = ask(Take("a", 2, 4), 4)

    assert given == Noted(ready=("b",))
    assert again == Granted(2, others=1)
    assert greedy == Granted(0, others=1)
    assert ask(Take("b", 4, 4), 5) == Granted(2, others=1)


def test_two_that_wait_share_what_comes() -> None:
    """What is free is dealt evenly to those in line, the first in line getting what is odd."""
    shelf = Shelf()

    def ask(event: permits.Event) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", 7, 0))

    ask(Take("z", 5, 5))
    ask(Take("a", 5, 5))
    ask(Take("b", 1, 5))
    ask(Take("c", 5, 5))
    ready = ask(Give("z", unused=5))

    assert ready == Noted(ready=("a", "b", "c"))
    assert ask(Take("c", 5, 5)) == Granted(2, others=2)
    assert ask(Take("b", 1, 5)) == Granted(1, others=2)
    assert ask(Take("a", 5, 5)) == Granted(2, others=1)


def test_one_that_asks_in_small_portions_gets_no_more() -> None:
    """Who leaves the line and comes again is not served before those who got less."""
    shelf = Shelf()

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    ask(Take("z", 4, 4), 1)
    ask(Take("b", 4, 4), 2)
    ask(Take("c", 4, 4), 3)
    ask(Give("z", unused=4), 4)

    assert ask(Take("a", 1, 4), 5) == Granted(1, others=2)
    assert ask(Take("a", 1, 4), 6) == Granted(0, others=2)
    assert ask(Take("b", 4, 4), 7) == Granted(2, others=2)
    assert ask(Take("c", 4, 4), 8) == Granted(1, others=2)


def test_each_is_told_when_its_turn_comes() -> None:
    """The time to ask again is when enough will have cooled for all that are before it."""
    shelf = Shelf()

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    ask(Take("z", 3, 3, SECOND), 0)
    for at_us in (0, SECOND // 4, SECOND // 2):
        ask(Give("z", used=1), at_us)
    at_us = SECOND // 2
    urgent = ask(Take("a", 2, 3, SECOND, priority=1), at_us)
    low = ask(Take("b", 5, 3, SECOND), at_us)
    later = ask(Take("c", 1, 3, SECOND), at_us)

    assert urgent == Granted(0, retry_at_us=SECOND)
    assert low == Granted(0, retry_at_us=SECOND * 3 // 2, others=1)
    assert later == Granted(0, retry_at_us=None, others=2)
    assert ask(Withdraw("b"), at_us) == Noted()
    assert ask(Take("c", 1, 3, SECOND), at_us) == Granted(0, retry_at_us=SECOND * 3 // 2, others=1)


def test_a_silent_one_loses_its_place() -> None:
    """What is kept for one that does not ask again is kept for a bounded time only."""
    shelf = Shelf()

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    ask(Take("a", 1, 1), 0)
    ask(Take("dead", 1, 1), 1)
    ask(Take("b", 1, 1), 2)
    ask(Give("a", used=1), 3)

    assert ask(Take("b", 1, 1), PATIENCE_US) == Granted(0, others=1)
    assert ask(Take("b", 1, 1), PATIENCE_US + 1) == Granted(1)


def test_one_that_was_told_when_to_come_keeps_its_place_until_then() -> None:
    """It is not silent before the time it was told."""
    shelf = Shelf()
    hour_us = 3600 * SECOND

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    ask(Take("a", 1, 1, hour_us), 0)
    ask(Give("a", used=1), 0)
    told = ask(Take("b", 1, 1, hour_us), 1)

    assert told == Granted(0, retry_at_us=hour_us)
    assert ask(Take("a", 1, 1, hour_us), hour_us + 1) == Granted(0, retry_at_us=None, others=1)
    assert ask(Take("b", 1, 1, hour_us), hour_us + 2) == Granted(1, others=1)


def test_each_cools_for_itself() -> None:
    """One that was used a little later than another is free that much later."""
    shelf = Shelf()

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    ask(Take("a", 2, 2, 20_000), 0)
    ask(Give("a", used=1), 0)
    ask(Give("a", used=1), 1_000)

    assert ask(Take("b", 2, 2, 20_000), 20_000) == Granted(1, retry_at_us=21_000)
    assert ask(Take("b", 1, 2, 20_000), 20_999) == Granted(0, retry_at_us=21_000)
    assert ask(Take("b", 1, 2, 20_000), 21_000) == Granted(1)


def test_time_does_not_go_back() -> None:
    """A commit whose clock was read a little earlier gains nothing by it."""
    shelf = Shelf()

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    ask(Take("a", 2, 2, SECOND), 5 * SECOND)
    ask(Give("a", used=1), 5 * SECOND)
    ask(Give("a", used=1), 4 * SECOND)

    assert ask(Take("b", 2, 2, SECOND), 6 * SECOND - 1) == Granted(0, retry_at_us=6 * SECOND)
    assert ask(Take("b", 2, 2, SECOND), 6 * SECOND) == Granted(2)


# options ---------------------------------------------------------------------------------


def test_a_smaller_limit_waits_for_what_is_out() -> None:
    """After a change of the limit nothing is granted before what is out is below it."""
    shelf = Shelf()

    def ask(event: permits.Event) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", 7, 0))

    ask(Take("a", 10, 10))

    assert ask(Take("b", 1, 3)) == Granted(0)
    ask(Give("a", used=7))
    assert ask(Take("b", 1, 3)) == Granted(0)
    ask(Give("a", used=1))
    assert ask(Take("b", 1, 3)) == Granted(1)


def test_a_longer_period_holds_for_what_cools() -> None:
    """What was used under a shorter period cools for the longer one."""
    shelf = Shelf()

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    ask(Take("a", 1, 1, SECOND), 0)
    ask(Give("a", used=1), 0)

    assert ask(Take("a", 1, 1, 10 * SECOND), SECOND // 2) == Granted(0, retry_at_us=10 * SECOND)
    assert ask(Take("a", 1, 1, 10 * SECOND), 9 * SECOND) == Granted(0, retry_at_us=10 * SECOND)
    assert ask(Take("a", 1, 1, 10 * SECOND), 10 * SECOND) == Granted(1)


def test_unused_permits_of_a_lax_rate_are_free_at_once() -> None:
    """Given back in time, they were never used; given back twice or too late, nothing is gained."""
    shelf = Shelf()

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    got = ask(Take("a", 3, 3, SECOND, is_strict=False), 0)
    assert isinstance(got, Granted)
    ask(Give("a", used=2), 1)
    ask(Give("a", unused=1, use_by_us=got.use_by_us), 1)

    assert ask(Take("b", 3, 3, SECOND, is_strict=False), 1).count == 1  # type: ignore[union-attr]


def test_unused_permits_of_a_rate_that_became_strict_free_nobody_elses() -> None:
    """What was granted under other options is not taken for what cools under the present ones."""
    shelf = Shelf()

    def ask(event: permits.Event, at_us: int) -> permits.Decision:
        return shelf.ask(permits.KIND, "k", event, Now("b", at_us, 0))

    got = ask(Take("a", 1, 2, SECOND, is_strict=False), 0)
    assert isinstance(got, Granted)
    ask(Take("b", 1, 2, SECOND), 0)
    ask(Give("b", used=1), got.use_by_us or 0)
    ask(Give("a", unused=1, use_by_us=got.use_by_us), got.use_by_us or 0)

    assert ask(Take("c", 2, 2, SECOND), SECOND - 1) == Granted(0, retry_at_us=SECOND)


def test_a_million_permits_take_little_room() -> None:
    """The state of the largest limit, each permit used at another time, stays within a few kB."""
    shelf = Shelf()
    limit, day_us = 1_000_000, 86_400 * SECOND
    shelf.ask(permits.KIND, "k", Take("a", limit, limit, day_us), Now("b", 0, 0))
    for part in range(1000):
        now = Now("b", part * day_us // 1000, 0)
        shelf.ask(permits.KIND, "k", Give("a", used=1000), now)
    state = shelf.get(permits.KIND, "k")

    assert state is not None
    assert len(state) < 4000
