"""One attempt at a transaction: from its key to its commit."""

from __future__ import annotations

import contextlib
import time

from collections.abc import Mapping
from typing import Any

from podium.core.codec import Codec
from podium.core.errors import UsageError
from podium.core.transactions import Answer
from podium.tools.sql import receipts
from podium.tools.sql.errors import ConstraintViolated, DatabaseError, DatabaseUnavailable
from podium.tools.sql.pool import Connection, Pool, discard

RECEIPT_BYTES_MAX = 1024 * 1024
"""A result that is kept with the user's rows."""
_LOOK_AGAIN_S = 0.2


def begin_with_receipts(connection: Connection) -> None:
    """Open a transaction that may look at receipts."""
    connection.make_receipts()
    connection.begin()


class Work:
    """Opens a transaction, lets a body write, commits its rows with the receipt. It blocks.

    Args:
        pool: Where connections come from.
        key: Of the step; None where there is none, so that nothing is received or looked for.
        returns: Encodes the result.
        name: Of the task, for messages.
        wait_s: How long to look for a receipt after a lost commit.

    Attributes:
        value: What a transaction of this key had for a result.
    """

    def __init__(
        self, pool: Pool, key: str | None, returns: Codec, name: str, wait_s: float
    ) -> None:
        self.value: Any = None
        self._pool = pool
        self._key = key
        self._returns = returns
        self._name = name
        self._wait_s = wait_s
        self._connection: Connection | None = None

    def open(self) -> bool:
        """Open the transaction; True where it happened before, and :attr:`value` is its result."""
        if self._key is None:
            self._connection = self._pool.begin(lambda connection: connection.begin())
            return False
        self._connection = self._pool.begin(begin_with_receipts)
        try:
            found = receipts.claim(self._connection, self._key)
            if found is not None:
                self.value = self._returns.decode(found)
                self.abandon()
        except BaseException:
            self.abandon()
            raise
        return found is not None

    def run(self, sql: str, values: tuple[Any, ...], named: Mapping[str, Any]) -> Answer:
        """Carry out a statement of the body.

        Raises:
            UsageError: The transaction is over.
        """
        if self._connection is None:
            raise UsageError(f"The transaction of {self._name} is over; it ends with the body.")
        return self._connection.run(sql, values, named)

    def interrupt(self) -> None:
        """End the statement that another thread carries out."""
        if self._connection is not None:
            self._connection.interrupt()

    def abandon(self) -> None:
        """Take everything back."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.rollback()
        except DatabaseError:
            discard(connection)
        except BaseException:
            discard(connection)
            raise
        else:
            self._pool.give_back(connection)

    def finish(self, value: Any) -> Any:
        """Commit what the body did, with its result.

        Raises:
            ValueNotPortable: The result cannot be recorded; everything was taken back.
            DatabaseError: It was not committed, or (without a key only) nobody knows.
        """
        connection = self._connection
        assert connection is not None, "it is open"
        try:
            connection.require_open()
            if self._key is not None:
                what = f"the result of {self._name}"
                encoded, _ = self._returns.copy(value, what, RECEIPT_BYTES_MAX)
                receipts.fill(connection, self._key, encoded)
        except BaseException:
            self.abandon()
            raise
        return self._commit(connection, value)

    def _commit(self, connection: Connection, value: Any) -> Any:
        self._connection = None
        try:
            connection.commit()
        except ConstraintViolated:  # looked at by the commit, which took everything back
            self._connection = connection
            self.abandon()
            raise
        except DatabaseError as problem:
            discard(connection)
            return self._after_lost_commit(problem)
        except BaseException:
            discard(connection)
            raise
        self._pool.give_back(connection)
        return value

    def _after_lost_commit(self, problem: DatabaseError) -> Any:
        """Nobody has said whether it is committed: the receipt does."""
        if self._key is None:
            raise DatabaseUnavailable(
                f"{self._name}: the commit was not confirmed, so it may or may not have happened "
                f"({problem}). In a workflow a receipt would tell."
            ) from problem
        if self._open_again(problem):
            return self.value
        with contextlib.suppress(DatabaseError):
            self.abandon()
        raise DatabaseUnavailable(
            f"{self._name}: the commit failed, and nothing was committed ({problem})."
        ) from problem

    def _open_again(self, problem: DatabaseError) -> bool:
        """Open another transaction of the same key as soon as the database is back."""
        end = time.monotonic() + self._wait_s
        while True:
            try:
                return self.open()
            except DatabaseUnavailable:
                if time.monotonic() > end:
                    raise DatabaseUnavailable(
                        f"{self._name}: the commit was not confirmed, and its receipt cannot be "
                        f"looked for ({problem}). The next attempt finds out."
                    ) from problem
                time.sleep(_LOOK_AGAIN_S)
