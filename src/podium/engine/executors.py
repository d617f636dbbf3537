"""Where the bodies of tasks run: coroutines in the outer loop, threads, processes."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import contextvars
import functools
import multiprocessing
import os
import pickle
import sys
import threading
import time

from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple

from podium.core.budgets import Said
from podium.core.context import current_attempt
from podium.core.errors import PodiumError, UsageError, ValueNotPortable
from podium.core.failures import class_names
from podium.core.hints import retry_after_s, status_of
from podium.core.limits import THREADS_MAX
from podium.core.memory import cleaned, redactor_for
from podium.core.notes import Line
from podium.core.ports import Attempt, BadResult, Done, Executing
from podium.core.spec import registry
from podium.engine import hearing
from podium.engine.hearing import enter
from podium.engine.leaving import result_of
from podium.engine.system import LoopNotifier, prefer_short_switches


class ProcessDied(PodiumError):
    """The process that carried out an attempt has died (killed, out of memory, a crash)."""

    code = "process-died"


class SystemExecutor:
    """Starts attempts for real."""

    def __init__(self, loop: asyncio.AbstractEventLoop, notifier: LoopNotifier) -> None:
        self._loop = loop
        self._base = contextvars.copy_context()
        self._threads = Threads(notifier)
        self._processes = Processes(self._threads)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, attempt: Attempt, done: Done) -> Executing:
        """Start an attempt where its task belongs."""
        spec = attempt.spec
        if spec.options.isolation == "process":
            return self._processes.start(attempt, done)
        if spec.is_async:
            return _Coroutine(self._loop, self._base.copy(), attempt, done)
        return self._threads.start(functools.partial(_call_sync, self._base.copy(), attempt), done)

    def stuck_threads(self) -> int:
        """Return how many threads outlive their attempt."""
        return self._threads.stuck

    def close(self) -> None:
        """End processes; let idle threads go; leave hanging ones behind."""
        self._processes.close()
        self._threads.close()


class _Coroutine:
    """An attempt that runs in the outer loop."""

    __slots__ = ("_attempt", "_done", "_has_begun", "_loop", "_task")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
        attempt: Attempt,
        done: Done,
    ) -> None:
        self._loop = loop
        self._attempt = attempt
        self._done = done
        self._has_begun = False
        self._task = loop.create_task(self._await_body(), context=context)

    def cancel(self) -> bool:
        """Cancel it at its next await."""
        self._task.cancel()
        if not self._has_begun:  # the coroutine is never entered, so it cannot tell
            self._has_begun = True
            self._loop.call_soon(self._done, None, asyncio.CancelledError())
        return True

    def waited_s(self) -> float | None:
        """A coroutine waits for nothing."""
        return 0.0

    async def _await_body(self) -> None:
        self._has_begun = True
        attempt, done = self._attempt, self._done
        enter(attempt)
        spec = attempt.spec
        try:
            attempt.require_permission()
            value = await spec.binder.call(spec.fn, attempt.arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - every end of a body is an outcome
            done(None, error)
        else:
            done(value, None)


def _call_sync(context: contextvars.Context, attempt: Attempt) -> Any:
    return context.run(_call_in_context, attempt)


def _call_in_context(attempt: Attempt) -> Any:
    enter(attempt)
    attempt.require_permission()
    return attempt.spec.binder.call(attempt.spec.fn, attempt.arguments)


class _Job:
    """A call for a thread."""

    __slots__ = ("call", "done", "is_abandoned", "is_cancelled", "is_running", "put_at", "waited_s")

    def __init__(self, call: Callable[[], Any], done: Done) -> None:
        self.call = call
        self.done = done
        self.is_running = False
        self.is_cancelled = False
        self.is_abandoned = False
        self.put_at = time.monotonic()
        self.waited_s: float | None = None


class _Threaded:
    """An attempt in a thread."""

    __slots__ = ("_job", "_threads")

    def __init__(self, threads: Threads, job: _Job) -> None:
        self._threads = threads
        self._job = job

    def cancel(self) -> bool:
        """Take it back if it has not begun; a running thread cannot be stopped."""
        return self._threads.cancel(self._job)

    def waited_s(self) -> float | None:
        """Return how long it waited for a thread."""
        return self._job.waited_s


class Threads:
    """Daemon threads for sync tasks, made on demand, replaced when one hangs.

    Not ``ThreadPoolExecutor``: it joins its threads at exit, so one hanging task would keep the
    process from ending.
    """

    def __init__(self, notifier: LoopNotifier, limit: int = THREADS_MAX) -> None:
        self._notifier = notifier
        self._limit = limit
        self._lock = threading.Lock()
        self._jobs: deque[_Job] = deque()
        self._idle: deque[SimpleQueue[_Job | None]] = deque()
        self._alive = 0
        self.stuck = 0

    def start(self, call: Callable[[], Any], done: Done) -> Executing:
        """Run a call in a thread."""
        job = _Job(call, done)
        self.put(job)
        return _Threaded(self, job)

    def put(self, job: _Job) -> None:
        """Give a job to an idle thread, to a new one, or to the queue."""
        with self._lock:
            if self._idle:
                self._idle.pop().put(job)
                return
            if self._alive >= self._limit + min(self.stuck, self._limit):
                self._jobs.append(job)
                return
            self._alive += 1
        prefer_short_switches()
        threading.Thread(target=self._serve, args=(job,), name="podium-task", daemon=True).start()

    def cancel(self, job: _Job) -> bool:
        """Cancel a job; False where its thread goes on."""
        with self._lock:
            if job.is_running:
                if not job.is_abandoned:
                    job.is_abandoned = True
                    self.stuck += 1
                return False
            job.is_cancelled = True
        error = asyncio.CancelledError()
        self._notifier.post_from_thread(lambda: job.done(None, error))
        return True

    def post(self, callback: Callable[[], None]) -> None:
        """Call back soon in the engine's thread."""
        self._notifier.post_from_thread(callback)

    def close(self) -> None:
        """Let idle threads end."""
        with self._lock:
            while self._idle:
                self._idle.pop().put(None)

    def _serve(self, job: _Job | None) -> None:
        mailbox: SimpleQueue[_Job | None] = SimpleQueue()
        while job is not None:
            self._carry_out(job)
            job = None
            with self._lock:
                while self._jobs and job is None:
                    job = self._jobs.popleft()
                    job = None if job.is_cancelled else job
                if job is None:
                    self._idle.append(mailbox)
            if job is None:
                job = mailbox.get()
        with self._lock:
            self._alive -= 1

    def _carry_out(self, job: _Job) -> None:
        with self._lock:
            if job.is_cancelled:
                return
            job.is_running = True
        job.waited_s = time.monotonic() - job.put_at
        value, error = None, None
        try:
            value = job.call()
        except BaseException as problem:  # noqa: BLE001 - every end of a body is an outcome
            error = problem
        if job.is_abandoned:
            with self._lock:
                self.stuck -= 1
        done = job.done
        self._notifier.post_from_thread(lambda: done(value, error))


