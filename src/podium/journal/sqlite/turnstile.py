"""The fair lock that every commit and every checkpoint of every process passes.

Two locked files beside the database: who wants ``lock`` first takes ``gate``, and lets go of it
once it has ``lock``. So at most one waits at ``lock``, the last holder cannot push in before it,
and the kernel queues the others at ``gate``. (SQLite's own busy handler has no queue: with two
busy writers it let one wait for 1.9 s.)

The holder leaves its name in the file and moves a counter there, by a thread of its own while
something takes long, so that a slow disk is not taken for a frozen process. Who waits and sees
the lock held without any movement for ``silence_s`` says so, or ends the holder if told to. This
is the only place of the journal that knows the time.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import signal
import struct
import threading
import time

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from podium.core.errors import StoreBusy
from podium.journal.sqlite import oslock
from podium.journal.sqlite.oslock import Process

_log = logging.getLogger("podium")
_SIZE = 256
_COUNTER_AT = 128
_COUNTER = struct.Struct("<Q")
_IDLE_LOOKS = 20


class _Note(NamedTuple):
    """What a holder left in a lock file."""

    process: Process
    since: int


class LockFile:
    """One of the two files: a lock, the name of its holder, and a counter that shows life."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if os.fstat(self.fd).st_size < _SIZE:
            # Written, not only extended: a hole could not be filled on a full disk.
            oslock.write_at(self.fd, b"\0", _SIZE - 1)
            oslock.write_at(self.fd, b"\0" * (_SIZE - 1), 0)
        self._map = mmap.mmap(self.fd, _SIZE)

    def sign(self, name: bytes) -> None:
        """Leave the holder's name. It is called with the lock held."""
        self._map[: len(name)] = name

    def tick(self, number: int) -> None:
        """Show life. A late one of a former holder does no harm: only movement counts."""
        _COUNTER.pack_into(self._map, _COUNTER_AT, number & 0xFFFF_FFFF_FFFF_FFFF)

    def seen(self) -> bytes:
        """Return what changes whenever a holder shows life."""
        return self._map[:_SIZE]

    def note(self) -> _Note | None:
        """Return who held the lock last."""
        line = self._map[:_COUNTER_AT].partition(b"\n")[0]
        words = line.decode("utf-8", "replace").split()
        try:
            return _Note(Process(int(words[1]), words[3].strip("-"), words[5]), int(words[7]))
        except (IndexError, ValueError):
            return None

    def close(self) -> None:
        """Let go of file and lock."""
        if self.fd >= 0:
            self._map.close()
            os.close(self.fd)
            self.fd = -1


