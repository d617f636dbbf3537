"""PostgreSQL, through psycopg (the extra ``postgres``)."""

from __future__ import annotations

import contextlib
import re

from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg

from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from podium.core.errors import InputInvalid
from podium.core.transactions import Answer
from podium.tools.sql.errors import (
    ConstraintViolated,
    DatabaseError,
    DatabaseUnavailable,
    StatementRefused,
    short_statement,
)

RECEIPTS: Final = "podium_receipts"
CONNECT_S: Final = 10
_TOKENS: Final = re.compile(
    r"""(?P<skip>
        [eE]'(?:[^'\\]|\\.|'')*'                    # text with escapes
      | '(?:[^']|'')*'                              # text
      | "(?:[^"]|"")*"                              # a quoted name
      | (?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag)     # text between dollars
      | --[^\n]*                                    # a comment
      | /\*.*?\*/                                   # a longer one
      | ::                                          # a cast
      | :=
    )
    | :(?P<name>[^\W\d]\w*)
    | (?P<place>\?)
    | (?P<percent>%)
    """,
    re.DOTALL | re.VERBOSE,
)
_ENDING: Final = re.compile(
    r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
    r"(begin|start|commit|end|abort|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|prepare\s+transaction)\b",
    re.DOTALL | re.IGNORECASE,
)
_LATER: Final = ("08", "25P03", "40", "53", "55P03", "57P")
"""SQLSTATEs of what may work later: connections, silence, serialization, resources, locks, shutdown."""
_CHANGING: Final = ("INSERT", "UPDATE", "DELETE", "MERGE")
_AFRESH: Final = "reset session authorization; reset all;"
"""What the last transaction has set for its session is taken back."""


class PostgresConnection:
    """A connection that writes.

    Args:
        url: As libpq takes it.
        wait_s: How long to wait for locks.
        idle_s: How long the server keeps a transaction whose process is silent.

    Attributes:
        raw: The driver's own.

    Raises:
        DatabaseUnavailable: There is no connection.
    """

    def __init__(self, url: str, wait_s: float, idle_s: float) -> None:
        self.raw = self._connection = connect(url)
        self._idle = (
            f"set local idle_in_transaction_session_timeout = {max(1, round(idle_s * 1000))};"
        )
        self._begin = (
            f"{_AFRESH} begin;"
            f"set local lock_timeout = {max(1, round(wait_s * 1000))};"
            f"{self._idle}"
            # The receipt must not be lost, with its rows, after Podium has recorded the result.
            "select set_config('synchronous_commit', 'on', true)"
            " where current_setting('synchronous_commit') = 'off'"
        )
        self._receipts = ""

    def require_open(self) -> None:
        """Refuse to go on where the transaction is lost.

        Raises:
            DatabaseError: It is.
        """
        status = self._connection.info.transaction_status
        if status is TransactionStatus.INERROR:
            raise DatabaseError(
                "A statement failed and its error was caught; PostgreSQL takes back the whole "
                "transaction then. Let the error pass, or set a savepoint before the statement."
            )
        if status is not TransactionStatus.INTRANS:
            raise DatabaseUnavailable("The connection was lost within the transaction.")

    def begin(self) -> None:
        """Open a transaction."""
        with translated("begin"):
            self._connection.execute(self._begin)

    def begin_reading(self, limit_s: float) -> None:
        """Open a transaction that cannot write, with a limit for each of its statements."""
        with translated("begin"):
            self._connection.execute(
                f"{_AFRESH} begin read only; {self._idle}"
                f"set local statement_timeout = {max(1, round(limit_s * 1000))}"
            )

    def run(self, sql: str, values: tuple[Any, ...], named: Mapping[str, Any]) -> Answer:
        """Carry out a statement of the user's."""
        ending = _ENDING.match(sql)
        if ending:
            raise StatementRefused(
                f"{short_statement(sql)}: {ending[1].lower()} is not for the body; "
                "its transaction is committed when it returns, and taken back when it raises."
            )
        answer = run_statement(self._connection, sql, values, named)
        self.require_open()
        return answer

    def own(self, sql: str, *values: Any) -> Answer:
        """Carry out a statement of Podium's."""
        return run_statement(self._connection, sql, values, {})

    def make_receipts(self) -> None:
        """Make the table of receipts if there is none; called before a transaction."""
        if self._receipts:
            return
        schema = self.own("select quote_ident(current_schema())").scalar()
        if schema is None:
            raise DatabaseError(
                f"There is no schema to keep {RECEIPTS} in: the search_path names none that is there."
            )
        name = f"{schema}.{RECEIPTS}"
        if self.own("select to_regclass(?)", name).scalar() is None:
            with translated(f"making the table {name}"):
                self._connection.execute(
                    # Two that make it at once would be told off, so they take turns.
                    f"begin; select pg_advisory_xact_lock(hashtext('{RECEIPTS}'));"
                    f"create table if not exists {name}"
                    " (key text primary key, result text, at bigint not null); commit"
                )
        self._receipts = name

    @property
    def receipts(self) -> str:
        """The table of receipts, as statements name it."""
        return self._receipts

    def commit(self) -> None:
        """Commit."""
        with translated("commit"):
            self._connection.execute("commit")

    def rollback(self) -> None:
        """Take everything back."""
        with translated("rollback"):
            self._connection.execute("rollback")

    def interrupt(self) -> None:
        """End the statement that another thread carries out."""
        with contextlib.suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=CONNECT_S)

    def close(self) -> None:
        """Hang up; an open transaction is taken back."""
        self._connection.close()


