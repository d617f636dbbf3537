"""A worker's lock for life: held from ``join`` to the end of the process, however that comes.

Each worker locks a file of its own beside the database and moves a counter in it. When the kernel
has freed the lock, the worker is certainly dead, and the others know at once. A counter that
stands still while the lock is held means frozen. Neither costs a write to the database.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import weakref

from collections.abc import Collection
from pathlib import Path

from podium.journal.sqlite import oslock

_PREFIX = "worker-"
_held: weakref.WeakSet[Life] = weakref.WeakSet()


class Life:
    """The lock for life of one worker of this process.

    Attributes:
        token: What names its file; it is never used again.
    """

    def __init__(self, directory: Path) -> None:
        self.token = secrets.token_hex(8)
        self._path = _file(directory, self.token)
        self._count = 0
        # Python opens files closed on exec, so no child process inherits the lock.
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        oslock.try_lock(self._fd)
        self.beat()
        _held.add(self)

    def beat(self) -> None:
        """Move the counter. Where that fails, others take us for frozen, and rightly so."""
        self._count += 1
        with contextlib.suppress(OSError):
            oslock.write_at(self._fd, b"%020d\n" % self._count, 0)

    def release(self) -> None:
        """Let go and remove the file."""
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):
            self._path.unlink()
        self.drop()

    def drop(self) -> None:
        """Let go as death would: the file stays, its lock is free."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def look(directory: Path, token: str, started: str) -> tuple[bool, int]:
    """Return whether a worker is certainly gone, and its counter.

    Without its file (the database was copied, or somebody cleaned up) only another boot of the
    machine proves its death; else its counter stands still, and it is taken for frozen later.
    """
    try:
        fd = os.open(_file(directory, token), os.O_RDWR)
    except OSError:
        return not started.startswith(oslock.boot_id()), 0
    try:
        is_gone = oslock.try_lock(fd, shared=True)
        text = oslock.read_at(fd, 20, 0)
    finally:
        os.close(fd)
    return is_gone, int(text) if text.isdigit() else 0


def clean(directory: Path, known: Collection[str]) -> None:
    """Remove the files of workers that are dead and that no row names any more."""
    for path in directory.glob(f"{_PREFIX}*"):
        token = path.name.removeprefix(_PREFIX)
        if token not in known and look(directory, token, "")[0]:
            with contextlib.suppress(OSError):
                path.unlink()


def forget(directory: Path, token: str) -> None:
    """Remove the file of a worker that was taken over; a frozen one keeps its lock unseen."""
    with contextlib.suppress(OSError):
        _file(directory, token).unlink()


def _file(directory: Path, token: str) -> Path:
    return directory / f"{_PREFIX}{token}"


def _drop_in_child() -> None:
    """A forked child must not keep the dead alive."""
    for life in list(_held):
        life.drop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_in_child)
