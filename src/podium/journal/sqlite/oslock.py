"""Locks of the operating system on whole files, and who a process is.

A lock belongs to the open file, so several stores in one process exclude each other as well as
processes do, and the kernel frees it when its holder dies, however it dies. A *try* never lets go
of the interpreter: with a busy thread beside it, each time costs a switch interval of 5 ms.

On Windows the locks are ``msvcrt`` byte ranges that are polled: they exclude, but who waits
longest is not served first, and a frozen holder is not recognised as such.
"""

from __future__ import annotations

import ctypes
import getpass
import os
import socket
import sys
import time

from functools import cache
from pathlib import Path
from typing import NamedTuple

if sys.platform == "win32":
    import msvcrt

    _LOCK_AT = 1 << 30

    def try_lock(fd: int, *, shared: bool = False) -> bool:  # noqa: ARG001 -- there is one kind
        """Take the lock if that needs no waiting."""
        os.lseek(fd, _LOCK_AT, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def wait_lock(fd: int) -> None:
        """Take the lock, however long that takes."""
        while not try_lock(fd):
            time.sleep(0.001)

    def unlock(fd: int) -> None:
        """Let go of the lock."""
        os.lseek(fd, _LOCK_AT, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    _flock = ctypes.PyDLL(None, use_errno=True).flock
    _flock.argtypes = (ctypes.c_int, ctypes.c_int)
    _flock.restype = ctypes.c_int

    def try_lock(fd: int, *, shared: bool = False) -> bool:
        """Take the lock if that needs no waiting."""
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        return bool(_flock(fd, how | fcntl.LOCK_NB) == 0)

    def wait_lock(fd: int) -> None:
        """Take the lock, however long that takes."""
        fcntl.flock(fd, fcntl.LOCK_EX)

    def unlock(fd: int) -> None:
        """Let go of the lock."""
        _flock(fd, fcntl.LOCK_UN)


def write_at(fd: int, data: bytes, offset: int) -> int:
    """Write at a place in a file; return how much was written."""
    if sys.platform == "win32":
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)
    return os.pwrite(fd, data, offset)


def read_at(fd: int, size: int, offset: int) -> bytes:
    """Read at a place in a file."""
    if sys.platform == "win32":
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, size)
    return os.pread(fd, size, offset)


class Process(NamedTuple):
    """Who a process is. The start time tells it from a later one of the same number."""

    pid: int
    start: str
    user: str

    @property
    def is_me(self) -> bool:
        """Whether this very process is meant."""
        return self.pid == os.getpid()


def this_process() -> Process:
    """Return who we are. Asked anew each time, because a fork changes it."""
    pid = os.getpid()
    return Process(pid, start_of(pid), _user())


def start_of(pid: int) -> str:
    """Return when the process started, in ticks since boot, or "" where that is not to be had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19]


def owner_of(pid: int) -> str:
    """Return the number of the user whose process this is, or "" where that is unknown."""
    try:
        return str(Path(f"/proc/{pid}").stat().st_uid)
    except OSError:
        return ""


def holders_of(fd: int) -> set[int] | None:
    """Return who the kernel says holds the file's lock; ``None`` where it does not say.

    Matched by inode alone: some file systems show another device here than in ``stat``.
    """
    try:
        table = Path("/proc/locks").read_text(encoding="utf-8")
    except OSError:
        return None
    inode = str(os.fstat(fd).st_ino)
    found = set()
    for line in table.splitlines():
        words = line.split()
        if len(words) == 8 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:
            found.add(int(words[4]))
    return found


@cache
def boot_id() -> str:
    """Return what tells this boot of the machine from any other, or ""."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def host_name() -> str:
    """Return what this machine calls itself."""
    return socket.gethostname()


def user_name(user: str) -> str:
    """Return the name of a user by number, for people."""
    try:
        import pwd  # not on Windows

        return pwd.getpwuid(int(user)).pw_name
    except (ImportError, KeyError, ValueError):
        return user or "unknown"


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
