"""The shop's own database, in one SQLite file.

    python -m examples.chains.shop shop.db

makes it if it is not there, and prints the customers.
"""

import sqlite3
import sys

from contextlib import closing
from pathlib import Path

SCHEMA = """
    CREATE TABLE customers (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL,
        spent_cents INTEGER NOT NULL, tier TEXT NOT NULL
    )
"""
FIRST = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gail", "Hugo", "Iris", "Jack", "Kim", "Leo"]
LAST = ["Adler", "Brandt", "Conti", "Duarte"]


def furnish(path: str | Path, customers: int = 12) -> None:
    """Make the shop with its customers; number 5 has mistyped the e-mail address."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(SCHEMA)
        for number in range(1, customers + 1):
            first, last = FIRST[number % len(FIRST)], LAST[number % len(LAST)]
            at = " at " if number == 5 else "@"
            email = f"{first}.{last}{at}example.com".lower()
            row = (number, f"{first} {last}", email, number * 9_000, "bronze")
            db.execute("INSERT INTO customers VALUES (?, ?, ?, ?, ?)", row)


def tiers(path: str | Path) -> dict[int, str]:
    """Return the tier of each customer."""
    with closing(sqlite3.connect(path)) as db:
        return dict(db.execute("SELECT id, tier FROM customers ORDER BY id").fetchall())


def main() -> None:
    """Make the shop, print its customers."""
    path = Path(sys.argv[1])
    if not path.exists():
        furnish(path)
    with closing(sqlite3.connect(path)) as db:
        for row in db.execute("SELECT id, name, email, spent_cents, tier FROM customers"):
            print(*row, sep="\t")


if __name__ == "__main__":
    main()
