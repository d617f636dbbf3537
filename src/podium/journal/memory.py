"""The simulator's store: the same promises in plain Python, and failures on demand.

A :class:`MemoryDatabase` is the file, each :class:`MemoryStore` on it is a process. Only what was
committed is in it; what an engine has appended and not committed dies with the engine, which is
how the simulator loses a tail. Everything is deterministic and runs in one thread.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from itertools import count

import msgspec

from podium.core.errors import ErrorInfo, StoreError, StoreFenced, StoreSyncFailed
from podium.core.limits import CLAIMS_MAX
from podium.journal.batches import decided, refused, without
from podium.journal.near import nearest
from podium.journal.records import Kind
from podium.journal.store import (
    ENDED_STATUSES,
    OPEN_STATUSES,
    AskRow,
    Batch,
    ChunkRow,
    CommitResult,
    InboxRow,
    KeptRow,
    KeptTask,
    RecordRow,
    RunChange,
    RunRow,
    WorkerIdentity,
    WorkerRow,
)
from podium.policy.shared import Now, holder_name, lost

_NOTHING_SPECIAL = CommitResult()
_REPLACED = ("status", "claims", "incarnation", "input", "version")
_NULLABLE = ("waits", "output", "error", "ended_at", "owner")


class MemoryDatabase:
    """Committed state, shared by the stores on it."""

    def __init__(self) -> None:
        self.version = 1
        self.seq = 0
        self.positions = count(1)
        self.inbox_ids = count(1)
        self.worker_ids = count(1)
        self.families: dict[int, bytes] = {}
        self.runs: dict[int, RunRow] = {}
        self.numbers: list[int] = []
        self.by_id: dict[str, int] = {}
        self.records: dict[int, list[RecordRow]] = {}
        self.blobs: dict[int, tuple[int, bytes | None, bytes]] = {}
        self.inbox: dict[int, InboxRow] = {}
        self.asks: dict[str, AskRow] = {}
        self.published: dict[int, dict[str, bytes]] = {}
        self.stream: dict[int, list[ChunkRow]] = {}
        self.chunks: dict[tuple[int, str], dict[int, bytes]] = {}
        self.workers: dict[int, WorkerRow] = {}
        self.documents: dict[str, bytes] = {}
        self.shared: dict[str, dict[str, bytes]] = {}
        self.kept: dict[tuple[str, str], KeptRow] = {}

    def owned(self, worker: int) -> list[RunRow]:
        """Return the runs that a worker holds and that have not ended."""
        return [run for run in self.runs.values() if run.owner == worker and not run.is_ended]


class MemoryCommon:
    """What runs have in common, in a database in memory."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def states(self, kind: str) -> dict[str, bytes]:
        """Return the states of a kind of shared policy, by key."""
        return dict(sorted(self._db.shared.get(kind, {}).items()))

    def state(self, kind: str, key: str) -> bytes | None:
        """Return the state of a shared policy."""
        return self._db.shared.get(kind, {}).get(key)

    def kept(self, task: str, key: str) -> KeptRow | None:
        """Return the newest result of a call."""
        return self._db.kept.get((task, key))

    def kept_tasks(self) -> list[KeptTask]:
        """Return of which tasks results are kept, and how many."""
        found: dict[str, list[KeptRow]] = {}
        for (task, _), row in self._db.kept.items():
            found.setdefault(task, []).append(row)
        return [
            KeptTask(
                task, len(rows), max(row.at for row in rows), sum(len(row.value) for row in rows)
            )
            for task, rows in sorted(found.items())
        ]


