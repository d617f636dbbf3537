"""SQLite, through the driver that Podium's own store uses."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import uuid

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import apsw

from podium.core.errors import InputInvalid, InvalidOption
from podium.core.transactions import Answer
from podium.tools.sql.errors import (
    ConstraintViolated,
    DatabaseError,
    DatabaseUnavailable,
    StatementRefused,
    short_statement,
)

RECEIPTS: Final = "podium_receipts"
PRAGMAS: Final = frozenset({
    "data_version", "defer_foreign_keys", "foreign_key_check", "foreign_key_list", "index_info",
    "index_list", "index_xinfo", "table_info", "table_list", "table_xinfo", "user_version",
})  # fmt: skip
"""Those that look, and those that a transaction takes back."""
_PODIUM_FILE: Final = 0x506F6469
_OPEN: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
_UNREADY: Final = (
    apsw.BusyError,
    apsw.LockedError,
    apsw.CantOpenError,
    apsw.IOError,
    apsw.FullError,
)
_FORBIDDEN: Final = (apsw.AuthError, apsw.ReadOnlyError, apsw.PermissionsError)


class SqliteConnection:
    """A connection that writes.

    Args:
        path: The file; it is made if there is none.
        wait_s: How long to wait for other writers.

    Raises:
        DatabaseUnavailable: The file cannot be opened.
        InvalidOption: It is a database of Podium's own.
    """

    def __init__(self, path: Path, wait_s: float) -> None:
        with translated(f"opening {path}"):
            self._connection = apsw.Connection(str(path), flags=_OPEN)
            self._connection.set_busy_timeout(round(wait_s * 1000))
            refuse_podium_file(self._connection, path)
            # The receipt must not outlive its rows, nor the other way round, when power fails.
            self._connection.execute("pragma synchronous=full; pragma foreign_keys=on")
        self._has_receipts = False

    def require_open(self) -> None:
        """Refuse to go on where the transaction is lost: some errors make SQLite roll back.

        Raises:
            DatabaseError: It is.
        """
        if not self._connection.in_transaction:
            raise DatabaseError(
                "The transaction was rolled back by an error before; nothing more can be done in it."
            )

    def begin(self) -> None:
        """Open a transaction that no other writer can stand beside."""
        with translated("begin"):
            self._connection.execute("begin immediate")

    def run(self, sql: str, values: tuple[Any, ...], named: Mapping[str, Any]) -> Answer:
        """Carry out a statement of the user's."""
        self.require_open()
        self._connection.authorizer = _judge
        try:
            return run_statement(self._connection, sql, values, named)
        finally:
            self._connection.authorizer = None

    def own(self, sql: str, *values: Any) -> Answer:
        """Carry out a statement of Podium's."""
        return run_statement(self._connection, sql, values, {})

    def make_receipts(self) -> None:
        """Make the table of receipts if there is none; called before a transaction."""
        if not self._has_receipts:
            self.own(
                f"create table if not exists {RECEIPTS} "
                "(key text primary key, result text, at integer not null)"
            )
            self._has_receipts = True

    @property
    def receipts(self) -> str:
        """The table of receipts, as statements name it."""
        return f"main.{RECEIPTS}"

    def commit(self) -> None:
        """Commit."""
        with translated("commit"):
            self._connection.execute("commit")

    def rollback(self) -> None:
        """Take everything back."""
        if self._connection.in_transaction:
            with translated("rollback"):
                self._connection.execute("rollback")

    def interrupt(self) -> None:
        """End the statement that another thread carries out."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the file; an open transaction is rolled back."""
        self._connection.close()


def refuse_podium_file(connection: apsw.Connection, path: Path) -> None:
    """Refuse a database of Podium's own, whose locks it would bypass.

    Raises:
        InvalidOption: It is one.
    """
    if connection.pragma("application_id") == _PODIUM_FILE:
        raise InvalidOption(
            f"{path} is a database of Podium's own; keep your tables in another file."
        )


