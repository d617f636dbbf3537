"""Writes one batch, in as few statements as there can be.

SQLite lets go of the interpreter at every step of a statement, and with a busy thread beside it
each time costs a switch interval. So rows go in many at once, and a batch of records alone is one
single statement: it commits by itself, and the check of the worker's epoch is part of its first
row (a fenced worker's row number is NULL there, which the table refuses).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

import apsw
import msgspec

from podium.core.errors import StoreFenced
from podium.journal.batches import decided, refused, without
from podium.journal.records import Kind
from podium.journal.sqlite.schema import NOT_ENDED
from podium.journal.sqlite.shared import SqliteBook
from podium.journal.store import Batch, CommitResult, RunChange, RunRow, WorkerIdentity

ROWS_MAX = 512
"""Rows of one statement: with more, preparing and binding cost more than is saved."""

_RECORD = "INSERT INTO journal(run,kind,path,at,body) VALUES"
_RECORD_ROW = "(?,?,?,?,CAST(? AS TEXT))"
_CHECKED_ROW = "((SELECT ? FROM workers WHERE id=? AND epoch=?),?,?,?,CAST(? AS TEXT))"
_RUN = (
    "INSERT INTO runs(num,id,uid,workflow,version,family,parent,parent_path,status,owner,"
    "incarnation,base,claims,created_at,ended_at,headers,waits,error,input,output,document,deadline,budgets) VALUES"
)
_RUN_ROW = (
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,CAST(? AS TEXT),CAST(? AS TEXT),CAST(? AS TEXT),"
    "CAST(? AS TEXT),CAST(? AS TEXT),?,?,CAST(? AS TEXT))"
)
_PLAIN = ("status", "owner", "ended_at", "claims", "incarnation", "version")
_TEXTS = ("waits", "output", "error", "input")
_ALIVE = "SELECT 1 FROM workers WHERE id=? AND epoch=?"


class Writer:
    """Turns batches into statements on the one connection that writes."""

    def __init__(self, connection: apsw.Connection, location: str) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._location = location

    def write(self, batch: Batch, worker: WorkerIdentity | None) -> CommitResult:
        """Commit the batch. It is called with every lock held.

        Raises:
            StoreFenced: The worker is no longer registered under its epoch.
            apsw.Error: Nothing was written.
        """
        if 0 < len(batch.records) <= ROWS_MAX and _has_only_records(batch):
            self._records(batch.records, worker)
            return _NOTHING_SPECIAL
        self._cursor.execute("BEGIN IMMEDIATE")
        result = self._everything(batch, worker)
        self._cursor.execute("COMMIT")
        return result

    def begin(self, worker: WorkerIdentity | None) -> None:
        """Begin a transaction in which the worker is known to be alive."""
        self._cursor.execute("BEGIN IMMEDIATE")
        self._check(worker)

    def end(self) -> None:
        """Commit it. What is not committed is rolled back by who holds the turn."""
        self._cursor.execute("COMMIT")

    def roll_back(self) -> None:
        """Undo what is not committed. SQLite may have done so by itself."""
        if self._connection.in_transaction:
            self._cursor.execute("ROLLBACK")

    def fenced(self, worker: WorkerIdentity) -> StoreFenced:
        """Return the error for a worker that was taken over."""
        return StoreFenced(
            f"Worker {worker.id} (epoch {worker.epoch}) was taken for dead and another one has "
            f"its runs in {self._location} now. Nothing was written. Start the worker again; if "
            "this comes often, look for what stops its process for more than ten seconds."
        )

    def _check(self, worker: WorkerIdentity | None) -> None:
        if worker is not None and not self._cursor.execute(_ALIVE, worker).fetchall():
            raise self.fenced(worker)

    def _records(
        self, records: Sequence[tuple[int, int, str, int, bytes]], worker: WorkerIdentity | None
    ) -> None:
        """Insert records; the first row checks the worker."""
        first = records[0]
        if worker is None:
            self._insert(_RECORD, _RECORD_ROW, records)
            return
        try:
            # (?, id, epoch) stand where the run's number would.
            self._cursor.execute(
                _checked_records(min(len(records), ROWS_MAX)),
                (first[0], *worker, *first[1:], *chain.from_iterable(records[1:ROWS_MAX])),
            )
        except apsw.ConstraintError as error:
            if "journal.run" not in str(error):
                raise
            raise self.fenced(worker) from None
        if len(records) > ROWS_MAX:
            self._insert(_RECORD, _RECORD_ROW, records[ROWS_MAX:])

    def _insert(self, head: str, row: str, rows: Sequence[Sequence[Any]], tail: str = "") -> None:
        for part in _parts(len(rows)):
            self._cursor.execute(
                _many(head, row, part.stop - part.start, tail),
                tuple(chain.from_iterable(rows[part])),
            )

    def _everything(self, batch: Batch, worker: WorkerIdentity | None) -> CommitResult:
        """Insert and change everything, in an order in which each thing finds what it rests on."""
        if not batch.records:
            self._check(worker)
        taken: list[RunRow] = []
        if batch.runs_new:
            ids = [row.id for row in batch.runs_new]
            taken = refused(batch.runs_new, self._found("SELECT id FROM runs WHERE id IN", ids))
            if taken:
                batch = without(batch, taken)
        self._create(batch)
        if batch.blobs:
            self._insert(
                "INSERT INTO blobs(id,family,digest,data) VALUES", "(?,?,?,?)", batch.blobs
            )
        if batch.file_chunks:
            self._insert(
                'INSERT OR IGNORE INTO file_chunks(family,digest,"index",data) VALUES',
                "(?,?,?,?)", batch.file_chunks,
            )  # fmt: skip
        if batch.records:
            self._records(batch.records, worker)
        if batch.run_changes:
            self._change(batch.run_changes)
        if batch.published or batch.stream or batch.asks_new or batch.asks_closed:
            self._show(batch)
        undelivered = self._deliver(batch) if batch.inbox_new else frozenset()
        if batch.inbox_done:
            self._found("DELETE FROM inbox WHERE id IN", batch.inbox_done)
        if batch.kept or batch.unkept:
            self._keep(batch)
        decisions = decided(SqliteBook(self._cursor), batch)
        return CommitResult(frozenset(row.id for row in taken), undelivered, decisions)

    def _create(self, batch: Batch) -> None:
        """Insert new runs and what they rest on."""
        if batch.families:
            self._insert("INSERT INTO families(num,key) VALUES", "(?,?)", batch.families)
        if batch.documents:
            self._insert(
                "INSERT OR IGNORE INTO documents(hash,content) VALUES", "(?,CAST(? AS TEXT))",
                list(batch.documents.items()),
            )  # fmt: skip
        if batch.runs_new:
            self._insert(_RUN, _RUN_ROW, [_run_values(row) for row in batch.runs_new])

    def _found(self, query: str, values: Sequence[Any], rest: str = "") -> set[Any]:
        """Carry out a query on many keys, return the first column of its rows."""
        found: set[Any] = set()
        for part in _parts(len(values)):
            sql = _many(f"{query} (", "?", part.stop - part.start, f"){rest}")
            found.update(one for (one,) in self._cursor.execute(sql, tuple(values[part])))
        return found

    def _change(self, changes: dict[int, RunChange]) -> None:
        """Update the rows of runs, those with the same columns by one prepared statement."""
        shapes: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
        for run, change in changes.items():
            columns, values = changed(change)
            if columns:
                shapes.setdefault(columns, []).append((*values, run))
        for columns, rows in shapes.items():
            self._cursor.executemany(_update(columns), rows)

    def _show(self, batch: Batch) -> None:
        """Write what others read: published state, streams, questions."""
        if batch.published:
            self._insert(
                "INSERT INTO published(run,key,payload) VALUES", "(?,?,CAST(? AS TEXT))",
                [(run, key, payload) for (run, key), payload in batch.published.items()],
                " ON CONFLICT(run,key) DO UPDATE SET payload=excluded.payload",
            )  # fmt: skip
        if batch.stream:
            self._insert(
                'INSERT INTO stream(run,at,payload,path,attempt,"offset") VALUES',
                "(?,?,CAST(? AS TEXT),?,?,?)", batch.stream,
            )  # fmt: skip
        if batch.asks_new:
            self._insert(
                'INSERT INTO asks(id,run,path,form,"to",at,deadline) VALUES',
                "(?,?,?,CAST(? AS TEXT),?,?,?)", batch.asks_new,
            )  # fmt: skip
        for ask, at, answer in batch.asks_closed:
            self._cursor.execute(
                "UPDATE asks SET closed_at=?, answer=CAST(? AS TEXT) "
                "WHERE id=? AND closed_at IS NULL",
                (at, answer, ask),
            )

    def _keep(self, batch: Batch) -> None:
        """Write the newest results of calls over the older ones."""
        for task, at in batch.unkept:
            where = "task=? AND until<?" if task else "?='' AND until<?"
            self._cursor.execute(f"DELETE FROM kept WHERE {where}", (task, at))  # noqa: S608
        self._insert(
            "INSERT INTO kept(task,key,at,until,run,code,value) VALUES",
            "(?,?,?,?,?,?,CAST(? AS TEXT))",
            [(*names, *row) for names, row in batch.kept.items()],
            " ON CONFLICT(task,key) DO UPDATE SET at=excluded.at,until=excluded.until,"
            "run=excluded.run,code=excluded.code,value=excluded.value",
        )

    def _deliver(self, batch: Batch) -> frozenset[int]:
        """Put messages into the inboxes of runs that are there and have not ended."""
        runs = list({message[0] for message in batch.inbox_new})
        there = self._found("SELECT num FROM runs WHERE num IN", runs, f" AND {NOT_ENDED}")
        fit = [message for message in batch.inbox_new if message[0] in there]
        self._insert(
            "INSERT INTO inbox(run,kind,name,payload,at) VALUES", "(?,?,?,CAST(? AS TEXT),?)", fit
        )
        return frozenset(
            index for index, message in enumerate(batch.inbox_new) if message[0] not in there
        )


_NOTHING_SPECIAL = CommitResult()


def _has_only_records(batch: Batch) -> bool:
    return not (
        batch.run_changes
        or batch.blobs
        or batch.runs_new
        or batch.inbox_new
        or batch.inbox_done
        or batch.families
        or batch.published
        or batch.stream
        or batch.asks_new
        or batch.asks_closed
        or batch.file_chunks
        or batch.documents
        or batch.shared
        or batch.kept
        or batch.unkept
    )


def _parts(count: int) -> Iterator[slice]:
    """Cut rows into statements of few sizes, so that all of them stay prepared."""
    start = 0
    for size in (ROWS_MAX, 128, 32):
        while count - start >= size:
            yield slice(start, start + size)
            start += size
    if start < count:
        yield slice(start, count)


@cache
def _many(head: str, row: str, count: int, tail: str) -> str:
    return head + ",".join([row] * count) + tail


@cache
def _checked_records(count: int) -> str:
    return _RECORD + ",".join([_CHECKED_ROW] + [_RECORD_ROW] * (count - 1))


def changed(change: RunChange) -> tuple[tuple[str, ...], list[Any]]:
    """Return the columns that a change sets, and their values."""
    columns: list[str] = []
    values: list[Any] = []
    for name in (*_PLAIN, *_TEXTS):
        value = getattr(change, name)
        if value is msgspec.UNSET or (value is None and name in _NOT_NULL):
            continue
        columns.append(name)
        values.append(value)
    return tuple(columns), values


_NOT_NULL = frozenset({"status", "claims", "incarnation", "input", "version"})


@cache
def _update(columns: tuple[str, ...]) -> str:
    parts = [f"{name}=CAST(? AS TEXT)" if name in _TEXTS else f"{name}=?" for name in columns]
    if "incarnation" in columns:
        parts.append(
            f"base=coalesce((SELECT seq FROM journal WHERE run=num AND kind={Kind.RESTARTED:d} "  # noqa: S608 - our own number
            "ORDER BY seq DESC LIMIT 1),base)"
        )
    return f"UPDATE runs SET {','.join(parts)} WHERE num=?"  # noqa: S608 -- names of columns


def _run_values(row: RunRow) -> tuple[Any, ...]:
    return (
        row.num, row.id, row.uid, row.workflow, row.version, row.family, row.parent,
        row.parent_path, row.status, row.owner, row.incarnation, row.base, row.claims,
        row.created_at, row.ended_at, row.headers, row.waits, row.error, row.input, row.output,
        row.document, row.deadline, row.budgets,
    )  # fmt: skip
