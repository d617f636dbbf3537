"""What may not be opened is refused with a clear message, and left as it is."""

import os
import shutil
import sqlite3
import subprocess
import sys

from pathlib import Path

import apsw
import pytest

from podium.core.errors import (
    StoreCorrupt,
    StoreError,
    StoreForeign,
    StoreNewer,
    StoreOnNetwork,
)
from podium.journal.sqlite import SqliteStore, opening
from tests.journal.processes import child
from tests.journal.rows import paths, records, row, start

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def picture(folder):
    """Everything in a folder, to the byte."""
    return {
        str(one.relative_to(folder)): one.read_bytes() if one.is_file() else None
        for one in sorted(folder.rglob("*"))
    }


def refused(path, kind, match, **options):
    before = picture(path.parent)
    with pytest.raises(kind, match=match) as caught:
        SqliteStore(path, **options)

    assert picture(path.parent) == before
    assert type(caught.value) is kind
    assert str(path) in str(caught.value)


def in_another_process(path, *statements):
    """Change a file by the standard library's SQLite, which must not share our process."""
    code = (
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for s in sys.argv[2:]: c.execute(s)\nc.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(path), *statements], check=True)


def made(path):
    with_run = SqliteStore(path)
    with_run.commit(start(row()), None)
    with_run.commit(records(*[f"s{n}" for n in range(300)], body=b'"' + b"x" * 300 + b'"'), None)
    with_run.close()
    shutil.rmtree(path.with_name(path.name + "-locks"))
    return path


@pytest.mark.parametrize("content", [b"hello", b"SQLite format 3\0", b"x" * 5_000, b"\0" * 4_096])
def test_a_file_of_another_kind(path, content):
    """A text, a stump or zeros are not a database."""
    path.write_bytes(content)

    refused(path, StoreForeign, "not an SQLite database; it was left as it is")


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_database_of_another_program(path, mode):
    """An SQLite file with another application id is left alone."""
    in_another_process(path, f"PRAGMA journal_mode={mode}", "CREATE TABLE t(a)")

    refused(path, StoreForeign, "of another program")


def test_a_database_that_is_in_use_elsewhere(path):
    """Refusing a foreign file drops no lock that this process holds on it."""
    mine = apsw.Connection(str(path))
    mine.execute("CREATE TABLE t(a)")
    mine.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError):
        SqliteStore(path)
    with pytest.raises(subprocess.CalledProcessError):
        in_another_process(path, "PRAGMA busy_timeout=0", "INSERT INTO t VALUES(1)")
    mine.execute("COMMIT")
    mine.close()


def test_a_newer_format(path):
    """A file of a newer Podium is refused, and says what to do."""
    in_another_process(made(path), f"PRAGMA user_version={opening.FORMAT + 1}")

    refused(path, StoreNewer, f"has format {opening.FORMAT + 1}, written by a newer Podium")


def test_a_newer_format_in_the_log(path):
    """Also when the newer format is only in the log yet."""
    made(path)
    code = """
import apsw
newer = apsw.Connection(path)
newer.execute("PRAGMA user_version=99")
say("done")
hear()
"""
    with child(code, path) as newer:
        newer.hear()
        with pytest.raises(StoreNewer, match="format 99"):
            SqliteStore(path)


def test_a_file_that_is_cut_off(path):
    """A file that ends too early is damaged."""
    content = made(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])

    refused(path, StoreCorrupt, "is damaged .* pages and ends after")


def test_a_damaged_schema(path):
    """A file whose tables cannot be read is damaged, also in its first page."""
    content = bytearray(made(path).read_bytes())
    content[100:4096] = b"\x55" * 3_996
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=r"is damaged .*podium db check"):
        SqliteStore(path)

    assert path.read_bytes() == content


def test_a_missing_table(path):
    """A file that says it is Podium's and lacks a table is damaged."""
    in_another_process(made(path), "DROP TABLE asks")

    with pytest.raises(StoreCorrupt, match="has no table asks"):
        SqliteStore(path)


def test_no_database(path):
    """Without ``create`` a file that is not there is an error, and is not made."""
    refused(path, StoreError, "There is no database at .*--db", create=False)


def test_no_directory(tmp_path):
    """A directory that is not there is not made in silence."""
    refused(tmp_path / "no" / "app.db", StoreError, "does not exist. Create it: mkdir -p")


def test_a_directory(tmp_path):
    """A directory is no file."""
    path = tmp_path / "app.db"
    path.mkdir()

    refused(path, StoreError, "is a directory")


@pytest.mark.skipif(AS_ROOT, reason="root may write everything")
def test_no_permission(path):
    """A file or directory that may not be written is named."""
    made(path).chmod(0o400)
    refused(path, StoreError, "cannot be read and written by this user")
    path.chmod(0o600)
    path.parent.chmod(0o500)
    try:
        refused(path, StoreError, "cannot be written, and SQLite keeps its log beside")
    finally:
        path.parent.chmod(0o700)


def test_no_permission_as_the_system_says(path, monkeypatch):
    """The same, for who is root: the system's word is taken."""
    made(path)
    monkeypatch.setattr(opening.os, "access", lambda what, mode: what != path)
    refused(path, StoreError, "cannot be read and written by this user")
    monkeypatch.setattr(opening.os, "access", lambda what, mode: False)
    refused(path, StoreError, "cannot be written, and SQLite keeps its log beside")


