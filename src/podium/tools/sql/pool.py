"""Connections that are kept for the next transaction."""

from __future__ import annotations

import contextlib
import threading

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from podium.core.transactions import Answer
from podium.tools.sql.errors import DatabaseError


class Connection(Protocol):
    """A connection that writes; one transaction at a time."""

    @property
    def receipts(self) -> str:
        """The table of receipts, as statements name it."""
        ...

    def make_receipts(self) -> None:
        """Make the table of receipts if there is none; called before a transaction."""
        ...

    def begin(self) -> None:
        """Open a transaction."""
        ...

    def require_open(self) -> None:
        """Raise ``DatabaseError`` where the transaction is lost."""
        ...

    def run(self, sql: str, values: tuple[Any, ...], named: Mapping[str, Any]) -> Answer:
        """Carry out a statement of the user's."""
        ...

    def own(self, sql: str, *values: Any) -> Answer:
        """Carry out a statement of Podium's."""
        ...

    def commit(self) -> None:
        """Commit."""
        ...

    def rollback(self) -> None:
        """Take everything back."""
        ...

    def interrupt(self) -> None:
        """End the statement that another thread carries out."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Pool:
    """Idle connections; how many there may be in all is the gate's concern."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[Connection] = []

    def begin(self, opening: Callable[[Any], None]) -> Connection:
        """Return a connection with what ``opening`` opens on it.

        Raises:
            DatabaseError: There is none to be had.
        """
        while True:
            with self._lock:
                kept = self._idle.pop() if self._idle else None
            connection = kept or self._connect()
            try:
                opening(connection)
            except DatabaseError:
                discard(connection)
                if kept is None:
                    raise  # a kept one may be dead since long; a new one is not
            except BaseException:
                discard(connection)
                raise
            else:
                return connection

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose transaction is over."""
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Close those that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            discard(connection)


def discard(connection: Connection) -> None:
    """Close a connection, whatever state it is in."""
    with contextlib.suppress(Exception):
        connection.close()
