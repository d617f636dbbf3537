"""A disk that is full or fails: what is written is known, and nothing is half written."""

import itertools
import sys

import apsw
import pytest

from podium.core.errors import StoreError, StoreFull, StoreSyncFailed
from podium.journal.sqlite import SqliteStore
from podium.journal.store import Batch
from tests.journal.disks import FaultyDisk
from tests.journal.processes import child
from tests.journal.rows import paths, records, row, start

BIG = b'"' + b"x" * 100_000 + b'"'
NUMBERS = itertools.count()


@pytest.fixture
def disk():
    one = FaultyDisk(f"faulty-{next(NUMBERS)}")
    yield one
    one.failing.clear()
    one.unregister()


@pytest.fixture
def on_disk(disk, opened):
    store = opened(vfs=disk.name)
    store.commit(start(row()), None)
    return store


def test_a_full_disk(store):
    """What does not fit is refused whole; with room again the same batch is written."""
    worker = store.join(name="w")
    store.commit(records("before"), worker)
    store.limit_size(300_000)
    written = 0
    batch = records("big", body=BIG)
    with pytest.raises(StoreFull, match=r"no room to write .*Free some space"):
        while True:
            store.commit(batch, worker)
            written += 1
    mixed = records("mixed", body=BIG)
    mixed.blobs += [(n, 1, None, BIG) for n in range(1, 9)]
    with pytest.raises(StoreFull):
        store.commit(mixed, worker)
    held = paths(store)
    store.limit_size(None)
    store.commit(batch, worker)
    store.commit(mixed, worker)

    assert held == ["before"] + ["big"] * written
    assert paths(store) == [*held, "big", "mixed"]
    assert store.check() == []


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process there")
def test_a_limit_of_the_process(path):
    """A limit on the size of files (ulimit -f) is a full disk, not a broken one."""
    code = """
import resource
store = SqliteStore(path, log_bytes=10**9)
store.commit(start(row()), None)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
try:
    for n in range(100): store.commit(records(f"s{n}", body=b'"' + b"x" * 10_000 + b'"'), None)
except StoreFull as full:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    store.commit(records("after"), None)
    say(n, len(store.reader().records(1)), store.check())
store.close()
"""
    with child(code, path) as limited:
        said = limited.hear().split()

    assert int(said[1]) == int(said[0]) + 1
    assert said[2] == "[]"


def test_a_failed_sync(on_disk, disk, path):
    """After a failed sync the store refuses everything; what was committed before is kept."""
    on_disk.commit(records("before"), None)
    disk.failing["sync", "-wal"] = apsw.SQLITE_IOERR_FSYNC
    with pytest.raises(StoreSyncFailed, match=r"may or may not be there.*start the worker again"):
        on_disk.commit(records("lost"), None)
    disk.failing.clear()
    for _ in range(2):
        with pytest.raises(StoreSyncFailed):
            on_disk.commit(records("after"), None)
    with pytest.raises(StoreSyncFailed):
        on_disk.join(name="w")
    on_disk.close()
    again = SqliteStore(path)

    assert paths(again)[0] == "before"
    assert "after" not in paths(again)
    assert again.check() == []
    again.close()


def test_a_failed_sync_of_a_larger_batch(on_disk, disk):
    """The same where the batch is a transaction of several statements."""
    batch = records("lost")
    batch.change(1).status = "running"
    disk.failing["sync", "-wal"] = apsw.SQLITE_IOERR_FSYNC
    with pytest.raises(StoreSyncFailed):
        on_disk.commit(batch, None)

    assert paths(on_disk) == []
    assert on_disk.reader().run("run-1").status == "accepted"


def test_a_failed_write(on_disk, disk):
    """A disk that cannot write is not trusted any more either."""
    disk.failing["write", "-wal"] = apsw.SQLITE_IOERR_WRITE
    with pytest.raises(StoreSyncFailed, match="The disk failed under"):
        on_disk.commit(records("lost"), None)

    assert paths(on_disk) == []


def test_a_failed_sync_of_a_checkpoint(disk, opened, path):
    """A checkpoint that cannot be synced stops the store too; the log keeps everything."""
    store = opened(vfs=disk.name, log_bytes=1)
    store.commit(start(row()), None)
    disk.failing["sync", "app.db"] = apsw.SQLITE_IOERR_FSYNC
    number = 0
    with pytest.raises(StoreSyncFailed):
        for number in range(10_000):
            store.commit(records(f"s{number}", body=BIG), None)
    store.close()
    disk.failing.clear()
    again = SqliteStore(path)

    assert paths(again) == [f"s{n}" for n in range(number)]
    again.close()


def test_each_commit_is_synced(on_disk, disk):
    """A commit syncs the log once, before it returns."""
    counts = []
    for batch in (records("a"), records("b", "c"), Batch(published={(1, "k"): b"1"})):
        disk.syncs.clear()
        on_disk.commit(batch, None)
        counts.append(list(disk.syncs))

    assert counts == [["app.db-wal"]] * 3


def test_a_bad_record_in_a_group(store):
    """A batch that SQLite refuses is an error of its own, and the next batch goes through."""
    batch = records("good")
    batch.blobs += [(1, 1, None, b"x"), (1, 1, None, b"y")]
    with pytest.raises(StoreError, match="refused what was to be written") as caught:
        store.commit(batch, None)
    store.commit(records("next"), None)

    assert type(caught.value) is StoreError
    assert paths(store) == ["next"]
