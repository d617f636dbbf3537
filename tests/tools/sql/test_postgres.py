"""What is PostgreSQL's own: a commit whose answer is lost, rights, silence, secrets in the URL."""

import shutil
import tempfile
import threading

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from podium import Database, DatabaseUnavailable, StatementRefused, Transaction, task
from tests.tools.sql.cutting import Cutting
from tests.tools.sql.server import Server
from tests.tools.sql.test_transactions import as_step, receipts, rows

pytestmark = pytest.mark.long


@pytest.fixture
def cutting(postgres: Server) -> Iterator[Cutting]:
    """A way to the server that is cut at commits."""
    folder = Path(tempfile.mkdtemp(prefix="podium-cut-"))  # the path of a socket is short
    made = Cutting(postgres.folder, folder)
    made.__dict__["folder"] = folder
    yield made
    made.close()
    shutil.rmtree(folder)


def through(cutting: Any, url: str, **options: Any) -> Database:
    """A database that is reached by way of the cutter, with its table."""

    def make(tx: Transaction) -> None:
        tx.execute("create table paid (id text primary key, cents int not null)")

    database = Database(f"{url.partition('?')[0]}?host={cutting.folder}", **options)
    database.transactional(make)()
    return database


def counting(database: Database) -> Any:
    """A task that pays and says how often its body ran."""
    calls = []

    @task(effect="transaction", database=database)
    def pay(tx: Transaction, order: str) -> int:
        calls.append(order)
        tx.execute("insert into paid values (?, 1)", order)
        return len(calls)

    return pay


def test_an_answer_that_is_lost_is_looked_for(postgres: Server, cutting: Cutting) -> None:
    """The commit has happened, its answer is lost: the receipt says so, and the body does not run again."""
    shop = through(cutting, postgres.fresh())
    pay = counting(shop)
    as_step(pay, "k0", "before")
    cutting.cut = "after"

    assert as_step(pay, "k", "a") == 2
    cutting.cut = ""
    assert as_step(pay, "k", "a") == 2
    assert cutting.cuts == 1
    assert rows(shop) == [("a", 1), ("before", 1)]
    shop.close()


def test_a_commit_that_did_not_arrive(postgres: Server, cutting: Cutting) -> None:
    """Nothing was committed, which is said with certainty; the next attempt does it."""
    shop = through(cutting, postgres.fresh())
    pay = counting(shop)
    as_step(pay, "k0", "before")
    cutting.cut = "before"

    with pytest.raises(DatabaseUnavailable, match="nothing was committed"):
        as_step(pay, "k", "a")
    cutting.cut = ""
    assert as_step(pay, "k", "a") == 3
    assert rows(shop) == [("a", 1), ("before", 1)]
    shop.close()


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_database_that_stays_away(postgres: Server, cutting: Cutting, cut: str) -> None:
    """Whether it was committed cannot be found out now: it is said, and the next attempt finds out."""
    shop = through(cutting, postgres.fresh(), wait="300ms")
    pay = counting(shop)
    as_step(pay, "k0", "before")
    cutting.cut = cut
    cutting.is_closed = True

    with pytest.raises(DatabaseUnavailable, match=r"The next attempt finds out"):
        as_step(pay, "k", "a")
    cutting.cut, cutting.is_closed = "", False
    assert as_step(pay, "k", "a") == (2 if cut == "after" else 3)
    assert rows(shop) == [("a", 1), ("before", 1)]
    shop.close()


def test_without_a_key_nobody_can_tell(postgres: Server, cutting: Cutting) -> None:
    """A plain call leaves no receipt, so a lost answer stays unknown, and that is said."""
    shop = through(cutting, postgres.fresh())
    pay = counting(shop)
    cutting.cut = "after"

    with pytest.raises(DatabaseUnavailable, match="it may or may not have happened"):
        pay.fn("a")
    cutting.cut = ""
    assert rows(shop) == [("a", 1)]
    shop.close()


def test_kept_connections_that_died(postgres: Server) -> None:
    """A server that was restarted meanwhile costs nothing but a new connection."""
    url = postgres.fresh()
    shop = Database(url)

    def one(tx: Transaction) -> int:
        return int(tx.scalar("select 1"))

    ask = shop.transactional(one)
    ask()
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )

    assert ask() == 1
    shop.close()


