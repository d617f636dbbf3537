"""What a commit must do."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.core.errors import StoreError
from podium.journal.records import Kind
from podium.journal.store import Batch, KeptRow, KeptTask, StreamRow
from podium.testing.store_conformance.subject import (
    NOW,
    Subject,
    appending,
    check,
    must_miss,
    must_refuse,
    new_run,
    open_with,
    run_of,
    start,
)


@check
def a_run_is_read_as_it_was_written(subject: Subject) -> None:
    """Every field of a run comes back, by id and by number."""
    row = new_run(
        7, "order-7", family=7, parent=3, parent_path="a/b", status="waiting", owner=9,
        incarnation=2, base=4, claims=1, output=b"[1]", error=b'{"type":"E"}', waits=b'["t"]',
        headers=b'{"tenant":"x"}', ended_at=12,
    )  # fmt: skip
    reader = open_with(subject, row).reader()

    assert reader.run("order-7") == row
    assert reader.run_by_num(7) == row
    assert reader.run("order-8") is None
    assert reader.run_by_num(8) is None


@check
def what_is_read_is_the_readers_own(subject: Subject) -> None:
    """Changing what a reader returned, or what was handed in, changes nothing that is stored."""
    row = new_run(1)
    store = open_with(subject, row)
    row.status = "failed"
    run_of(store).status = "cancelled"

    assert run_of(store).status == "accepted"


@check
def bytes_come_back_as_they_went_in(subject: Subject) -> None:
    """Bodies and payloads are not changed: not their order, spaces, letters or NULs."""
    body = '{ "b": 1,  "a": "é\\u0000✓", "n": 1.50 }'.encode()
    store = open_with(subject, new_run(1, input=body, headers=b'{"z": 1, "a":2}'))
    batch = Batch(records=[(1, 1, "s", 5, body), (1, 1, "", 6, b""), (1, 1, "é/✓", 7, b"a\0b")])
    batch.blobs.append((1, 1, None, bytes(range(256))))
    store.commit(batch, None)
    reader = store.reader()

    assert [record.body for record in reader.records(1)] == [body, b"", b"a\0b"]
    assert reader.records(1)[2].path == "é/✓"
    assert (run_of(store).input, run_of(store).headers) == (body, b'{"z": 1, "a":2}')
    assert reader.blob(1) == bytes(range(256))


@check
def records_keep_the_order_of_appending(subject: Subject) -> None:
    """Numbers grow in commit order over the whole file, within a batch in its order."""
    store = open_with(subject, new_run(1), new_run(2))
    batch = appending("a", "b")
    batch.records.insert(1, (2, 20, "x", 6, b"{}"))
    store.commit(batch, None)
    store.commit(appending("c"), None)
    one, two = store.reader().records(1), store.reader().records(2)
    numbers = [one[0].seq, two[0].seq, one[1].seq, one[2].seq]

    assert [record.path for record in one] == ["a", "b", "c"]
    assert (two[0].kind, two[0].path, two[0].at, two[0].body) == (20, "x", 6, b"{}")
    assert numbers == sorted(set(numbers))


@check
def a_large_group_is_one_commit(subject: Subject) -> None:
    """Thousands of records of many runs are written in order."""
    store = open_with(subject, *[new_run(num) for num in range(1, 8)])
    worker = store.join(name="w")
    batch = Batch(records=[(n % 7 + 1, 1, f"s#{n}", n, b"{}") for n in range(3_333)])
    store.commit(batch, worker)
    found = [record for num in range(1, 8) for record in store.reader().records(num)]

    assert [r.path for r in sorted(found)] == [f"s#{n}" for n in range(3_333)]


@check
def records_are_read_in_pages(subject: Subject) -> None:
    """``after`` and ``limit`` page through a journal."""
    store = open_with(subject, new_run(1))
    store.commit(appending(*"abcde"), None)
    first = store.reader().records(1, limit=2)
    second = store.reader().records(1, after=first[-1].seq, limit=2)

    assert [record.path for record in first + second] == ["a", "b", "c", "d"]
    assert [r.path for r in store.reader().records(1, after=second[-1].seq)] == ["e"]
    assert store.reader().records(99) == []


@check
def a_commit_is_all_or_nothing(subject: Subject) -> None:
    """A batch with one thing that is refused writes nothing, and the store stays usable."""
    store = open_with(subject, new_run(1))
    store.commit(Batch(blobs=[(5, 1, None, b"x")]), None)
    batch = appending("a")
    batch.blobs += [(6, 1, None, b"y"), (5, 1, None, b"again")]
    batch.change(1).status = "running"
    must_refuse(StoreError, lambda: store.commit(batch, None))
    store.commit(appending("b"), None)

    assert [record.path for record in store.reader().records(1)] == ["b"]
    assert run_of(store).status == "accepted"
    assert store.reader().blob(5) == b"x"
    must_miss(lambda: store.reader().blob(6))


@check
def an_id_is_taken_once(subject: Subject) -> None:
    """An id that exists is reported; that run and what belongs to it alone is left out."""
    store = open_with(subject, new_run(1, "same"))
    batch = start(new_run(2, "same", input=b'{"n":2}'), new_run(3, "other"))
    batch.records += [(2, 1, "lost", 5, b"{}"), (3, 1, "kept", 5, b"{}")]
    batch.blobs += [(20, 2, None, b"lost"), (30, 3, None, b"kept")]
    batch.published[2, "k"] = b"1"
    batch.change(2).status = "running"
    result = store.commit(batch, None)
    reader = store.reader()
    same = reader.run("same")

    assert result.taken == {"same"}
    assert same is not None
    assert (same.num, same.input) == (1, b'{"n":1}')
    assert reader.run("other") is not None
    assert reader.run_by_num(2) is None
    assert reader.records(2) == []
    assert [record.path for record in reader.records(3)] == ["kept"]
    assert reader.published(2) == {}
    assert reader.blob(30) == b"kept"
    must_miss(lambda: reader.blob(20))
    must_miss(lambda: reader.family_key(2))


@check
def an_id_twice_in_a_batch_is_one_run(subject: Subject) -> None:
    """Of two new runs with one id in a batch the first is created, and the id is reported."""
    store = subject.open()
    result = store.commit(start(new_run(1, "same"), new_run(2, "same")), None)
    run = store.reader().run("same")

    assert result.taken == {"same"}
    assert run is not None
    assert run.num == 1


@check
def changes_touch_what_they_name(subject: Subject) -> None:
    """``None`` leaves a column, ``UNSET`` leaves a nullable one, which ``None`` empties."""
    store = open_with(subject, new_run(1, owner=4, waits=b"[]", error=b"{}", claims=2))
    batch = Batch()
    change = batch.change(1)
    change.status, change.waits, change.claims = "succeeded", None, 0
    change.output, change.ended_at, change.owner = b"7", 99, None
    store.commit(batch, None)
    run = run_of(store)

    assert (run.status, run.waits, run.claims) == ("succeeded", None, 0)
    assert (run.output, run.ended_at, run.owner) == (b"7", 99, None)
    assert (run.error, run.input, run.version, run.base) == (b"{}", b'{"n":1}', "v1", 0)
    assert run.is_ended


@check
def many_runs_change_at_once(subject: Subject) -> None:
    """Changes of hundreds of runs, each with its own columns, reach the right rows."""
    store = open_with(subject, *[new_run(num) for num in range(1, 301)])
    batch = Batch()
    for num in range(1, 301):
        change = batch.change(num)
        change.status = "succeeded" if num % 3 else "waiting"
        if num % 3:
            change.output, change.ended_at = b"%d" % num, num
        else:
            change.waits = b'["w%d"]' % num
    store.commit(batch, None)
    runs = store.reader().runs(limit=1_000)

    assert len(runs) == 300
    for run in runs:
        expected: tuple[Any, ...] = ("succeeded", b"%d" % run.num, run.num, None)
        if run.num % 3 == 0:
            expected = ("waiting", None, None, b'["w%d"]' % run.num)

        assert (run.status, run.output, run.ended_at, run.waits) == expected


@check
def an_incarnation_begins_at_the_record_that_restarts(subject: Subject) -> None:
    """With a new incarnation ``base`` becomes the number of its run's last RESTARTED record.

    What the batch holds behind that record belongs to the new incarnation.
    """
    store = open_with(subject, new_run(1), new_run(2))
    store.commit(appending("a", "b"), None)
    batch = appending("c")
    batch.records.append((1, Kind.RESTARTED, "", 5, b"{}"))
    batch.records += [(1, 1, "first", 5, b"{}"), (2, 1, "other", 5, b"{}")]
    change = batch.change(1)
    change.incarnation, change.input, change.version = 1, b'{"n":2}', "v2"
    store.commit(batch, None)
    store.commit(appending("d"), None)
    run = run_of(store)

    assert (run.incarnation, run.input, run.version) == (1, b'{"n":2}', "v2")
    assert [one.path for one in store.reader().records(1, after=run.base)] == ["first", "d"]


@check
def messages_wait_in_order(subject: Subject) -> None:
    """The inbox shows what waits for a worker's runs, first in first out, until it is done."""
    store = open_with(subject, new_run(1), new_run(2), new_run(3))
    worker = store.join(name="w")
    store.claim(worker, ["shop"], 2)
    batch = Batch(inbox_new=[
        (2, "signal", "go", b"1", 10), (1, "signal", "go", b"2", 11),
        (3, "signal", "go", b"3", 12), (2, "cancel", "", b"null", 13),
    ])  # fmt: skip
    store.commit(batch, None)
    store.commit(Batch(inbox_new=[(1, "signal", "stop", b"4", 14)]), None)
    inbox = store.reader().inbox(worker.id)
    done = Batch(inbox_done=[inbox[0].id, inbox[2].id, 12_345])
    store.commit(done, worker)

    assert [tuple(row)[1:] for row in inbox] == [
        (2, "signal", "go", b"1", 10), (1, "signal", "go", b"2", 11),
        (2, "cancel", "", b"null", 13), (1, "signal", "stop", b"4", 14),
    ]  # fmt: skip
    assert [row.payload for row in store.reader().inbox(worker.id)] == [b"2", b"4"]


