"""Tools made of SQL: a statement of yours with parameters, or SELECTs that a model writes."""

from __future__ import annotations

import re

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypedDict, Unpack, cast

from podium.core.durations import Duration, seconds
from podium.core.errors import InvalidOption
from podium.core.transactions import Transaction
from podium.functions.options import CommonKeywords
from podium.tools.made import caller_module, function_of, shape_of
from podium.tools.sql.database import Database
from podium.tools.sql.reading import Limits, portable, require_whole
from podium.tools.tool import SafetyKeywords, Tool, tool

Result = Literal["rows", "first", "value", "changed"]
_RETURNS: Final[Mapping[str, Any]] = {
    "rows": list[dict[str, Any]], "first": dict[str, Any] | None, "value": Any, "changed": int,
}  # fmt: skip
_NAMES: Final = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (\$\w*\$).*?\1 | --[^\n]* | /\*.*?\*/ | :: | :([^\W\d]\w*)""",
    re.DOTALL | re.VERBOSE,
)
_COLUMNS_SQLITE: Final = """
select t.schema, t.name, c.name, c.type from pragma_table_list t
join pragma_table_xinfo(t.name, t.schema) c
where t.schema = 'main' and t.type in ('table', 'view', 'virtual')
  and t.name not like 'sqlite\\_%' escape '\\' and t.name not like 'podium\\_%' escape '\\'
order by t.name, c.cid"""
_COLUMNS_POSTGRES: Final = r"""
select table_schema::text, table_name::text, column_name::text, data_type::text
from information_schema.columns
where table_schema <> 'information_schema' and table_schema not like 'pg\_%'
  and table_name not like 'podium\_%'
