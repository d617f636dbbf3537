"""Whatever is done to them, both stores show the same."""

import shutil
import tempfile

from pathlib import Path

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from podium.core.errors import StoreError
from podium.journal.memory import MemoryDatabase, MemoryStore
from podium.journal.sqlite import SqliteStore
from podium.journal.store import Batch, KeptRow, StreamRow
from podium.testing.store_conformance.subject import NOW
from tests.journal.rows import row

NUMS = st.integers(1, 4)
JSON = st.sampled_from([b"{}", b"1", b'"\xc3\xa9"', b'"' + b"x" * 5_000 + b'"'])
EVENTS = [
    ("permits", "p", b'{"type":"take","holder":"w1","want":2,"limit":3}'),
    ("permits", "p", b'{"type":"take","holder":"w2","want":2,"limit":3}'),
    ("permits", "p", b'{"type":"give","holder":"w1","used":1}'),
    ("breaker", "b", b'{"type":"report","rule":{"failures":2},"turn":0,"runs":[["failed",1]]}'),
    ("lock", "l", b'{"type":"acquire","run":"a","path":"p"}'),
    ("lock", "l", b'{"type":"acquire","run":"b","path":"p"}'),
    ("lock", "l", b'{"type":"release","run":"a","path":"p"}'),
]
STATUSES = st.sampled_from(["running", "waiting", "blocked", "succeeded"])


@st.composite
def batches(draw):
    batch = Batch()
    for num in draw(st.lists(NUMS, max_size=2, unique=True)):
        offset = draw(st.sampled_from([0, 0, 10]))
        batch.families.append((num + offset, b"key"))
        batch.runs_new.append(row(num + offset, id=f"run-{num}"))
    batch.records = draw(
        st.lists(st.tuples(NUMS, st.just(1), st.just("s"), NUMS, JSON), max_size=3)
    )
    batch.blobs = draw(
        st.lists(st.tuples(NUMS, NUMS, st.sampled_from([None, b"d"]), JSON), max_size=2)
    )
    for num in draw(st.lists(NUMS, max_size=2)):
        change = batch.change(num)
        change.status = draw(st.none() | STATUSES)
        change.claims = draw(st.none() | st.integers(0, 2))
        if draw(st.booleans()):
            change.output = draw(st.none() | JSON)
        if draw(st.booleans()):
            change.incarnation = draw(NUMS)
    batch.inbox_new = [
        (num, "signal", "go", b"1", at)
        for num, at in draw(st.lists(st.tuples(NUMS, NUMS), max_size=2))
    ]
    batch.inbox_done = draw(st.lists(st.integers(1, 5), max_size=1))
    batch.asks_new = [
        (f"q{n}", run, "p", b"{}", "ann", n, None)
        for n, run in draw(st.lists(st.tuples(st.integers(1, 20), NUMS), max_size=1))
    ]
    batch.asks_closed = [(f"q{n}", 9, b"1") for n in draw(st.lists(st.integers(1, 20), max_size=2))]
    batch.published = {(num, "k"): b"%d" % num for num in draw(st.sets(NUMS, max_size=2))}
    batch.shared = draw(st.lists(st.sampled_from(EVENTS), max_size=3))
    batch.now = NOW
    batch.kept = {
        ("t", f"k{num}"): KeptRow(num, num + 5, num, "c", value)
        for num, value in draw(st.lists(st.tuples(NUMS, JSON), max_size=2))
    }
    batch.stream = [
        StreamRow(num, 5, b"1", "s", attempt, 2)
        for num, attempt in draw(st.lists(st.tuples(NUMS, st.integers(0, 2)), max_size=2))
    ]
    return batch


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), batches()),
        st.tuples(st.just("claim"), st.integers(0, 3)),
        st.tuples(st.just("take over"), st.none()),
        st.tuples(st.just("leave"), st.none()),
    ),
    max_size=8,
)


def carry_out(store, actions):
    """Do everything, and return all that was answered and all that can be seen."""
    answers = []
    here = store.join(name="here")
    there = store.join(name="there")
    for what, value in actions:
        try:
            if what == "commit":
                answers.append(store.commit(value, here))
            elif what == "claim":
                answers.append([run.num for run in store.claim(there, ["shop"], value)])
            elif what == "leave":
                store.leave(there, NOW)
                there = store.join(name="there")
            else:
                dead = next(one for one in store.reader().workers() if one.id == there.id)
                answers.append(store.take_over(here, dead, NOW))
                there = store.join(name="there")
        except StoreError as error:
            answers.append(type(error).__name__)
    return answers, seen(store, there)


def seen(store, worker):
    reader = store.reader()
    runs = reader.runs()
    for run in runs:
        run.error = run.error and b"error"  # its words may differ
    return (
        runs,
        [
            reader.common.states(kind)
            for kind in ("permits", "breaker", "lock", "lock.run", "lock.fence")
        ],
        [reader.common.kept("t", f"k{num}") for num in range(1, 5)],
        [reader.records(num) for num in range(1, 15)],
        [[tuple(one)[1:] for one in reader.inbox(worker.id)]],
        reader.asks(open_only=False),
        [reader.published(num) for num in range(1, 15)],
        [[chunk[1:] for chunk in reader.stream(num)] for num in range(1, 15)],
        [sorted(reader.digests(num)) for num in range(1, 15)],
    )


@pytest.mark.long
@settings(max_examples=40)
@given(ACTIONS)
def test_both_stores_are_equal(actions):
    """The same calls give the same answers and the same state on both."""
    folder = Path(tempfile.mkdtemp())
    real = SqliteStore(folder / "app.db")
    try:
        on_disk = carry_out(real, actions)
    finally:
        real.close()
        shutil.rmtree(folder)

    assert carry_out(MemoryStore(MemoryDatabase()), actions) == on_disk
