"""Tools made of SQL: a statement with parameters, and SELECTs that somebody else wrote, which can only read."""

import datetime as dt
import decimal

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podium import (
    ConstraintViolated,
    Database,
    DatabaseError,
    InputInvalid,
    InvalidOption,
    LimitReached,
    StatementRefused,
    Transaction,
    sql_query_tool,
    sql_schema_tool,
    sql_tool,
)
from podium.core.schema import parameters_schema
from podium.tools.sql.reading import portable
from tests.harness import drive
from tests.tools.sql.test_transactions import as_step

TABLES = [
    "create table customer (id text primary key, name text not null)",
    "create table orders (id text primary key, customer text, cents int)",
    "create view large as select * from orders where cents > 500",
    "create table secret (word text)",
    "insert into customer values ('c1', 'Ada'), ('c2', 'Grace')",
    "insert into orders values ('o1', 'c1', 300), ('o2', 'c1', 900), ('o3', 'c2', 1200)",
    "insert into secret values ('hush')",
]


@pytest.fixture
def full(url: str) -> Iterator[Database]:
    """A database with customers, orders and something that is nobody's business."""
    database = Database(url)

    def make(tx: Transaction) -> None:
        for sql in TABLES:
            tx.execute(sql)

    database.transactional(make)()
    yield database
    database.close()


@pytest.fixture
def reader(full: Database) -> Iterator[Database]:
    """The same as somebody sees it who may read all but the secret."""
    if full.is_sqlite:
        yield full
        return

    def grant(tx: Transaction) -> None:
        tx.execute(
            "do $$ begin if not exists (select from pg_roles where rolname = 'reader') "
            "then create role reader login; end if; end $$"
        )
        tx.execute("grant select on customer, orders, large to reader")

    full.transactional(grant)()
    database = Database(full._url.replace("postgres@", "reader@"))
    yield database
    database.close()


def call(tool: Any, **arguments: Any) -> Any:
    """Call a tool outside a workflow."""
    return drive(tool(**arguments))


def rows_of(database: Database, sql: str) -> list[Any]:
    """What is in the database."""

    def look(tx: Transaction) -> list[Any]:
        return [tuple(row.values()) for row in tx.query(sql)]

    return database.transactional(look)()


# a statement of one's own -----------------------------------------------------------------


def test_a_statement_with_parameters(full: Database) -> None:
    """Arguments are bound by name; the result is rows, the first one, or one value."""
    orders = sql_tool(
        "orders_of", full,
        "select id, cents from orders where customer = :customer and cents >= :least order by id",
        parameters={"customer": str, "least": int},
    )  # fmt: skip
    one = sql_tool("order", full, "select * from orders where id = :id", result="first")
    total = sql_tool(
        "total", full, "select sum(cents) from orders where customer = :c", result="value"
    )

    assert call(orders, customer="c1", least=300) == [
        {"id": "o1", "cents": 300}, {"id": "o2", "cents": 900},
    ]  # fmt: skip
    assert call(one, id="o3") == {"id": "o3", "customer": "c2", "cents": 1200}
    assert call(one, id="nothing") is None
    assert int(call(total, c="c1")) == 1200
    assert orders.spec.effect == "read"
    assert parameters_schema(orders.spec)["properties"] == {
        "customer": {"type": "string"}, "least": {"type": "integer"},
    }  # fmt: skip


def test_parameters_of_a_function(full: Database) -> None:
    """A function gives types, defaults, a docstring and the type of the result."""

    def orders_of(customer: str, least: int = 500) -> list[dict[str, Any]]:
        """Orders of a customer.

        Args:
            customer: Its id.
            least: In cents.
        """

    tool = sql_tool(
        "orders_of", full, "select id from orders where customer = :customer and cents >= :least",
        parameters=orders_of,
    )  # fmt: skip

    assert call(tool, customer="c1") == [{"id": "o2"}]
    assert parameters_schema(tool.spec)["required"] == ["customer"]
    assert tool.spec.description == "Orders of a customer."


@pytest.mark.parametrize(
    "value", ["x' or '1'='1", "'; drop table orders; --", "\\", '"', "c1\u0000", "ç1 ☃", "%", ":customer", ""]
)  # fmt: skip
def test_a_value_changes_nothing_but_itself(full: Database, value: str) -> None:
    """What looks like SQL in an argument finds nothing and breaks nothing."""
    tool = sql_tool("orders_of", full, "select id from orders where customer = :customer")

    try:
        found = call(tool, customer=value)
    except DatabaseError:  # PostgreSQL keeps no NUL in text
        found = []

    assert found == []
    assert len(rows_of(full, "select id from orders")) == 3


