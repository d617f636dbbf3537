"""What every store must do, sentence by sentence: run it against a store of your own.

::

    @pytest.mark.parametrize("check", store_conformance.CHECKS, ids=lambda check: check.__name__)
    def test_conformance(check, subject):
        check(subject)

where ``subject`` is a :class:`Subject`. A check's docstring is the sentence it proves.
"""

from __future__ import annotations

import threading

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from podium.core.errors import ErrorInfo, PodiumError, StoreError, StoreFenced
from podium.journal.store import Batch, RunRow, Store, WorkerIdentity, WorkerRow


class Subject(Protocol):
    """A database under test that several stores (processes) can open."""

    def open(self) -> Store:
        """Return a new store on the same database."""
        ...

    def kill(self, store: Store) -> None:
        """End a store as SIGKILL ends its process."""
        ...


Check = Callable[[Subject], None]
CHECKS: list[Check] = []
"""Every check, in the order of the protocol."""


def _check(function: Check) -> Check:
    CHECKS.append(function)
    return function


def _row(num: int, run_id: str = "", **more: Any) -> RunRow:
    values: dict[str, Any] = {
        "num": num, "id": run_id or f"run-{num}", "uid": f"uid-{num}", "workflow": "shop",
        "version": "v1", "family": num, "input": b'{"n":1}', "created_at": 1_000 + num,
    }  # fmt: skip
    return RunRow(**{**values, **more})


def _start(*rows: RunRow) -> Batch:
    batch = Batch()
    for row in rows:
        if row.family == row.num:
            batch.families.append((row.family, b"key-%d" % row.family))
        batch.runs_new.append(row)
    return batch


def _open(subject: Subject, *rows: RunRow) -> Store:
    store = subject.open()
    if rows:
        store.commit(_start(*rows), None)
    return store


def _records(*paths: str, run: int = 1) -> Batch:
    return Batch(records=[(run, 1, path, 5, b'{"p":"%s"}' % path.encode()) for path in paths])


def _refused(kind: type[PodiumError], call: Callable[[], object]) -> PodiumError:
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def _run(store: Store, num: int = 1) -> RunRow:
    run = store.reader().run_by_num(num)
    assert run is not None
    return run


def _worker(store: Store, worker: WorkerIdentity) -> WorkerRow:
    return next(row for row in store.reader().workers() if row.id == worker.id)


# --- commit -------------------------------------------------------------------------------------


@_check
def a_run_is_read_as_it_was_written(subject: Subject) -> None:
    """Every field of a run comes back, by id and by number."""
    row = _row(
        7, "order-7", family=7, parent=3, parent_path="a/b", status="waiting", owner=9,
        incarnation=2, base=4, claims=1, output=b"[1]", error=b'{"type":"E"}', waits=b'["t"]',
        headers=b'{"tenant":"x"}', ended_at=12,
    )  # fmt: skip
    reader = _open(subject, row).reader()

    assert reader.run("order-7") == row
    assert reader.run_by_num(7) == row
    assert reader.run("order-8") is None
    assert reader.run_by_num(8) is None


@_check
def what_is_read_is_the_readers_own(subject: Subject) -> None:
    """Changing what a reader returned, or what was handed in, changes nothing that is stored."""
    row = _row(1)
    store = _open(subject, row)
    row.status = "failed"
    _run(store).status = "cancelled"

    assert _run(store).status == "accepted"


@_check
def bytes_come_back_as_they_went_in(subject: Subject) -> None:
    """Bodies and payloads are not changed: not their order, spaces, letters or NULs."""
    body = '{ "b": 1,  "a": "é\\u0000✓", "n": 1.50 }'.encode()
    store = _open(subject, _row(1, input=body, headers=b'{"z": 1, "a":2}'))
    batch = Batch(records=[(1, 1, "s", 5, body), (1, 1, "", 6, b""), (1, 1, "é/✓", 7, b"a\0b")])
    batch.blobs.append((1, 1, None, bytes(range(256))))
    store.commit(batch, None)
    reader = store.reader()

    assert [record.body for record in reader.records(1)] == [body, b"", b"a\0b"]
    assert reader.records(1)[2].path == "é/✓"
    assert (_run(store).input, _run(store).headers) == (body, b'{"z": 1, "a":2}')
    assert reader.blob(1) == bytes(range(256))


