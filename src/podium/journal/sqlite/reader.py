"""Reads what is committed, on a read-only connection that never keeps a transaction open.

A transaction that stays open would keep the log from being emptied, so every method fetches all
of its (bounded) page at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from podium.journal.near import nearest
from podium.journal.sqlite import life
from podium.journal.sqlite.opening import Place, connect
from podium.journal.sqlite.schema import NOT_ENDED
from podium.journal.sqlite.shared import SqliteCommon
from podium.journal.sqlite.trouble import explained
from podium.journal.store import (
    ENDED_STATUSES,
    AskRow,
    ChunkRow,
    InboxRow,
    RecordRow,
    RunRow,
    WorkerIdentity,
    WorkerRow,
)

RUN_COLUMNS = (
    "num,id,uid,workflow,version,family,parent,parent_path,status,owner,incarnation,base,claims,"
    "created_at,ended_at,CAST(headers AS BLOB),CAST(waits AS BLOB),CAST(error AS BLOB),"
    "CAST(input AS BLOB),CAST(output AS BLOB),document,deadline,"
    "CAST(budgets AS BLOB)"
)
"""JSON is kept as text and handed out as bytes, as it came."""
_FIELDS = [
    "num",
    "id",
    "uid",
    "workflow",
    "version",
    "family",
    "parent",
    "parent_path",
    "status",
    "owner",
    "incarnation",
    "base",
    "claims",
    "created_at",
    "ended_at",
    "headers",
    "waits",
    "error",
    "input",
    "output",
    "document",
    "deadline",
    "budgets",
]
_NEAR_AMONG = 5_000


def run_row(values: Sequence[Any]) -> RunRow:
    """Return the run that a row of ``RUN_COLUMNS`` describes."""
    return RunRow(**dict(zip(_FIELDS, values, strict=True)))


class SqliteReader:
    """The reader of one thread."""

    def __init__(self, place: Place, vfs: str | None) -> None:
        self._place = place
        self._connection = connect(place, vfs=vfs)
        self._cursor = self._connection.cursor()
        self.common = SqliteCommon(self._all)

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._cursor.execute(query, tuple(values)).fetchall()
        except apsw.Error as error:
            raise explained(error, self._place.location, self._connection) from error

    def _runs(self, rest: str, values: Sequence[Any]) -> list[RunRow]:
        query = f"SELECT {RUN_COLUMNS} FROM runs {rest}"  # noqa: S608 -- our own words
        return [run_row(row) for row in self._all(query, values)]

    def run(self, run_id: str) -> RunRow | None:
        """Return the run of that id."""
        return next(iter(self._runs("WHERE id=?", (run_id,))), None)

    def run_by_num(self, num: int) -> RunRow | None:
        """Return the run of that number."""
        return next(iter(self._runs("WHERE num=?", (num,))), None)

    def runs(
        self, *, statuses: Sequence[str] = (), workflow: str | None = None,
        family: int | None = None, before: int | None = None, limit: int = 100,
    ) -> list[RunRow]:  # fmt: skip
        """Newest first; ``before`` is the ``num`` of the last row of the page before."""
        terms = ["1"]
        values: list[Any] = []
        index = ""
        if statuses:
            terms.append(f"status IN ({','.join('?' * len(statuses))})")
            values += statuses
            if family is None and not set(statuses) & set(ENDED_STATUSES):
                # Those that have not ended are few, and have an index of their own.
                terms.append(NOT_ENDED)
                index = "INDEXED BY runs_owner"
        for column, value in (("workflow=?", workflow), ("family=?", family), ("num<?", before)):
            if value is not None:
                terms.append(column)
                values.append(value)
        return self._runs(
            f"{index} WHERE {' AND '.join(terms)} ORDER BY num DESC LIMIT ?", (*values, limit)
        )

    def children(self, num: int) -> list[RunRow]:
        """Return the runs that this one started, oldest first."""
        return self._runs("WHERE parent=? ORDER BY num", (num,))

    def records(self, num: int, after: int = 0, limit: int = 10_000) -> list[RecordRow]:
        """Return a page of a run's journal, in order."""
        rows = self._all(
            "SELECT seq,kind,path,at,CAST(body AS BLOB) FROM journal WHERE run=? AND seq>? "
            "ORDER BY seq LIMIT ?",
            (num, after, limit),
        )
        return list(map(RecordRow._make, rows))

    def inbox(self, worker: int) -> list[InboxRow]:
        """Return what waits for runs that the worker owns, in order."""
        rows = self._all(
            "SELECT inbox.id,run,kind,name,CAST(payload AS BLOB),at FROM inbox "  # noqa: S608
            f"CROSS JOIN runs ON num=run WHERE owner=? AND {NOT_ENDED} ORDER BY inbox.id",
            (worker,),
        )
        return list(map(InboxRow._make, rows))

    def asks(self, num: int | None = None, *, open_only: bool = True) -> list[AskRow]:
        """Return questions, oldest first: of one run or of all."""
        terms = ["closed_at IS NULL"] if open_only else ["1"]
        if num is not None:
            terms.append("run=?")
        rows = self._all(
            'SELECT id,run,path,CAST(form AS BLOB),"to",at,deadline,closed_at,'  # noqa: S608
            f"CAST(answer AS BLOB) FROM asks WHERE {' AND '.join(terms)} ORDER BY at, id",
            () if num is None else (num,),
        )
        return list(map(AskRow._make, rows))

    def published(self, num: int) -> dict[str, bytes]:
        """Return the published state of a run."""
        query = "SELECT key,CAST(payload AS BLOB) FROM published WHERE run=? ORDER BY key"
        return dict(self._all(query, (num,)))

    def stream(self, num: int, after: int = 0, limit: int = 1_000) -> list[ChunkRow]:
        """Return chunks in order; positions grow within the file."""
        rows = self._all(
            'SELECT position,at,CAST(payload AS BLOB),path,attempt,"offset" FROM stream '
            "WHERE run=? AND position>? ORDER BY position LIMIT ?",
            (num, after, limit),
        )
        return list(map(ChunkRow._make, rows))

    def family_key(self, family: int) -> bytes:
        """Return the key of a family."""
        rows = self._all("SELECT key FROM families WHERE num=?", (family,))
        if not rows:
            raise KeyError(family)
        return bytes(rows[0][0])

    def document(self, name: str) -> bytes | None:
        """Return a document by its hash."""
        rows = self._all("SELECT CAST(content AS BLOB) FROM documents WHERE hash=?", (name,))
        return bytes(rows[0][0]) if rows else None

    def blob(self, blob_id: int) -> bytes:
        """Return what a blob holds."""
        rows = self._all("SELECT data FROM blobs WHERE id=?", (blob_id,))
        if not rows:
            raise KeyError(blob_id)
        return bytes(rows[0][0])

    def digests(self, family: int) -> list[tuple[bytes, int]]:
        """Return (digest, blob id) of every blob of the family that has a digest."""
        return self._all(
            "SELECT digest,id FROM blobs WHERE family=? AND digest IS NOT NULL ORDER BY id",
            (family,),
        )

    def file_chunks(self, family: int, digest: str) -> Iterator[bytes]:
        """Give the chunks of a file one by one, each by a query of its own."""
        last = -1
        while True:
            rows = self._all(
                'SELECT "index",data FROM file_chunks WHERE family=? AND digest=? AND "index">? '
                'ORDER BY "index" LIMIT 1',
                (family, digest, last),
            )
            if not rows:
                return
            last, data = rows[0]
            yield data

    def workers(self) -> list[WorkerRow]:
        """Return who is registered, and of each whether it is certainly dead."""
        found = []
        query = "SELECT id,epoch,pid,started,host,name,life FROM workers ORDER BY id"
        for number, epoch, pid, started, host, name, token in self._all(query):
            is_gone, beat = life.look(self._place.locks, token, started)
            found.append(WorkerRow(number, epoch, beat, pid, started, host, name, is_gone))
        return found

    def changes(self) -> int:
        """Return a number that moves when another connection or process has committed."""
        return int(self._all("PRAGMA data_version")[0][0])

    def near_ids(self, run_id: str, limit: int = 3) -> list[str]:
        """Return ids of runs that look like the given one, nearest first."""
        rows = self._all("SELECT id FROM runs ORDER BY num DESC LIMIT ?", (_NEAR_AMONG,))
        return nearest(run_id, [one for (one,) in rows], limit)

    def any_run(self, condition: str, values: Sequence[Any]) -> bool:
        """Return whether a run fulfils a condition (of our own words)."""
        return bool(self._all(f"SELECT 1 FROM runs WHERE {condition} LIMIT 1", values))  # noqa: S608

    def is_alive(self, worker: WorkerIdentity) -> bool:
        """Return whether the worker is registered under its epoch."""
        return bool(self._all("SELECT 1 FROM workers WHERE id=? AND epoch=?", worker))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