@check
def messages_to_nobody_are_reported(subject: Subject) -> None:
    """Messages to runs that are not there or have ended are named by index, the rest arrives."""
    store = open_with(subject, new_run(1), new_run(2, status="succeeded", ended_at=5))
    worker = store.join(name="w")
    store.claim(worker, ["shop"], 9)
    messages = [(num, "signal", "s", b"%d" % num, 5) for num in (2, 1, 99)]
    result = store.commit(Batch(inbox_new=messages), None)

    assert result.undelivered == {0, 2}
    assert [row.run for row in store.reader().inbox(worker.id)] == [1]


@check
def a_message_reaches_a_run_of_the_same_batch(subject: Subject) -> None:
    """A run can be started and sent to in one batch."""
    store = subject.open()
    batch = start(new_run(1))
    batch.inbox_new.append((1, "signal", "s", b"1", 5))

    assert store.commit(batch, None).undelivered == frozenset()


@check
def asks_are_open_until_closed(subject: Subject) -> None:
    """A question is listed with all it has, and after the first answer only when asked for."""
    store = open_with(subject, new_run(1), new_run(2))
    new = [
        ("q2", 1, "a/ask", b'{"f":1}', "ann", 11, 99), ("q1", 2, "b", b"{}", "bob", 10, None),
    ]  # fmt: skip
    store.commit(Batch(asks_new=new), None)
    before = store.reader().asks()
    store.commit(Batch(asks_closed=[("q2", 20, b"true"), ("none", 1, None)]), None)
    store.commit(Batch(asks_closed=[("q2", 30, b"false")]), None)
    reader = store.reader()

    assert [ask.id for ask in before] == ["q1", "q2"]
    assert tuple(before[1]) == ("q2", 1, "a/ask", b'{"f":1}', "ann", 11, 99, None, None)
    assert [ask.id for ask in reader.asks()] == ["q1"]
    assert reader.asks(1) == []
    assert [(ask.closed_at, ask.answer) for ask in reader.asks(1, open_only=False)] == [
        (20, b"true")
    ]


