"""Whether a file may be opened: every check is done before a byte of it can change.

The header is read through SQLite's own file layer. Opening and closing the file in any other way
would drop the locks that other connections of this process hold on it.
"""

from __future__ import annotations

import os
import struct
import sys
import tempfile

from pathlib import Path
from typing import NamedTuple

import apsw

from podium.core.errors import (
    StoreCorrupt,
    StoreError,
    StoreForeign,
    StoreNewer,
    StoreOnNetwork,
)
from podium.journal.sqlite.schema import (
    APPLICATION_ID,
    FORMAT,
    TABLE_NAMES,
    TABLES,
    UPGRADES,
)
from podium.journal.sqlite.trouble import corrupt, explained

_MAGIC = b"SQLite format 3\0"
_IN_WAL_MODE = 2
_LOG_BYTES_KEPT = 16 * 1024 * 1024
"""What is left of a log that one huge batch has blown up, once it is reused."""
_NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "9p",
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "glusterfs",
        "ocfs2",
        "gfs2",
        "orangefs",
        "pvfs2",
        "davfs",
        "webdav",
        "sshfs",
        "s3fs",
        "goofys",
        "gcsfuse",
        "rclone",
        "blobfuse",
        "blobfuse2",
        "mountpoint-s3",
        "curlftpfs",
        "juicefs",
        "acfs",
        "vboxsf",
        "vmhgfs",
        "prl_fs",
    ]
)


class Place(NamedTuple):
    """Where a database lies. ``scratch`` is the directory to delete at the end, for ``:memory:``."""

    path: Path
    location: str
    scratch: Path | None = None

    def beside(self, suffix: str) -> Path:
        """Return the path of a file that belongs to the database."""
        return self.path.with_name(self.path.name + suffix)

    @property
    def locks(self) -> Path:
        """The directory beside the file that holds the locks."""
        return self.beside("-locks")


def located(location: str | os.PathLike[str]) -> Place:
    """Return the place that a path, a URL (``sqlite:///app.db``) or ``:memory:`` names."""
    text = os.fspath(location)
    name = text.removeprefix("sqlite://")
    if name != text:
        if not name.startswith("/"):
            raise StoreError(
                f"{text!r} names a server, but SQLite has none. Write sqlite:///app.db for a "
                "file here, or sqlite:////var/lib/app.db for one elsewhere."
            )
        name = name[1:]
    if not name:
        raise StoreError("The path of the database is empty. Name a file, or :memory:.")
    if name == ":memory:":
        fast = Path("/dev/shm")  # noqa: S108 -- only as the parent of a private directory
        parent = fast if os.access(fast, os.W_OK) else None
        scratch = Path(tempfile.mkdtemp(prefix="podium-", dir=parent))
        return Place(scratch / "memory.db", ":memory:", scratch)
    # Two names of one file must lead to the same locks.
    return Place(Path(os.path.realpath(name)), text)


def inspect(place: Place, *, create: bool, vfs: str | None = None) -> bool:
    """Refuse what must not be opened; return whether the database has (partly) yet to be created.

    Raises:
        StoreError: It is not there, or not accessible.
        StoreOnNetwork: The file lies on a network file system.
        StoreForeign: The file is something else.
        StoreNewer: A newer Podium wrote it.
        StoreCorrupt: It is cut off.
    """
    path = place.path
    if not path.parent.is_dir():
        raise StoreError(
            f"The directory of {place.location} does not exist. Create it: mkdir -p {path.parent}"
        )
    if path.is_dir():
        raise StoreError(f"{place.location} is a directory. Name a file in it.")
    kind = network_kind(path)
    if kind is not None:
        raise StoreOnNetwork(
            f"{place.location} lies on a network file system ({kind}), where locks of several "
            "machines cannot be trusted. Put it on a local disk; for several machines there is "
            "the Temporal backend."
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreError(
            f"The directory {path.parent} cannot be written, and SQLite keeps its log beside "
            f"{place.location}. Check owner and permissions."
        )
    if not path.exists():
        if not create:
            raise StoreError(
                f"There is no database at {place.location}. Check the path (--db, $PODIUM_DB), or "
                "start a worker or a run there, which creates it."
            )
        return True
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreError(
            f"{place.location} cannot be read and written by this user. Check owner and "
            "permissions."
        )
    return _look(place, vfs)


def _look(place: Place, vfs: str | None) -> bool:
    """Look at the header of a file that is there; True when its creation is not finished."""
    header, size = _header(place, vfs)
    if size == 0:
        return True
    if not header.startswith(_MAGIC) or len(header) < 100:
        raise StoreForeign(
            f"{place.location} is not an SQLite database; it was left as it is. Name another file."
        )
    user_version, application = struct.unpack(">i4xi", header[60:72])
    if application != APPLICATION_ID:
        raise StoreForeign(
            f"{place.location} is an SQLite database of another program (application id "
            f"{application:#x}, Podium's is {APPLICATION_ID:#x}); it was left as it is. Name "
            "another file."
        )
    refuse_newer(place, user_version)
    if header[18] != _IN_WAL_MODE or place.beside("-journal").exists():
        return True
    page = struct.unpack(">H", header[16:18])[0]
    pages = struct.unpack(">I", header[28:32])[0]
    wal = place.beside("-wal")
    if size < pages * (page if page > 1 else 65536) and not (wal.exists() and wal.stat().st_size):
        raise corrupt(place.location, f"it should have {pages} pages and ends after {size} bytes")
    return False


def _header(place: Place, vfs: str | None) -> tuple[bytes, int]:
    try:
        file = apsw.VFSFile(
            vfs or "", str(place.path), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0]
        )
        try:
            size = file.xFileSize()
            return (file.xRead(min(100, size), 0) if size else b""), size
        finally:
            file.xClose()
    except apsw.Error as error:
        raise explained(error, place.location) from error