order by table_schema, table_name, ordinal_position"""


class SqlKeywords(CommonKeywords, SafetyKeywords, total=False):
    """Options of the tools made of SQL: those of a tool, and

    Attributes:
        rows_max: How many rows it may give.
        bytes_max: How large they may be together, as JSON.
        statement_timeout: How long the statement may take.
        description: What it does, for people and models.
        namespace, version, tags, examples: As of :func:`podium.tool`.
    """

    rows_max: int
    bytes_max: int
    statement_timeout: Duration
    description: str
    namespace: str
    version: str | int
    tags: Sequence[str]
    examples: Sequence[Mapping[str, Any]]


class Rows(TypedDict):
    """What a SELECT of a model's gives.

    Attributes:
        columns: Their names.
        rows: The values of each row, in the order of the columns.
        cut: Which limit ended it, such as ``200 rows``; empty where all rows are there.
    """

    columns: list[str]
    rows: list[list[Any]]
    cut: str


def sql_tool(
    name: str, database: Database, sql: str, /, *,
    parameters: Callable[..., Any] | Mapping[str, Any] | None = None,
    result: Result | None = None, allow_write: bool = False, **options: Unpack[SqlKeywords],
) -> Tool[..., Any, Any]:  # fmt: skip
    """Make and register a tool that carries out one statement.

    ``:name`` in the statement stands for an argument. It is bound, never put into the text, so a
    value changes nothing but itself.

    Args:
        name: Of the tool.
        database: Which.
        sql: One statement.
        parameters: Types by name, or a function that has the parameters (its docstring and its
            return type count too). What is not declared is any scalar.
        result: ``rows`` (a list of dicts), ``first`` (a dict or null), ``value`` (the first column
            of the first row) or ``changed`` (how many rows were).
        allow_write: Whether it writes; it is a ``transaction`` then, else a ``read`` that cannot.
        options: See :class:`SqlKeywords`.

    Raises:
        InvalidOption: An option makes no sense.
        NameTaken: Another module has a tool of that name.
    """
    what = f"sql_tool({name!r})"
    kind = result or ("changed" if allow_write else "rows")
    if kind not in _RETURNS or (kind == "changed" and not allow_write):
        raise InvalidOption(
            f"{what}: result={kind!r}; expected 'rows', 'first', 'value', "
            "or 'changed' with allow_write=True."
        )
    given: dict[str, Any] = {"outside": True, **options}
    limits = _limits(what, given, 1000, 1024 * 1024, "30s")
    used = [found for _, found in _NAMES.findall(sql) if found]
    shape = shape_of(what, parameters, used, _RETURNS[kind])
    if not shape.description:
        given.setdefault("description", f"Carries out: {' '.join(sql.split())}")

    def read(**arguments: Any) -> Any:
        if kind != "rows":
            found = database.read(sql, arguments, Limits(1, limits.bytes, limits.seconds))
        else:
            found = require_whole(database.read(sql, arguments, limits), what)
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        if kind == "value":
            return found.rows[0][0] if found.rows else None
        return rows if kind == "rows" else next(iter(rows), None)

    def write(tx: Transaction, /, **arguments: Any) -> Any:
        if kind == "changed":
            return tx.execute(sql, **arguments)
        found: Any = {"rows": tx.query, "first": tx.first, "value": tx.scalar}[kind](
            sql, **arguments
        )
        return portable(found)

    if allow_write:
        body = function_of(write, name, shape, before={"tx": Transaction})
        made: Any = tool(effect="transaction", database=database, name=name, **given)(body)
    else:
        made = tool(effect="read", name=name, **given)(function_of(read, name, shape))
    return cast("Tool[..., Any, Any]", made)


def sql_query_tool(
    database: Database, /, *, tables: Collection[str] | None = None,
    **options: Unpack[SqlKeywords],
) -> Tool[..., Any, Any]:  # fmt: skip
    """Make and register a tool with which a model reads a database by SELECTs that it writes.

    The database keeps it to that, not a look at the text: SQLite opens the file for reading and
    asks for each table and function; PostgreSQL takes the text as the query of a cursor, in a
    transaction that is read only, and refuses to begin for a user who may do more than read.

    Args:
        database: Which.
        tables: What may be read; all there are unless given. With PostgreSQL the user must have
            no right to read others.
        options: See :class:`SqlKeywords`; the name is ``sql_query`` unless given.

    Raises:
        InvalidOption: An option makes no sense.
        NameTaken: Another module has a tool of that name.
    """
    given: dict[str, Any] = {"name": "sql_query", "outside": True, **options}
    limits = _limits(f"sql_query_tool({given['name']!r})", given, 200, 256 * 1024, "10s")
    allowed = None if tables is None else _tables("sql_query_tool", tables)
    dialect = "SQLite" if database.is_sqlite else "PostgreSQL"
    those = f" Tables: {', '.join(allowed)}." if allowed else ""
    given.setdefault(
        "description",
        f"Carry out one SELECT of {dialect} and return its rows, at most {limits.rows}.{those}",
    )

    def sql_query(sql: Annotated[str, "One SELECT statement."]) -> Rows:
        found = database.read(sql, {}, limits, tables=allowed, is_foreign=True)
        return Rows(columns=list(found.columns), rows=found.rows, cut=found.cut_by)

    sql_query.__module__ = caller_module()
    return cast("Tool[..., Any, Any]", tool(effect="read", **given)(sql_query))


def sql_schema_tool(
    database: Database, /, *, tables: Collection[str] | None = None,
    **options: Unpack[SqlKeywords],
) -> Tool[..., Any, Any]:  # fmt: skip
    """Make and register a tool that tells a model which tables and columns there are.

    Args:
        database: Which.
        tables: Of which it tells; of all unless given.
        options: See :class:`SqlKeywords`; the name is ``sql_schema`` unless given.

    Raises:
        InvalidOption: An option makes no sense.
        NameTaken: Another module has a tool of that name.
    """
    given: dict[str, Any] = {"name": "sql_schema", **options}
    limits = _limits(f"sql_schema_tool({given['name']!r})", given, 2000, 256 * 1024, "10s")
    wanted = None if tables is None else {one.lower() for one in _tables("sql_schema_tool", tables)}
    statement = _COLUMNS_SQLITE if database.is_sqlite else _COLUMNS_POSTGRES
    given.setdefault("description", "Tell which tables there are, with columns and their types.")

    def sql_schema() -> dict[str, dict[str, str]]:
        told: dict[str, dict[str, str]] = {}
        for schema, table, column, kind in require_whole(
            database.read(statement, {}, limits), "sql_schema"
        ).rows:
            name = table if schema in ("main", "public") else f"{schema}.{table}"
            if wanted is None or table.lower() in wanted or name.lower() in wanted:
                told.setdefault(name, {})[column] = kind
        return told

    sql_schema.__module__ = caller_module()
    return cast("Tool[..., Any, Any]", tool(effect="read", **given)(sql_schema))


def _tables(what: str, given: Collection[str]) -> tuple[str, ...]:
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise InvalidOption(f"{what}: tables={given!r}; expected a list of names.")
    return tuple(given)


def _limits(what: str, given: dict[str, Any], rows: int, size: int, limit: str) -> Limits:
    """Take the limits out of the options."""
    rows_max, bytes_max = given.pop("rows_max", rows), given.pop("bytes_max", size)
    for option, value in (("rows_max", rows_max), ("bytes_max", bytes_max)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InvalidOption(f"{what}: {option}={value!r}; expected a number, at least 1.")
    limit_s = seconds(given.pop("statement_timeout", limit), what=f"{what}: statement_timeout")
    return Limits(rows_max, bytes_max, limit_s)
