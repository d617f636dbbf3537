"""What holds for workers, their leases and the end of a store."""

from __future__ import annotations

import threading

import msgspec

from podium.core.errors import ErrorInfo, StoreError, StoreFenced
from podium.journal.store import Batch, WorkerIdentity
from podium.testing.store_conformance.subject import (
    NOW,
    Subject,
    appending,
    check,
    must_refuse,
    new_run,
    open_with,
    run_of,
    start,
    worker_of,
)


@check
def a_worker_is_registered(subject: Subject) -> None:
    """Joining makes a row with its name and a lock that is held; numbers are not used twice."""
    store = subject.open()
    first = store.join(name="ann")
    second = store.join(name="bob")
    store.leave(second, NOW)
    third = store.join(name="cat")
    row = worker_of(store, first)

    assert (row.id, row.epoch, row.name, row.is_gone) == (first.id, first.epoch, "ann", False)
    assert len({first.id, second.id, third.id}) == 3
    assert [row.name for row in subject.open().reader().workers()] == ["ann", "cat"]


@check
def beats_move_the_counter(subject: Subject) -> None:
    """A beat, from any thread, moves the counter that others watch."""
    store, other = subject.open(), subject.open()
    worker = store.join(name="w")
    before = worker_of(other, worker).beat
    said: list[bool] = []
    thread = threading.Thread(target=lambda: said.append(store.beat(worker)))
    thread.start()
    thread.join()

    assert said == [True]
    assert worker_of(other, worker).beat != before


@check
def runs_are_claimed_once(subject: Subject) -> None:
    """Free open runs of the named workflows go to one worker each, oldest first, to the limit."""
    store, other = subject.open(), subject.open()
    rows = [new_run(num) for num in range(1, 6)]
    rows += [
        new_run(6, workflow="else"),
        new_run(7, status="blocked"),
        new_run(8, status="waiting"),
    ]
    store.commit(start(*rows), None)
    one, two = store.join(name="1"), other.join(name="2")
    first = store.claim(one, ["shop"], 2)
    second = other.claim(two, ["shop", "x"], 10)

    assert [run.num for run in first] == [1, 2]
    assert all(run.owner == one.id for run in first)
    assert [run.num for run in second] == [3, 4, 5, 8]
    assert run_of(store, 3).owner == two.id
    assert store.claim(one, ["shop"], 10) == []
    assert store.claim(one, [], 10) == []


@check
def documents_are_claimed_by_anybody(subject: Subject) -> None:
    """A run of a document needs no workflow of that name, unless only some runs are claimed."""
    store = open_with(subject, new_run(1, document="h"), new_run(2), new_run(3, document="h"))
    worker = store.join(name="w")

    assert [run.num for run in store.claim(worker, [], 10, ["run-3"])] == [3]
    assert [run.num for run in store.claim(worker, [], 10)] == [1]


@check
def a_claim_can_name_runs(subject: Subject) -> None:
    """``only`` limits a claim to these ids."""
    store = open_with(subject, new_run(1), new_run(2), new_run(3))
    worker = store.join(name="w")

    assert [run.num for run in store.claim(worker, ["shop"], 9, only=["run-2", "no"])] == [2]
    assert store.claim(worker, ["shop"], 9, only=[]) == []


@check
def suspects_are_claimed_one_at_a_time(subject: Subject) -> None:
    """Of runs that one more death would quarantine a worker holds one, until it has moved on."""
    store, other = subject.open(), subject.open()
    rows = [new_run(1), *(new_run(num, claims=2) for num in (2, 3, 4)), new_run(5, claims=1)]
    store.commit(start(*rows), None)
    one, two = store.join(name="1"), other.join(name="2")
    taken = [
        [run.num for run in store.claim(one, ["shop"], 9)],
        [run.num for run in store.claim(one, ["shop"], 9)],
        [run.num for run in other.claim(two, ["shop"], 9)],
    ]
    batch = Batch()
    batch.change(2).claims = 0
    store.commit(batch, one)

    assert taken == [[1, 2, 5], [], [3]]
    assert [run.num for run in store.claim(one, ["shop"], 9)] == [4]


@check
def leaving_frees_the_runs(subject: Subject) -> None:
    """A worker that leaves frees its runs, claims untouched; others can take them at once."""
    store = open_with(subject, new_run(1, claims=1), new_run(2))
    worker = store.join(name="w")
    store.claim(worker, ["shop"], 9)
    batch = Batch()
    batch.change(2).status = "blocked"
    store.commit(batch, worker)
    store.leave(worker, NOW)

    assert store.reader().workers() == []
    assert (run_of(store).owner, run_of(store).claims, run_of(store).status) == (
        None,
        1,
        "accepted",
    )
    assert run_of(store, 2).owner is None
    assert store.beat(worker) is False


@check
def death_shows_at_once(subject: Subject) -> None:
    """When a process is killed its worker is gone for all others, and only its worker."""
    store, victim = subject.open(), subject.open()
    here, there = store.join(name="here"), victim.join(name="there")
    subject.kill(victim)

    assert worker_of(store, there).is_gone
    assert not worker_of(store, here).is_gone


