"""A task with `effect="transaction"` writes a database of the user's, and its receipt commits with the rows."""

import asyncio
import threading

from pathlib import Path
from typing import Any

import pytest

import podium

from podium import (
    AsyncTransaction,
    ConstraintViolated,
    Database,
    DatabaseError,
    DatabaseUnavailable,
    InputInvalid,
    InvalidOption,
    Podium,
    StatementRefused,
    Transaction,
    UsageError,
    ValueNotPortable,
    task,
    workflow,
)
from podium.core.context import current_attempt
from podium.core.ports import Attempt
from tests.harness import drive


def as_step(called: Any, key: str, *args: Any) -> Any:
    """Carry out the body of a task as an attempt of a step with this key."""
    attempt = Attempt(called.spec, {}, b"{}", "run", "pay", 1, lambda _: key, {})
    token = current_attempt.set(attempt)
    try:
        found = called.fn(*args)
        return drive(found) if asyncio.iscoroutine(found) else found
    finally:
        current_attempt.reset(token)


def rows(database: Database) -> list[tuple[str, int]]:
    """What is in the table."""

    def look(tx: Transaction) -> list[dict[str, Any]]:
        return tx.query("select id, cents from paid order by id")

    return [(row["id"], row["cents"]) for row in database.transactional(look)()]


def receipts(database: Database) -> int:
    """How many receipts there are."""

    def count(tx: Transaction) -> int:
        return int(tx.scalar("select count(*) from podium_receipts"))

    return int(database.transactional(count)())


def paying(database: Database) -> Any:
    """A task that pays; what it was called with is kept in `calls`."""
    calls: list[str] = []

    @task(effect="transaction", database=database)
    def pay(tx: Transaction, order: str, cents: int = 5) -> dict[str, Any]:
        calls.append(order)
        changed = tx.execute("insert into paid values (:id, :cents)", id=order, cents=cents)
        return {"order": order, "changed": changed}

    pay.__dict__["calls"] = calls
    return pay


# the promise -----------------------------------------------------------------------------


def test_a_second_attempt_finds_the_receipt(shop: Database) -> None:
    """The same key gives the result of the first time, and the body does not run again."""
    pay = paying(shop)

    first = as_step(pay, "k1", "a")
    second = as_step(pay, "k1", "a")
    other = as_step(pay, "k2", "b")

    assert first == second == {"order": "a", "changed": 1}
    assert other["order"] == "b"
    assert pay.calls == ["a", "b"]
    assert rows(shop) == [("a", 5), ("b", 5)]


def test_what_fails_was_not(shop: Database) -> None:
    """A body that raises leaves neither rows nor a receipt, and may be tried again."""
    failures = [RuntimeError("half way")]

    @task(effect="transaction", database=shop)
    def pay(tx: Transaction, order: str) -> str:
        tx.execute("insert into paid values (?, 1)", order)
        if failures:
            raise failures.pop()
        return order

    with pytest.raises(RuntimeError, match="half way"):
        as_step(pay, "k", "a")
    assert rows(shop) == []
    assert as_step(pay, "k", "a") == "a"
    assert rows(shop) == [("a", 1)]


def test_a_result_that_cannot_be_recorded_is_found_before_the_commit(shop: Database) -> None:
    """It did not happen then: no row is there."""

    @task(effect="transaction", database=shop)
    def pay(tx: Transaction, order: str) -> Any:
        tx.execute("insert into paid values (?, 1)", order)
        return {order: {1, 2}}

    @task(effect="transaction", database=shop)
    def pay_much(tx: Transaction, order: str) -> str:
        tx.execute("insert into paid values (?, 1)", order)
        return "x" * 2_000_000

    with pytest.raises(ValueNotPortable, match="the result of pay"):
        as_step(pay, "k", "a")
    with pytest.raises(ValueNotPortable, match="the limit is 1,048,576"):
        as_step(pay_much, "k", "a")

    assert rows(shop) == []


