"""Empties the log (WAL) into the file, in a thread of its own, in turn with the commits."""

from __future__ import annotations

import contextlib
import logging
import os
import threading

from collections.abc import Callable
from pathlib import Path

import apsw

from podium.core.errors import StoreBusy, StoreError, StoreSyncFailed
from podium.journal.sqlite import oslock
from podium.journal.sqlite.opening import Place, connect
from podium.journal.sqlite.trouble import explained
from podium.journal.sqlite.turnstile import Turnstile

_log = logging.getLogger("podium")
_ZEROS = bytes(256 * 1024)


class Checkpointer:
    """One thread with a connection and a place in the queue of its own.

    Before its first commits have filled the log, it writes the log's space once with zeros: a
    commit into space that exists already needs no change to the file system's own tables, which
    halves its cost. (After the first checkpoint SQLite reuses the log from its beginning.)

    Args:
        place: The database.
        turnstile: The queue that commits wait in too.
        log_bytes: Size that the log is made ready for.
        on_failed: Told when the disk failed; then nothing more must be written.
    """

    def __init__(
        self, place: Place, turnstile: Turnstile, log_bytes: int, vfs: str | None,
        on_failed: Callable[[StoreError], None],
    ) -> None:  # fmt: skip
        self._place = place
        self._turnstile = turnstile
        self._log_bytes = log_bytes
        self._vfs = vfs
        self._on_failed = on_failed
        self._due = threading.Event()
        self._closing = False
        self._is_ready = place.scratch is not None
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """See to it that the log is made ready, or emptied, soon."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="podium-checkpoint", daemon=True)
            self._thread.start()
        self._due.set()

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()
        self._turnstile.close()

    def _run(self) -> None:
        connection: apsw.Connection | None = None
        try:
            connection = connect(self._place, write=True, vfs=self._vfs)
            connection.set_busy_handler(self._turnstile.bear)
            while True:
                self._due.wait()
                self._due.clear()
                if self._closing:
                    return
                try:
                    self._work(connection)
                except StoreSyncFailed:
                    raise
                except StoreError as problem:
                    _log.error("podium: the log was not emptied (%s); tried again soon", problem)
        except StoreError as problem:
            self._on_failed(problem)
        finally:
            if connection is not None:
                connection.close()

    def _work(self, connection: apsw.Connection) -> None:
        try:
            self._turnstile.acquire()
        except StoreBusy:
            return  # the next commit asks again
        try:
            if self._is_ready:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            else:
                self._is_ready = True
                make_ready(connection, self._place.beside("-wal"), self._log_bytes)
        except (apsw.BusyError, apsw.LockedError, apsw.FullError):
            return  # it grows a little more, and is tried again
        except apsw.Error as error:
            raise explained(error, self._place.location, connection) from error
        finally:
            self._turnstile.release()


def make_ready(connection: apsw.Connection, wal: Path, size_bytes: int) -> None:
    """Extend the log with zeros, which no reader of it takes for a commit.

    SQLite's write lock is held meanwhile, so that nobody appends at the same place.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        # No lock is lost by closing it: SQLite's own are on the database and its index.
        fd = os.open(wal, os.O_RDWR)
        try:
            start = at = os.fstat(fd).st_size
            try:
                while at < size_bytes:
                    at += oslock.write_at(fd, _ZEROS[: size_bytes - at], at)
                os.fsync(fd)
            except OSError:  # no room: then it goes as it goes
                with contextlib.suppress(OSError):
                    os.ftruncate(fd, start)
        finally:
            os.close(fd)
    finally:
        connection.execute("ROLLBACK")
