"""Virtual time: a clock that jumps when nothing is ready, and event loops that live by it.

Each simulated process has a loop of its own on one shared clock, so that one of them can be killed
or frozen while the others go on. ``asyncio.sleep`` in the body of a task costs nothing.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import sys

from asyncio import events
from collections.abc import Callable
from typing import Any

EPOCH_US = 1_767_225_600_000_000
"""Simulated worlds begin on 1 January 2026, UTC."""


class Killed(SystemExit):
    """A simulated process dies here. asyncio lets exactly this kind of exception through."""


class VirtualTime:
    """One clock for a whole simulated world.

    Attributes:
        now_s: Seconds since the machine was booted; only grows.
        wall_shift_us: How far the wall clock was set forth or back.
        boot_id: Names this boot of the machine.
    """

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.wall_shift_us = 0
        self.boot_id = "boot-1"

    def wall_us(self) -> int:
        """Return the wall clock, in microseconds since 1970."""
        return EPOCH_US + round(self.now_s * 1e6) + self.wall_shift_us


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's loop on virtual time; it does no I/O and is stepped from outside."""

    _ready: Any
    _scheduled: Any

    def __init__(self, time: VirtualTime, on_problem: Callable[[BaseException], None]) -> None:
        super().__init__()
        self._time = time
        self._on_problem = on_problem
        self.set_debug(False)

    def time(self) -> float:
        """Return the virtual time."""
        return self._time.now_s

    def has_ready(self) -> bool:
        """Whether a call-back can run now."""
        self._promote()
        ready = self._ready
        while ready and ready[0].cancelled():
            ready.popleft()
        return bool(ready)

    def next_due_s(self) -> float | None:
        """Return when the next timer is due."""
        scheduled = self._scheduled
        while scheduled and scheduled[0].cancelled():
            self._unschedule()
        return scheduled[0].when() if scheduled else None

    def step(self) -> None:
        """Run one call-back."""
        if not self.has_ready():
            return
        handle = self._ready.popleft()
        before = events._get_running_loop()  # noqa: SLF001 - the only way to step a loop
        hooks = sys.get_asyncgen_hooks()
        events._set_running_loop(self)  # noqa: SLF001 - as above
        sys.set_asyncgen_hooks(firstiter=None, finalizer=None)
        try:
            handle._run()  # noqa: SLF001 - as above
        finally:
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(before)  # noqa: SLF001 - as above

    def call_soon_threadsafe(  # type: ignore[override]  # typeshed's is generic, asyncio's is not
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Any:
        """Everything happens in one thread."""
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]  # as above
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Run a blocking call in place: a thread would not be repeatable."""
        outcome = self.create_future()
        try:
            outcome.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - belongs to whoever awaits it
            outcome.set_exception(error)
        return outcome

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A call-back that raises is a fault of the engine; what asyncio only remarks is not."""
        error = context.get("exception")
        if "handle" in context and isinstance(error, BaseException):
            self._on_problem(error)

    def dispose(self) -> None:
        """Drop everything, and close what coroutines are left without a word."""
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
            try:
                coroutine: Any = task.get_coro()
                coroutine.close()
            except BaseException:  # noqa: BLE001 - a dead process has nobody to complain to
                continue
        self.close()

    def _unschedule(self) -> Any:
        handle = heapq.heappop(self._scheduled)
        handle._scheduled = False  # noqa: SLF001 - what BaseEventLoop itself does
        return handle

    def _promote(self) -> None:
        """Make ready what is due, not a microsecond early: no time passes while call-backs run."""
        scheduled, now_s = self._scheduled, self._time.now_s
        while scheduled and scheduled[0].when() <= now_s:
            handle = self._unschedule()
            if not handle.cancelled():
                self._ready.append(handle)