class Turnstile:
    """One place in the queue, used by one thread at a time.

    Args:
        directory: Where the two files lie.
        location: The database, for messages.
        silence_s: How long a holder may show no life.
        limit_s: How long to wait at most while others are busy and alive.
        kill_frozen: End a silent holder (SIGKILL) if it is certainly the one, and the same user's.
    """

    def __init__(
        self, directory: Path, location: str, *,
        silence_s: float = 5.0, limit_s: float = 60.0, kill_frozen: bool = False,
    ) -> None:  # fmt: skip
        self.location = location
        self._silence_s = silence_s
        self._limit_s = limit_s
        self._kill_frozen = kill_frozen
        self._gate = LockFile(directory / "gate")
        self._lock = LockFile(directory / "lock")
        me = oslock.this_process()
        self._name = f"pid {me.pid} start {me.start or '-'} user {me.user} since ".encode()
        self._holding: LockFile | None = None
        self._count = time.monotonic_ns()
        self._life = _Life(self._show_life, silence_s / 10)
        self._queue = _Queue(self)
        self._until = 0.0
        self.longest_wait_s = 0.0

    def acquire(self, wait_s: float | None = None) -> None:
        """Take the lock, in turn.

        Raises:
            StoreBusy: It was not had within ``wait_s`` (0: not free at once), or its holder is
                frozen, or it took longer than the limit.
        """
        self._until = 0.0
        waiting_at = self._try()
        if wait_s != 0:
            self._until = time.monotonic() + (self._silence_s if wait_s is None else wait_s)
        if waiting_at is not None:
            if wait_s == 0:
                if waiting_at is self._lock:
                    oslock.unlock(self._gate.fd)
                raise StoreBusy(f"{self.location} is just being written by another worker.")
            self._wait(waiting_at, wait_s)
        self._life.start()

    def release(self) -> None:
        """Let the next one in."""
        self._holding = None
        oslock.unlock(self._lock.fd)

    def bear(self, _times: int) -> bool:
        """Be SQLite's busy handler: somebody who is not Podium has locked the file."""
        if time.monotonic() >= self._until:
            return False
        time.sleep(0.002)
        return True

    def close(self) -> None:
        """Let go of everything."""
        self._life.stop()
        if self._queue.close():
            self.close_files()

    def close_files(self) -> None:
        """Close both files. Who still waits in a thread does so when it is through."""
        self._lock.close()
        self._gate.close()

    def _try(self) -> LockFile | None:
        """Take the lock if free; else return where we stand (at ``lock`` we keep ``gate``)."""
        if self._queue.is_waiting:
            return self._gate
        if not oslock.try_lock(self._gate.fd):
            return self._gate
        if not oslock.try_lock(self._lock.fd):
            return self._lock
        self.taken()
        oslock.unlock(self._gate.fd)
        return None

    def taken(self) -> None:
        """Sign the lock that was just taken."""
        self._lock.sign(b"%s%012d\n" % (self._name, int(time.time())))
        self._count += 1
        self._lock.tick(self._count)
        self._holding = self._lock

    def queue_up(self, *, has_gate: bool) -> None:
        """Wait in the kernel's queues; called in the waiting thread."""
        if not has_gate:
            oslock.wait_lock(self._gate.fd)
        self._gate.sign(b"%s%012d\n" % (self._name, int(time.time())))
        self._holding = self._gate
        oslock.wait_lock(self._lock.fd)
        self.taken()
        oslock.unlock(self._gate.fd)

    def _show_life(self) -> bool:
        holding = self._holding
        if holding is not None:
            self._count += 1
            holding.tick(self._count)
        return holding is not None

    def _wait(self, waiting_at: LockFile, wait_s: float | None) -> None:
        began = time.monotonic()
        limit = self._limit_s if wait_s is None else wait_s
        self._queue.ask(has_gate=waiting_at is self._lock)
        try:
            self._stand(began, limit)
        except BaseException:  # also Ctrl-C: nobody may be left holding what came too late
            if not self._queue.abandon():
                self.release()
            raise
        self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began)

    def _stand(self, began: float, limit: float) -> None:
        """Stand in the queue until the lock is ours, or there is a reason to give up."""
        self._life.start()
        watch = _Watch(self._gate, self._lock, self._silence_s)
        left = limit
        while not self._queue.wait(min(self._silence_s / 10, left)):
            left = max(0.0, began + limit - time.monotonic())
            frozen = watch.frozen()
            if frozen is None and left > 0:
                continue
            if frozen is not None and self._kill_frozen and _kill(frozen, self.location):
                watch = _Watch(self._gate, self._lock, self._silence_s)
                left = max(left, self._silence_s)
                continue
            if frozen is not None:
                raise StoreBusy(_frozen_message(self.location, frozen, self._silence_s))
            raise StoreBusy(
                f"{self.location} was not free for {limit:g} s: others write all the time. "
                "Nothing was written. Start fewer workers on this file, or put it on a faster "
                "disk."
            )


class _Queue:
    """A thread that waits in the kernel's queue, because such a wait cannot be given a limit."""

    def __init__(self, turnstile: Turnstile) -> None:
        self._turnstile = turnstile
        self._mutex = threading.Lock()
        self._asked = threading.Semaphore(0)
        self._granted = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._has_gate = False
        self._wanted = False
        self._closing = False
        self.is_waiting = False

    def ask(self, *, has_gate: bool) -> None:
        """Start to wait, or join the wait that an earlier asker has given up."""
        with self._mutex:
            self._wanted = True
            if self.is_waiting:
                return
            self.is_waiting = True
            self._has_gate = has_gate
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="podium-turnstile", daemon=True
                )
                self._thread.start()
        self._asked.release()

    def wait(self, seconds: float) -> bool:
        """Wait for the lock; True when it is ours."""
        return self._granted.acquire(timeout=seconds)

    def abandon(self) -> bool:
        """Want the lock no longer; False when it has just come."""
        with self._mutex:
            if self._granted.acquire(blocking=False):
                return False
            self._wanted = False
            return True

    def close(self) -> bool:
        """End the thread; False when it still waits and will close the files itself."""
        with self._mutex:
            self._closing = True
            waiting = self.is_waiting
        self._asked.release()
        if self._thread is not None and not waiting:
            self._thread.join()
        return not waiting

    def _run(self) -> None:
        while True:
            self._asked.acquire()
            if self._closing and not self.is_waiting:
                return
            self._turnstile.queue_up(has_gate=self._has_gate)
            with self._mutex:
                self.is_waiting = False
                if self._wanted and not self._closing:
                    self._granted.release()
                    continue
                self._turnstile.release()
            if self._closing:
                self._turnstile.close_files()
                return