def run_statement(
    connection: apsw.Connection, sql: str, values: tuple[Any, ...], named: Mapping[str, Any]
) -> Answer:
    """Carry out one statement with bound values.

    Raises:
        InputInvalid: It is not one statement, or its values are not those that it names.
        DatabaseError: The database refuses it, or cannot do it.
    """
    statement = Statement(connection, sql, values, named)
    before = connection.total_changes()
    rows = list(statement.rows())
    changed = connection.changes() if connection.total_changes() > before else 0
    return Answer(statement.columns, rows, changed)


class Statement:
    """One statement with its values, on its way through a connection.

    Attributes:
        columns: The names of what it gives, known once it has begun.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        sql: str,
        values: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> None:
        if values and named:
            raise InputInvalid(
                f"{short_statement(sql)}: give values by place or by name, not both."
            )
        self.columns: tuple[str, ...] = ()
        self._sql = sql
        self._named = named
        self._bound: Any = (
            tuple(_bindable(value, f"value {n}") for n, value in enumerate(values, 1))
            if values
            else {name: _bindable(value, f":{name}") for name, value in named.items()}
        )
        self._count = 0
        self._cursor = connection.cursor()
        self._cursor.exec_trace = self._begins

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Carry it out and give its rows, one after the other.

        Raises:
            InputInvalid: It is not one statement, or its values are not those that it names.
            DatabaseError: The database refuses it, or cannot do it.
        """
        with translated(short_statement(self._sql)):
            try:
                yield from self._cursor.execute(self._sql, self._bound)
            except KeyError as missing:
                raise InputInvalid(
                    f"{short_statement(self._sql)}: there is no value for :{missing.args[0]}."
                ) from None
            except (apsw.BindingsError, OverflowError) as problem:
                raise InputInvalid(f"{short_statement(self._sql)}: {problem}.") from None
        if not self._count:
            raise InputInvalid(f"{self._sql!r:.100} is no statement.")

    def close(self) -> None:
        """Let go of rows that were not asked for."""
        self._cursor.close(True)

    def _begins(self, cursor: Any, sql: str, _values: Any) -> bool:
        if not cursor.has_vdbe:  # nothing but comments and semicolons
            return True
        self._count += 1
        if self._count > 1:
            raise InputInvalid(
                f"{short_statement(self._sql)}: these are several statements; give one at a time."
            )
        unused = set(self._named) - set(cursor.bindings_names)
        if unused:
            raise InputInvalid(
                f"{short_statement(self._sql)}: nothing is named :{min(unused)} in it."
            )
        self.columns = tuple(column[0] for column in cursor.get_description())
        return True


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise what the driver raises as what it means."""
    try:
        yield
    except apsw.ConstraintError as problem:
        raise ConstraintViolated(f"{doing}: {problem}") from problem
    except _FORBIDDEN as problem:
        raise StatementRefused(f"{doing}: {problem}") from problem
    except _UNREADY as problem:
        raise DatabaseUnavailable(f"{doing}: {problem}") from problem
    except apsw.Error as problem:
        raise DatabaseError(f"{doing}: {problem}") from problem


def _judge(action: int, first: str | None, _second: str | None, *_: str | None) -> int:
    """Say what a body may do: nothing that reaches out of its transaction."""
    if action in (apsw.SQLITE_TRANSACTION, apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH):
        return apsw.SQLITE_DENY
    if action == apsw.SQLITE_PRAGMA and (first or "").lower() not in PRAGMAS:
        return apsw.SQLITE_DENY
    if first == RECEIPTS and action not in (apsw.SQLITE_READ, apsw.SQLITE_SELECT):
        return apsw.SQLITE_DENY
    return apsw.SQLITE_OK


def _bindable(value: Any, what: str) -> Any:
    """Return a value as SQLite keeps it."""
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    raise InputInvalid(
        f"{what} is a {type(value).__name__}, which SQLite does not keep; give text, a number, "
        "bytes or None (json.dumps makes text of lists and dicts)."
    )
