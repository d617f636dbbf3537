"""A database with one run in it."""

import pytest

from podium.journal.sqlite import SqliteStore
from tests.journal.rows import row, start


@pytest.fixture
def path(tmp_path):
    return tmp_path / "app.db"


@pytest.fixture
def opened(path):
    """Open stores on ``path`` that are closed at the end."""
    stores = []

    def open_store(**options):
        stores.append(SqliteStore(path, **options))
        return stores[-1]

    yield open_store
    for one in stores:
        one.close()


@pytest.fixture
def store(opened):
    one = opened()
    one.commit(start(row()), None)
    return one
