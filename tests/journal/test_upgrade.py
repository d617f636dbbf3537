"""A file of an older format is brought to ours when it is opened, and its runs go on."""

from __future__ import annotations

import asyncio

from pathlib import Path

import apsw

import podium

from podium import Podium, workflow
from podium.journal.sqlite.schema import FORMAT


@workflow
async def patient() -> str:
    """Wait for a word, and say it."""
    return str(await podium.receive("word"))


def to_format_1(path: Path) -> None:
    """Make a file what the first format was: without documents."""
    connection = apsw.Connection(str(path))
    for table in ("documents", "shared", "kept"):
        connection.execute(f"DROP TABLE {table}")
    for column in ("document", "deadline", "budgets"):
        connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
    for column in ("path", "attempt", '"offset"'):
        connection.execute(f"ALTER TABLE stream DROP COLUMN {column}")
    connection.execute("PRAGMA user_version=1")
    connection.close()


async def begin(path: Path) -> None:
    """Leave a run that waits."""
    async with Podium(path) as app:
        await app.start(patient, id="old")


async def go_on(path: Path) -> str:
    """Open the file again and let the run end."""
    async with Podium(path) as app:
        run = await app.get("old")
        await run.signal("word", "on")
        return str(await run.result())


def test_a_run_of_the_first_format_goes_on(tmp_path: Path) -> None:
    """The file is upgraded in one transaction, and says so."""
    path = tmp_path / "old.db"
    asyncio.run(begin(path))
    to_format_1(path)

    output = asyncio.run(go_on(path))
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)

    assert output == "on"
    assert connection.pragma("user_version") == FORMAT
    assert connection.execute("SELECT value FROM meta WHERE key='format'").fetchall() == [
        (str(FORMAT),)
    ]
    assert connection.execute("SELECT count(*) FROM documents").fetchall() == [(0,)]
    connection.close()
