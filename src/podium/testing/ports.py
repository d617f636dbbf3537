"""The engine's five doors in a simulated process: clock, chance, bodies of tasks, commits, wake-ups."""

from __future__ import annotations

import asyncio
import contextvars
import random

from collections.abc import Callable
from typing import Any, Protocol

from podium.core.codec import encode
from podium.core.errors import NotDone, StoreBusy, StoreError, ValueNotPortable
from podium.core.ports import Attempt, BadResult, Cancellable, Done, Executing
from podium.engine.hearing import enter
from podium.engine.log import CommitDone
from podium.engine.system import RunRandom
from podium.journal.store import Batch, CommitResult, Store, WorkerIdentity
from podium.testing.ledger import BodyRun
from podium.testing.virtual import VirtualLoop, VirtualTime

_STALL_S = 0.006
"""A stall is longer than the engine's turn, so that it must yield."""


class Host(Protocol):
    """A simulated process, as its ports see it."""

    number: int
    loop: VirtualLoop
    time: VirtualTime
    chance: random.Random
    stalls: float
    base_context: contextvars.Context

    def probe(self, point: str, run_id: str, path: str) -> None: ...
    def delays_of(self, attempt: Attempt) -> tuple[float, float]: ...
    def judged(self, attempt: Attempt) -> Callable[[], BodyRun]: ...


class SimClock:
    """Virtual clocks and timers; now and then the process stalls for a few milliseconds."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def wall_us(self) -> int:
        """Return microseconds since 1970."""
        return self._host.time.wall_us()

    def monotonic_s(self) -> float:
        """Return seconds that only grow."""
        host = self._host
        if host.stalls and host.chance.random() < host.stalls:
            host.time.now_s += _STALL_S
        return host.time.now_s

    def boot(self) -> tuple[str, float]:
        """Return the id of this boot and the seconds since it."""
        return self._host.time.boot_id, self._host.time.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """Call back after a virtual delay."""
        return self._host.loop.call_later(max(0.0, delay_s), callback)


class SimEntropy:
    """Chance from one seed."""

    def __init__(self, seed: object) -> None:
        self._source = random.Random(f"entropy/{seed}")

    def token(self, size_bytes: int) -> bytes:
        """Return the next bytes."""
        return self._source.randbytes(size_bytes)

    def generator(self, seed: str) -> random.Random:
        """Return a generator that always gives the same numbers for a seed."""
        return RunRandom(seed)


class SimNotifier:
    """Wakes the engine through its virtual loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def post(self, callback: Callable[[], None]) -> None:
        """Call back soon."""
        self._loop.call_soon(callback)

    def post_from_thread(self, callback: Callable[[], None]) -> None:
        """Call back soon; there is only one thread."""
        self._loop.call_soon(callback)


class SimCommitter:
    """Commits at once or, as often, after a virtual latency in which a crash loses the tail."""

    def __init__(self, host: Host, store: Store, worker: WorkerIdentity) -> None:
        self._host = host
        self._store = store
        self._worker = worker

    def try_now(self, batch: Batch) -> CommitResult | None:
        """Commit at once, or say that it would have to wait."""
        if self._host.chance.random() < 0.5:
            return None
        try:
            return self._store.commit(batch, self._worker, wait_s=0)
        except StoreBusy:
            return None

    def submit(self, batch: Batch, done: CommitDone) -> None:
        """Commit after a while; tell the engine after another while."""
        host = self._host
        way_s, way_back_s = (host.chance.choice((0.0, 0.0002, 0.003)) for _ in range(2))

        def commit() -> None:
            problem: BaseException | None = None
            result: CommitResult | None = None
            try:
                result = self._store.commit(batch, self._worker)
            except StoreError as error:
                problem = error
            host.loop.call_later(way_back_s, done, result, problem)

        host.loop.call_later(way_s, commit)