@_check
def records_keep_the_order_of_appending(subject: Subject) -> None:
    """Numbers grow in commit order over the whole file, within a batch in its order."""
    store = _open(subject, _row(1), _row(2))
    batch = _records("a", "b")
    batch.records.insert(1, (2, 20, "x", 6, b"{}"))
    store.commit(batch, None)
    store.commit(_records("c"), None)
    one, two = store.reader().records(1), store.reader().records(2)
    numbers = [one[0].seq, two[0].seq, one[1].seq, one[2].seq]

    assert [record.path for record in one] == ["a", "b", "c"]
    assert (two[0].kind, two[0].path, two[0].at, two[0].body) == (20, "x", 6, b"{}")
    assert numbers == sorted(set(numbers))


@_check
def a_large_group_is_one_commit(subject: Subject) -> None:
    """Thousands of records of many runs are written in order."""
    store = _open(subject, *[_row(num) for num in range(1, 8)])
    worker = store.join(name="w")
    batch = Batch(records=[(n % 7 + 1, 1, f"s#{n}", n, b"{}") for n in range(3_333)])
    store.commit(batch, worker)
    found = [record for num in range(1, 8) for record in store.reader().records(num)]

    assert [r.path for r in sorted(found)] == [f"s#{n}" for n in range(3_333)]


@_check
def records_are_read_in_pages(subject: Subject) -> None:
    """``after`` and ``limit`` page through a journal."""
    store = _open(subject, _row(1))
    store.commit(_records(*"abcde"), None)
    first = store.reader().records(1, limit=2)
    second = store.reader().records(1, after=first[-1].seq, limit=2)

    assert [record.path for record in first + second] == ["a", "b", "c", "d"]
    assert [r.path for r in store.reader().records(1, after=second[-1].seq)] == ["e"]
    assert store.reader().records(99) == []


@_check
def a_commit_is_all_or_nothing(subject: Subject) -> None:
    """A batch with one thing that is refused writes nothing, and the store stays usable."""
    store = _open(subject, _row(1))
    store.commit(Batch(blobs=[(5, 1, None, b"x")]), None)
    batch = _records("a")
    batch.blobs += [(6, 1, None, b"y"), (5, 1, None, b"again")]
    batch.change(1).status = "running"
    _refused(StoreError, lambda: store.commit(batch, None))
    store.commit(_records("b"), None)

    assert [record.path for record in store.reader().records(1)] == ["b"]
    assert _run(store).status == "accepted"
    assert store.reader().blob(5) == b"x"
    _refused_key(lambda: store.reader().blob(6))


def _refused_key(call: Callable[[], object]) -> None:
    try:
        call()
    except KeyError:
        return
    raise AssertionError("KeyError was not raised")


@_check
def an_id_is_taken_once(subject: Subject) -> None:
    """An id that exists is reported; that run and what belongs to it alone is left out."""
    store = _open(subject, _row(1, "same"))
    batch = _start(_row(2, "same", input=b'{"n":2}'), _row(3, "other"))
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
    _refused_key(lambda: reader.blob(20))
    _refused_key(lambda: reader.family_key(2))


@_check
def an_id_twice_in_a_batch_is_one_run(subject: Subject) -> None:
    """Of two new runs with one id in a batch the first is created, and the id is reported."""
    store = subject.open()
    result = store.commit(_start(_row(1, "same"), _row(2, "same")), None)
    run = store.reader().run("same")

    assert result.taken == {"same"}
    assert run is not None
    assert run.num == 1