@check
def published_state_is_the_last(subject: Subject) -> None:
    """Of each key of a run the last payload is kept."""
    store = open_with(subject, new_run(1), new_run(2))
    store.commit(Batch(published={(1, "b"): b"1", (1, "a"): b"2", (2, "b"): b"3"}), None)
    store.commit(Batch(published={(1, "b"): b"4"}), None)

    assert store.reader().published(1) == {"a": b"2", "b": b"4"}
    assert store.reader().published(2) == {"b": b"3"}
    assert store.reader().published(3) == {}


@check
def streams_grow(subject: Subject) -> None:
    """Chunks of a stream have growing positions and are read in pages."""
    store = open_with(subject, new_run(1), new_run(2))
    store.commit(
        Batch(
            stream=[
                StreamRow(1, 5, b"1"),
                StreamRow(2, 6, b"2"),
                StreamRow(1, 7, b"3", "a/b", 2, 9),
            ]
        ),
        None,
    )
    store.commit(Batch(stream=[StreamRow(1, 8, b"4")]), None)
    chunks = store.reader().stream(1)

    assert [(one.at, one.payload) for one in chunks] == [(5, b"1"), (7, b"3"), (8, b"4")]
    assert chunks[1][3:] == ("a/b", 2, 9)
    assert [position for position, *_ in chunks] == sorted({position for position, *_ in chunks})
    assert store.reader().stream(1, after=chunks[0][0], limit=1) == chunks[1:2]


