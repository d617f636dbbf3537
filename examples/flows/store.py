"""A shop in one SQLite file, and the calls of an order: each is done once per key, and can be undone.

    python -m examples.flows.store shop.db

makes the shop if it is not there, and prints its stock, its money and its log.
"""

import json
import sqlite3
import sys

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from podium import NotDone, Retry, idempotency_key, task

SCHEMA = """
    CREATE TABLE IF NOT EXISTS stock (item TEXT PRIMARY KEY, price INTEGER, left INTEGER CHECK (left >= 0));
    CREATE TABLE IF NOT EXISTS balance (cents INTEGER);
    CREATE TABLE IF NOT EXISTS log (
        id INTEGER PRIMARY KEY, key TEXT UNIQUE, what TEXT, order_id TEXT, answer TEXT
    );
"""
GOODS = (("lamp", 12_900, 5), ("kettle", 6_400, 2), ("chair", 21_000, 0))
CARRIERS = {"DE": "DHL", "AT": "Post", "NL": "PostNL"}
PATIENT = Retry(attempts=5, backoff="50ms", on=[sqlite3.OperationalError])


class SoldOut(NotDone):
    """There is less in stock than was ordered; nothing was reserved."""


class NoCarrier(NotDone):
    """Nobody delivers there; nothing was sent."""


@dataclass(frozen=True)
class Reservation:
    """Goods that are kept for an order, and what they cost, in cents."""

    item: str
    amount: int
    cents: int


@task(effect="write", retry=PATIENT)
def release_stock(shop: str, order: str, result: Reservation | None) -> str:
    """Put reserved goods back on the shelf."""

    def do(db: sqlite3.Connection) -> str:
        if result is None:
            return "nothing was reserved"
        db.execute("UPDATE stock SET left = left + ? WHERE item = ?", (result.amount, result.item))
        return f"{result.amount} {result.item} back"

    return str(once(shop, "release", order, do))


@task(effect="write", retry=PATIENT)
def reserve_stock(shop: str, order: str, item: str, amount: int) -> Reservation:
    """Keep goods for an order."""

    def do(db: sqlite3.Connection) -> dict[str, Any]:
        row = db.execute("SELECT price, left FROM stock WHERE item = ?", (item,)).fetchone()
        if row is None or row[1] < amount:
            raise SoldOut(f"{amount} {item} were ordered, {row[1] if row else 0} are there")
        db.execute("UPDATE stock SET left = left - ? WHERE item = ?", (amount, item))
        return asdict(Reservation(item, amount, row[0] * amount))

    return Reservation(**once(shop, "reserve", order, do))


@task(effect="write", retry=PATIENT)
def refund_payment(shop: str, order: str, cents: int) -> str:
    """Give the money back."""

    def do(db: sqlite3.Connection) -> str:
        paid = db.execute(
            "SELECT count(*) FROM log WHERE what = 'charge' AND order_id = ?", (order,)
        ).fetchone()[0]
        if not paid:
            return "nothing was paid"
        db.execute("UPDATE balance SET cents = cents - ?", (cents,))
        return f"{cents} cents back"

    return str(once(shop, "refund", order, do))


@task(effect="write", retry=PATIENT)
def charge_card(shop: str, order: str, cents: int) -> str:
    """Take the money."""

    def do(db: sqlite3.Connection) -> str:
        db.execute("UPDATE balance SET cents = cents + ?", (cents,))
        return f"PAY-{order}"

    return str(once(shop, "charge", order, do))


@task(effect="write", retry=PATIENT)
def ship_order(shop: str, order: str, country: str) -> str:
    """Hand the parcel to who delivers to that country."""

    def do(_: sqlite3.Connection) -> str:
        if country not in CARRIERS:
            raise NoCarrier(f"nobody delivers to {country}; we do to {', '.join(CARRIERS)}")
        return f"{CARRIERS[country]}-{order}"

    return str(once(shop, "ship", order, do))


# the shop ---------------------------------------------------------------------------------


def once(shop: str, what: str, order: str, do: Callable[[sqlite3.Connection], Any]) -> Any:
    """Do something in one transaction with its line in the log; a key that is known changes nothing."""
    key = idempotency_key()
    with opened(shop) as db:
        row = db.execute("SELECT answer FROM log WHERE key = ?", (key,)).fetchone()
        if row is not None:
            return json.loads(row[0])
        answer = do(db)
        db.execute(
            "INSERT INTO log (key, what, order_id, answer) VALUES (?, ?, ?, ?)",
            (key, what, order, json.dumps(answer)),
        )
        return answer


@contextmanager
def opened(shop: str) -> Iterator[sqlite3.Connection]:
    """Open the shop for one transaction; make it if it is not there."""
    with closing(sqlite3.connect(Path(shop), isolation_level=None, timeout=5)) as db:
        db.execute("BEGIN IMMEDIATE")
        try:
            _furnish(db)
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def _furnish(db: sqlite3.Connection) -> None:
    for statement in SCHEMA.split(";"):
        db.execute(statement)
    if not db.execute("SELECT count(*) FROM balance").fetchone()[0]:
        db.execute("INSERT INTO balance VALUES (0)")
        db.executemany("INSERT INTO stock VALUES (?, ?, ?)", GOODS)


@dataclass(frozen=True)
class Books:
    """How the shop stands: what is left of each item, the money, and what was done for each order."""

    stock: dict[str, int]
    cents: int
    log: list[tuple[str, str]]

    @classmethod
    def read(cls, shop: str | Path) -> "Books":
        """Read them."""
        with opened(str(shop)) as db:
            stock = dict(db.execute("SELECT item, left FROM stock").fetchall())
            cents = db.execute("SELECT cents FROM balance").fetchone()[0]
            log = db.execute("SELECT order_id, what FROM log ORDER BY id").fetchall()
        return cls(stock, cents, log)


def tell(books: Books) -> Iterator[str]:
    """Say how the shop stands, in words."""
    yield f"{', '.join(f'{item} {left}' for item, left in books.stock.items())}; {books.cents} cents"
    for order in dict.fromkeys(order for order, _ in books.log):
        yield f"{order}: {', '.join(what for one, what in books.log if one == order)}"


if __name__ == "__main__":
    print("\n".join(tell(Books.read(sys.argv[1]))))
