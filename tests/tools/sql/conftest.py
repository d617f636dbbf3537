"""Databases for the tests: SQLite files, and a PostgreSQL server for each process of the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from podium import Database
from tests.harness import fresh_names
from tests.tools.sql.server import NoServer, Server, server


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server; skips where none can start."""
    starting = server()
    try:
        started = starting.__enter__()
    except NoServer as problem:
        pytest.skip(f"PostgreSQL cannot be started here: {problem}")
    try:
        yield started
    finally:
        starting.__exit__(None, None, None)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    found: str = request.getfixturevalue("postgres").fresh()
    return found


@pytest.fixture
def shop(url: str) -> Iterator[Database]:
    """A database with a table `paid`."""
    database = Database(url, wait="20s")

    from podium import Transaction

    def make(tx: Transaction) -> None:
        tx.execute("create table paid (id text primary key, cents int not null)")

    database.transactional(make)()
    yield database
    database.close()
