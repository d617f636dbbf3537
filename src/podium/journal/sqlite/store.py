"""The store of one machine: one SQLite file, shared by any number of processes."""

from __future__ import annotations

import os
import shutil
import threading
import weakref

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from podium.core.errors import StoreBusy, StoreError, StoreSyncFailed
from podium.journal.sqlite import care, leases, life
from podium.journal.sqlite.care import Sizes
from podium.journal.sqlite.checkpoint import Checkpointer
from podium.journal.sqlite.life import Life
from podium.journal.sqlite.opening import (
    connect,
    create_tables,
    inspect,
    located,
    to_wal,
    upgrade,
    verify,
)
from podium.journal.sqlite.reader import SqliteReader
from podium.journal.sqlite.trouble import explained
from podium.journal.sqlite.turnstile import Turnstile
from podium.journal.sqlite.writing import Writer
from podium.journal.store import Batch, CommitResult, RunRow, WorkerIdentity, WorkerRow
from podium.policy.shared import Now

_READY_AFTER_PAGES = 64
"""A store that has written as much is a worker at work: its log is made ready."""
_CLOSE_WAIT_S = 2.0


class SqliteStore:
    """Commits batches to one SQLite file, in turn with all other processes on it.

    Beside ``app.db`` lie ``app.db-wal`` and ``app.db-shm`` (SQLite's log and its index) while it
    is open, and the directory ``app.db-locks``: the turnstile that all commits pass, and a file
    per worker that its process keeps locked for life.

    Args:
        location: A path, a URL (``sqlite:///app.db``) or ``:memory:`` (a private file that is
            never synced and is deleted on close).
        create: Make the database if it is not there.
        silence_s: How long another process may hold the file without showing life.
        wait_limit_s: How long a commit waits at most for its turn among busy, living processes.
        kill_frozen: End a process that holds the file in silence.
        log_bytes: When the log (WAL) is emptied into the file.
        vfs: Name of an SQLite VFS, for tests that let the disk fail.
    """

    def __init__(
        self, location: str | os.PathLike[str], *, create: bool = True, silence_s: float = 5.0,
        wait_limit_s: float = 60.0, kill_frozen: bool = False, log_bytes: int = 4 * 1024 * 1024,
        vfs: str | None = None,
    ) -> None:  # fmt: skip
        self._place = place = located(location)
        self.location = place.location
        self._vfs = vfs
        is_new = inspect(place, create=create, vfs=vfs)
        self._mutex = threading.Lock()
        self._local = threading.local()
        self._readers: list[SqliteReader] = []
        self._lives: dict[WorkerIdentity, Life] = {}
        self._broken: StoreError | None = None
        with self._locks_explained():
            place.locks.mkdir(exist_ok=True)
            self._turnstile, second = (
                Turnstile(
                    place.locks, place.location,
                    silence_s=silence_s, limit_s=wait_limit_s, kill_frozen=kill_frozen,
                )
                for _ in range(2)
            )  # fmt: skip
        self._checkpointer = Checkpointer(place, second, log_bytes, vfs, self._break)
        try:
            self._connection = self._open(is_new=is_new)
        except BaseException:
            self._turnstile.close()
            self._checkpointer.close()
            raise
        self._connection.set_busy_handler(self._turnstile.bear)
        self._writer = Writer(self._connection, self.location)
        self._pages = 0
        self._pages_due = _READY_AFTER_PAGES
        self._pages_log = max(_READY_AFTER_PAGES, log_bytes // 4096)
        if place.scratch is not None:
            self._pages_due = self._pages_log
            self._tidy = weakref.finalize(self, shutil.rmtree, place.scratch, ignore_errors=True)

    def _open(self, *, is_new: bool) -> apsw.Connection:
        """Open the connection that writes; a new file is made by one process at a time."""
        place = self._place
        if is_new:
            self._turnstile.acquire()
        try:
            connection = connect(place, write=True, vfs=self._vfs)
            try:
                if is_new:
                    create_tables(connection)
                to_wal(connection, place)
                upgrade(connection)
                verify(connection, place)
            except BaseException as error:
                connection.close()
                if isinstance(error, apsw.Error):
                    raise explained(error, place.location) from error
                raise
            return connection
        finally:
            if is_new:
                self._turnstile.release()

    @property
    def sqlite_version(self) -> str:
        """The version of SQLite in use (the driver's own, not the system's)."""
        return apsw.sqlite_lib_version()

    @property
    def longest_wait_s(self) -> float:
        """How long a commit of this store has waited for its turn at most."""
        return self._turnstile.longest_wait_s

    def reader(self) -> SqliteReader:
        """Return the reader of this thread (its own read-only connection)."""
        reader: SqliteReader | None = getattr(self._local, "reader", None)
        if reader is None:
            if self._broken is _CLOSED:
                raise _CLOSED
            reader = SqliteReader(self._place, self._vfs)
            self._local.reader = reader
            self._readers.append(reader)
        return reader

    def commit(
        self, batch: Batch, worker: WorkerIdentity | None, *, wait_s: float | None = None
    ) -> CommitResult:
        """Write the batch durably, all or nothing; see ``journal.store``."""
        with self._turn(wait_s):
            return self._writer.write(batch, worker)

    def join(self, *, name: str) -> WorkerIdentity:
        """Register a worker, take its lock for life, begin its epoch."""
        with self._turn() as connection:
            life.clean(self._place.locks, leases.tokens(connection))
            with self._locks_explained():
                held = Life(self._place.locks)
            try:
                worker = leases.register(connection, name, held.token)
            except BaseException:
                held.release()
                raise
        self._lives[worker] = held
        return worker

    def beat(self, worker: WorkerIdentity) -> bool:
        """Move the worker's counter; False when it was fenced. May be called from a thread."""
        held = self._lives.get(worker)
        if held is None:
            return False
        held.beat()
        return self.reader().is_alive(worker)

    def claim(
        self, worker: WorkerIdentity, workflows: Sequence[str], limit: int,
        only: Sequence[str] | None = None,
    ) -> list[RunRow]:  # fmt: skip
        """Take free open runs of these workflows and of documents (``only`` these ids, if given)."""
        terms, values = leases.free_runs(worker, workflows, only)
        if not self.reader().any_run(terms, values):
            return []  # nobody's turn is taken for nothing
        with self._turn() as connection:
            self._writer.begin(worker)
            runs = leases.claim(connection, worker, terms, values, limit)
            self._writer.end()
            return runs

    def take_over(self, worker: WorkerIdentity, dead: WorkerRow, now: Now) -> int:
        """Fence a dead worker, free its runs with ``claims`` raised; return how many runs."""
        with self._turn() as connection:
            self._writer.begin(worker)
            token = leases.remove(connection, WorkerIdentity(dead.id, dead.epoch))
            count = leases.free_after_death(connection, dead, now) if token else 0
            self._writer.end()
        if token:
            life.forget(self._place.locks, token)
        return count

    def leave(self, worker: WorkerIdentity, now: Now) -> None:
        """Free the worker's runs (claims untouched), remove its row, release its lock for life."""
        held = self._lives.pop(worker, None)
        try:
            with self._turn() as connection:
                self._writer.begin(None)
                if leases.remove(connection, worker):
                    leases.free(connection, worker.id)
                    leases.forget_holder(connection, worker.id, now)
                self._writer.end()
        except BaseException:
            if held is not None:
                held.drop()  # the row is still there: the others see that nobody is behind it
            raise
        if held is not None:
            held.release()

    def check(self) -> list[str]:
        """Return what is wrong with the file, in sentences; an empty list is good news."""
        with self._reading() as connection:
            return care.problems(connection)

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the database, in use as it is, to a new file: all of it or no file at all."""
        with self._reading() as connection:
            care.backup(connection, self._place, Path(path))

    def sizes(self) -> Sizes:
        """Return how much room the database takes."""
        with self._reading() as connection:
            return care.sizes(connection, self._place)

    def limit_size(self, max_bytes: int | None) -> None:
        """Let the file grow no larger; what does not fit is refused as on a full disk."""
        with self._turn() as connection:
            page = connection.pragma("page_size")
            pages = 0xFFFF_FFFE if max_bytes is None else max(1, max_bytes // page)
            connection.pragma("max_page_count", pages)

    def close(self) -> None:
        """Empty the WAL if this process can, and close every connection.

        SQLite itself removes the log with the last connection to the file. Workers that have
        not left look dead from here on.
        """
        with self._mutex:
            if self._broken is _CLOSED:
                return
            self._checkpointer.close()
            for reader in self._readers:
                with suppress(apsw.ThreadingViolationError):  # just in use by its thread
                    reader.close()
            self._close_writer()
            self._broken = _CLOSED
            for held in self._lives.values():
                held.drop()
            self._turnstile.close()
        if self._place.scratch is not None:
            self._tidy()

    def _close_writer(self) -> None:
        connection = self._connection
        if self._broken is not None:
            # What the log holds is for recovery to read.
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.close()
            return
        try:
            self._turnstile.acquire(_CLOSE_WAIT_S)
        except StoreBusy:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.close()
            return
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        finally:
            connection.close()
            self._turnstile.release()

    @contextmanager
    def _turn(self, wait_s: float | None = None) -> Iterator[apsw.Connection]:
        """Hold everything that one must hold to write, and explain what goes wrong."""
        if not self._mutex.acquire(blocking=wait_s != 0):
            raise StoreBusy(f"{self.location} is just being written by another thread.")
        try:
            if self._broken is not None:
                raise self._broken.with_traceback(None)
            self._turnstile.acquire(wait_s)
            try:
                yield self._connection
            except apsw.Error as error:
                raise self._explained(error) from error
            finally:
                self._writer.roll_back()
                self._turnstile.release()
            self._count_pages()
        finally:
            self._mutex.release()

    def _count_pages(self) -> None:
        """See to the log when enough has been written to it."""
        pages = self._connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0]
        if pages - self._pages >= self._pages_due:
            self._pages = pages
            self._pages_due = self._pages_log
            self._checkpointer.ask()

    @contextmanager
    def _locks_explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"The locks of {self.location} cannot be used: {error}. Podium must be able to "
                f"write the directory {self._place.locks}: check owner, permissions and room."
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        connection = connect(self._place, vfs=self._vfs)
        try:
            yield connection
        except apsw.Error as error:
            raise explained(error, self.location, connection) from error
        finally:
            connection.close()

    def _explained(self, error: apsw.Error) -> StoreError:
        problem = explained(error, self.location, self._connection)
        if isinstance(problem, StoreSyncFailed):
            self._break(problem)
        return problem

    def _break(self, problem: StoreError) -> None:
        """Refuse to write from here on: after a failed sync nothing is known about the file."""
        if isinstance(problem, StoreSyncFailed) and self._broken is None:
            self._broken = problem


_CLOSED = StoreError("This store was closed. Open the database again.")