@check
def taking_over_frees_and_counts(subject: Subject) -> None:
    """Taking over a dead worker frees its open runs with ``claims`` raised, and counts them."""
    store, victim = subject.open(), subject.open()
    rows = [new_run(1), new_run(2, status="waiting"), new_run(3), new_run(4)]
    store.commit(start(*rows), None)
    here, there = store.join(name="here"), victim.join(name="there")
    victim.claim(there, ["shop"], 4)
    batch = Batch()
    batch.change(3).status = "blocked"
    batch.change(4).status = "succeeded"
    batch.change(4).ended_at = 9
    victim.commit(batch, there)
    dead = worker_of(store, there)
    subject.kill(victim)

    assert store.take_over(here, dead, NOW) == 2
    assert store.take_over(here, dead, NOW) == 0
    assert [(run_of(store, n).owner, run_of(store, n).claims) for n in (1, 2, 3)] == [
        (None, 1), (None, 1), (None, 0),
    ]  # fmt: skip
    assert (run_of(store, 2).status, run_of(store, 3).status) == ("waiting", "blocked")
    assert [row.name for row in store.reader().workers()] == ["here"]
    assert [run.num for run in store.claim(here, ["shop"], 9)] == [1, 2]


@check
def three_deaths_quarantine(subject: Subject) -> None:
    """A run whose claims reach three is quarantined, with an error that says so."""
    store = open_with(subject, new_run(1), new_run(2, claims=1))
    here = store.join(name="here")
    for _ in range(2):
        victim = subject.open()
        there = victim.join(name="there")
        victim.claim(there, ["shop"], 9)
        subject.kill(victim)
        store.take_over(here, worker_of(store, there), NOW)
    run = run_of(store, 2)

    assert (run.status, run.claims, run.owner) == ("quarantined", 3, None)
    assert run.error is not None
    error = msgspec.json.decode(run.error, type=ErrorInfo)
    assert error.code == "quarantined"
    assert error.message
    assert (run_of(store).status, run_of(store).claims, run_of(store).error) == (
        "accepted",
        2,
        None,
    )
    assert [run.num for run in store.claim(here, ["shop"], 9)] == [1]


@check
def the_fenced_write_nothing(subject: Subject) -> None:
    """A worker that was taken over is refused everywhere and nothing of it is written."""
    store, frozen = open_with(subject, new_run(1), new_run(2)), subject.open()
    here, there = store.join(name="here"), frozen.join(name="there")
    frozen.claim(there, ["shop"], 1)
    store.take_over(here, worker_of(store, there), NOW)
    many = Batch(records=[(1, 1, f"s#{n}", 5, b"{}") for n in range(700)])
    batch = appending("a")
    batch.change(1).status = "running"
    new = start(new_run(3))
    for refused in (appending("a"), appending("a", "b"), many, batch, new, Batch()):
        must_refuse(StoreFenced, lambda refused=refused: frozen.commit(refused, there))  # type: ignore[misc]
    must_refuse(StoreFenced, lambda: frozen.claim(there, ["shop"], 1))
    must_refuse(StoreFenced, lambda: frozen.take_over(there, worker_of(store, here), NOW))
    frozen.leave(there, NOW)

    assert frozen.beat(there) is False
    assert store.beat(here) is True
    assert store.reader().records(1) == []
    assert run_of(store).status == "accepted"
    assert store.reader().run_by_num(3) is None
    assert run_of(store, 1).owner is None
    assert frozen.commit(appending("a"), None).taken == frozenset()


@check
def a_wrong_epoch_is_fenced(subject: Subject) -> None:
    """The epoch is checked, not only the number; taking over with another epoch does nothing."""
    store = open_with(subject, new_run(1))
    worker = store.join(name="w")
    other = store.join(name="other")
    stale = WorkerIdentity(worker.id, worker.epoch + 1)
    dead = worker_of(store, worker)._replace(epoch=worker.epoch + 1)
    must_refuse(StoreFenced, lambda: store.commit(appending("a"), stale))

    assert store.take_over(other, dead, NOW) == 0
    assert store.commit(appending("a"), worker).taken == frozenset()


@check
def a_closed_store_is_refused_and_all_is_kept(subject: Subject) -> None:
    """After ``close`` nothing can be written here, and another store has everything."""
    store = open_with(subject, new_run(1))
    store.commit(appending("a"), None)
    store.close()
    store.close()
    must_refuse(StoreError, lambda: store.commit(appending("b"), None))

    assert [record.path for record in subject.open().reader().records(1)] == ["a"]


@check
def nothing_in_a_batch_is_changed(subject: Subject) -> None:
    """A commit leaves the batch as it was, so that it can be tried again."""
    store = open_with(subject, new_run(1, "same"))
    batch = start(new_run(2, "same"), new_run(3))
    batch.records.append((2, 1, "a", 5, b"{}"))
    before = msgspec.json.encode([repr(batch)])
    store.commit(batch, None)

    assert msgspec.json.encode([repr(batch)]) == before


@check
def a_worker_that_is_gone_holds_nothing(subject: Subject) -> None:
    """What it held of shared policies is taken from it when it leaves, and when it is taken over."""
    store, doomed = subject.open(), subject.open()
    here, gone, dead = store.join(name="a"), store.join(name="b"), doomed.join(name="c")
    take = b'{"type":"take","holder":"w%d","want":1,"limit":3}'
    events = [("permits", "p", take % worker.id) for worker in (here, gone, dead)]
    store.commit(Batch(shared=events, now=NOW), None)
    store.leave(gone, NOW)
    row = worker_of(store, dead)
    subject.kill(doomed)
    store.take_over(here, row, NOW)
    state = store.reader().common.state("permits", "p")

    assert state is not None
    assert msgspec.json.decode(state)["held"] == {f"w{here.id}": 1}
