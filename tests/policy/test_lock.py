"""Locks: one holder, first come first served, and every deadlock found, against brute force."""

import re

import pytest

from hypothesis import event, given, settings
from hypothesis import strategies as st

from podium.policy import lock
from podium.policy.book import HEAD_START_US
from podium.policy.lock import (
    Acquire,
    Break,
    Deadlock,
    Ended,
    Granted,
    Handed,
    Knot,
    Passed,
    Release,
    Waiting,
)
from podium.policy.shared import Now
from tests.policy.shelf import Shelf

Place = tuple[str, str]
Wish = tuple[str, str, str]
"""A run, a path, and the key that it wants."""


def parts(path: str) -> list[str]:
    """The steps of a path from the outside to the inside."""
    return re.findall(r"\[[^\]]*\]|[^/\[]+", path)


STARTED: dict[str, Place] = {"r3": ("r2", "a/b"), "r4": ("r3", "a")}
"""Child runs, with the place that started each."""


def above(run: str) -> tuple[Place, ...]:
    """The places that a run is under, from its parent's up."""
    return (STARTED[run], *above(STARTED[run][0])) if run in STARTED else ()


def whole(place: Place) -> list[str]:
    """A place from the first run of its family down."""
    run, path = place
    return [*(whole(STARTED[run]) if run in STARTED else []), f"run {run}", *parts(path)]


def inside(place: Place, other: Place) -> bool:
    """Whether a place is another one or within it."""
    return whole(place)[: len(whole(other))] == whole(other)


class Naive:
    """Locks as plain lists; deadlocks by the closure of who waits for whom."""

    def __init__(self) -> None:
        self.holders: dict[str, Place] = {}
        self.lines: dict[str, list[tuple[int, int, Place]]] = {}
        self.count = 0

    def wishes(self) -> list[Wish]:
        return [(*place, key) for key, line in self.lines.items() for _, _, place in line]

    def circular(self, wishes: list[Wish]) -> set[Wish]:
        """The wishes that wait for themselves in the end."""
        waits = {
            (one, other)
            for one in wishes
            for other in wishes
            if one[2] in self.holders and inside(other[:2], self.holders[one[2]])
        }
        for middle in wishes:
            into = [one for one in wishes if (one, middle) in waits]
            out = [one for one in wishes if (middle, one) in waits]
            waits |= {(one, other) for one in into for other in out}
        return {one for one in wishes if (one, one) in waits}

    def acquire(self, key: str, place: Place, priority: int, wall_us: int) -> str:
        if key not in self.holders:
            self.holders[key] = place
            return "granted"
        if self.holders[key] == place:
            return "granted"
        line = self.lines.setdefault(key, [])
        if place in [one for _, _, one in line]:
            return "waiting"
        wish = (*place, key)
        if wish in self.circular([*self.wishes(), wish]):
            return "deadlock"
        self.count += 1
        line.append((wall_us - priority * HEAD_START_US, self.count, place))
        line.sort()
        return "waiting"

    def position(self, key: str, place: Place) -> int:
        return 1 + [one for _, _, one in self.lines[key]].index(place)

    def release(self, key: str, place: Place) -> list[tuple[str, Place | None]]:
        if self.holders.get(key) == place:
            return [(key, self.pass_on(key))]
        self.lines[key] = [one for one in self.lines.get(key, []) if one[2] != place]
        return []

    def pass_on(self, key: str) -> Place | None:
        del self.holders[key]
        if not self.lines.get(key):
            return None
        _, _, self.holders[key] = self.lines[key].pop(0)
        return self.holders[key]

    def end(self, run: str) -> list[tuple[str, Place | None]]:
        for key, line in self.lines.items():
            self.lines[key] = [one for one in line if one[2][0] != run]
        held = [key for key, place in self.holders.items() if place[0] == run]
        return [(key, self.pass_on(key)) for key in held]


