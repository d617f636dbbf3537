"""SQLite's errors as Podium's: what happened, to which file, and what to do."""

from __future__ import annotations

import errno

import apsw

from podium.core.errors import (
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreForeign,
    StoreFull,
    StoreSyncFailed,
)

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explained(
    error: apsw.Error, location: str, connection: apsw.Connection | None = None
) -> StoreError:
    """Return the error of Podium's tree that says what SQLite's means here."""
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return StoreBusy(
            f"{location} is locked by a program that is not Podium ({error}). Nothing was "
            "written. Close it (a sqlite3 shell or a database browser with an open transaction)."
        )
    if isinstance(error, apsw.FullError):
        return _full(error, location)
    if isinstance(error, apsw.IOError):
        return _io(error, location, connection)
    if isinstance(error, apsw.CorruptError):
        return corrupt(location, str(error))
    if isinstance(error, apsw.NotADBError):
        return StoreForeign(
            f"{location} is not an SQLite database; it was left as it is. Name another file."
        )
    if isinstance(error, apsw.ReadOnlyError | apsw.CantOpenError | apsw.PermissionsError):
        return StoreError(
            f"{location} cannot be opened for writing ({error}). Podium must be able to write "
            "the file and its directory: check owner and permissions."
        )
    if isinstance(error, apsw.ConnectionClosedError | apsw.CursorClosedError):
        return StoreError(f"{location} was closed here. Open it again.")
    return StoreError(
        f"{location} refused what was to be written ({type(error).__name__}: {error}). "
        "Nothing of this batch was written."
    )


def corrupt(location: str, what: str) -> StoreCorrupt:
    """Return the error for a damaged file, with the way out."""
    return StoreCorrupt(
        f"{location} is damaged ({what}). Stop the workers on it, look with "
        f"`podium db check --db {location}`, and go on from a copy made by `podium db backup`."
    )


def _full(error: apsw.Error, location: str) -> StoreFull:
    return StoreFull(
        f"There is no room to write {location} ({error}). Nothing of this batch was written. "
        "Free some space on its disk; the worker tries again by itself."
    )


def _io(error: apsw.Error, location: str, connection: apsw.Connection | None) -> StoreError:
    code = getattr(error, "extendedresult", 0)
    system = connection.system_errno if connection is not None else 0
    if code == apsw.SQLITE_IOERR_SHMSIZE or (
        code in (apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_TRUNCATE) and system in _NO_ROOM
    ):
        return _full(error, location)
    return StoreSyncFailed(
        f"The disk failed under {location} ({error}; code {code}, errno {system}). What this "
        "batch wrote may or may not be there, so this process stops using the file. Check the "
        "disk, then start the worker again: it goes on from what the file holds."
    )