def test_two_attempts_of_one_key_at_once(shop: Database) -> None:
    """The second waits for the first, and its body does not run."""
    inside, go = threading.Event(), threading.Event()
    calls = []

    @task(effect="transaction", database=shop)
    def pay(tx: Transaction, order: str) -> int:
        calls.append(order)
        tx.execute("insert into paid values (?, 1)", order)
        inside.set()
        assert go.wait(20)
        return len(calls)

    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(as_step(pay, "k", "a"))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    assert inside.wait(20)
    go.set()
    for thread in threads:
        thread.join(20)

    assert found == [1, 1, 1]
    assert calls == ["a"]
    assert rows(shop) == [("a", 1)]


def test_steps_of_a_workflow(shop: Database, tmp_path: Path) -> None:
    """Sync and async bodies are steps like others, many at once; what a replay gives is the same."""
    pay = paying(shop)

    @task(effect="transaction", database=shop)
    async def refund(tx: AsyncTransaction, order: str) -> int | None:
        await tx.execute("update paid set cents = 0 where id = :id", id=order)
        both = await asyncio.gather(
            tx.first("select cents from paid where id = ?", order),
            tx.query("select id from paid where id = ?", order),
        )
        assert list(both) == [{"cents": 0}, [{"id": order}]]
        return int(await tx.scalar("select cents from paid where id = ?", order))

    @workflow
    async def sell(n: int) -> list[Any]:
        names = [f"o{index:02}" for index in range(n)]
        paid = await podium.map(pay, names)
        back = await podium.map(refund, names[:3])
        return [len(paid), back]

    async def main() -> Any:
        async with Podium(str(tmp_path / "app.db")) as app:
            run = await app.start(sell, {"n": 12})
            output = await run.result()
            steps = await run.steps()
            return output, {step.effect for step in steps}

    assert drive(main(), 60) == ([12, [0, 0, 0]], {"transaction"})
    assert [cents for _, cents in rows(shop)] == [0, 0, 0] + [5] * 9
    assert receipts(shop) == 15


def test_it_is_called_without_the_transaction(shop: Database) -> None:
    """The transaction is no argument of the call, and no part of the schema."""
    from podium.core.schema import parameters_schema

    pay = paying(shop)

    assert list(parameters_schema(pay.spec)["properties"]) == ["order", "cents"]
    assert parameters_schema(pay.spec)["required"] == ["order"]


def test_outside_a_workflow_it_just_runs_in_a_transaction(shop: Database) -> None:
    """There is no key then, so there is no receipt; what fails is taken back all the same."""
    pay = paying(shop)

    drive(pay("a"))
    with pytest.raises(ConstraintViolated):
        drive(pay("a"))

    assert rows(shop) == [("a", 5)]
    with pytest.raises(DatabaseError):
        receipts(shop)


def test_a_call_in_another_body_has_no_key(shop: Database) -> None:
    """The key of a step belongs to its own body: two calls in there are two transactions."""
    pay = paying(shop)

    @task(effect="write")
    async def both() -> None:
        await pay("a")
        await pay("b")

    as_step(both, "k")

    assert rows(shop) == [("a", 5), ("b", 5)]


def test_receipts_can_be_pruned(shop: Database) -> None:
    """`prune` deletes old ones and says how many; younger ones stay."""
    pay = paying(shop)
    as_step(pay, "k1", "a")

    assert shop.prune("1h") == 0
    assert shop.prune("0s") == 1
    assert receipts(shop) == 0


def test_two_workers(shop: Database) -> None:
    """A receipt is that of the database, so attempts in two workers see each other's."""
    other = Database(
        f"sqlite:///{shop._path}" if shop.is_sqlite else shop._url  # as another process would
    )
    pay = paying(shop)
    there = other.transactional(pay.fn.__wrapped__)
    as_step(pay, "k", "a")
    attempt = Attempt(pay.spec, {}, b"{}", "run", "pay", 2, lambda _: "k", {})
    pay.spec.fn = there
    token = current_attempt.set(attempt)
    try:
        again = there("a")
    finally:
        current_attempt.reset(token)
        other.close()

    assert again == {"order": "a", "changed": 1}
    assert pay.calls == ["a"]