@_check
def changes_touch_what_they_name(subject: Subject) -> None:
    """``None`` leaves a column, ``UNSET`` leaves a nullable one, which ``None`` empties."""
    store = _open(subject, _row(1, owner=4, waits=b"[]", error=b"{}", claims=2))
    batch = Batch()
    change = batch.change(1)
    change.status, change.waits, change.claims = "succeeded", None, 0
    change.output, change.ended_at, change.owner = b"7", 99, None
    store.commit(batch, None)
    run = _run(store)

    assert (run.status, run.waits, run.claims) == ("succeeded", None, 0)
    assert (run.output, run.ended_at, run.owner) == (b"7", 99, None)
    assert (run.error, run.input, run.version, run.base) == (b"{}", b'{"n":1}', "v1", 0)
    assert run.is_ended


@_check
def many_runs_change_at_once(subject: Subject) -> None:
    """Changes of hundreds of runs, each with its own columns, reach the right rows."""
    store = _open(subject, *[_row(num) for num in range(1, 301)])
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
        expected = ("succeeded", b"%d" % run.num, run.num, None)
        if run.num % 3 == 0:
            expected = ("waiting", None, None, b'["w%d"]' % run.num)

        assert (run.status, run.output, run.ended_at, run.waits) == expected


@_check
def an_incarnation_begins_at_its_last_record(subject: Subject) -> None:
    """With a new incarnation ``base`` becomes the number of the batch's last record of the run."""
    store = _open(subject, _row(1), _row(2))
    store.commit(_records("a", "b"), None)
    batch = _records("c", "restarted")
    batch.records.append((2, 1, "other", 5, b"{}"))
    change = batch.change(1)
    change.incarnation, change.input, change.version = 1, b'{"n":2}', "v2"
    store.commit(batch, None)
    store.commit(_records("d"), None)
    run = _run(store)

    assert (run.incarnation, run.input, run.version) == (1, b'{"n":2}', "v2")
    assert [record.path for record in store.reader().records(1, after=run.base)] == ["d"]


@_check
def messages_wait_in_order(subject: Subject) -> None:
    """The inbox shows what waits for a worker's runs, first in first out, until it is done."""
    store = _open(subject, _row(1), _row(2), _row(3))
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


@_check
def messages_to_nobody_are_reported(subject: Subject) -> None:
    """Messages to runs that are not there or have ended are named by index, the rest arrives."""
    store = _open(subject, _row(1), _row(2, status="succeeded", ended_at=5))
    worker = store.join(name="w")
    store.claim(worker, ["shop"], 9)
    messages = [(num, "signal", "s", b"%d" % num, 5) for num in (2, 1, 99)]
    result = store.commit(Batch(inbox_new=messages), None)

    assert result.undelivered == {0, 2}
    assert [row.run for row in store.reader().inbox(worker.id)] == [1]


@_check
def a_message_reaches_a_run_of_the_same_batch(subject: Subject) -> None:
    """A run can be started and sent to in one batch."""
    store = subject.open()
    batch = _start(_row(1))
    batch.inbox_new.append((1, "signal", "s", b"1", 5))

    assert store.commit(batch, None).undelivered == frozenset()


@_check
def asks_are_open_until_closed(subject: Subject) -> None:
    """A question is listed with all it has, and after the first answer only when asked for."""
    store = _open(subject, _row(1), _row(2))
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


@_check
def published_state_is_the_last(subject: Subject) -> None:
    """Of each key of a run the last payload is kept."""
    store = _open(subject, _row(1), _row(2))
    store.commit(Batch(published={(1, "b"): b"1", (1, "a"): b"2", (2, "b"): b"3"}), None)
    store.commit(Batch(published={(1, "b"): b"4"}), None)

    assert store.reader().published(1) == {"a": b"2", "b": b"4"}
    assert store.reader().published(2) == {"b": b"3"}
    assert store.reader().published(3) == {}


@_check
def streams_grow(subject: Subject) -> None:
    """Chunks of a stream have growing positions and are read in pages."""
    store = _open(subject, _row(1), _row(2))
    store.commit(Batch(stream=[(1, 5, b"1"), (2, 6, b"2"), (1, 7, b"3")]), None)
    store.commit(Batch(stream=[(1, 8, b"4")]), None)
    chunks = store.reader().stream(1)

    assert [(at, payload) for _, at, payload in chunks] == [(5, b"1"), (7, b"3"), (8, b"4")]
    assert [position for position, *_ in chunks] == sorted({position for position, *_ in chunks})
    assert store.reader().stream(1, after=chunks[0][0], limit=1) == chunks[1:2]


