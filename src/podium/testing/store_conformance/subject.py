"""What a store is tested with: a database to open, batches to write, errors to expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from podium.core.errors import PodiumError
from podium.journal.store import Batch, RunRow, Store, WorkerIdentity, WorkerRow
from podium.policy.shared import Now


class Subject(Protocol):
    """A database under test that several stores (processes) can open."""

    def open(self) -> Store:
        """Return a new store on the same database."""
        ...

    def kill(self, store: Store) -> None:
        """End a store as SIGKILL ends its process."""
        ...


NOW = Now("boot-1", 1_000_000, 1_000_000)
"""A time for what is decided or taken over."""
Check = Callable[[Subject], None]
CHECKS: list[Check] = []
"""Every check that was listed so far."""


def check(function: Check) -> Check:
    """List a check."""
    CHECKS.append(function)
    return function


def new_run(num: int, run_id: str = "", **more: Any) -> RunRow:
    """Return the row of a run as it begins."""
    values: dict[str, Any] = {
        "num": num, "id": run_id or f"run-{num}", "uid": f"uid-{num}", "workflow": "shop",
        "version": "v1", "family": num, "input": b'{"n":1}', "created_at": 1_000 + num,
    }  # fmt: skip
    return RunRow(**{**values, **more})


def start(*rows: RunRow) -> Batch:
    """Return a batch that creates runs, and families for those that have one of their own."""
    batch = Batch()
    for row in rows:
        if row.family == row.num:
            batch.families.append((row.family, b"key-%d" % row.family))
        batch.runs_new.append(row)
    return batch


def open_with(subject: Subject, *rows: RunRow) -> Store:
    """Return a new store on the database, in which these runs were started."""
    store = subject.open()
    if rows:
        store.commit(start(*rows), None)
    return store


def appending(*paths: str, run: int = 1) -> Batch:
    """Return a batch that appends records of these paths to a run."""
    return Batch(records=[(run, 1, path, 5, b'{"p":"%s"}' % path.encode()) for path in paths])


def must_refuse(kind: type[PodiumError], call: Callable[[], object]) -> PodiumError:
    """Return the error that a call raises."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def run_of(store: Store, num: int = 1) -> RunRow:
    """Return a run that is there."""
    run = store.reader().run_by_num(num)
    assert run is not None
    return run


def worker_of(store: Store, worker: WorkerIdentity) -> WorkerRow:
    """Return the row of a worker that is registered."""
    return next(row for row in store.reader().workers() if row.id == worker.id)


def must_miss(call: Callable[[], object]) -> None:
    """Expect that a call finds nothing under its key."""
    try:
        call()
    except KeyError:
        return
    raise AssertionError("KeyError was not raised")