def test_a_tool_that_reads_cannot_write(full: Database) -> None:
    """Unless it is allowed to, whatever its statement says."""
    for n, sql in enumerate(["delete from orders", "insert into customer values ('x', 'y')", "drop table orders"]):  # fmt: skip
        with pytest.raises(StatementRefused):
            call(sql_tool(f"bad{n}", full, sql))

    assert len(rows_of(full, "select id from orders")) == 3


def test_a_tool_that_writes_is_a_transaction(full: Database) -> None:
    """It happens exactly once for each key, and gives what was changed or returned."""
    raised = sql_tool(
        "raise_price", full, "update orders set cents = cents + :by where customer = :customer",
        parameters={"by": int, "customer": str}, allow_write=True,
    )  # fmt: skip
    added = sql_tool(
        "add", full, "insert into customer values (:id, :name) returning id", result="value", allow_write=True,
    )  # fmt: skip

    def step(tool: Any, key: str, **arguments: Any) -> Any:
        return as_step(_Bound(tool, arguments), key)

    assert raised.spec.effect == "transaction"
    assert step(raised, "k", by=10, customer="c1") == 2
    assert step(raised, "k", by=10, customer="c1") == 2
    assert step(added, "k2", id="c9", name="Mary") == "c9"
    assert rows_of(full, "select cents from orders order by id") == [(310,), (910,), (1200,)]
    with pytest.raises(ConstraintViolated):
        call(added, id="c9", name="again")


class _Bound:
    """A task with its arguments, for `as_step`."""

    def __init__(self, tool: Any, arguments: dict[str, Any]) -> None:
        self.spec = tool.spec
        self.fn = lambda: tool.fn(**arguments)


def test_more_rows_than_allowed(full: Database) -> None:
    """A tool whose rows are too many or too large says so instead of cutting in silence."""
    few = sql_tool("few", full, "select id from orders", rows_max=2)
    small = sql_tool("small", full, "select id, customer from orders", bytes_max=20)
    first = sql_tool("one", full, "select id from orders order by id", rows_max=2, result="first")

    with pytest.raises(LimitReached, match="more than 2 rows"):
        call(few)
    with pytest.raises(LimitReached, match="more than 20 bytes"):
        call(small)
    assert call(first) == {"id": "o1"}


def test_a_statement_that_takes_too_long(full: Database) -> None:
    """It is ended, and said."""
    slow = (
        "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as n from n"
        if full.is_sqlite
        else "select pg_sleep(60)::text as n"
    )
    tool = sql_tool("slow", full, slow, statement_timeout="100ms")
    query = sql_tool("quick", full, "select 1 as n")

    with pytest.raises(LimitReached, match=r"longer than 0\.1 s"):
        call(tool)
    assert call(query) == [{"n": 1}]