def refuse_newer(place: Place, version: int) -> None:
    """Refuse a format that this Podium does not know."""
    if version > FORMAT:
        raise StoreNewer(
            f"{place.location} has format {version}, written by a newer Podium; this one knows "
            f"formats up to {FORMAT}. It was left as it is. Install the newer Podium again."
        )


def network_kind(path: Path, mounts: str | None = None) -> str | None:
    """Return the kind of the network file system that holds the path; ``None`` if it is local.

    Linux only: elsewhere nothing is known and nothing refused.
    """
    if mounts is None:
        if not sys.platform.startswith("linux"):
            return None
        try:
            mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
    best, kind = "", ""
    text = str(path)
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 3:
            continue
        point = words[1].replace("\\040", " ").rstrip("/")
        if (text == point or text.startswith(point + "/")) and len(point) >= len(best):
            best, kind = point, words[2]
    name = kind.lower().removeprefix("fuse.")
    return kind if name in _NETWORK else None


def connect(place: Place, *, write: bool = False, vfs: str | None = None) -> apsw.Connection:
    """Open a connection with the settings that every connection has."""
    flags = apsw.SQLITE_OPEN_READONLY
    if write:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    try:
        connection = apsw.Connection(str(place.path), flags=flags, vfs=vfs, statementcachesize=200)
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        connection.set_busy_timeout(5_000)
        if write:
            connection.wal_autocheckpoint(0)
            connection.pragma("journal_size_limit", _LOG_BYTES_KEPT)
            connection.pragma("synchronous", "OFF" if place.scratch else "FULL")
            if sys.platform == "darwin":  # there, only this reaches the disk
                connection.pragma("fullfsync", 1)
                connection.pragma("checkpoint_fullfsync", 1)
        return connection
    except apsw.Error as error:
        raise explained(error, place.location) from error


def create_tables(connection: apsw.Connection) -> None:
    """Make an empty file a database, in one transaction, unless another process just did.

    It is done before the file goes to WAL mode, so that the header is in the file itself.
    """
    connection.execute("BEGIN EXCLUSIVE")
    try:
        if not connection.execute("SELECT 1 FROM sqlite_schema").fetchall():
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.execute(TABLES)
            connection.execute(
                "INSERT INTO meta(key,value) VALUES('format',?),('podium',?)",
                (str(FORMAT), _podium_version()),
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def upgrade(connection: apsw.Connection) -> None:
    """Bring a file of an older format to ours, in one transaction; its runs go on."""
    if connection.pragma("user_version") >= FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for version in range(connection.pragma("user_version"), FORMAT):
            connection.execute(UPGRADES[version])
        connection.execute(f"PRAGMA user_version={FORMAT}")
        connection.execute("UPDATE meta SET value=? WHERE key='format'", (str(FORMAT),))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _podium_version() -> str:
    """Return our version. It is only for people who look into the file."""
    from importlib import metadata  # only when a file is created

    try:
        return metadata.version("podium") or "unknown"  # while it is being installed
    except metadata.PackageNotFoundError:
        return "unknown"


def to_wal(connection: apsw.Connection, place: Place) -> None:
    """Put the file into WAL mode, if it is not yet."""
    mode = connection.pragma("journal_mode", "WAL")
    if mode != "wal":
        raise StoreError(
            f"{place.location} cannot be put into WAL mode (it stays in {mode!r}): its file "
            "system has no shared memory. Put it on a local disk."
        )


def verify(connection: apsw.Connection, place: Place) -> None:
    """Look at the tables of an open database, as SQLite sees them (its log included)."""
    refuse_newer(place, connection.pragma("user_version"))
    names = {
        name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")
    }
    missing = TABLE_NAMES - names
    if missing:
        raise StoreCorrupt(
            f"{place.location} has no table {', '.join(sorted(missing))}, though it says that it "
            "is Podium's. Go on from a copy made by `podium db backup`."
        )
