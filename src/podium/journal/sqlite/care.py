"""Looking after a file: is it sound, how large is it, a copy of it while it is in use."""

from __future__ import annotations

import contextlib
import os
import sys

from pathlib import Path
from typing import NamedTuple

import apsw

from podium.core.errors import StoreError
from podium.journal.sqlite.opening import Place
from podium.journal.sqlite.trouble import explained

_ORPHANS = {
    "a record of a run that does not exist": "SELECT run FROM journal WHERE run NOT IN {runs}",
    "a message to a run that does not exist": "SELECT run FROM inbox WHERE run NOT IN {runs}",
    "a question of a run that does not exist": "SELECT run FROM asks WHERE run NOT IN {runs}",
    "published state of a run that does not exist": (
        "SELECT run FROM published WHERE run NOT IN {runs}"
    ),
    "a stream of a run that does not exist": "SELECT run FROM stream WHERE run NOT IN {runs}",
    "a child of a run that does not exist": (
        "SELECT num FROM runs WHERE parent IS NOT NULL AND parent NOT IN {runs}"
    ),
    "a run without its family's key": "SELECT num FROM runs WHERE family NOT IN {families}",
    "a blob of a family that does not exist": (
        "SELECT id FROM blobs WHERE family NOT IN {families}"
    ),
    "a file of a family that does not exist": (
        "SELECT family FROM file_chunks WHERE family NOT IN {families}"
    ),
    "an open run owned by a worker that is not registered": (
        "SELECT num FROM runs WHERE owner IS NOT NULL AND status NOT IN "
        "('succeeded','failed','cancelled') AND owner NOT IN (SELECT id FROM workers)"
    ),
    "an ended run without the time of its end": (
        "SELECT num FROM runs WHERE status IN ('succeeded','failed','cancelled') "
        "AND ended_at IS NULL"
    ),
}
_PROBLEMS_MAX = 100


class Sizes(NamedTuple):
    """How much room a database takes, in bytes."""

    file: int
    log: int
    """The WAL beside the file. Part of it may be room that is kept ready."""
    free: int
    """Room inside the file that new data takes first."""


def problems(connection: apsw.Connection) -> list[str]:
    """Return what is wrong with the file, in sentences; an empty list is good news."""
    found: list[str] = []
    try:
        for (line,) in connection.execute(f"PRAGMA integrity_check({_PROBLEMS_MAX})"):
            if line != "ok":
                found.append(f"SQLite: {line}")
        for what, query in _ORPHANS.items():
            sql = query.format(runs="(SELECT num FROM runs)", families="(SELECT num FROM families)")
            counted = f"SELECT count(*), min(x) FROM ({_as_x(sql)})"  # noqa: S608 -- our own words
            [(count, first)] = connection.execute(counted)
            if count:
                found.append(f"{what}: {count} times, the first is number {first}")
    except apsw.CorruptError as error:
        found.append(f"SQLite: {error}")
    return found


def _as_x(query: str) -> str:
    head, _, rest = query.partition(" FROM ")
    return f"{head} AS x FROM {rest}"


def sizes(connection: apsw.Connection, place: Place) -> Sizes:
    """Measure the file."""
    page = connection.pragma("page_size")
    log = place.beside("-wal")
    return Sizes(
        file=place.path.stat().st_size,
        log=log.stat().st_size if log.exists() else 0,
        free=connection.pragma("freelist_count") * page,
    )


def backup(source: apsw.Connection, place: Place, target: Path) -> None:
    """Copy a database in use to a new file: all of it or no file at all.

    The copy belongs to no worker: its runs are free, as after a clean close.
    """
    if target.exists():
        raise StoreError(f"{target} exists already; a backup never overwrites. Name a new file.")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _copy(source, part)
        _sync(part)
        try:
            os.link(part, target)  # unlike a rename, it never overwrites
        except FileExistsError:
            raise StoreError(f"{target} appeared meanwhile; it was left as it is.") from None
        except OSError:  # a file system without links
            part.rename(target)
        _sync(target.parent)
    except apsw.Error as error:
        raise explained(error, str(target) if part.exists() else place.location) from error
    except OSError as error:
        raise StoreError(f"The backup to {target} failed: {error}.") from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                part.with_name(part.name + suffix).unlink()


def _copy(source: apsw.Connection, part: Path) -> None:
    copy = apsw.Connection(str(part))
    try:
        with copy.backup("main", source, "main") as job:
            job.step(-1)
        copy.execute("DELETE FROM workers")
        copy.execute("UPDATE runs SET owner=NULL WHERE owner IS NOT NULL")
    finally:
        copy.close()


def _sync(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():
        return  # there, directories cannot be opened
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