def test_tools_that_make_no_sense(tmp_path: Path) -> None:
    """What does not fit is said when the tool is made."""
    shop = Database(f"sqlite:///{tmp_path / 'shop.db'}")

    with pytest.raises(InvalidOption, match="'limit' is declared and not used; names in it: id"):
        sql_tool("a", shop, "select :id", parameters={"id": str, "limit": int})
    with pytest.raises(InvalidOption, match="'id' is used and is no parameter"):
        sql_tool("a", shop, "select :id", parameters=lambda: None)
    with pytest.raises(InvalidOption, match="result='changed'"):
        sql_tool("a", shop, "select 1", result="changed")
    with pytest.raises(InvalidOption, match="rows_max=0"):
        sql_tool("a", shop, "select 1", rows_max=0)
    with pytest.raises(InvalidOption, match="expected a list of names"):
        sql_query_tool(shop, tables="orders")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A tool that reads makes no file."""
    path = tmp_path / "nothing.db"
    tool = sql_tool("a", Database(f"sqlite:///{path}"), "select 1")

    with pytest.raises(DatabaseError, match=r"nothing\.db"):
        call(tool)
    assert not path.exists()


def test_values_that_json_does_not_have() -> None:
    """Times, decimals and ids become text, bytes base64, numbers that are none their names."""
    moment = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)

    assert portable(moment) == "2026-01-02T03:04:00+00:00"
    assert portable(decimal.Decimal("1.10")) == "1.10"
    assert portable(b"\x00\xff") == "AP8="
    assert portable(float("nan")) == "nan"
    assert portable([{"a": (1, None, True)}]) == [{"a": [1, None, True]}]


# statements of somebody else's ------------------------------------------------------------


def test_a_model_reads(reader: Database) -> None:
    """One SELECT gives columns and rows; what is too much is cut, and that is said."""
    query = sql_query_tool(reader, rows_max=2)

    assert call(query, sql="select c.name, sum(o.cents) from customer c join orders o on o.customer = c.id group by 1 order by 1;") == {
        "columns": ["name", "sum" if not reader.is_sqlite else "sum(o.cents)"],
        "rows": [["Ada", 1200], ["Grace", 1200]], "cut": "",
    }  # fmt: skip
    assert call(query, sql="select id from orders order by id -- all of them") == {
        "columns": ["id"], "rows": [["o1"], ["o2"]], "cut": "2 rows",
    }  # fmt: skip
    assert call(query, sql="with big as (select * from large) select count(*) as n from big")[
        "rows"
    ] == [[2]]
    assert call(query, sql="select 1 as a, 2 as a where 1 = 2") == {
        "columns": ["a", "a"],
        "rows": [],
        "cut": "",
    }
    assert query.spec.effect == "read"


@pytest.mark.parametrize(
    "sql",
    [
        "delete from orders",
        "insert into orders values ('x', 'y', 1)",
        "update orders set cents = 0",
        "drop table orders",
        "create table mine (a int)",
        "select 1; delete from orders",
        "select 1; select 2",
        "commit; delete from orders",
        "commit",
        "with gone as (delete from orders returning *) select * from gone",
        "select * from secret",
        "select (select word from secret)",
        "select * from (values (1)) a, secret",
        "select 1 union select word from secret",
        "",
        ";",
        "-- nothing",
        "explain analyze delete from orders",
        "vacuum",
        "analyze",
        "1) q; delete from orders; --",
        "select 1) q; delete from orders; select * from (select 1",
    ],
)
def test_what_a_model_may_not_do(reader: Database, full: Database, sql: str) -> None:
    """Whatever is more than a query of what may be read is refused, and nothing has changed."""
    query = sql_query_tool(reader, tables=["customer", "orders", "large"])

    with pytest.raises((StatementRefused, DatabaseError, InputInvalid)):
        call(query, sql=sql)

    assert rows_of(full, "select count(*), sum(cents) from orders") == [(3, 2400)]
    assert rows_of(full, "select word from secret") == [("hush",)]
    assert call(query, sql="select count(*) as n from orders")["rows"] == [[3]]


@pytest.mark.parametrize(
    "sql",
    [
        "attach 'other.db' as other",
        "pragma user_version = 7",
        "pragma table_info(secret)",
        "select * from pragma_table_info('secret')",
        "select * from sqlite_master",
        "select * from sqlite_schema",
        "select * from sqlite_dbpage",
        "select * from dbstat",
        "select load_extension('evil.so')",
        "select fts3_tokenizer('simple')",
        "select writefile('x', 'y')",
        "select readfile('/etc/passwd')",
        "select edit('a')",
        "select * from temp.sqlite_master",
        "create temp table mine as select * from orders",
        "select zeroblob(100000000)",
        "select hex(zeroblob(900000000))",
        "select printf('%900000000d', 1)",
        "select group_concat(zeroblob(500000)) from orders, orders b, orders c",
        "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n",
        "select * from " + ", ".join(["orders"] * 70),
        "select " + "(" * 5000 + "1" + ")" * 5000,
        "select 1 " + " " * 200_000,
    ],
)
def test_what_sqlite_keeps_a_model_from(tmp_path: Path, sql: str) -> None:
    """Other files, pragmas, internals, functions that reach out, values and work without bounds."""
    full = Database(f"sqlite:///{tmp_path / 'shop.db'}")

    def make(tx: Transaction) -> None:
        for one in TABLES:
            tx.execute(one)

    full.transactional(make)()
    query = sql_query_tool(full, tables=["orders"], statement_timeout="300ms")

    with pytest.raises((DatabaseError, LimitReached, InputInvalid)):
        call(query, sql=sql)

    assert list(tmp_path.iterdir()) == [tmp_path / "shop.db"]
    full.close()


def test_views_and_what_is_behind_them(reader: Database) -> None:
    """A view that may be read shows what it shows, though the table behind it may not be read."""
    if not reader.is_sqlite:
        pytest.skip("in PostgreSQL that is a matter of rights")
    query = sql_query_tool(reader, tables=["LARGE"])

    assert call(query, sql="select id from large order by id")["rows"] == [["o2"], ["o3"]]
    with pytest.raises(StatementRefused, match="'orders' may not be read; tables: large"):
        call(query, sql="select id from orders")
    assert call(query, sql="select value from json_each('[1, 2]')")["rows"] == [[1], [2]]


def test_full_text_tables(tmp_path: Path) -> None:
    """A virtual table may be searched, with what it keeps behind itself."""
    database = Database(f"sqlite:///{tmp_path / 'docs.db'}")

    def make(tx: Transaction) -> None:
        tx.execute("create virtual table docs using fts5(body)")
        tx.execute("create table docs_private (word text)")
        tx.execute("insert into docs values ('durable workflows'), ('other things')")

    database.transactional(make)()
    query = sql_query_tool(database, tables=["docs"])

    assert call(query, sql="select body from docs where docs match 'durable'")["rows"] == [
        ["durable workflows"]
    ]
    with pytest.raises(StatementRefused):
        call(query, sql="select * from docs_private")
    database.close()


@pytest.mark.long
@pytest.mark.parametrize(
    "sql",
    [
        "select pg_read_file('/etc/passwd')",
        "select pg_ls_dir('/')",
        "select lo_import('/etc/passwd')",
        "select set_config('transaction_read_only', 'off', true), nextval('numbers')",
        "select nextval('numbers')",
        "select query_to_xml('delete from orders', true, true, '')",
        "select query_to_xml('select * from secret', true, true, '')",
        "select set_config('role', 'postgres', true)",
        "select set_config('session_authorization', 'postgres', true)",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
        "select repeat('x', 100000000)",
        "select pg_sleep(60)",
        "select set_config('statement_timeout', '0', false), pg_sleep(60)",
        "copy orders to program 'touch gone'",
        "copy (select 1) to '/gone'",
        "do $$ begin delete from orders; end $$",
        "call something()",
        "prepare a as delete from orders",
        "set role postgres",
        "lock table orders",
        "listen x",
        "declare c cursor for select 1",
        "table secret",
        "select * from orders for update",
        "select dblink('a', 'b')",
    ],
)  # fmt: skip
def test_what_postgresql_keeps_a_model_from(postgres: Any, sql: str) -> None:
    """Files, rights, settings, other statements, time and size: a model reaches none of them."""
    admin = Database(postgres.fresh())

    def make(tx: Transaction) -> None:
        for one in TABLES:
            tx.execute(one)
        tx.execute("create sequence numbers")
        tx.execute(
            "do $$ begin if not exists (select from pg_roles where rolname = 'reader') "
            "then create role reader login; end if; end $$"
        )
        tx.execute("grant select on customer, orders to reader")
        tx.execute("grant usage on sequence numbers to reader")

    admin.transactional(make)()
    reader = Database(admin._url.replace("postgres@", "reader@"))
    query = sql_query_tool(reader, tables=["orders", "public.customer"], statement_timeout="300ms")

    with pytest.raises((DatabaseError, LimitReached)):
        call(query, sql=sql)
    assert rows_of(admin, "select count(*), sum(cents) from orders") == [(3, 2400)]
    assert rows_of(admin, "select is_called from numbers") == [(False,)]
    assert call(
        query, sql="select current_user::text as u, current_setting('transaction_read_only') as r"
    )["rows"] == [["reader", "on"]]
    admin.close()
    reader.close()


@pytest.mark.long
def test_a_user_who_may_do_too_much(full: Database, reader: Database) -> None:
    """PostgreSQL's rights are what keeps a model within tables: a user with more is refused before it begins."""
    if full.is_sqlite:
        pytest.skip("SQLite knows no users")

    with pytest.raises(StatementRefused, match="superuser"):
        call(sql_query_tool(full), sql="select 1")
    with pytest.raises(
        StatementRefused, match=r"more than customer: public\.large, public\.orders"
    ):
        call(sql_query_tool(reader, tables=["customer"], name="narrow"), sql="select 1")


def test_the_tables_are_told(full: Database) -> None:
    """Names of tables and columns with their types, of all or of some."""
    every = call(sql_schema_tool(full))
    some = call(sql_schema_tool(full, tables=["Orders"], name="some"))

    assert list(every) == ["customer", "large", "orders", "secret"]
    assert list(some) == ["orders"]
    assert [kind.lower() for kind in some["orders"].values()] in (
        ["text", "text", "int"],
        ["text", "text", "integer"],
    )