def connect(url: str) -> psycopg.Connection[Any]:
    """Return a connection on which nothing is begun by itself.

    Raises:
        DatabaseUnavailable: There is none.
    """
    with translated("connecting"):
        return psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_S, application_name="podium"
        )


def run_statement(
    connection: psycopg.Connection[Any], sql: str, values: tuple[Any, ...], named: Mapping[str, Any]
) -> Answer:
    """Carry out one statement with bound values.

    Raises:
        InputInvalid: Its values are not those that it names.
        DatabaseError: The database refuses it, or cannot do it.
    """
    text, bound = placed(sql, values, named)
    with translated(short_statement(sql)), connection.cursor() as cursor:
        # Prepared, the server takes one statement only; with values it does so anyway.
        cursor.execute(text, bound, prepare=None if bound else True)
        columns = tuple(column.name for column in cursor.description or ())
        rows = cursor.fetchall() if cursor.description is not None else []
        has_changed = (cursor.statusmessage or "").startswith(_CHANGING)
        return Answer(columns, rows, cursor.rowcount if has_changed else 0)


def placed(sql: str, values: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the statement as the driver takes it, and its values.

    Raises:
        InputInvalid: The values are not those that the statement names.
    """
    if values and named:
        raise InputInvalid(f"{short_statement(sql)}: give values by place or by name, not both.")
    if not values and not named:
        missing = next((one["name"] for one in _TOKENS.finditer(sql) if one["name"]), None)
        if missing:
            raise InputInvalid(f"{short_statement(sql)}: there is no value for :{missing}.")
        return sql, None
    used: set[str] = set()
    places = 0

    def replace(found: re.Match[str]) -> str:
        nonlocal places
        if found["percent"]:
            return "%%"
        if found["name"] and not values:
            used.add(found["name"])
            return f"%({found['name']})s"
        if found["place"] and values:
            places += 1
            return "%s"
        return found[0].replace("%", "%%")

    text = _TOKENS.sub(replace, sql)
    _require_all(sql, used, named, places, len(values))
    if named:
        return text, {name: _bindable(value) for name, value in named.items()}
    return text, [_bindable(value) for value in values]


def _require_all(
    sql: str, used: set[str], named: Mapping[str, Any], places: int, count: int
) -> None:
    wrong = ""
    if used - named.keys():
        wrong = f"there is no value for :{min(used - named.keys())}."
    elif named.keys() - used:
        wrong = f"nothing is named :{min(named.keys() - used)} in it."
    elif places != count:
        wrong = f"it has {places} places (?) and was given {count} values."
    if wrong:
        raise InputInvalid(f"{short_statement(sql)}: {wrong}")


def _bindable(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise what the driver raises as what it means."""
    try:
        yield
    except psycopg.Error as problem:
        state = problem.sqlstate or ""
        text = f"{doing}: {problem}".strip()
        if state.startswith("23"):
            raise ConstraintViolated(text) from problem
        if state in ("42501", "25006"):
            raise StatementRefused(text) from problem
        if state.startswith(_LATER) or (
            not state and isinstance(problem, psycopg.OperationalError)
        ):
            raise DatabaseUnavailable(text) from problem
        raise DatabaseError(text) from problem