# what a body may not do -------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "commit", "COMMIT", "/* now */ commit", "-- now\ncommit", "end", "rollback", "begin",
        "savepoint a; commit",
    ],
)  # fmt: skip
def test_a_body_cannot_end_its_transaction(shop: Database, sql: str) -> None:
    """Ending it is refused, and everything is taken back."""

    @task(effect="transaction", database=shop)
    def pay(tx: Transaction) -> None:
        tx.execute("insert into paid values ('a', 1)")
        tx.execute(sql)

    with pytest.raises((StatementRefused, InputInvalid, DatabaseError)):
        as_step(pay, "k")

    assert rows(shop) == []


def test_a_savepoint_is_its_own_affair(shop: Database) -> None:
    """Within the transaction a body may go back to a savepoint."""

    @task(effect="transaction", database=shop)
    def pay(tx: Transaction) -> None:
        tx.execute("insert into paid values ('a', 1)")
        tx.execute("savepoint before")
        with pytest.raises(ConstraintViolated):
            tx.execute("insert into paid values ('a', 1)")
        tx.execute("rollback to savepoint before")
        tx.execute("insert into paid values ('b', 1)")

    as_step(pay, "k")

    assert rows(shop) == [("a", 1), ("b", 1)]


def test_a_transaction_that_was_lost_within_is_not_committed(shop: Database) -> None:
    """A body that catches the error by which the database gave the transaction up does not get away with it."""
    fatal = "insert or rollback into paid values ('a', 1)" if shop.is_sqlite else "select 1 / 0"

    @task(effect="transaction", database=shop)
    def pay(tx: Transaction) -> str:
        tx.execute("insert into paid values ('a', 1)")
        with pytest.raises(DatabaseError):
            tx.execute(fatal)
        return "done"

    @task(effect="transaction", database=shop)
    def pay_on(tx: Transaction) -> str:
        tx.execute("insert into paid values ('a', 1)")
        with pytest.raises(DatabaseError):
            tx.execute(fatal)
        tx.execute("insert into paid values ('b', 1)")
        return "done"

    with pytest.raises(DatabaseError, match=r"rolled back|takes back"):
        as_step(pay, "k")
    with pytest.raises(DatabaseError):
        as_step(pay_on, "k")

    assert rows(shop) == []


def test_a_deferred_constraint_fails_at_the_commit(shop: Database) -> None:
    """Nothing is committed then, and no receipt says so."""

    def make(tx: Transaction) -> None:
        tx.execute(
            "create table item (id int primary key, paid text references paid (id) "
            "deferrable initially deferred)"
        )

    shop.transactional(make)()

    @task(effect="transaction", database=shop)
    def add(tx: Transaction) -> str:
        tx.execute("insert into item values (1, 'nobody')")
        return "done"

    with pytest.raises(ConstraintViolated):
        as_step(add, "k")

    assert receipts(shop) == 0
    assert as_step(paying(shop), "k2", "a")["changed"] == 1


def test_receipts_are_not_for_the_body(shop: Database) -> None:
    """In SQLite the body cannot change the receipts."""
    if not shop.is_sqlite:
        pytest.skip("in PostgreSQL the user of the database may be kept from it by its rights")

    @task(effect="transaction", database=shop)
    def forge(tx: Transaction) -> None:
        tx.execute("delete from podium_receipts")

    with pytest.raises(StatementRefused):
        as_step(forge, "k")


@pytest.mark.parametrize("sql", ["attach 'other.db' as other", "pragma journal_mode=off"])
def test_a_body_stays_within_its_file(tmp_path: Path, sql: str) -> None:
    """Statements that reach out of the transaction are refused."""
    database = Database(f"sqlite:///{tmp_path / 'shop.db'}")

    def body(tx: Transaction) -> None:
        tx.execute(sql)

    with pytest.raises(StatementRefused):
        database.transactional(body)()
    database.close()


