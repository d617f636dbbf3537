"""Reading PostgreSQL: in a transaction that cannot write, with a time limit that the server keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import psycopg

from podium.core.errors import LimitReached
from podium.tools.sql.errors import DatabaseError, StatementRefused, short_statement
from podium.tools.sql.postgres import PostgresConnection, placed, translated
from podium.tools.sql.reading import Found, Limits, collect

_CANCELED: Final = "57014"
_TOO_LARGE: Final = "podium: a row of "
_TOO_MIGHTY: Final = """
select rolsuper
    or pg_has_role(oid, 'pg_read_server_files', 'usage')
    or pg_has_role(oid, 'pg_write_server_files', 'usage')
    or pg_has_role(oid, 'pg_execute_server_program', 'usage')
from pg_roles where rolname = session_user"""
_READABLE: Final = r"""
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f')
  and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%'
  and has_schema_privilege(n.oid, 'usage')
  and (has_table_privilege(c.oid, 'select') or has_any_column_privilege(c.oid, 'select'))
order by 1, 2"""


def read_postgres(
    connection: PostgresConnection, sql: str, named: Mapping[str, Any], limits: Limits,
    *, tables: Collection[str] | None = None, is_foreign: bool = False,
) -> Found:  # fmt: skip
    """Carry out one statement that reads.

    Args:
        connection: One that has begun to read.
        sql: The statement.
        named: Its values.
        limits: How much is read.
        tables: What may be read, where somebody else wrote the statement; None: what the user may.
        is_foreign: Whether somebody else wrote it.

    Raises:
        StatementRefused: It does something else than read what it may.
        LimitReached: It took too long.
    """
    try:
        if is_foreign:
            require_meek(connection, tables)
            return _read_foreign(connection, sql, limits)
        with connection.raw.cursor() as cursor, translated(short_statement(sql)):
            text, values = placed(sql, (), named)
            rows = cursor.stream(text, values)
            try:
                taken, cut_by = collect(rows, limits)
            finally:
                rows.close()  # type: ignore[attr-defined]  # it is a generator
            return Found(_columns(cursor), taken, cut_by)
    except DatabaseError as problem:
        cause = problem.__cause__
        if isinstance(cause, psycopg.Error) and cause.sqlstate == _CANCELED:
            text = f"{short_statement(sql)}: it took longer than {limits.seconds:g} s."
            raise LimitReached(text) from problem
        if _TOO_LARGE in str(cause):
            text = f"{short_statement(sql)}: a row is larger than {limits.bytes:,} bytes."
            raise LimitReached(text) from problem
        raise


def require_meek(connection: PostgresConnection, tables: Collection[str] | None) -> None:
    """Refuse a user with whose rights a statement of somebody else's could do more than it should.

    What PostgreSQL lets a statement see are the rights of its user; a list of tables that the user
    may go beyond would be a promise that nobody keeps.

    Raises:
        StatementRefused: The user may do too much.
    """
    if connection.own(_TOO_MIGHTY).scalar():
        raise StatementRefused(
            "The user of this database is a superuser or may reach the server's files; statements "
            "that a model writes need a user who may read the tables they are for, and no more."
        )
    if tables is None:
        return
    wanted = {one.lower() for one in tables}
    beyond = [
        f"{schema}.{name}" for schema, name in connection.own(_READABLE).rows
        if name.lower() not in wanted and f"{schema}.{name}".lower() not in wanted
    ]  # fmt: skip
    if beyond:
        raise StatementRefused(
            f"The user of this database may read more than {', '.join(sorted(wanted))}: "
            f"{', '.join(beyond[:5])}. Give the tool a user with fewer rights, or leave out tables=."
        )


def _read_foreign(connection: PostgresConnection, sql: str, limits: Limits) -> Found:
    """Read what somebody else's statement gives.

    As a part of a cursor it can only be a query, whatever it says: the grammar takes nothing else
    there. A row that is too large is an error of the server's, before it is sent.
    """
    size = "octet_length(podium_row::text)"
    text = (
        f"declare podium_rows no scroll cursor for select podium_row.* from (\n{sql.strip().rstrip(';')}\n"  # noqa: S608 - whatever it says
        f") podium_row where case when {size} > {limits.bytes}"
        f" then ('{_TOO_LARGE}' || {size} || ' bytes')::int = 0 else true end"
    )
    with translated(short_statement(sql)), connection.raw.cursor() as cursor:
        cursor.execute(text.encode(), prepare=True)
        cursor.execute(f"fetch forward {limits.rows + 1} from podium_rows".encode())
        rows, cut_by = collect(cursor, limits)
        return Found(_columns(cursor), rows, cut_by)


def _columns(cursor: psycopg.Cursor[Any]) -> tuple[str, ...]:
    return tuple(column.name for column in cursor.description or ())