class _Child:
    """A spawned process that carries out attempts, one after the other."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(theirs,), name="podium-child", daemon=True)
        self.process.start()
        theirs.close()

    def call(self, message: tuple[Any, ...], hears: dict[str, Callable[[Any], None]]) -> Any:
        """Send an attempt and wait for its outcome; in a thread.

        Args:
            message: The attempt.
            hears: What to do with each kind of message that comes before the outcome.
        """
        try:
            self.pipe.send(message)
            what, payload = self.pipe.recv()
            while (hear := hears.get(what)) is not None:
                hear(payload)
                what, payload = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(timeout=5)
            raise ProcessDied(
                f"The process of task {message[1]!r} died (exit code {self.process.exitcode})."
            ) from None
        if what == "failed":
            raise _unpickled(payload)
        if what == "unusable":
            raise BadResult(ValueNotPortable(payload))
        return payload

    def kill(self) -> None:
        """End it; whoever waits for its outcome hears that it died."""
        self.process.kill()

    def end(self) -> None:
        """End it and let go of the pipe, for which nobody waits any more."""
        self.process.kill()
        self.pipe.close()


class _InProcess:
    """An attempt in another process; it can be killed."""

    def __init__(self, processes: Processes, attempt: Attempt, done: Done) -> None:
        self.attempt = attempt
        self.child: _Child | None = None
        self.is_cancelled = False
        self._processes = processes
        self._done = done
        self._put_at = time.monotonic()
        self._waited_s: float | None = None

    def cancel(self) -> bool:
        """Kill the process that carries it out, or take it back if it has none yet."""
        self.is_cancelled = True
        if self.child is not None:
            self.child.kill()
        self._processes.take_back(self)
        return True

    def takes(self, child: _Child) -> bool:
        """Give it its process; False where it was cancelled before there was one to kill."""
        self.child = child
        if self.is_cancelled:
            child.kill()
        return not self.is_cancelled

    def waited_s(self) -> float | None:
        """Return how long it waited for a process that is ready."""
        return self._waited_s

    def begun(self, _: None) -> None:
        """The body begins just now; called in a thread."""
        self._waited_s = time.monotonic() - self._put_at

    def finished(self, value: Any, error: BaseException | None) -> None:
        """Decode the outcome, in the engine's thread."""
        self._processes.finished(self)
        if self.is_cancelled and isinstance(error, ProcessDied):
            error = asyncio.CancelledError()
        if error is None:
            try:
                value = self.attempt.spec.returns.decode(value)
            except ValueNotPortable as problem:
                error = BadResult(problem)
        self._done(value, error)