@check
def blobs_and_digests_belong_to_a_family(subject: Subject) -> None:
    """Blobs are found by number, their digests by family; one without digest is not listed."""
    store = open_with(subject, new_run(1), new_run(2))
    store.commit(
        Batch(blobs=[(11, 1, b"d1", b"one"), (12, 1, None, b"two"), (13, 2, b"d1", b"three")]), None
    )
    store.commit(Batch(blobs=[(14, 1, b"d4", b"")]), None)
    reader = store.reader()

    assert [reader.blob(number) for number in (11, 12, 13, 14)] == [b"one", b"two", b"three", b""]
    assert sorted(reader.digests(1)) == [(b"d1", 11), (b"d4", 14)]
    assert reader.family_key(1) == b"key-1"


@check
def a_document_is_kept_once(subject: Subject) -> None:
    """A document is found by its hash; one that is there already stays as it was."""
    store = subject.open()
    batch = start(new_run(1, document="h1"))
    batch.documents["h1"] = b'{"podium":1}'
    store.commit(batch, None)
    store.commit(Batch(documents={"h1": b'{"podium":2}', "h2": b"{}"}), None)
    reader = store.reader()

    assert [reader.document(name) for name in ("h1", "h2", "h3")] == [b'{"podium":1}', b"{}", None]
    assert run_of(store, 1).document == "h1"


@check
def files_come_in_chunks(subject: Subject) -> None:
    """A file's chunks come in order of index; written twice it is there once."""
    store = open_with(subject, new_run(1))
    chunks = [(1, "f", 1, b"b"), (1, "f", 0, b"a"), (1, "f", 2, b"c"), (1, "g", 0, b"z")]
    store.commit(Batch(file_chunks=chunks), None)
    store.commit(Batch(file_chunks=chunks[:2]), None)
    reader = store.reader()

    assert list(reader.file_chunks(1, "f")) == [b"a", b"b", b"c"]
    assert list(reader.file_chunks(2, "f")) == []


@check
def shared_policies_decide_inside_the_commit(subject: Subject) -> None:
    """Each event is decided after those before it; what was decided is answered in order."""
    store, other = subject.open(), subject.open()
    take = b'{"type":"take","holder":"w%d","want":2,"limit":3}'
    first = Batch(shared=[("permits", "p", take % 1), ("permits", "p", take % 2)], now=NOW)
    decisions = store.commit(first, None).decisions
    left = Batch(shared=[("permits", "p", b'{"type":"give","holder":"w1","unused":2}')], now=NOW)
    other.commit(left, None)
    state = store.reader().common.state("permits", "p")

    assert [msgspec.json.decode(one)["count"] for one in decisions] == [2, 1]
    assert state is not None
    assert msgspec.json.decode(state)["held"] == {"w2": 1}
    assert store.reader().common.states("permits") == {"p": state}
    assert store.reader().common.states("breaker") == {}
    assert store.reader().common.state("permits", "q") is None


@check
def the_newest_result_of_a_call_is_kept(subject: Subject) -> None:
    """A later one takes the place of an earlier; what nobody can want any more is pruned."""
    store = subject.open()
    old, new = KeptRow(1, 10, 1, "c1", b"1"), KeptRow(2, 20, 2, "c2", b"[2]")
    store.commit(Batch(kept={("task", "a"): old, ("task", "b"): old}), None)
    store.commit(Batch(kept={("task", "a"): new}), None)
    reader = store.reader()

    assert (reader.common.kept("task", "a"), reader.common.kept("task", "b")) == (new, old)
    assert reader.common.kept("other", "a") is None
    assert reader.common.kept_tasks() == [KeptTask("task", 2, 2, 4)]
    store.commit(Batch(unkept=[("", 11)]), None)
    assert (reader.common.kept("task", "a"), reader.common.kept("task", "b")) == (new, None)
    store.commit(Batch(unkept=[("other", 100)]), None)
    assert reader.common.kept("task", "a") == new
    store.commit(Batch(unkept=[("task", 100)], kept={("task", "c"): old}), None)
    assert (reader.common.kept("task", "a"), reader.common.kept("task", "c")) == (None, old)