def test_it_ends_with_the_body(shop: Database) -> None:
    """A transaction that was kept cannot be used later."""
    kept: list[Transaction] = []

    def keep(tx: Transaction) -> None:
        kept.append(tx)

    shop.transactional(keep)()

    with pytest.raises(UsageError, match="is over"):
        kept[0].execute("select 1")


def test_no_transaction_within_a_transaction(shop: Database) -> None:
    """The inner one would wait for the outer one for ever; it is refused at once."""
    pay = paying(shop)

    def outer(tx: Transaction) -> None:
        pay.fn("a")

    with pytest.raises(UsageError, match="is open here already"):
        shop.transactional(outer)()


# values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "values", "named", "told"),
    [
        ("select :a", (), {}, "there is no value for :a"),
        ("select :a", (), {"a": 1, "b": 2}, "nothing is named :b"),
        ("select ?", (1, 2), {}, "2"),
        ("select ? + :a", (1,), {"a": 1}, "not both"),
    ],
)
def test_values_that_do_not_fit_their_statement(
    shop: Database, sql: str, values: tuple[Any, ...], named: dict[str, Any], told: str
) -> None:
    """A name without a value and a value without a name are both told, with the statement."""

    def body(tx: Transaction) -> None:
        tx.execute(sql, *values, **named)

    with pytest.raises(InputInvalid, match=told):
        shop.transactional(body)()


def test_values_are_values(shop: Database) -> None:
    """What looks like SQL in a value stays a value; colons in text and casts are no names."""
    nasty = "x'); drop table paid; --"

    def body(tx: Transaction) -> Any:
        tx.execute("insert into paid values (:id, :n)", id=nasty, n=7)
        return tx.first(
            "select id, cents, ':n' as t, '100%' as p from paid where id = :id", id=nasty
        )

    found = shop.transactional(body)()

    assert found == {"id": nasty, "cents": 7, "t": ":n", "p": "100%"}


# waiting ----------------------------------------------------------------------------------


def test_who_waits_too_long_is_told(url: str) -> None:
    """Behind a transaction of this process that does not end, one is told after `wait`."""
    database = Database(url, wait="100ms", connections=1)
    inside, go = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        inside.set()
        assert go.wait(20)

    def quick(tx: Transaction) -> int:
        return int(tx.scalar("select 1"))

    async def quick_async(tx: AsyncTransaction) -> int:
        return int(await tx.scalar("select 1"))

    thread = threading.Thread(target=database.transactional(hold))
    thread.start()
    try:
        assert inside.wait(20)
        with pytest.raises(DatabaseUnavailable, match=r"no turn came in 0\.1 s"):
            database.transactional(quick)()
        with pytest.raises(DatabaseUnavailable, match=r"no turn came in 0\.1 s"):
            drive(database.transactional(quick_async)())
    finally:
        go.set()
        thread.join(20)

    assert database.transactional(quick)() == 1
    assert drive(database.transactional(quick_async)()) == 1
    database.close()


def test_another_process_that_holds_the_file(tmp_path: Path) -> None:
    """A lock of others is waited for as long as `wait` says."""
    import apsw

    path = tmp_path / "shop.db"
    database = Database(f"sqlite:///{path}", wait="50ms")
    other = apsw.Connection(str(path))
    other.execute("begin immediate; create table paid (id text, cents int)")
    pay = paying(database)

    with pytest.raises(DatabaseUnavailable, match="locked"):
        as_step(pay, "k", "a")
    other.execute("commit")
    other.close()
    assert as_step(pay, "k", "a")["changed"] == 1
    database.close()


def test_a_cancelled_body_is_taken_back(shop: Database) -> None:
    """Cancelling ends the statement that runs, and the next one may begin."""
    endless = (
        "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
        if shop.is_sqlite
        else "select pg_sleep(60)"
    )
    begun = asyncio.Event

    async def main() -> None:
        started = begun()

        async def body(tx: AsyncTransaction) -> None:
            await tx.execute("insert into paid values ('a', 1)")
            started.set()
            await tx.execute(endless)

        running = asyncio.create_task(shop.transactional(body)())
        await started.wait()
        await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])

        assert running.cancelled()

    drive(main())

    assert rows(shop) == []