def test_a_silent_transaction_is_taken_back(postgres: Server) -> None:
    """A process that holds a transaction and says nothing is cut off after `idle`, and the others go on."""
    url = postgres.fresh()
    slow, quick = Database(url, idle="200ms"), Database(url, wait="20s")
    inside, go = threading.Event(), threading.Event()

    def make(tx: Transaction) -> None:
        tx.execute("create table paid (id text primary key, cents int not null)")

    quick.transactional(make)()

    def hold(tx: Transaction, order: str) -> str:
        tx.execute("insert into paid values (?, 1)", order)
        inside.set()
        assert go.wait(20)
        return "slow"

    def at_once(tx: Transaction, order: str) -> str:
        tx.execute("insert into paid values (?, 2)", order)
        return "quick"

    first = task(effect="transaction", database=slow, name="first")(hold)
    second = task(effect="transaction", database=quick, name="second")(at_once)
    failed: list[BaseException] = []

    def try_first() -> None:
        try:
            as_step(first, "k", "a")
        except DatabaseUnavailable as problem:
            failed.append(problem)

    thread = threading.Thread(target=try_first)
    thread.start()
    assert inside.wait(20)

    assert as_step(second, "k", "a") == "quick"  # the same key: it waits for the other one's end
    go.set()
    thread.join(20)
    assert len(failed) == 1
    assert rows(quick) == [("a", 2)]
    assert as_step(first, "k", "a") == "quick"
    slow.close()
    quick.close()


def test_a_user_without_rights(postgres: Server) -> None:
    """Where the table of receipts cannot be made, it is said which; once it is there, it needs no more rights."""
    url = postgres.fresh()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("create table paid (id text primary key, cents int not null)")
        admin.execute("drop role if exists clerk")
        admin.execute("create role clerk login")
        admin.execute("grant select, insert on paid to clerk")
    shop = Database(url.replace("postgres@", "clerk@"))
    pay = counting(shop)

    with pytest.raises(StatementRefused, match=r"public\.podium_receipts"):
        as_step(pay, "k", "a")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "create table podium_receipts (key text primary key, result text, at bigint not null)"
        )
        admin.execute("grant select, insert, update on podium_receipts to clerk")
    assert as_step(pay, "k", "a") == 1
    assert as_step(pay, "k", "a") == 1
    assert receipts(shop) == 1
    shop.close()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("drop owned by clerk")


def test_settings_of_a_transaction_end_with_it(postgres: Server) -> None:
    """What a body sets for its session is gone when the connection is used again."""
    shop = Database(postgres.fresh(), connections=1)

    def change(tx: Transaction) -> None:
        tx.execute("set search_path = nowhere")
        tx.execute("set statement_timeout = 12345")

    def look(tx: Transaction) -> Any:
        return tx.scalar("show statement_timeout"), tx.scalar("show search_path")

    shop.transactional(change)()

    assert shop.transactional(look)() == ("0", '"$user", public')
    shop.close()


def test_a_commit_is_synchronous(postgres: Server) -> None:
    """Where the server is told not to wait for the disk, Podium's transactions wait all the same."""
    url = postgres.fresh()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            f"alter database {url.split('/')[3].split('?')[0]} set synchronous_commit = off"
        )
    shop = Database(url)

    def look(tx: Transaction) -> Any:
        return tx.scalar("show synchronous_commit")

    assert shop.transactional(look)() == "on"
    shop.close()


def test_secrets_in_the_url(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """User and password may be secrets, escaped as they must be, and so may be the whole URL."""
    url = postgres.fresh()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute('drop role if exists "odd/na@me"')
        admin.execute('create role "odd/na@me" login')
    monkeypatch.setenv("SHOP_USER", "odd/na@me")
    monkeypatch.setenv("SHOP_URL", url)

    def who(tx: Transaction) -> str:
        return str(tx.scalar("select current_user"))

    named = Database(url.replace("postgres@", "secret://env/SHOP_USER@"))
    whole = Database("secret://env/SHOP_URL")

    assert named.transactional(who)() == "odd/na@me"
    assert whole.transactional(who)() == "postgres"
    assert "odd" not in repr(named)
    assert repr(whole) == "<database secret://env/SHOP_URL>"
    named.close()
    whole.close()