MOUNTS = """\
/dev/root / ext4 rw,relatime 0 0
tmpfs /dev/shm tmpfs rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/ann/local xfs rw 0 0
ann@host:/x /mnt/far\\040away fuse.sshfs rw 0 0
//nas/y /mnt/nas cifs rw 0 0
C: /mnt/c 9p rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/app.db", None),
        ("/home/ann/app.db", "nfs4"),
        ("/home/ann/local/app.db", None),
        ("/homes/app.db", None),
        ("/mnt/far away/app.db", "fuse.sshfs"),
        ("/mnt/nas/a/b/app.db", "cifs"),
        ("/mnt/c/app.db", "9p"),
        ("/dev/shm/app.db", None),
    ],
)
def test_network_file_systems(path, kind):
    """The mount that holds the path decides."""
    assert opening.network_kind(Path(path), MOUNTS) == kind


def test_on_the_network(path, monkeypatch):
    """On a network file system nothing is opened or made."""
    monkeypatch.setattr(opening, "network_kind", lambda _: "nfs4")

    refused(path, StoreOnNetwork, r"network file system \(nfs4\)")


def test_an_empty_file_is_a_new_database(path):
    """A file without content, as ``touch`` makes it, becomes a database."""
    path.touch()
    store = SqliteStore(path)
    store.commit(start(row()), None)
    store.close()

    assert SqliteStore(path, create=False).reader().run("run-1") is not None


def test_names(path, tmp_path, monkeypatch):
    """A path, a relative or absolute URL and a link name the same file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.db").symlink_to(path)
    first = SqliteStore("sqlite:///app.db")
    first.commit(start(row()), None)
    others = [SqliteStore(name) for name in ("app.db", f"sqlite:///{path}", "link.db", path)]
    for one in others:
        one.commit(records("s"), None)

    assert len(first.reader().records(1)) == 4
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "app.db", "app.db-locks", "app.db-shm", "app.db-wal", "link.db",
    ]  # fmt: skip
    for one in (*others, first):
        one.close()


@pytest.mark.parametrize(
    ("name", "match"), [("sqlite://host/app.db", "SQLite has none"), ("", "path .* is empty")]
)
def test_names_that_make_no_sense(name, match):
    """A server or nothing at all cannot be opened."""
    with pytest.raises(StoreError, match=match):
        SqliteStore(name)


@pytest.mark.parametrize("name", [":memory:", "sqlite:///:memory:"])
def test_in_memory(name):
    """``:memory:`` is a file of its own that is gone after close."""
    one, two = SqliteStore(name), SqliteStore(name)
    folder = one._place.path.parent
    one.commit(start(row()), None)

    assert two.reader().run("run-1") is None
    assert one.reader().run("run-1") is not None
    assert folder.exists()
    one.close()
    two.close()

    assert not folder.exists()


CREATES = """
say("ready")
hear()
store = SqliteStore(path)
number = int(hear())
store.commit(Batch(families=[(number, b"k")], runs_new=[row(number)]), None)
store.close()
say("done")
"""


def test_many_create_at_once(path):
    """Processes that create the same database at the same time all get it."""
    with child(CREATES, path) as a, child(CREATES, path) as b, child(CREATES, path) as c:
        for one in (a, b, c):
            one.hear()
        for one in (a, b, c):
            one.say()
        for number, one in enumerate((a, b, c), start=1):
            one.say(str(number))
        said = [one.hear() for one in (a, b, c)]
    store = SqliteStore(path)

    assert said == ["done"] * 3
    assert len(store.reader().runs()) == 3
    assert store.check() == []
    store.close()


def test_a_creation_that_was_killed(path):
    """A file whose tables were being made when the process died is made anew."""
    code = """
from podium.journal.sqlite import store as module
def dies(connection):
    create_tables(connection)
    os.kill(os.getpid(), signal.SIGKILL)
create_tables = module.create_tables
if hear() == "before commit":
    def dies(connection):
        connection.set_commit_hook(lambda: bool(os.kill(os.getpid(), signal.SIGKILL)))
        create_tables(connection)
module.create_tables = dies
SqliteStore(path)
"""
    for when in ("before commit", "before the log"):
        with child(code, path) as dying:
            dying.say(when)
            dying.hear()
    store = SqliteStore(path)
    store.commit(start(row()), None)

    assert store.check() == []
    store.close()


def test_after_a_kill_everything_committed_is_there(path):
    """A process that is killed leaves its log; opening reads it."""
    code = """
store = SqliteStore(path)
store.commit(start(row()), None)
for n in range(50): store.commit(records(f"s{n}"), None)
say("done")
hear()
"""
    with child(code, path) as killed:
        killed.hear()
    store = SqliteStore(path)

    assert path.with_name("app.db-wal").stat().st_size > 0
    assert paths(store) == [f"s{n}" for n in range(50)]
    store.close()


def test_it_is_plain_sqlite(path):
    """The bodies can be queried as JSON by any SQLite."""
    made(path)
    shell = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    types = shell.execute("SELECT DISTINCT typeof(body) FROM journal").fetchall()
    shell.close()

    assert types == [("text",)]