class MemoryReader:
    """Reads a database. What it returns is the caller's own."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database
        self.common = MemoryCommon(database)

    def run(self, run_id: str) -> RunRow | None:
        """Return the run of that id."""
        num = self._db.by_id.get(run_id)
        return None if num is None else copy(self._db.runs[num])

    def run_by_num(self, num: int) -> RunRow | None:
        """Return the run of that number."""
        found = self._db.runs.get(num)
        return None if found is None else copy(found)

    def runs(
        self, *, statuses: Sequence[str] = (), workflow: str | None = None,
        family: int | None = None, before: int | None = None, limit: int = 100,
    ) -> list[RunRow]:  # fmt: skip
        """Newest first; ``before`` is the ``num`` of the last row of the page before."""
        found: list[RunRow] = []
        for num in reversed(self._db.numbers):
            run = self._db.runs[num]
            if (
                (before is None or num < before)
                and (not statuses or run.status in statuses)
                and workflow in (None, run.workflow)
                and family in (None, run.family)
            ):
                found.append(copy(run))
                if len(found) == limit:
                    break
        return found

    def children(self, num: int) -> list[RunRow]:
        """Return the runs that this one started, oldest first."""
        runs = self._db.runs
        return [copy(runs[one]) for one in self._db.numbers if runs[one].parent == num]

    def records(self, num: int, after: int = 0, limit: int = 10_000) -> list[RecordRow]:
        """Return a page of a run's journal, in order."""
        records = self._db.records.get(num, [])
        start = bisect_right(records, after, key=lambda record: record.seq)
        return records[start : start + limit]

    def inbox(self, worker: int) -> list[InboxRow]:
        """Return what waits for runs that the worker owns, in order."""
        runs = self._db.runs
        return [
            message
            for message in self._db.inbox.values()
            if runs[message.run].owner == worker and not runs[message.run].is_ended
        ]

    def asks(self, num: int | None = None, *, open_only: bool = True) -> list[AskRow]:
        """Return questions, oldest first: of one run or of all."""
        found = [
            ask
            for ask in self._db.asks.values()
            if num in (None, ask.run) and not (open_only and ask.closed_at is not None)
        ]
        return sorted(found, key=lambda ask: (ask.at, ask.id))

    def published(self, num: int) -> dict[str, bytes]:
        """Return the published state of a run."""
        return dict(sorted(self._db.published.get(num, {}).items()))

    def stream(self, num: int, after: int = 0, limit: int = 1_000) -> list[ChunkRow]:
        """Return chunks in order; positions grow within the file."""
        chunks = self._db.stream.get(num, [])
        start = bisect_right(chunks, after, key=lambda chunk: chunk[0])
        return chunks[start : start + limit]

    def family_key(self, family: int) -> bytes:
        """Return the key of a family."""
        return self._db.families[family]

    def document(self, name: str) -> bytes | None:
        """Return a document by its hash."""
        return self._db.documents.get(name)

    def blob(self, blob_id: int) -> bytes:
        """Return what a blob holds."""
        return self._db.blobs[blob_id][2]

    def digests(self, family: int) -> list[tuple[bytes, int]]:
        """Return (digest, blob id) of every blob of the family that has a digest."""
        return sorted(
            (
                (digest, number)
                for number, (owner, digest, _) in self._db.blobs.items()
                if owner == family and digest is not None
            ),
            key=lambda pair: pair[1],
        )

    def file_chunks(self, family: int, digest: str) -> Iterator[bytes]:
        """Give the chunks of a file one by one."""
        for _, data in sorted(self._db.chunks.get((family, digest), {}).items()):
            yield data

    def workers(self) -> list[WorkerRow]:
        """Return who is registered, and of each whether it is certainly dead."""
        return list(self._db.workers.values())

    def changes(self) -> int:
        """Return a number that moves when somebody has committed."""
        return self._db.version

    def near_ids(self, run_id: str, limit: int = 3) -> list[str]:
        """Return ids of runs that look like the given one, nearest first."""
        runs = self._db.runs
        return nearest(run_id, [runs[num].id for num in reversed(self._db.numbers)], limit)