@_check
def blobs_and_digests_belong_to_a_family(subject: Subject) -> None:
    """Blobs are found by number, their digests by family; one without digest is not listed."""
    store = _open(subject, _row(1), _row(2))
    store.commit(
        Batch(blobs=[(11, 1, b"d1", b"one"), (12, 1, None, b"two"), (13, 2, b"d1", b"three")]), None
    )
    store.commit(Batch(blobs=[(14, 1, b"d4", b"")]), None)
    reader = store.reader()

    assert [reader.blob(number) for number in (11, 12, 13, 14)] == [b"one", b"two", b"three", b""]
    assert sorted(reader.digests(1)) == [(b"d1", 11), (b"d4", 14)]
    assert reader.family_key(1) == b"key-1"


@_check
def files_come_in_chunks(subject: Subject) -> None:
    """A file's chunks come in order of index; written twice it is there once."""
    store = _open(subject, _row(1))
    chunks = [(1, "f", 1, b"b"), (1, "f", 0, b"a"), (1, "f", 2, b"c"), (1, "g", 0, b"z")]
    store.commit(Batch(file_chunks=chunks), None)
    store.commit(Batch(file_chunks=chunks[:2]), None)
    reader = store.reader()

    assert list(reader.file_chunks(1, "f")) == [b"a", b"b", b"c"]
    assert list(reader.file_chunks(2, "f")) == []
    assert (reader.has_file(1, "g"), reader.has_file(1, "h")) == (True, False)


# --- reading ------------------------------------------------------------------------------------


@_check
def runs_are_listed_newest_first(subject: Subject) -> None:
    """Lists are filtered and paged by ``before``."""
    store = _open(
        subject, _row(1), _row(2, workflow="other"), _row(3, status="blocked"),
        _row(4, family=1), _row(5, status="failed", ended_at=3),
    )  # fmt: skip
    runs = store.reader().runs

    def nums(rows: list[RunRow]) -> list[int]:
        return [row.num for row in rows]

    assert nums(runs()) == [5, 4, 3, 2, 1]
    assert nums(runs(limit=2)) == [5, 4]
    assert nums(runs(limit=2, before=4)) == [3, 2]
    assert nums(runs(statuses=["blocked"])) == [3]
    assert nums(runs(statuses=["blocked", "failed"])) == [5, 3]
    assert nums(runs(workflow="other")) == [2]
    assert nums(runs(family=1)) == [4, 1]
    assert nums(runs(workflow="shop", statuses=["accepted"], family=1, before=4)) == [1]


@_check
def children_are_found(subject: Subject) -> None:
    """The runs that a run started, oldest first."""
    store = _open(subject, _row(1), _row(3, parent=1, family=1), _row(2, parent=1, family=1))

    assert [row.num for row in store.reader().children(1)] == [2, 3]
    assert store.reader().children(2) == []


@_check
def others_see_what_is_committed(subject: Subject) -> None:
    """Another store on the same database sees a commit at once, and its number of changes moves."""
    writer, watcher = subject.open(), subject.open()
    before = watcher.reader().changes()
    quiet = watcher.reader().changes()
    writer.commit(_start(_row(1)), None)
    own = writer.reader().changes()
    writer.commit(_records("a"), None)

    assert before == quiet
    assert watcher.reader().changes() != before
    assert writer.reader().changes() != own
    assert [record.path for record in watcher.reader().records(1)] == ["a"]


@_check
def near_ids_help_with_typing(subject: Subject) -> None:
    """Ids that begin like the given one come first, then similar ones, and nothing unlike."""
    ids = ["order-17", "order-18", "odrer-1", "refund-1"]
    store = _open(subject, *[_row(num, name) for num, name in enumerate(ids, start=1)])
    near = store.reader().near_ids

    assert near("order-1")[:2] == ["order-18", "order-17"]
    assert near("oder-17", limit=1) == ["order-17"]
    assert near("zzzzzz") == []


# --- workers ------------------------------------------------------------------------------------


