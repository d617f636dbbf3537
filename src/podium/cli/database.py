"""Opening the database for commands that only look, or send a message: they never create one."""

from __future__ import annotations

import asyncio

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from podium.cli.exits import CommandFailed, Exit
from podium.client.locations import database_path
from podium.core.errors import RunNotFound
from podium.journal.sqlite import SqliteReader, SqliteStore
from podium.journal.store import RunRow

if TYPE_CHECKING:
    from podium.client.app import Podium

T = TypeVar("T")


def existing(database: str | None) -> str:
    """Return the path of the database that is meant.

    Raises:
        CommandFailed: It lives in the memory of another process.
    """
    path = database_path(database)
    if path == ":memory:":
        raise CommandFailed(
            "A database in :memory: lives and dies with one process, so there is none to look "
            "at. Name a file: --db PATH.",
            Exit.USAGE,
        )
    return path


@contextmanager
def opened(database: str | None) -> Iterator[SqliteStore]:
    """Open the file of a database that is there.

    Raises:
        StoreError: It is not there, or cannot be used.
    """
    store = SqliteStore(existing(database), create=False)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def reading(database: str | None) -> Iterator[SqliteReader]:
    """Read a database that is there."""
    with opened(database) as store:
        yield store.reader()


def found_row(reader: SqliteReader, run_id: str, database: str | None) -> RunRow:
    """Return a run's row.

    Raises:
        RunNotFound: There is none; near ids are suggested.
    """
    row = reader.run(run_id)
    if row is None:
        near = reader.near_ids(run_id)
        raise RunNotFound(run_id, existing(database), near[0] if near else None)
    return row


def with_app(database: str | None, body: Callable[[Podium], Awaitable[T]]) -> T:
    """Carry something out as a client of a database that is there."""
    from podium.client.app import Podium  # the engine comes with it, so as late as can be

    path = existing(database)

    async def go() -> T:
        async with Podium(path, execute=False, create=False) as app:
            return await body(app)

    return asyncio.run(go())