@pytest.mark.long
def test_many_at_once_take_turns(shop: Database) -> None:
    """Hundreds of transactions in one process wait in line, in threads and in the loop alike."""

    async def add(tx: AsyncTransaction, n: int) -> None:
        await tx.execute("insert into paid values (?, ?)", f"a{n}", n)

    def add_sync(tx: Transaction, n: int) -> None:
        tx.execute("insert into paid values (?, ?)", f"s{n}", n)

    a, s = shop.transactional(add), shop.transactional(add_sync)

    async def main() -> None:
        await asyncio.gather(
            *[a(n) for n in range(60)], *[asyncio.to_thread(s, n) for n in range(60)]
        )

    drive(main(), 60)

    assert len(rows(shop)) == 120


# how it is written ------------------------------------------------------------------------


def test_options_that_make_no_sense(tmp_path: Path) -> None:
    """What is missing is said when the task is decorated."""
    shop = Database(f"sqlite:///{tmp_path / 'shop.db'}")

    def no_transaction(order: str) -> None: ...

    def nothing() -> None: ...

    async def wrong_kind(tx: Transaction) -> None: ...

    def good(tx: Transaction) -> None: ...

    for body, told in [
        (no_transaction, r"`def no_transaction\(order: podium.Transaction"),
        (nothing, r"`def nothing\(tx: podium.Transaction"),
        (wrong_kind, r"`async def wrong_kind\(tx: podium.AsyncTransaction"),
    ]:
        with pytest.raises(InvalidOption, match=told):
            task(effect="transaction", database=shop)(body)  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="needs database="):
        task(effect="transaction")(good)
    with pytest.raises(InvalidOption, match="database= is for effect='transaction', not 'write'"):
        task(database=shop)(good)
    with pytest.raises(InvalidOption, match=r"expected podium\.Database"):
        task(effect="transaction", database="shop.db")(good)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "url",
    ["shop.db", "mysql://h/x", "sqlite://shop.db", "sqlite:///", "sqlite:///:memory:", "sqlite:///a?mode=ro"],
)  # fmt: skip
def test_urls_that_are_none(url: str) -> None:
    """A URL of another form is refused, with the forms that are known."""
    with pytest.raises(InvalidOption, match="expected"):
        Database(url)


def test_names_do_not_show_who_connects() -> None:
    """A message names the database without user and password."""
    assert (
        Database("postgresql://shop:hunter2@db/shop?sslmode=disable").name == "postgresql://db/shop"
    )
    assert "hunter2" not in repr(Database("postgresql://shop:hunter2@db/shop"))


def test_a_database_of_podiums_own_is_refused(tmp_path: Path) -> None:
    """Its locks would be bypassed."""
    path = tmp_path / "app.db"

    async def make() -> None:
        async with Podium(str(path)):
            pass

    drive(make())

    def body(tx: Transaction) -> None: ...

    with pytest.raises(InvalidOption, match="database of Podium's own"):
        Database(f"sqlite:///{path}").transactional(body)()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It is said, with the path; so is a folder that is not there."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear all, " * 1000)

    def body(tx: Transaction) -> None:
        tx.execute("select 1 from sqlite_master")

    with pytest.raises(DatabaseError, match=r"letter\.txt|not a database"):
        Database(f"sqlite:///{path}").transactional(body)()
    with pytest.raises(DatabaseUnavailable, match=r"nowhere"):
        Database(f"sqlite:///{tmp_path / 'nowhere' / 'shop.db'}").transactional(body)()


def test_a_tool_may_be_a_transaction(shop: Database) -> None:
    """`@tool` takes the effect and the database as `@task` does."""

    @podium.tool(effect="transaction", database=shop)
    def pay(tx: Transaction, order: str) -> int:
        """Pay an order."""
        return tx.execute("insert into paid values (?, 1)", order)

    assert as_step(pay, "k", "a") == as_step(pay, "k", "a") == 1
    assert rows(shop) == [("a", 1)]