@_check
def a_worker_is_registered(subject: Subject) -> None:
    """Joining makes a row with its name and a lock that is held; numbers are not used twice."""
    store = subject.open()
    first = store.join(name="ann")
    second = store.join(name="bob")
    store.leave(second)
    third = store.join(name="cat")
    row = _worker(store, first)

    assert (row.id, row.epoch, row.name, row.is_gone) == (first.id, first.epoch, "ann", False)
    assert len({first.id, second.id, third.id}) == 3
    assert [row.name for row in subject.open().reader().workers()] == ["ann", "cat"]


@_check
def beats_move_the_counter(subject: Subject) -> None:
    """A beat, from any thread, moves the counter that others watch."""
    store, other = subject.open(), subject.open()
    worker = store.join(name="w")
    before = _worker(other, worker).beat
    said: list[bool] = []
    thread = threading.Thread(target=lambda: said.append(store.beat(worker)))
    thread.start()
    thread.join()

    assert said == [True]
    assert _worker(other, worker).beat != before


@_check
def runs_are_claimed_once(subject: Subject) -> None:
    """Free open runs of the named workflows go to one worker each, oldest first, to the limit."""
    store, other = subject.open(), subject.open()
    rows = [_row(num) for num in range(1, 6)]
    rows += [_row(6, workflow="else"), _row(7, status="blocked"), _row(8, status="waiting")]
    store.commit(_start(*rows), None)
    one, two = store.join(name="1"), other.join(name="2")
    first = store.claim(one, ["shop"], 2)
    second = other.claim(two, ["shop", "x"], 10)

    assert [run.num for run in first] == [1, 2]
    assert all(run.owner == one.id for run in first)
    assert [run.num for run in second] == [3, 4, 5, 8]
    assert _run(store, 3).owner == two.id
    assert store.claim(one, ["shop"], 10) == []
    assert store.claim(one, [], 10) == []


@_check
def a_claim_can_name_runs(subject: Subject) -> None:
    """``only`` limits a claim to these ids."""
    store = _open(subject, _row(1), _row(2), _row(3))
    worker = store.join(name="w")

    assert [run.num for run in store.claim(worker, ["shop"], 9, only=["run-2", "no"])] == [2]
    assert store.claim(worker, ["shop"], 9, only=[]) == []


@_check
def leaving_frees_the_runs(subject: Subject) -> None:
    """A worker that leaves frees its runs, claims untouched; others can take them at once."""
    store = _open(subject, _row(1, claims=1), _row(2))
    worker = store.join(name="w")
    store.claim(worker, ["shop"], 9)
    batch = Batch()
    batch.change(2).status = "blocked"
    store.commit(batch, worker)
    store.leave(worker)

    assert store.reader().workers() == []
    assert (_run(store).owner, _run(store).claims, _run(store).status) == (None, 1, "accepted")
    assert _run(store, 2).owner is None
    assert store.beat(worker) is False


@_check
def death_shows_at_once(subject: Subject) -> None:
    """When a process is killed its worker is gone for all others, and only its worker."""
    store, victim = subject.open(), subject.open()
    here, there = store.join(name="here"), victim.join(name="there")
    subject.kill(victim)

    assert _worker(store, there).is_gone
    assert not _worker(store, here).is_gone


@_check
def taking_over_frees_and_counts(subject: Subject) -> None:
    """Taking over a dead worker frees its open runs with ``claims`` raised, and counts them."""
    store, victim = subject.open(), subject.open()
    rows = [_row(1), _row(2, status="waiting"), _row(3), _row(4)]
    store.commit(_start(*rows), None)
    here, there = store.join(name="here"), victim.join(name="there")
    victim.claim(there, ["shop"], 4)
    batch = Batch()
    batch.change(3).status = "blocked"
    batch.change(4).status = "succeeded"
    batch.change(4).ended_at = 9
    victim.commit(batch, there)
    dead = _worker(store, there)
    subject.kill(victim)

    assert store.take_over(here, dead, at=1_000_000) == 2
    assert store.take_over(here, dead, at=1_000_000) == 0
    assert [(_run(store, n).owner, _run(store, n).claims) for n in (1, 2, 3)] == [
        (None, 1), (None, 1), (None, 0),
    ]  # fmt: skip
    assert (_run(store, 2).status, _run(store, 3).status) == ("waiting", "blocked")
    assert [row.name for row in store.reader().workers()] == ["here"]
    assert [run.num for run in store.claim(here, ["shop"], 9)] == [1, 2]


