"""The real clock, chance and notifier; with ``engine.executors`` the only door to the real world."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
import uuid

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from podium.core.errors import StoreBusy, StoreError
from podium.core.ports import Cancellable
from podium.engine.log import CommitDone
from podium.journal.store import Batch, CommitResult, Store, WorkerIdentity

BEAT_EVERY_S = 1.0
"""How often a worker moves its counter."""


class SystemClock:
    """The machine's clocks and the outer loop's timers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call_later = loop.call_later

    def wall_us(self) -> int:
        """Return microseconds since 1970."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def boot(self) -> tuple[str, float]:
        """Return the id of this boot and the seconds since it."""
        return _boot_id(), _boot_seconds()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """Call back after a delay."""
        return self._call_later(delay_s, callback)


def wall_us() -> int:
    """Return microseconds since 1970, for clients."""
    return time.time_ns() // 1000


@lru_cache(maxsize=1)
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:  # not Linux: the time of boot itself is as good, to the minute
        return str(round((time.time() - _boot_seconds()) / 60))


def _boot_seconds() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None else time.monotonic()


class RunRandom(random.Random):
    """A run's generator: all of ``random.Random``, and UUIDs."""

    def uuid4(self) -> uuid.UUID:
        """Return the next UUID."""
        return uuid.UUID(int=self.getrandbits(128), version=4)


class SystemEntropy:
    """The machine's chance."""

    def token(self, size_bytes: int) -> bytes:
        """Return fresh random bytes."""
        return os.urandom(size_bytes)

    def generator(self, seed: str) -> random.Random:
        """Return a generator that always gives the same numbers for a seed."""
        return RunRandom(seed)


class LoopNotifier:
    """Wakes the engine through the outer loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def post(self, callback: Callable[[], None]) -> None:
        """Call back soon."""
        self._loop.call_soon(callback)

    def post_from_thread(self, callback: Callable[[], None]) -> None:
        """Call back soon in the loop's thread."""
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            return


class ThreadCommitter:
    """Commits in the loop's thread when that needs no waiting, else in the writer thread.

    A hand-over to a thread costs more than a small commit, so the loop commits by itself when
    the file's lock is free at once.
    """

    def __init__(self, store: Store, worker: WorkerIdentity, notifier: LoopNotifier) -> None:
        self._store = store
        self._worker = worker
        self._notifier = notifier
        self._wake = threading.Event()
        self._job: tuple[Batch, CommitDone] | None = None
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def try_now(self, batch: Batch) -> CommitResult | None:
        """Commit at once, if the lock is free."""
        try:
            return self._store.commit(batch, self._worker, wait_s=0)
        except StoreBusy:
            return None

    def submit(self, batch: Batch, done: CommitDone) -> None:
        """Commit in the writer thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="podium-writer", daemon=True)
            self._thread.start()
        self._job = (batch, done)
        self._wake.set()

    def close(self) -> None:
        """End the writer thread after its commit."""
        self._is_closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _serve(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            job, self._job = self._job, None
            if job is None:
                if self._is_closed:
                    return
                continue
            batch, done = job
            try:
                result: CommitResult | None = self._store.commit(batch, self._worker)
                problem: BaseException | None = None
            except BaseException as error:  # noqa: BLE001 - handed to the engine, which decides
                result, problem = None, error
            self._notifier.post_from_thread(partial(done, result, problem))


class Heart:
    """Moves the worker's counter from a thread of its own, so that a blocked loop keeps its lease."""

    def __init__(self, store: Store, worker: WorkerIdentity, on_fenced: Callable[[], None]) -> None:
        self._store = store
        self._worker = worker
        self._on_fenced = on_fenced
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="podium-heart", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop beating."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_EVERY_S):
            try:
                if not self._store.beat(self._worker):
                    self._on_fenced()
                    return
            except StoreError:
                continue  # a full disk or a held lock; the next beat tries again


def environment(name: str) -> str | None:
    """Return a variable of the environment."""
    return os.environ.get(name)


def prefer_short_switches() -> None:
    """Let threads hand over the interpreter every 0.2 ms instead of 5 ms.

    A commit gives the interpreter up a few times; beside a thread that computes in Python each
    hand-back costs one switch interval, which would make commits 20 to 50 times slower.
    """
    sys.setswitchinterval(min(sys.getswitchinterval(), 0.0002))


def announce_threads() -> None:
    """Raise the audit event of a starting thread where Python does not yet (before 3.12)."""
    if sys.version_info >= (3, 12):
        return
    start: Callable[..., int] = threading._start_new_thread  # type: ignore[attr-defined]  # noqa: SLF001

    def audited(function: Callable[..., object], *rest: object) -> int:
        sys.audit("_thread.start_new_thread", function, *rest)
        return start(function, *rest)

    threading._start_new_thread = audited  # type: ignore[attr-defined]  # noqa: SLF001
