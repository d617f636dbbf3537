"""Who advances which run: registering workers, claiming runs, taking over from the dead.

A worker's lease is its row: every commit of it looks for the row, so removing the row fences it.
Numbers of workers are never used again, and the beats are in the files beside the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import apsw
import msgspec

from podium.core.errors import ErrorInfo
from podium.core.limits import CLAIMS_MAX
from podium.journal.sqlite import oslock
from podium.journal.sqlite.reader import RUN_COLUMNS, run_row
from podium.journal.sqlite.schema import NOT_ENDED, OPEN
from podium.journal.sqlite.shared import SqliteBook
from podium.journal.store import RunRow, WorkerIdentity, WorkerRow
from podium.policy.shared import Now, holder_name, lost

_EPOCH = 1


def tokens(connection: apsw.Connection) -> set[str]:
    """Return the names of the files of all registered workers."""
    return {token for (token,) in connection.execute("SELECT life FROM workers")}


def register(connection: apsw.Connection, name: str, token: str) -> WorkerIdentity:
    """Insert the row of a worker of this process."""
    me = oslock.this_process()
    number: Any
    [(number,)] = connection.execute(
        "INSERT INTO workers(epoch,pid,started,host,name,life) VALUES(?,?,?,?,?,?) RETURNING id",
        (_EPOCH, me.pid, f"{oslock.boot_id()} {me.start}", oslock.host_name(), name, token),
    ).fetchall()
    return WorkerIdentity(number, _EPOCH)


def free_runs(
    worker: WorkerIdentity, workflows: Sequence[str], only: Sequence[str] | None
) -> tuple[str, list[str]]:
    """Return the condition of runs that may be claimed, and its values.

    Of the suspects (one more death and they are quarantined) a worker gets one at a time, so that
    its next death is the fault of that one.
    """
    terms = f"owner IS NULL AND {OPEN} AND {NOT_ENDED}"
    terms += f" AND (document IS NOT NULL OR workflow IN ({','.join('?' * len(workflows))}))"
    values = list(workflows)
    if only is not None:
        terms += f" AND id IN ({','.join('?' * len(only))})"
        values += only
    suspect = f"claims>={CLAIMS_MAX - 1}"
    held = f"SELECT 1 FROM runs WHERE owner={worker.id:d} AND {suspect} AND {OPEN} AND {NOT_ENDED}"  # noqa: S608 - our own words
    first = f"SELECT min(num) FROM runs WHERE {terms} AND {suspect}"  # noqa: S608 -- our own words
    terms += f" AND (NOT {suspect} OR (NOT EXISTS({held}) AND num=({first})))"
    return terms, values * 2


def claim(
    connection: apsw.Connection, worker: WorkerIdentity, terms: str, values: list[str], limit: int
) -> list[RunRow]:
    """Make a worker the owner of free runs, oldest first."""
    query = (
        f"UPDATE runs SET owner=? WHERE num IN "  # noqa: S608 -- our own words
        f"(SELECT num FROM runs WHERE {terms} ORDER BY num LIMIT ?) RETURNING {RUN_COLUMNS}"
    )
    rows = connection.execute(query, (worker.id, *values, limit)).fetchall()
    return sorted(map(run_row, rows), key=lambda run: run.num)


def remove(connection: apsw.Connection, worker: WorkerIdentity) -> str | None:
    """Remove a worker's row; return the name of its file, or ``None`` if there was no such row."""
    rows: list[Any] = connection.execute(
        "DELETE FROM workers WHERE id=? AND epoch=? RETURNING life", worker
    ).fetchall()
    return rows[0][0] if rows else None


def free(connection: apsw.Connection, worker: int) -> None:
    """Free every run that a worker holds."""
    connection.execute(
        f"UPDATE runs SET owner=NULL WHERE owner=? AND {NOT_ENDED}",  # noqa: S608
        (worker,),
    )


def free_after_death(connection: apsw.Connection, dead: WorkerRow, now: Now) -> int:
    """Free the open runs of a dead worker and count it against them; return how many."""
    connection.execute(
        f"UPDATE runs SET owner=NULL, claims=claims+1, "  # noqa: S608 -- our own words
        "status=CASE WHEN claims+1>=? THEN 'quarantined' ELSE status END, "
        "error=CASE WHEN claims+1>=? THEN CAST(? AS TEXT) ELSE error END "
        f"WHERE owner=? AND {OPEN} AND {NOT_ENDED}",
        (CLAIMS_MAX, CLAIMS_MAX, quarantine(dead, now.wall_us), dead.id),
    )
    count = connection.changes()
    free(connection, dead.id)
    forget_holder(connection, dead.id, now)
    return count


def forget_holder(connection: apsw.Connection, worker: int, now: Now) -> None:
    """Take from a worker that is gone what it held of shared policies."""
    lost(SqliteBook(connection.cursor()), holder_name(worker), now)


def quarantine(dead: WorkerRow, at: int) -> bytes:
    """Return the error of a run under which too many workers died, as JSON."""
    when = datetime.fromtimestamp(at / 1_000_000, UTC)
    return msgspec.json.encode(
        ErrorInfo(
            type="Quarantined",
            message=(
                f"{CLAIMS_MAX} workers died with this run and it made no progress between; the "
                f"last one was {dead.name} (process {dead.pid} on {dead.host}), taken over at "
                f"{when:%Y-%m-%d %H:%M:%S} UTC. See what its open steps do to a process."
            ),
            code="quarantined",
        )
    )
