"""Reading SQLite: the file is opened for reading, and the database itself judges each statement."""

from __future__ import annotations

import time

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import apsw

from podium.core.errors import LimitReached
from podium.tools.sql.errors import StatementRefused, short_statement
from podium.tools.sql.reading import Found, Limits, collect
from podium.tools.sql.sqlite import PRAGMAS, Statement, refuse_podium_file, translated

_STEPS: Final = 1000
"""How many instructions of SQLite's machine pass between two looks at the clock."""
_VALUE_BYTES: Final = 1024 * 1024
_SQL_BYTES: Final = 100_000
_LOOKING: Final = PRAGMAS - {"user_version", "defer_foreign_keys"}
_FUNCTIONS_REFUSED: Final = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile"})
_TABLE_FUNCTIONS: Final = frozenset({"json_each", "json_tree"})


def read_sqlite(
    path: Path, sql: str, named: Mapping[str, Any], limits: Limits, wait_s: float,
    *, tables: Collection[str] | None = None, is_foreign: bool = False,
) -> Found:  # fmt: skip
    """Carry out one statement that reads.

    Args:
        path: The file.
        sql: The statement.
        named: Its values.
        limits: How much is read.
        wait_s: How long to wait for a lock.
        tables: What may be read, where somebody else wrote the statement; None: all tables.
        is_foreign: Whether somebody else wrote it.

    Raises:
        StatementRefused: It does something else than read what it may.
        LimitReached: It took too long.
    """
    with translated(f"opening {path}"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(round(wait_s * 1000))
        refuse_podium_file(connection, path)
        judge = _Judge(_readable(connection, tables) if is_foreign else None)
        connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
        if is_foreign:
            connection.limit(apsw.SQLITE_LIMIT_LENGTH, max(_VALUE_BYTES, limits.bytes))
            connection.limit(apsw.SQLITE_LIMIT_SQL_LENGTH, _SQL_BYTES)
        end = time.monotonic() + limits.seconds
        connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        connection.authorizer = judge
        statement = Statement(connection, sql, (), named)
        try:
            rows, cut_by = collect(statement.rows(), limits)
        except StatementRefused as problem:
            if judge.refused:
                raise StatementRefused(f"{short_statement(sql)}: {judge.refused}") from problem
            raise
        except Exception as problem:
            if isinstance(problem.__cause__, apsw.InterruptError):
                raise LimitReached(
                    f"{short_statement(sql)}: it took longer than {limits.seconds:g} s."
                ) from problem
            raise
        return Found(statement.columns, rows, cut_by)
    finally:
        connection.close(True)


def _readable(connection: apsw.Connection, tables: Collection[str] | None) -> frozenset[str]:
    """Return which tables may be read, in small letters, with what virtual ones keep behind them."""
    known = [
        (str(name).lower(), kind)
        for schema, name, kind in connection.execute(
            "select schema, name, type from pragma_table_list"
        )
        if schema == "main"
    ]
    wanted = None if tables is None else {one.lower() for one in tables}
    open_ones = {
        name for name, kind in known
        if kind != "shadow" and not name.startswith(("sqlite_", "podium_"))
        and (wanted is None or name in wanted)
    }  # fmt: skip
    behind = {
        name for name, kind in known
        if kind == "shadow" and any(name.startswith(f"{one}_") for one in open_ones)
    }  # fmt: skip
    return frozenset(open_ones | behind)


class _Judge:
    """SQLite asks it, for each thing that a statement would do, before the statement runs.

    Attributes:
        refused: What was refused last, in words.
    """

    def __init__(self, readable: frozenset[str] | None) -> None:
        self.refused = ""
        self._readable = readable

    def __call__(
        self, action: int, first: str | None, second: str | None, _: str | None, within: str | None
    ) -> int:
        """Say whether it may be done."""
        name = (first or "").lower()
        if action in (apsw.SQLITE_SELECT, apsw.SQLITE_RECURSIVE):
            return apsw.SQLITE_OK
        if action == apsw.SQLITE_READ:
            return self._reads(name, (within or "").lower())
        if action == apsw.SQLITE_FUNCTION:
            function = (second or "").lower()
            if function not in _FUNCTIONS_REFUSED:
                return apsw.SQLITE_OK
            return self._refuse(f"the function {function} is not allowed.")
        if action == apsw.SQLITE_PRAGMA:
            known = (
                {"data_version"} if self._readable is not None else _LOOKING
            )  # full text asks it
            if name in known:
                return apsw.SQLITE_OK
        return self._refuse("only reading is allowed (one SELECT).")

    def _reads(self, table: str, within: str) -> int:
        readable = self._readable
        if readable is None or table in readable or within in readable or table in _TABLE_FUNCTIONS:
            return apsw.SQLITE_OK
        names = ", ".join(sorted(readable)) or "none"
        return self._refuse(f"{table!r} may not be read; tables: {names}.")

    def _refuse(self, why: str) -> int:
        self.refused = why
        return int(apsw.SQLITE_DENY)
