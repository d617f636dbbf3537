"""What runs and workers have in common: read as committed, or inside the transaction that decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apsw

from podium.journal.store import KeptRow, KeptTask

_HIGHEST = chr(0x10FFFF)
"""No text goes behind it."""


class SqliteBook:
    """What policies share, inside a transaction."""

    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor

    def keys(self, kind: str, prefix: str = "") -> list[str]:
        """Return the keys of a kind that begin with a text."""
        rows: list[Any] = self._cursor.execute(
            "SELECT key FROM shared WHERE kind=? AND key>=? AND key<? ORDER BY key",
            (kind, prefix, prefix + _HIGHEST),
        ).fetchall()
        return [key for (key,) in rows]

    def get(self, kind: str, key: str) -> bytes | None:
        """Return a state."""
        query = "SELECT CAST(state AS BLOB) FROM shared WHERE kind=? AND key=?"
        rows: list[Any] = self._cursor.execute(query, (kind, key)).fetchall()
        return bytes(rows[0][0]) if rows else None

    def put(self, kind: str, key: str, state: bytes | None) -> None:
        """Set a state, or delete it."""
        if state is None:
            self._cursor.execute("DELETE FROM shared WHERE kind=? AND key=?", (kind, key))
            return
        self._cursor.execute(
            "INSERT INTO shared(kind,key,state) VALUES(?,?,CAST(? AS TEXT)) "
            "ON CONFLICT(kind,key) DO UPDATE SET state=excluded.state",
            (kind, key, state),
        )


class SqliteCommon:
    """What runs have in common, as it is committed.

    Args:
        rows: Carries out a query on the reader's connection.
    """

    def __init__(self, rows: Callable[[str, Sequence[Any]], list[Any]]) -> None:
        self._all = rows

    def states(self, kind: str) -> dict[str, bytes]:
        """Return the states of a kind of shared policy, by key."""
        query = "SELECT key,CAST(state AS BLOB) FROM shared WHERE kind=? ORDER BY key"
        return dict(self._all(query, (kind,)))

    def state(self, kind: str, key: str) -> bytes | None:
        """Return the state of a shared policy."""
        query = "SELECT CAST(state AS BLOB) FROM shared WHERE kind=? AND key=?"
        rows = self._all(query, (kind, key))
        return bytes(rows[0][0]) if rows else None

    def kept(self, task: str, key: str) -> KeptRow | None:
        """Return the newest result of a call."""
        query = "SELECT at,until,run,code,CAST(value AS BLOB) FROM kept WHERE task=? AND key=?"
        rows = self._all(query, (task, key))
        return KeptRow(*rows[0]) if rows else None

    def kept_tasks(self) -> list[KeptTask]:
        """Return of which tasks results are kept, and how many."""
        query = (
            "SELECT task,count(*),max(at),sum(length(CAST(value AS BLOB))) FROM kept "
            "GROUP BY task ORDER BY task"
        )
        return [KeptTask(*row) for row in self._all(query, ())]
