"""The simulator's store fails when told to, and dies without a trace."""

import pytest

from podium.core.errors import StoreBusy, StoreError, StoreFull, StoreSyncFailed
from podium.journal.memory import MemoryDatabase, MemoryStore
from tests.journal.rows import paths, records, row, start


@pytest.fixture
def store():
    one = MemoryStore()
    one.commit(start(row()), None)
    return one


def test_faults_come_in_order(store):
    """The next commits fail as told, and nothing of them is written."""
    store.faults += [StoreBusy("busy"), None, StoreFull("full")]
    with pytest.raises(StoreBusy):
        store.commit(records("a"), None)
    store.commit(records("b"), None)
    with pytest.raises(StoreFull):
        store.commit(records("c"), None)
    store.commit(records("d"), None)

    assert paths(store) == ["b", "d"]


def test_after_a_failed_sync(store):
    """After a failed sync the store refuses everything, as the real one does."""
    store.faults.append(StoreSyncFailed("disk"))
    for _ in range(2):
        with pytest.raises(StoreSyncFailed):
            store.commit(records("a"), None)

    assert paths(MemoryStore(store.database)) == []


def test_a_crash_before_and_after_the_commit(store):
    """What the call-backs raise reaches the caller: before nothing is written, after all is."""

    class Crash(BaseException):
        pass

    def crash(batch):
        raise Crash

    store.before_commit = crash
    with pytest.raises(Crash):
        store.commit(records("a"), None)
    store.before_commit, store.after_commit = None, crash
    with pytest.raises(Crash):
        store.commit(records("b"), None)

    assert paths(store) == ["b"]


def test_the_dead_say_nothing_more():
    """A store that died refuses everything, and its worker is gone for the others."""
    database = MemoryDatabase()
    one, two = MemoryStore(database), MemoryStore(database)
    worker = one.join(name="w")
    one.die()
    with pytest.raises(StoreError):
        one.commit(start(row()), worker)

    assert [found.is_gone for found in two.reader().workers()] == [True]
    assert one.beat(worker) is False
