"""Transactions of a user's database, as the body of a task sees them.

What is done with them (connections, receipts) is the part of ``tools``; nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol


class Answer(NamedTuple):
    """What a database answers to one statement.

    Attributes:
        columns: Names of the columns; empty where there are no rows.
        rows: What it gives, in the types of the driver.
        changed: How many rows it has inserted, updated or deleted.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    changed: int

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def first(self) -> dict[str, Any] | None:
        """Return the first row by the names of its columns; None if there is none."""
        return dict(zip(self.columns, self.rows[0], strict=True)) if self.rows else None

    def scalar(self) -> Any:
        """Return the first column of the first row; None if there is none."""
        return self.rows[0][0] if self.rows else None


class Transaction:
    """An open transaction of a database: the first parameter of a sync ``transaction`` task.

    Values go beside the statement, never into it: ``tx.execute("… values (:id, :n)", id=1, n=2)``,
    or by place for ``?``. A name that is used must be given, and the other way round.
    """

    def __init__(self, run: Callable[[str, tuple[Any, ...], Mapping[str, Any]], Answer]) -> None:
        self._run = run

    def execute(self, sql: str, /, *values: Any, **named: Any) -> int:
        """Carry out one statement and return how many rows it changed."""
        return self._run(sql, values, named).changed

    def query(self, sql: str, /, *values: Any, **named: Any) -> list[dict[str, Any]]:
        """Carry out one statement and return its rows by the names of their columns."""
        return self._run(sql, values, named).dicts()

    def first(self, sql: str, /, *values: Any, **named: Any) -> dict[str, Any] | None:
        """Carry out one statement and return its first row; None if there is none."""
        return self._run(sql, values, named).first()

    def scalar(self, sql: str, /, *values: Any, **named: Any) -> Any:
        """Carry out one statement and return one value; None if there is none."""
        return self._run(sql, values, named).scalar()


class AsyncTransaction:
    """An open transaction of a database: the first parameter of an async ``transaction`` task.

    As :class:`Transaction`, with ``await`` before each call; statements run one after the other.
    """

    def __init__(
        self, run: Callable[[str, tuple[Any, ...], Mapping[str, Any]], Awaitable[Answer]]
    ) -> None:
        self._run = run

    async def execute(self, sql: str, /, *values: Any, **named: Any) -> int:
        """Carry out one statement and return how many rows it changed."""
        return (await self._run(sql, values, named)).changed

    async def query(self, sql: str, /, *values: Any, **named: Any) -> list[dict[str, Any]]:
        """Carry out one statement and return its rows by the names of their columns."""
        return (await self._run(sql, values, named)).dicts()

    async def first(self, sql: str, /, *values: Any, **named: Any) -> dict[str, Any] | None:
        """Carry out one statement and return its first row; None if there is none."""
        return (await self._run(sql, values, named)).first()

    async def scalar(self, sql: str, /, *values: Any, **named: Any) -> Any:
        """Carry out one statement and return one value; None if there is none."""
        return (await self._run(sql, values, named)).scalar()


_MARK = "writes_database"


def mark_transaction(function: Callable[..., Any], database: Transactional) -> None:
    """Remember that a function writes a database in a transaction with a receipt."""
    function.__dict__[_MARK] = database


def is_transaction(function: Callable[..., Any]) -> bool:
    """Tell whether a function writes a database in a transaction with a receipt."""
    return getattr(function, _MARK, None) is not None


class Transactional(Protocol):
    """A database that a ``transaction`` task writes."""

    def transactional(self, body: Callable[..., Any]) -> Callable[..., Any]:
        """Return the body as a function without its first parameter, which runs in a transaction.

        Raises:
            InvalidOption: The first parameter is no transaction.
        """
        ...