class Pair:
    """The locks and the naive ones, side by side."""

    def __init__(self) -> None:
        self.shelf, self.naive = Shelf(), Naive()
        self.wall_us = 10**15
        self.fence = 0

    def ask(self, key: str, asked: lock.Event) -> lock.Decision:
        decision: lock.Decision = self.shelf.ask(lock.KIND, key, asked, Now("b", 1, self.wall_us))
        return decision

    def acquire(self, key: str, place: Place, priority: int = 0) -> None:
        is_new = self.naive.holders.get(key) != place
        word = self.naive.acquire(key, place, priority, self.wall_us)
        got = self.ask(key, Acquire(*place, priority, above(place[0])))
        event(word)

        assert type(got).__name__.lower() == word
        match got:
            case Granted():
                assert got.fence > self.fence or not is_new
                self.fence = max(self.fence, got.fence)
            case Waiting():
                assert got.position == self.naive.position(key, place)
                assert (got.holder.run, got.holder.path) == self.naive.holders[key]
            case Deadlock():
                self.check_cycle(got.cycle, (*place, key))

    def check_cycle(self, cycle: tuple[Knot, ...], wish: Wish) -> None:
        """Each on the way waits for what the next one holds, and the newcomer comes first."""
        others = [(knot.run, knot.path, knot.wants) for knot in cycle[1:]]

        assert (cycle[0].run, cycle[0].path, cycle[0].wants) == wish
        assert set(others) <= set(self.naive.wishes())
        assert len(set(others)) == len(others)
        for one, other in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            assert other.holds == one.wants
            assert inside((other.run, other.path), self.naive.holders[one.wants])

    def let_go(self, got: lock.Decision, expected: list[tuple[str, Place | None]]) -> None:
        """The same locks went to the same places, each with a new fence."""
        assert isinstance(got, Passed)
        assert sorted(
            (one.key, (one.holder.run, one.holder.path) if one.holder else None) for one in got.to
        ) == sorted(expected)
        for one in got.to:
            if one.holder:
                assert one.holder.fence > self.fence
                self.fence = one.holder.fence

    def check(self) -> None:
        """What the book has is what the naive ones have, and no entry is left over."""
        holders, queues = {}, {}
        for (kind, key), state in self.shelf.states.items():
            if kind == lock.KIND:
                kept = lock.read(state, key)
                holders[key] = kept.holder.run, kept.holder.path
                queues[key] = [(one.run, one.path) for one in kept.queue]
        runs = {key for kind, key in self.shelf.states if kind == lock.RUN_KIND}
        lines = {key: [place for _, _, place in line] for key, line in self.naive.lines.items()}

        assert holders == self.naive.holders
        assert {k: v for k, v in queues.items() if v} == {k: v for k, v in lines.items() if v}
        waiting = {run for line in queues.values() for run, _ in line}
        assert runs == {run for run, _ in holders.values()} | waiting | {
            over for run in waiting for over, _ in above(run)
        }


RUNS = st.sampled_from(["r1", "r2", "r3", "r4"])
KEYS = st.sampled_from(["k1", "k2", "k3", "k4"])
PATHS = st.sampled_from(["", "a", "a/b", "a/b/c", "a[0]", "a[0]/c", "a[1]", "ab", "a#2"])
STEPS = st.one_of(
    st.tuples(st.just("acquire"), KEYS, RUNS, PATHS, st.sampled_from([0, 0, 0, 1, 2])),
    st.tuples(st.just("acquire"), KEYS, RUNS, PATHS, st.just(0)),
    st.tuples(st.just("acquire"), KEYS, RUNS, PATHS, st.just(0)),
    st.tuples(st.just("release"), KEYS, RUNS, PATHS),
    st.tuples(st.just("pass"), KEYS),
    st.tuples(st.just("leave"), st.integers(0, 9)),
    st.tuples(st.just("ended"), RUNS),
    st.tuples(st.just("break"), KEYS),
    st.tuples(st.just("time"), st.integers(0, 2 * HEAD_START_US)),
)


