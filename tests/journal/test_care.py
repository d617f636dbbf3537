"""Looking after a file: the log, its size, checks and copies."""

import os

import apsw
import pytest

from podium.core.errors import StoreCorrupt, StoreError
from podium.journal.sqlite import SqliteStore
from podium.journal.store import Batch
from tests.journal.processes import child
from tests.journal.rows import paths, records, row, start


def size_of(path, suffix=""):
    one = path.with_name(path.name + suffix)
    return one.stat().st_size if one.exists() else 0


def files(folder):
    return sorted(one.name for one in folder.iterdir())


def test_close_empties_the_log(opened, path, tmp_path):
    """After the last close there is one file with everything in it, and no log."""
    one, two = opened(), opened()
    one.commit(start(row()), None)
    two.reader().run("run-1")
    one.close()
    two.commit(records("a"), None)
    two.close()
    again = opened(create=False)

    assert files(tmp_path)[:2] == ["app.db", "app.db-locks"]
    assert paths(again) == ["a"]


@pytest.mark.long
def test_closed_files(opened, path, tmp_path):
    """Nothing but the file and its locks stays behind, threads included."""
    one = opened(log_bytes=4096 * 64)
    one.commit(start(row()), None)
    for n in range(200):
        one.commit(records(f"s{n}"), None)
    one.close()

    assert files(tmp_path) == ["app.db", "app.db-locks"]
    assert files(tmp_path / "app.db-locks") == ["gate", "lock"]


def test_large_results_take_little_more_than_themselves(opened, path):
    """50 results of 100 kB: after close at most 1.2 times the data is on disk."""
    store = opened()
    store.commit(start(row()), None)
    for n in range(50):
        batch = records(f"s{n}")
        batch.blobs.append((n + 1, 1, b"digest-%d" % n, os.urandom(100_000)))
        store.commit(batch, None)
    store.close()

    assert size_of(path) + size_of(path, "-wal") <= 1.2 * 50 * 100_000


@pytest.mark.long
def test_the_log_is_bounded(opened, path):
    """However much is written, the log stays a few times the size at which it is emptied."""
    limit = 512 * 1024
    store = opened(log_bytes=limit)
    store.commit(start(row()), None)
    largest = 0
    for n in range(400):
        store.commit(records(f"s{n}", body=b'"' + b"x" * 20_000 + b'"'), None)
        largest = max(largest, size_of(path, "-wal"))
    data = 400 * 20_000

    assert store.sizes().file > data / 2
    assert largest < data / 2


def test_a_reader_does_not_hold_the_log(opened, path):
    """A reader that is in the middle of a file or a page keeps nothing from being emptied."""
    store = opened(log_bytes=256 * 1024)
    store.commit(start(row()), None)
    store.commit(Batch(file_chunks=[(1, "f", n, b"x" * 1_000) for n in range(50)]), None)
    chunks = opened().reader().file_chunks(1, "f")
    next(chunks)
    for n in range(300):
        store.commit(records(f"s{n}", body=b'"' + b"x" * 20_000 + b'"'), None)

    assert size_of(path, "-wal") < 300 * 20_000 / 2
    assert len(list(chunks)) == 49


def test_the_log_is_made_ready(opened, path):
    """A store at work writes the log's space before it is needed; a short visit does not."""
    store = opened(log_bytes=1024 * 1024)
    store.commit(start(row()), None)
    before = size_of(path, "-wal")
    for n in range(100):
        store.commit(records(f"s{n}"), None)
    store._checkpointer.close()
    after = size_of(path, "-wal")

    assert before < 512 * 1024
    assert after >= 1024 * 1024
    assert len(paths(store)) == 100


def test_a_prepared_log_is_recovered(path):
    """After a kill, what was committed into a prepared log is all there, and no more."""
    code = """
store = SqliteStore(path, log_bytes=1024 * 1024)
store.commit(start(row()), None)
for n in range(200): store.commit(records(f"s{n}"), None)
store._checkpointer.close()
for n in range(200, 230): store.commit(records(f"s{n}"), None)
say("done")
hear()
"""
    with child(code, path) as killed:
        killed.hear()
    store = SqliteStore(path)

    assert paths(store) == [f"s{n}" for n in range(230)]
    assert store.check() == []
    store.close()


def test_a_sound_file(store):
    """Of a sound file there is nothing to say."""
    store.commit(records("a"), None)

    assert store.check() == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "DELETE FROM runs",
            "a record of a run that does not exist: 1 times, the first is number 1",
        ),
        ("DELETE FROM families", "a run without its family's key: 1 times"),
        ("UPDATE runs SET owner=77", "an open run owned by a worker that is not registered"),
        ("UPDATE runs SET parent=5", "a child of a run that does not exist"),
        ("UPDATE runs SET status='failed'", "an ended run without the time of its end"),
        ("INSERT INTO blobs VALUES(1,9,NULL,x'00')", "a blob of a family that does not exist"),
    ],
)
def test_problems_are_found(store, path, statement, problem):
    """What does not fit together is named, with a number to look at."""
    store.commit(records("a"), None)
    other = apsw.Connection(str(path))
    other.execute(statement)
    other.close()

    assert any(line.startswith(problem) for line in store.check())


def test_damage_is_found(store, path):
    """Damage inside the file is found by a check, or by who reads it."""
    for n in range(200):
        store.commit(records(f"s{n}", body=b'"' + b"x" * 500 + b'"'), None)
    store.close()
    content = bytearray(path.read_bytes())
    for at in range(20 * 4096, len(content) - 4096, 4096):
        content[at : at + 64] = b"\x77" * 64
    path.write_bytes(content)
    again = SqliteStore(path)
    problems = again.check()
    with pytest.raises(StoreCorrupt, match="is damaged"):
        again.reader().records(1)
    again.close()

    assert problems
    assert problems[0].startswith("SQLite: ")


def test_a_backup(store, tmp_path):
    """A copy of a file in use has everything committed, and its runs belong to nobody."""
    worker = store.join(name="w")
    store.claim(worker, ["shop"], 1)
    store.commit(records("a", "b"), worker)
    target = tmp_path / "copy.db"
    store.backup(target)
    store.commit(records("later"), worker)
    copy = SqliteStore(target)

    assert paths(copy) == ["a", "b"]
    assert copy.reader().workers() == []
    assert copy.reader().run("run-1").owner is None
    assert copy.check() == []
    copy.close()


def test_a_backup_never_overwrites(store, tmp_path):
    """A file that is there is left as it is."""
    target = tmp_path / "copy.db"
    target.write_bytes(b"precious")
    with pytest.raises(StoreError, match="never overwrites"):
        store.backup(target)

    assert target.read_bytes() == b"precious"


def test_a_backup_that_fails_leaves_nothing(store, tmp_path):
    """A backup is whole or not there."""
    with pytest.raises(StoreError):
        store.backup(tmp_path / "no" / "copy.db")
    before = files(tmp_path)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(StoreError, match="failed"):
        patch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError("disk")))
        store.backup(tmp_path / "copy.db")

    assert files(tmp_path) == before


def test_sizes(store, path):
    """Sizes are those of the files."""
    sizes = store.sizes()

    assert sizes.file == size_of(path)
    assert sizes.log == size_of(path, "-wal") > 0
    assert sizes.free >= 0


def test_the_version_of_sqlite(store):
    """The driver's own SQLite is new enough to be safe with several writers."""
    version = tuple(int(part) for part in store.sqlite_version.split("."))

    assert version >= (3, 51, 3)