@_check
def three_deaths_quarantine(subject: Subject) -> None:
    """A run whose claims reach three is quarantined, with an error that says so."""
    store = _open(subject, _row(1), _row(2, claims=1))
    here = store.join(name="here")
    for _ in range(2):
        victim = subject.open()
        there = victim.join(name="there")
        victim.claim(there, ["shop"], 9)
        subject.kill(victim)
        store.take_over(here, _worker(store, there), at=1_000_000)
    run = _run(store, 2)

    assert (run.status, run.claims, run.owner) == ("quarantined", 3, None)
    assert run.error is not None
    error = msgspec.json.decode(run.error, type=ErrorInfo)
    assert error.code == "quarantined"
    assert error.message
    assert (_run(store).status, _run(store).claims, _run(store).error) == ("accepted", 2, None)
    assert [run.num for run in store.claim(here, ["shop"], 9)] == [1]


@_check
def the_fenced_write_nothing(subject: Subject) -> None:
    """A worker that was taken over is refused everywhere and nothing of it is written."""
    store, frozen = _open(subject, _row(1), _row(2)), subject.open()
    here, there = store.join(name="here"), frozen.join(name="there")
    frozen.claim(there, ["shop"], 1)
    store.take_over(here, _worker(store, there), at=1_000_000)
    many = Batch(records=[(1, 1, f"s#{n}", 5, b"{}") for n in range(700)])
    batch = _records("a")
    batch.change(1).status = "running"
    new = _start(_row(3))
    for refused in (_records("a"), _records("a", "b"), many, batch, new, Batch()):
        _refused(StoreFenced, lambda refused=refused: frozen.commit(refused, there))  # type: ignore[misc]
    _refused(StoreFenced, lambda: frozen.claim(there, ["shop"], 1))
    _refused(StoreFenced, lambda: frozen.take_over(there, _worker(store, here), at=1))
    frozen.leave(there)

    assert frozen.beat(there) is False
    assert store.beat(here) is True
    assert store.reader().records(1) == []
    assert _run(store).status == "accepted"
    assert store.reader().run_by_num(3) is None
    assert _run(store, 1).owner is None
    assert frozen.commit(_records("a"), None).taken == frozenset()


@_check
def a_wrong_epoch_is_fenced(subject: Subject) -> None:
    """The epoch is checked, not only the number; taking over with another epoch does nothing."""
    store = _open(subject, _row(1))
    worker = store.join(name="w")
    other = store.join(name="other")
    stale = WorkerIdentity(worker.id, worker.epoch + 1)
    dead = _worker(store, worker)._replace(epoch=worker.epoch + 1)
    _refused(StoreFenced, lambda: store.commit(_records("a"), stale))

    assert store.take_over(other, dead, at=1) == 0
    assert store.commit(_records("a"), worker).taken == frozenset()


# --- the end ------------------------------------------------------------------------------------


@_check
def a_closed_store_is_refused_and_all_is_kept(subject: Subject) -> None:
    """After ``close`` nothing can be written here, and another store has everything."""
    store = _open(subject, _row(1))
    store.commit(_records("a"), None)
    store.close()
    store.close()
    _refused(StoreError, lambda: store.commit(_records("b"), None))

    assert [record.path for record in subject.open().reader().records(1)] == ["a"]


@_check
def nothing_in_a_batch_is_changed(subject: Subject) -> None:
    """A commit leaves the batch as it was, so that it can be tried again."""
    store = _open(subject, _row(1, "same"))
    batch = _start(_row(2, "same"), _row(3))
    batch.records.append((2, 1, "a", 5, b"{}"))
    before = msgspec.json.encode([repr(batch)])
    store.commit(batch, None)

    assert msgspec.json.encode([repr(batch)]) == before
