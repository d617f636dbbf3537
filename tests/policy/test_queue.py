"""The line in one worker: shares between keys, order within a key, age against priority."""

from dataclasses import dataclass, field

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from podium.policy.book import HEAD_START_US
from podium.policy.queue import Queue

SECOND = 1_000_000


@dataclass
class Naive:
    """A plain list, searched each time; keys are ordered by when their last turn was."""

    items: list[tuple[int, int, int, str]] = field(default_factory=list)
    """Number, priority, when it came, key; in order of coming."""
    turns: dict[tuple[int, str], int] = field(default_factory=dict)
    count: int = 0

    def put(self, number: int, at_us: int, priority: int, key: str) -> None:
        self.count += 1
        if not any(one[1] == priority and one[3] == key for one in self.items):
            self.turns[priority, key] = self.count
        self.items.append((number, priority, at_us, key))

    def pop(self) -> int:
        self.count += 1
        best = min(self.items, key=lambda one: (one[2] - one[1] * HEAD_START_US, -one[1]))
        level = [one for one in self.items if one[1] == best[1]]
        taken = min(level, key=lambda one: self.turns[one[1], one[3]])
        self.turns[taken[1], taken[3]] = self.count
        self.items.remove(taken)
        return taken[0]

    def remove(self, number: int) -> bool:
        found = [one for one in self.items if one[0] == number]
        self.items = [one for one in self.items if one[0] != number]
        return bool(found)


STEPS = st.one_of(
    st.tuples(
        st.just("put"), st.integers(0, 8 * SECOND), st.integers(-1, 2), st.sampled_from("abc")
    ),
    st.tuples(st.just("pop")),
    st.tuples(st.just("remove"), st.integers(0, 6)),
)


@given(steps=st.lists(STEPS, min_size=10, max_size=60))
@settings(max_examples=80)
def test_as_the_naive_one(steps: list[tuple]) -> None:
    """It gives out what a list gives that is searched each time."""
    queue: Queue[int] = Queue()
    naive = Naive()
    at_us = 0
    for number, (verb, *rest) in enumerate(steps):
        match verb, rest:
            case "put", (after_us, priority, key):
                at_us += after_us
                queue.put(number, at_us, priority=priority, key=key)
                naive.put(number, at_us, priority, key)
            case "pop", () if naive.items:
                priority = queue.priority
                expected = {one[0]: one[1] for one in naive.items}
                taken = queue.pop()
                assert taken == naive.pop()
                assert priority == expected[taken]
            case "remove", (which,):
                one = naive.items[which][0] if which < len(naive.items) else -1
                assert queue.remove(one) == naive.remove(one)
        assert len(queue) == len(naive.items)
    while naive.items:
        assert queue.pop() == naive.pop()
    assert (len(queue), queue.priority) == (0, 0)


@given(lengths=st.lists(st.integers(1, 40), min_size=2, max_size=8))
def test_busy_keys_share_evenly(lengths: list[int]) -> None:
    """While all keys have something to do, each gets one of as many pops as there are keys."""
    queue: Queue[tuple[int, int]] = Queue()
    for key, length in enumerate(lengths):
        for number in range(length):
            queue.put((key, number), 0, key=str(key))
    popped = [queue.pop() for _ in range(min(lengths) * len(lengths))]
    keys = [key for key, _ in popped]

    for start in range(0, len(popped), len(lengths)):
        assert sorted(keys[start : start + len(lengths)]) == list(range(len(lengths)))
    for key in range(len(lengths)):
        assert [number for who, number in popped if who == key] == list(range(min(lengths)))


def test_a_key_that_comes_late_waits_for_one_round() -> None:
    """A line of thousands does not hold back another key, and is not held back by many new keys."""
    queue: Queue[str] = Queue()
    for number in range(5000):
        queue.put(f"long{number}", 0, key="long")
    queue.put("late", 1, key="late")
    first = {queue.pop(), queue.pop()}
    served = 0
    for number in range(100):
        queue.put(f"new{number}", 2, key=f"new{number}")
        served += queue.pop().startswith("long")

    assert "late" in first
    assert served >= 10  # each turn of the long one lengthens the round by one: 1 + 2 + … + 13


@given(steps=st.integers(1, 4), rate_us=st.integers(SECOND // 50, SECOND // 5))
@settings(max_examples=30)
def test_nothing_starves(steps: int, rate_us: int) -> None:
    """Beside a stream of urgent items that never ends, one of low priority goes when its age makes
    up for the difference."""
    queue: Queue[int] = Queue()
    queue.put(-1, 0)
    at_us, popped = 0, 0
    while popped != -1:
        at_us += rate_us
        queue.put(at_us, at_us, priority=steps, key=str(at_us % 3))
        popped = queue.pop()

    assert steps * HEAD_START_US <= at_us <= steps * HEAD_START_US + 2 * rate_us


def test_who_goes_away_costs_its_key_no_turn() -> None:
    """An item that is taken out was not served: the key's next one has its turn."""
    queue: Queue[str] = Queue()
    for item in ("a1", "a2", "b1"):
        queue.put(item, 0, key=item[0])
    queue.remove("a1")

    assert [queue.pop(), queue.pop()] == ["a2", "b1"]


def test_of_equal_ranks_the_higher_priority_goes_first() -> None:
    """Where age makes up for the difference exactly, the urgent one goes first still."""
    queue: Queue[str] = Queue()
    queue.put("old", 0)
    queue.put("urgent", HEAD_START_US, priority=1)

    assert [queue.pop(), queue.pop()] == ["urgent", "old"]


def test_an_item_waits_once() -> None:
    """Who puts an item twice is told, and nothing is popped that is not there."""
    queue: Queue[str] = Queue()
    queue.put("a", 0)

    with pytest.raises(ValueError, match="'a' waits already"):
        queue.put("a", 1)
    assert queue.remove("a")
    assert not queue.remove("a")
    with pytest.raises(IndexError):
        queue.pop()
