"""Both stores of the house do what the protocol says."""

import pytest

from podium.journal.memory import MemoryDatabase, MemoryStore
from podium.journal.sqlite import SqliteStore
from podium.testing import store_conformance


class OnDisk:
    """One SQLite file; stores in one process exclude each other as processes do."""

    def __init__(self, path):
        self.path = path
        self.stores = []

    def open(self):
        self.stores.append(SqliteStore(self.path))
        return self.stores[-1]

    def kill(self, store):
        for life in store._lives.values():
            life.drop()

    def close(self):
        for store in self.stores:
            store.close()


class InMemory:
    """One simulated database."""

    def __init__(self):
        self.database = MemoryDatabase()

    def open(self):
        return MemoryStore(self.database)

    def kill(self, store):
        store.die()


@pytest.fixture
def on_disk(tmp_path):
    subject = OnDisk(tmp_path / "app.db")
    yield subject
    subject.close()


@pytest.mark.parametrize("check", store_conformance.CHECKS, ids=lambda check: check.__name__)
def test_sqlite(check, on_disk):
    """The SQLite store fulfils each sentence."""
    check(on_disk)


@pytest.mark.parametrize("check", store_conformance.CHECKS, ids=lambda check: check.__name__)
def test_memory(check):
    """The simulator's store fulfils each sentence."""
    check(InMemory())


def test_every_sentence_is_checked():
    """No check is left out of the list, and each says what it proves."""
    assert len(store_conformance.CHECKS) == len({one.__name__ for one in store_conformance.CHECKS})
    assert all(one.__doc__ for one in store_conformance.CHECKS)