def compare(steps: list[tuple], *, is_nested: bool) -> None:
    """Do the same with both, and compare after each step.

    Args:
        steps: What happens.
        is_nested: Only what programs do: nothing happens within a place that waits.
    """
    pair = Pair()
    naive = pair.naive
    for verb, *rest in steps:
        match verb, rest:
            case "acquire", (key, run, path, priority):
                place = (run, path)
                waits = [one[:2] for one in naive.wishes() if one != (*place, key)]
                if not is_nested or not any(
                    inside(place, other) or inside(other, place) for other in waits
                ):
                    pair.acquire(key, (run, path), priority)
            case "release", (key, run, path):
                pair.let_go(pair.ask(key, Release(run, path)), naive.release(key, (run, path)))
            case "pass", (key,) if key in naive.holders:
                place = naive.holders[key]
                pair.let_go(pair.ask(key, Release(*place)), naive.release(key, place))
            case "leave", (which,) if naive.wishes():
                run, path, key = naive.wishes()[which % len(naive.wishes())]
                pair.let_go(pair.ask(key, Release(run, path)), naive.release(key, (run, path)))
            case "ended", (run,):
                pair.let_go(pair.ask("", Ended(run)), naive.end(run))
            case "break", (key,):
                was = naive.holders.get(key)
                got = pair.ask(key, Break("ann"))
                assert isinstance(got, Passed)
                assert ((got.was.run, got.was.path) if got.was else None) == was
                pair.let_go(got, [(key, naive.pass_on(key))] if was else [])
            case "time", (time_us,):
                pair.wall_us += time_us
        pair.check()
        if is_nested:
            assert naive.circular(naive.wishes()) == set()


@given(steps=st.lists(STEPS, min_size=15, max_size=40))
@settings(max_examples=60)
def test_as_the_naive_ones(steps: list[tuple]) -> None:
    """Whatever is asked in whatever order: one holder, the line in order, each deadlock refused
    and nothing else, fences that grow, and nothing left in the book of what has ended."""
    compare(steps, is_nested=False)


@given(steps=st.lists(STEPS, min_size=20, max_size=60))
@settings(max_examples=50)
def test_no_deadlock_comes_about(steps: list[tuple]) -> None:
    """Where newcomers that would close a circle are refused, there never is one: a lock that is
    passed on closes none, as nothing happens within a place that waits."""
    compare(steps, is_nested=True)


@pytest.mark.long
@given(steps=st.lists(STEPS, min_size=30, max_size=150), is_nested=st.booleans())
@settings(max_examples=200)
def test_as_the_naive_ones_for_long(steps: list[tuple], is_nested: bool) -> None:
    """As above, for longer histories."""
    compare(steps, is_nested=is_nested)


# one by one ------------------------------------------------------------------------------


def test_two_that_want_each_others_lock_are_both_named() -> None:
    """The newcomer that would close the circle is refused, with all that are on the way."""
    pair = Pair()
    pair.ask("a", Acquire("r1", "x"))
    pair.ask("b", Acquire("r2", "y"))
    pair.ask("b", Acquire("r1", "x/deep"))
    refused = pair.ask("a", Acquire("r2", "y[7]/z"))

    assert refused == Deadlock((Knot("r2", "y[7]/z", "a", "b"), Knot("r1", "x/deep", "b", "a")))
    pair.ask("b", Release("r2", "y"))
    assert pair.ask("a", Acquire("r2", "y[7]/z")) == Waiting(
        1, lock.Holder("r1", "x", 1, pair.wall_us)
    )


def test_a_child_that_wants_its_parents_lock_is_refused() -> None:
    """What a run holds while it waits for a child, the child of that child cannot wait for."""
    pair = Pair()
    over = (("child", "c"), ("parent", "x/start"))
    pair.ask("a", Acquire("parent", "x"))

    assert pair.ask("a", Acquire("grandchild", "y", 0, over)) == Deadlock(
        (Knot("grandchild", "y", "a", "a"),)
    )
    beside = (("child", "c"), ("parent", "z/start"))
    assert isinstance(pair.ask("a", Acquire("grandchild", "y", 0, beside)), Waiting)


def test_a_circle_through_a_child_is_found_from_each_side() -> None:
    """The request of a child keeps its parent's locks from being let go."""
    for is_child_last in (False, True):
        pair = Pair()
        pair.ask("a", Acquire("parent", "x"))
        pair.ask("b", Acquire("other", "y"))
        of_child = "b", Acquire("child", "c", 0, (("parent", "x/start"),))
        of_other = "a", Acquire("other", "y/1")
        first, last = (of_other, of_child) if is_child_last else (of_child, of_other)

        assert isinstance(pair.ask(*first), Waiting)
        refused = pair.ask(*last)
        assert isinstance(refused, Deadlock)
        assert {knot.run for knot in refused.cycle} == {"child", "other"}