class _Life:
    """A thread that shows life while a lock is held for long, and sleeps for good when none is."""

    def __init__(self, show: Callable[[], bool], every_s: float) -> None:
        self._show = show
        self._every_s = every_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._is_awake = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """See to it that the thread is looking. It is called after the lock was taken."""
        if self._is_awake:
            return
        self._is_awake = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="podium-life", daemon=True)
            self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        idle = 0
        while not self._stop.wait(self._every_s):
            idle = 0 if self._show() else idle + 1
            if idle < _IDLE_LOOKS:
                continue
            idle = 0
            self._wake.clear()
            self._is_awake = False
            if not self._show():  # who took it just now may have seen us still awake
                self._wake.wait()
            self._is_awake = True


class _Frozen(NamedTuple):
    """A holder that shows no life."""

    process: Process
    since: int
    is_certain: bool
    """The kernel itself says that this process holds the lock."""


class _Watch:
    """Looks for life at the two locks while we wait."""

    def __init__(self, gate: LockFile, lock: LockFile, silence_s: float) -> None:
        self._files = (lock, gate)
        self._silence_s = silence_s
        now = time.monotonic()
        self._seen = {file.path: (file.seen(), now) for file in self._files}

    def frozen(self) -> _Frozen | None:
        """Return who holds a lock and has been silent for too long."""
        now = time.monotonic()
        for file in self._files:
            seen, since = self._seen[file.path]
            current = file.seen()
            if current != seen:
                self._seen[file.path] = (current, now)
            elif now - since >= self._silence_s:
                found = _holder(file)
                if found is not None:
                    return found
        return None


def _holder(file: LockFile) -> _Frozen | None:
    """Return who holds the file's lock now; ``None`` when it is free or ours."""
    note = file.note()
    holders = oslock.holders_of(file.fd)
    if holders is None:
        return _Frozen(note.process, note.since, is_certain=False) if note else None
    if note is not None and note.process.pid in holders:
        return _Frozen(note.process, note.since, is_certain=True)
    for pid in holders - {0, os.getpid()}:
        process = Process(pid, oslock.start_of(pid), oslock.owner_of(pid))
        return _Frozen(process, 0, is_certain=True)
    return None


def _kill(frozen: _Frozen, location: str) -> bool:
    """End a frozen process if it is certainly the one, of the same user, and not ourselves."""
    process = frozen.process
    if (
        not frozen.is_certain
        or process.is_me
        or not process.start
        or process.start != oslock.start_of(process.pid)
        or process.user != oslock.this_process().user
    ):
        return False
    _log.warning("podium: process %d held %s without a move; it is ended", process.pid, location)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    return True


def _frozen_message(location: str, frozen: _Frozen, silence_s: float) -> str:
    process = frozen.process
    since = ""
    if frozen.since:
        since = f" since {datetime.fromtimestamp(frozen.since, UTC):%Y-%m-%d %H:%M:%S} UTC"
    head = (
        f"{location} is held by process {process.pid} (user {oslock.user_name(process.user)})"
        f"{since}, and it has not moved for {silence_s:g} s. Nothing was written. "
    )
    if process.is_me:
        return head + "That is this process itself: one of its threads hangs while it commits."
    return head + (
        f"If it is stopped, `kill -CONT {process.pid}` lets it go on and `kill -9 {process.pid}` "
        "ends it (what it committed is safe); a worker started with --kill-frozen ends it itself."
    )