class SimExecutor:
    """Runs the bodies of tasks as real code that takes virtual time.

    Async bodies run in the virtual loop. Sync ones run in one go when their thread begins, and are
    heard of later, so that a crash finds effects done that nobody was told of.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._tasks: set[asyncio.Task[None]] = set()
        self._stuck: set[_SimThread] = set()

    def start(self, attempt: Attempt, done: Done) -> Executing:
        """Start an attempt."""
        host = self._host
        begin = host.judged(attempt)
        host.probe("before-effect", attempt.run_id, attempt.path)
        delays = host.delays_of(attempt)
        if attempt.spec.is_async:
            coroutine = _SimCoroutine(host, attempt, done, delays, begin)
            self._tasks.add(coroutine.task)
            coroutine.task.add_done_callback(self._tasks.discard)
            return coroutine
        return _SimThread(host, attempt, done, delays, begin, self._stuck)

    def stuck_threads(self) -> int:
        """Return how many simulated threads outlive their attempt."""
        return len(self._stuck)

    def close(self) -> None:
        """Nothing is held open."""


class _SimCoroutine:
    """An attempt in the virtual loop."""

    def __init__(
        self, host: Host, attempt: Attempt, done: Done, delays: tuple[float, float],
        begin: Callable[[], BodyRun],
    ) -> None:  # fmt: skip
        self._host = host
        self._attempt = attempt
        self._done = done
        self._delays = delays
        self._begin_body = begin
        self._has_begun = False
        self.task = host.loop.create_task(self._carry_out(), context=host.base_context.copy())

    def cancel(self) -> bool:
        """Cancel it at its next await."""
        self.task.cancel()
        if not self._has_begun:  # the coroutine is never entered, so it cannot tell
            self._has_begun = True
            self._host.loop.call_soon(self._done, None, asyncio.CancelledError())
        return True

    def waited_s(self) -> float | None:
        """A coroutine waits for nothing."""
        return 0.0

    async def _carry_out(self) -> None:
        """Wait a while, run the body, wait a while, tell the engine."""
        self._has_begun = True
        attempt, done = self._attempt, self._done
        enter(attempt)
        try:
            await asyncio.sleep(self._delays[0])
        except asyncio.CancelledError as error:
            done(None, error)
            return
        value, problem = await self._body(attempt)
        try:
            await asyncio.sleep(self._delays[1])
        except asyncio.CancelledError:  # too late: the body has ended
            pass
        done(value, problem)

    async def _body(self, attempt: Attempt) -> tuple[Any, BaseException | None]:
        try:
            attempt.require_permission()
        except NotDone as error:
            return None, error
        record = self._begin_body()
        try:
            value = await attempt.spec.binder.call(attempt.spec.fn, attempt.arguments)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - every end of a body is an outcome
            record.state, record.error = "raised", error
            return None, error
        record.state, record.value = "returned", value
        return value, None


class _SimThread:
    """An attempt in a simulated thread (or process)."""

    def __init__(
        self, host: Host, attempt: Attempt, done: Done, delays: tuple[float, float],
        begin: Callable[[], BodyRun], stuck: set[_SimThread],
    ) -> None:  # fmt: skip
        self._host = host
        self._attempt = attempt
        self._done = done
        self._delay_s = delays[1]
        self._begin_body = begin
        self._stuck = stuck
        self._has_begun = False
        self._end: Any = None
        self._begin = host.loop.call_later(delays[0], self._run)

    def cancel(self) -> bool:
        """Take it back if it has not begun; a running thread cannot be stopped, a process can."""
        if not self._has_begun:
            self._begin.cancel()
        elif self._attempt.spec.options.isolation == "process":
            self._end.cancel()
        else:
            self._stuck.add(self)
            return False
        self._host.loop.call_soon(self._finish, None, asyncio.CancelledError())
        return True

    def waited_s(self) -> float | None:
        """There is always a thread free."""
        return 0.0

    def _run(self) -> None:
        self._has_begun = True
        try:
            self._attempt.require_permission()
        except NotDone as error:
            self._finish(None, error)
            return
        record = self._begin_body()
        value, problem = None, None
        try:
            value = self._host.base_context.copy().run(_call, self._attempt)
            record.state, record.value = "returned", value
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - every end of a body is an outcome
            problem = error
            record.state, record.error = "raised", error
        self._end = self._host.loop.call_later(self._delay_s, self._finish, value, problem)

    def _finish(self, value: Any, problem: BaseException | None) -> None:
        self._stuck.discard(self)
        if problem is None and self._attempt.spec.options.isolation == "process":
            try:
                value = self._attempt.spec.returns.decode(encode(value))
            except ValueNotPortable as error:
                problem = BadResult(error)
        self._done(value, problem)


def _call(attempt: Attempt) -> Any:
    enter(attempt)
    return attempt.spec.binder.call(attempt.spec.fn, attempt.arguments)