class MemoryBook:
    """What policies share, in a database in memory."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._shared = database.shared

    def keys(self, kind: str, prefix: str = "") -> list[str]:
        """Return the keys of a kind that begin with a text."""
        return sorted(key for key in self._shared.get(kind, {}) if key.startswith(prefix))

    def get(self, kind: str, key: str) -> bytes | None:
        """Return a state."""
        return self._shared.get(kind, {}).get(key)

    def put(self, kind: str, key: str, state: bytes | None) -> None:
        """Set a state, or delete it."""
        if state is None:
            self._shared.get(kind, {}).pop(key, None)
        else:
            self._shared.setdefault(kind, {})[key] = state


class MemoryStore:
    """One process's store on a database in memory.

    Attributes:
        faults: What the next commits come to, in order: an error is raised and nothing written,
            ``None`` lets one pass. After a ``StoreSyncFailed`` the store refuses for good.
        before_commit: Called with each batch before it is written; what it raises goes to the
            caller and nothing is written.
        after_commit: Called with each batch after it was written; what it raises goes to the
            caller, as a crash between the disk and the answer would.
    """

    def __init__(self, database: MemoryDatabase | None = None) -> None:
        self.database = database if database is not None else MemoryDatabase()
        self.location = ":simulated:"
        self.faults: deque[StoreError | None] = deque()
        self.before_commit: Callable[[Batch], None] | None = None
        self.after_commit: Callable[[Batch], None] | None = None
        self._reader = MemoryReader(self.database)
        self._broken: StoreError | None = None
        self._mine: set[int] = set()

    def reader(self) -> MemoryReader:
        """Return the reader of this store."""
        return self._reader

    def join(self, *, name: str) -> WorkerIdentity:
        """Register a worker."""
        self._usable()
        number = next(self.database.worker_ids)
        self.database.workers[number] = WorkerRow(
            id=number, epoch=1, beat=1, pid=number, started="simulated", host="simulated",
            name=name, is_gone=False,
        )  # fmt: skip
        self._mine.add(number)
        self.database.version += 1
        return WorkerIdentity(number, 1)

    def commit(
        self, batch: Batch, worker: WorkerIdentity | None, *, wait_s: float | None = None
    ) -> CommitResult:
        """Write the batch, all or nothing."""
        self._usable()
        if self.before_commit is not None:
            self.before_commit(batch)
        if self.faults:
            self._fail(self.faults.popleft())
        if worker is not None:
            self._check(worker)
        result = self._write(batch)
        self.database.version += 1
        if self.after_commit is not None:
            self.after_commit(batch)
        return result

    def beat(self, worker: WorkerIdentity) -> bool:
        """Move the worker's counter; False when it was fenced."""
        row = self.database.workers.get(worker.id)
        if row is None or worker.id not in self._mine:
            return False
        self.database.workers[worker.id] = row._replace(beat=row.beat + 1)
        return True

    def claim(
        self, worker: WorkerIdentity, workflows: Sequence[str], limit: int,
        only: Sequence[str] | None = None,
    ) -> list[RunRow]:  # fmt: skip
        """Take free open runs of these workflows and of documents (``only`` these ids, if given)."""
        self._usable()
        db = self.database
        free = [
            run
            for run in map(db.runs.__getitem__, db.numbers)
            if run.owner is None
            and run.status in OPEN_STATUSES
            and (run.workflow in workflows or run.document is not None)
            and (only is None or run.id in only)
        ]
        suspects = [run for run in free if _is_suspect(run)]
        if not any(map(_is_suspect, db.owned(worker.id))):
            del suspects[:1]
        found = [run for run in free if run not in suspects][: max(0, limit)]
        if not found:
            return []
        self._check(worker)
        for run in found:
            run.owner = worker.id
        db.version += 1
        return [copy(run) for run in found]

    def take_over(self, worker: WorkerIdentity, dead: WorkerRow, now: Now) -> int:
        """Fence a dead worker, free its runs with ``claims`` raised; return how many runs."""
        self._usable()
        self._check(worker)
        row = self.database.workers.get(dead.id)
        if row is None or row.epoch != dead.epoch:
            return 0
        del self.database.workers[dead.id]
        lost(MemoryBook(self.database), holder_name(dead.id), now)
        counted = 0
        for run in self.database.owned(dead.id):
            run.owner = None
            if run.status in OPEN_STATUSES:
                counted += 1
                run.claims += 1
                if run.claims >= CLAIMS_MAX:
                    run.status = "quarantined"
                    run.error = _quarantine(dead)
        self.database.version += 1
        return counted

    def leave(self, worker: WorkerIdentity, now: Now) -> None:
        """Free the worker's runs (claims untouched), remove its row."""
        self._usable()
        self._mine.discard(worker.id)
        row = self.database.workers.get(worker.id)
        if row is not None and row.epoch == worker.epoch:
            del self.database.workers[worker.id]
            lost(MemoryBook(self.database), holder_name(worker.id), now)
            for run in self.database.owned(worker.id):
                run.owner = None
            self.database.version += 1

    def die(self) -> None:
        """End as a killed process does: nothing is cleaned up, its locks for life are free."""
        for number in self._mine:
            row = self.database.workers.get(number)
            if row is not None:
                self.database.workers[number] = row._replace(is_gone=True)
        self._mine.clear()
        self._broken = StoreError("The process of this store was killed in the simulation.")

    def close(self) -> None:
        """Close the store; workers that have not left look dead from here on."""
        self.die()
        self._broken = StoreError("This store was closed. Open the database again.")

    def _usable(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _fail(self, fault: StoreError | None) -> None:
        if fault is not None:
            if isinstance(fault, StoreSyncFailed):
                self._broken = fault
            raise fault

    def _check(self, worker: WorkerIdentity) -> None:
        row = self.database.workers.get(worker.id)
        if row is None or row.epoch != worker.epoch:
            raise StoreFenced(
                f"Worker {worker.id} (epoch {worker.epoch}) was taken for dead and another one "
                "has its runs now. Nothing was written. Start the worker again."
            )

    def _write(self, batch: Batch) -> CommitResult:
        db = self.database
        taken: list[RunRow] = []
        if batch.runs_new:
            taken = refused(batch.runs_new, db.by_id)
            if taken:
                batch = without(batch, taken)
        self._refuse_twins(batch)
        db.families.update(batch.families)
        for name, content in batch.documents.items():
            db.documents.setdefault(name, content)
        for row in batch.runs_new:
            self._create(row)
        for number, family, digest, data in batch.blobs:
            db.blobs[number] = (family, digest, data)
        for family, name, index, data in batch.file_chunks:
            db.chunks.setdefault((family, name), {}).setdefault(index, data)
        for run, kind, path, at, body in batch.records:
            db.seq += 1
            db.records.setdefault(run, []).append(RecordRow(db.seq, kind, path, at, body))
        for run, change in batch.run_changes.items():
            self._change(run, change)
        self._show(batch)
        undelivered = self._deliver(batch) if batch.inbox_new else frozenset()
        for message in batch.inbox_done:
            db.inbox.pop(message, None)
        self._keep(batch)
        decisions = decided(MemoryBook(db), batch)
        if not taken and not undelivered and not decisions:
            return _NOTHING_SPECIAL
        return CommitResult(frozenset(row.id for row in taken), undelivered, decisions)

    def _keep(self, batch: Batch) -> None:
        db = self.database
        for task, at in batch.unkept:
            gone = [key for key, row in db.kept.items() if task in ("", key[0]) and row.until < at]
            for key in gone:
                del db.kept[key]
        db.kept.update(batch.kept)

    def _refuse_twins(self, batch: Batch) -> None:
        """Refuse a batch that uses a number or a key again, before anything is written."""
        db = self.database
        for used, new in (
            (db.families, [num for num, _ in batch.families]),
            (db.runs, [row.num for row in batch.runs_new]),
            (db.blobs, [number for number, *_ in batch.blobs]),
            (db.asks, [ask for ask, *_ in batch.asks_new]),
        ):
            if new and (len(set(new)) < len(new) or any(one in used for one in new)):
                raise StoreError(
                    f"{self.location} refused what was to be written: one of {new!r} is there "
                    "already. Nothing of this batch was written."
                )

    def _create(self, row: RunRow) -> None:
        db = self.database
        db.runs[row.num] = copy(row)
        db.by_id[row.id] = row.num
        insort(db.numbers, row.num)

    def _change(self, num: int, change: RunChange) -> None:
        run = self.database.runs.get(num)
        if run is None:
            return
        for name in _REPLACED:
            value = getattr(change, name)
            if value is not None:
                setattr(run, name, value)
        for name in _NULLABLE:
            value = getattr(change, name)
            if value is not msgspec.UNSET:
                setattr(run, name, value)
        if change.incarnation is not None:
            records = reversed(self.database.records.get(num, []))
            run.base = next((one.seq for one in records if one.kind == Kind.RESTARTED), run.base)

    def _show(self, batch: Batch) -> None:
        db = self.database
        for (run, key), payload in batch.published.items():
            db.published.setdefault(run, {})[key] = payload
        for row in batch.stream:
            chunk = ChunkRow(next(db.positions), *row[1:])
            db.stream.setdefault(row.run, []).append(chunk)
        for ask, run, path, form, to, at, deadline in batch.asks_new:
            db.asks[ask] = AskRow(ask, run, path, form, to, at, deadline, None, None)
        for ask, closed_at, answer in batch.asks_closed:
            found = db.asks.get(ask)
            if found is not None and found.closed_at is None:
                db.asks[ask] = found._replace(closed_at=closed_at, answer=answer)

    def _deliver(self, batch: Batch) -> frozenset[int]:
        db = self.database
        undelivered = set()
        for index, (num, kind, name, payload, at) in enumerate(batch.inbox_new):
            run = db.runs.get(num)
            if run is None or run.status in ENDED_STATUSES:
                undelivered.add(index)
            else:
                number = next(db.inbox_ids)
                db.inbox[number] = InboxRow(number, num, kind, name, payload, at)
        return frozenset(undelivered)


def _is_suspect(run: RunRow) -> bool:
    """Whether one more death quarantines the run; a worker holds one such run at a time."""
    return run.claims >= CLAIMS_MAX - 1 and run.status in OPEN_STATUSES


def _quarantine(dead: WorkerRow) -> bytes:
    return msgspec.json.encode(
        ErrorInfo(
            type="Quarantined",
            message=(
                f"{CLAIMS_MAX} workers died with this run and it made no progress between; the "
                f"last one was {dead.name}. See what its open steps do to a process."
            ),
            code="quarantined",
        )
    )