def test_who_wants_again_what_it_holds_is_refused() -> None:
    """A lock within itself would wait for ever; beside itself it waits."""
    pair = Pair()
    pair.ask("a", Acquire("r1", "x"))

    assert pair.ask("a", Acquire("r1", "x/y")) == Deadlock((Knot("r1", "x/y", "a", "a"),))
    assert isinstance(pair.ask("a", Acquire("r1", "x#2")), Waiting)
    assert isinstance(pair.ask("a", Acquire("r1", "xy")), Waiting)


def test_who_only_waits_is_not_named() -> None:
    """A holder may wait for several things; those that lead nowhere are no part of the deadlock."""
    pair = Pair()
    pair.ask("a", Acquire("r1", "x"))
    pair.ask("b", Acquire("r2", "y"))
    pair.ask("c", Acquire("r3", "z"))
    pair.ask("c", Acquire("r1", "x/1"))
    pair.ask("b", Acquire("r1", "x/2"))

    assert pair.ask("a", Acquire("r2", "y/1")) == Deadlock(
        (Knot("r2", "y/1", "a", "b"), Knot("r1", "x/2", "b", "a"))
    )


def test_many_ways_are_each_gone_once() -> None:
    """The search looks at each request once, though the ways to it may double with each lock."""
    pair = Pair()
    for number in range(40):
        pair.ask(f"k{number}", Acquire(f"r{number}", "x"))
    for number in range(39):
        for branch in range(2):
            pair.ask(f"k{number + 1}", Acquire(f"r{number}", f"x/{branch}"))

    assert isinstance(pair.ask("k0", Acquire("new", "y")), Waiting)
    assert isinstance(pair.ask("k0", Acquire("r39", "x/1")), Deadlock)


def test_a_request_in_a_branch_does_not_block_the_other_branch() -> None:
    """A holder is blocked by what is under its path only."""
    pair = Pair()
    pair.ask("a", Acquire("r1", "left"))
    pair.ask("b", Acquire("r2", ""))
    pair.ask("b", Acquire("r1", "right"))

    assert isinstance(pair.ask("a", Acquire("r2", "z")), Waiting)


def test_asking_again_changes_nothing() -> None:
    """A worker that took over asks again, and gets the same answer."""
    pair = Pair()
    first = pair.ask("a", Acquire("r1", "x"))
    waits = pair.ask("a", Acquire("r2", "y"))
    pair.ask("a", Acquire("r3", "z"))
    before = dict(pair.shelf.states)

    assert pair.ask("a", Acquire("r1", "x")) == first
    assert pair.ask("a", Acquire("r2", "y")) == waits
    assert pair.shelf.states == before


def test_a_broken_lock_is_not_let_go_by_its_old_holder() -> None:
    """After an operator took it away, the old holder's release says nothing, and fences tell."""
    pair = Pair()
    old = pair.ask("a", Acquire("r1", "x"))
    pair.ask("a", Acquire("r2", "y"))
    broken = pair.ask("a", Break("ann"))
    late = pair.ask("a", Release("r1", "x"))
    new = pair.ask("a", Acquire("r2", "y"))

    assert isinstance(broken, Passed)
    assert broken.was == lock.Holder("r1", "x", 1, pair.wall_us)
    assert broken.to == (Handed("a", lock.Holder("r2", "y", 2, pair.wall_us)),)
    assert late == Passed()
    assert (old, new) == (Granted(1), Granted(2))


def test_a_clock_that_is_set_back_changes_no_order() -> None:
    """First come is first served, whatever the wall clock says."""
    pair = Pair()
    for number in range(5):
        pair.wall_us -= 10**9
        pair.ask("a", Acquire("r", f"x[{number}]"))
    order = []
    for _ in range(4):
        got = pair.ask("a", Break("ann"))
        assert isinstance(got, Passed)
        assert got.to[0].holder is not None
        order.append(got.to[0].holder.path)

    assert order == ["x[1]", "x[2]", "x[3]", "x[4]"]