class Processes:
    """A pool of spawned processes (never forked: the database is open here)."""

    def __init__(self, threads: Threads, limit: int | None = None) -> None:
        self._threads = threads
        self._limit = limit or max(1, os.cpu_count() or 1)
        self._idle: list[_Child] = []
        self._busy: set[_InProcess] = set()
        self._queue: deque[_InProcess] = deque()

    def start(self, attempt: Attempt, done: Done) -> Executing:
        """Carry out an attempt in a process."""
        job = _InProcess(self, attempt, done)
        self._queue.append(job)
        self._next()
        return job

    def take_back(self, job: _InProcess) -> None:
        """Drop a job that still waits for its turn."""
        if job in self._queue:
            self._queue.remove(job)
            error = asyncio.CancelledError()
            self._threads.post(lambda: job.finished(None, error))

    def finished(self, job: _InProcess) -> None:
        """Take back the process of a job."""
        self._busy.discard(job)
        child = job.child
        if child is not None:
            if child.process.is_alive() and not job.is_cancelled:
                self._idle.append(child)
            else:
                child.end()
        self._next()

    def close(self) -> None:
        """Kill every process."""
        self._queue.clear()
        for job in self._busy:
            job.is_cancelled = True
            if job.child is not None:
                job.child.kill()
        for child in self._idle:
            child.end()
        self._idle.clear()

    def _next(self) -> None:
        while self._queue and len(self._busy) < self._limit:
            job = self._queue.popleft()
            self._busy.add(job)
            self._threads.start(functools.partial(self._carry_out, job), job.finished)

    def _carry_out(self, job: _InProcess) -> Any:
        if job.is_cancelled:
            raise asyncio.CancelledError
        child = None
        while self._idle and child is None:
            child = self._idle.pop()
            if not child.process.is_alive():
                child = None
        child = child or _Child()
        if not job.takes(child):
            raise asyncio.CancelledError
        attempt = job.attempt
        attempt.require_permission()
        place = (
            attempt.run_id, attempt.path, attempt.number, attempt.key, attempt.headers, attempt.pulse.last,
        )  # fmt: skip
        return child.call(
            (attempt.spec.module, attempt.spec.name, attempt.encoded, place),
            {
                "begun": job.begun,
                "said": attempt.notes.keep,
                "beat": attempt.pulse.keep,
                "spent": attempt.spent.append,
                "emitted": attempt.outlet.keep,
            },
        )


