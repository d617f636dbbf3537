"""What proves that a transaction happened: a row beside its rows, committed with them."""

from __future__ import annotations

import time

from podium.tools.sql.errors import DatabaseError
from podium.tools.sql.pool import Connection


class ReceiptLost(DatabaseError):
    """A transaction was committed without its result: its body ended it by itself."""

    code = "receipt-lost"


def claim(connection: Connection, key: str) -> bytes | None:
    """Take a key within the open transaction; return the result if it was done before.

    Another transaction that holds the key is waited for: by SQLite because there is one writer, by
    PostgreSQL because the key is unique. So of two attempts the second sees what the first did.

    Raises:
        ReceiptLost: It was done, and nobody knows with what result.
    """
    sql = f"insert into {connection.receipts} (key, at) values (?, ?) on conflict (key) do nothing"  # noqa: S608 - the name is ours
    taken = connection.own(sql, key, time.time_ns() // 1000)
    return None if taken.changed else look(connection, key)


def look(connection: Connection, key: str) -> bytes | None:
    """Return the result of a transaction that was committed; None if it was not.

    Raises:
        ReceiptLost: It was, and nobody knows with what result.
    """
    sql = f"select result from {connection.receipts} where key = ?"  # noqa: S608 - the name is ours
    found = connection.own(sql, key)
    if not found.rows:
        return None
    result = found.scalar()
    if result is None:
        raise ReceiptLost(
            f"The receipt {key} has no result: the body ended its transaction by itself. "
            "See what it has written, and delete the receipt only if that was nothing."
        )
    return str(result).encode()


def fill(connection: Connection, key: str, result: bytes) -> None:
    """Write the result, as JSON, into the receipt."""
    sql = f"update {connection.receipts} set result = ? where key = ?"  # noqa: S608 - the name is ours
    connection.own(sql, result.decode(), key)


def prune(connection: Connection, before_us: int) -> int:
    """Delete receipts from before a time, within the open transaction; return how many."""
    sql = f"delete from {connection.receipts} where at < ?"  # noqa: S608 - the name is ours
    return connection.own(sql, before_us).changed