def serve(pipe: Any) -> None:
    """Carry out attempts until the parent is gone; the main function of a child process."""
    hearing.install()
    send = _Sender(pipe)
    while True:
        try:
            module, name, encoded, place = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            attempt, value = _serve_one(module, name, encoded, place, send)
        except BaseException as error:  # noqa: BLE001 - every end of a body is an outcome
            outcome: tuple[str, Any] = "failed", _pickled(error)
        else:
            try:
                outcome = "returned", result_of(attempt.spec, attempt, value, sys.maxsize)[0]
            except ValueNotPortable as problem:
                outcome = "unusable", cleaned(str(problem))
        send.end(outcome)


class _Sender:
    """Sends to the parent, from any thread, what an attempt says, and then its outcome."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._is_ended = True

    def begin(self) -> None:
        """The body begins just now."""
        with self._lock:
            self._is_ended = False
            self._pipe.send(("begun", None))

    def say(self, line: Line) -> None:
        """Send a line."""
        self._tell(("said", line))

    def beat(self, detail: bytes | None) -> None:
        """Send a sign of life."""
        self._tell(("beat", detail))

    def spend(self, said: Said) -> None:
        """Send what was used."""
        self._tell(("spent", said))

    def emit(self, chunk: bytes) -> None:
        """Send a chunk."""
        self._tell(("emitted", chunk))

    def _tell(self, message: tuple[str, Any]) -> None:
        """Send it, unless it comes after the end (from a thread that the body left behind)."""
        with self._lock:
            if not self._is_ended:
                with contextlib.suppress(OSError):  # the parent is gone: so will this process be
                    self._pipe.send(message)

    def end(self, outcome: tuple[str, Any]) -> None:
        """Send the outcome."""
        with self._lock:
            self._is_ended = True
            self._pipe.send(outcome)


def _serve_one(
    module: str, name: str, encoded: bytes, place: tuple[Any, ...], send: _Sender
) -> tuple[Attempt, Any]:
    if name not in registry.tasks:
        __import__(module)
    if name not in registry.tasks:
        raise UsageError(
            f"The task {name!r} is to run in a process of its own, and importing its module "
            f"{module!r} there does not make it. Make it at the top of a module that can be imported."
        )
    spec = registry.tasks[name]
    run_id, path, number, key, headers, last = place
    arguments = spec.binder.decode(encoded)
    attempt = Attempt(spec, arguments, encoded, run_id, path, number, lambda _: key, headers)
    attempt.notes.relay = send.say
    attempt.pulse.last, attempt.pulse.relay = last, send.beat
    attempt.relay_spent = send.spend
    attempt.outlet.relay = send.emit
    send.begin()
    hearing.enter(attempt)
    value = spec.binder.call(spec.fn, arguments)
    return attempt, asyncio.run(value) if spec.is_async else value


class _Told(NamedTuple):
    """What is told of an exception that cannot travel itself: what retries go by."""

    names: tuple[str, ...]
    text: str
    status: int | None
    retry_after_s: float


def _pickled(error: BaseException) -> bytes | _Told:
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # noqa: S301 - our own bytes: does it come back at all?
    except Exception:  # noqa: BLE001 - whatever its class does
        return _told(error, cleaned(str(error)))
    redactor = redactor_for(current_attempt.get())
    if redactor is not None and redactor.is_in(data):
        return _told(error, redactor.text(str(error)))
    return data


def _told(error: BaseException, text: str) -> _Told:
    asked_s = retry_after_s(error, time.time_ns() // 1000)
    return _Told(class_names(error), text, status_of(error), asked_s)


def _unpickled(payload: bytes | _Told) -> BaseException:
    if isinstance(payload, bytes):
        error: BaseException = pickle.loads(payload)  # noqa: S301 - from our own child over our own pipe
        return error
    kind: type[Exception] = Exception
    for name in reversed(payload.names):
        own: Any = getattr(builtins, name, None)
        is_known = isinstance(own, type) and issubclass(own, Exception)
        kind = own if is_known else type(name, (kind,), {})
    made = kind(payload.text)
    made.status, made.retry_after_s = payload.status, payload.retry_after_s  # type: ignore[attr-defined]
    return made
