"""A run's own event loop: asyncio's interface, no I/O, the same order live and in replay.

It drains a first-in-first-out queue of call-backs and does nothing else. Between two drains the
engine delivers one fact. So ``TaskGroup``, ``gather``, ``wait``, ``timeout``, ``Queue`` and
``Lock`` of the standard library are deterministic and durable. Timers become durable timers.
Tasks and futures hash by creation number, salted by the run, because asyncio keeps them in sets
(``wait``, ``TaskGroup``) and iterates over those.

Roads not taken: the stock loop with recorded names only (three ordinary programs changed their
result after a crash, without an error); a patched stock loop (private parts move each release).
"""

from __future__ import annotations

import asyncio
import contextvars
import sys

from asyncio import events
from collections import deque
from collections.abc import Callable
from typing import Any

from podium.core.context import Origin
from podium.core.errors import LimitReached, Refused
from podium.core.scope import Scope, current_scope

CALLBACKS_PER_TURN_MAX = 5_000_000
"""A program that never gets quiet is stopped after this many call-backs in one turn."""

_TASK_REMEDY = "put it into a function decorated with @task and await that."
_REFUSED = {
    "run_in_executor": "asyncio.to_thread / run_in_executor",
    "call_soon_threadsafe": "a call-back from another thread",
    "create_connection": "a network connection",
    "create_server": "a network server",
    "create_datagram_endpoint": "a datagram socket",
    "create_unix_connection": "a socket",
    "create_unix_server": "a socket",
    "connect_accepted_socket": "a socket",
    "start_tls": "a TLS connection",
    "sendfile": "sendfile",
    "sock_recv": "a socket",
    "sock_recv_into": "a socket",
    "sock_recvfrom": "a socket",
    "sock_sendall": "a socket",
    "sock_sendto": "a socket",
    "sock_connect": "a socket",
    "sock_accept": "a socket",
    "sock_sendfile": "a socket",
    "subprocess_exec": "a subprocess",
    "subprocess_shell": "a subprocess",
    "connect_read_pipe": "a pipe",
    "connect_write_pipe": "a pipe",
    "add_reader": "a file descriptor",
    "remove_reader": "a file descriptor",
    "add_writer": "a file descriptor",
    "remove_writer": "a file descriptor",
    "getaddrinfo": "name resolution",
    "getnameinfo": "name resolution",
    "add_signal_handler": "a signal handler",
    "remove_signal_handler": "a signal handler",
    "set_default_executor": "an executor",
    "run_forever": "running an event loop",
    "run_until_complete": "asyncio.run / run_until_complete",
}


class RunFuture(asyncio.Future[Any]):
    """A future of a run; ``on_cancel`` tells the Context that nobody waits any more."""

    origin: Origin | None = None
    """Where a step's result comes from, if not from the task itself."""

    def __init__(self, *, loop: RunLoop, serial: int) -> None:
        super().__init__(loop=loop)
        self._hash = serial
        self.on_cancel: Callable[[], None] | None = None

    def __hash__(self) -> int:
        return self._hash

    __eq__ = object.__eq__

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it, and say so."""
        was_cancelled = super().cancel(msg)
        if was_cancelled and self.on_cancel is not None:
            self.on_cancel()
        return was_cancelled


class RunTask(asyncio.Task[Any]):
    """A task of a run."""

    def __init__(self, coroutine: Any, *, loop: RunLoop, serial: int, **options: Any) -> None:
        self._hash = serial
        super().__init__(coroutine, loop=loop, **options)

    def __hash__(self) -> int:
        return self._hash

    __eq__ = object.__eq__


class _Handle:
    """A call-back that can be called off."""

    __slots__ = ("args", "callback", "context")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: contextvars.Context
    ) -> None:
        self.callback: Callable[..., Any] | None = callback
        self.args = args
        self.context = context

    def cancel(self) -> None:
        self.callback = None

    def cancelled(self) -> bool:
        return self.callback is None


class Timer(_Handle):
    """A durable timer of the program: it fires when its fact is delivered."""

    __slots__ = ("_when", "delay_us", "on_cancel", "path")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: contextvars.Context,
        when: float, path: str, on_cancel: Callable[[Timer], None],
    ) -> None:  # fmt: skip
        super().__init__(callback, args, context)
        self._when = when
        self.path = path
        self.on_cancel = on_cancel
        self.delay_us = 0

    def when(self) -> float:
        """Return the loop time it is due at."""
        return self._when

    def cancel(self) -> None:
        """Call it off."""
        if self.callback is not None:
            self.callback = None
            self.on_cancel(self)


class RunLoop(asyncio.AbstractEventLoop):
    """The loop of one run.

    Args:
        salt: From the run's uid; makes hashes differ between runs (asyncio keeps all tasks of
            the process in one set).

    Attributes:
        on_timer: Told of each timer the program starts.
        on_timer_cancelled: Told of each one it calls off.
    """

    on_timer: Callable[[Timer], None]
    on_timer_cancelled: Callable[[Timer], None]

    def __init__(self, salt: int) -> None:
        self._ready: deque[_Handle] = deque()
        self._salt = salt
        self._serial = 0
        self.now_us = 0
        self.tasks: dict[RunTask, None] = {}
        self.complaints: list[dict[str, Any]] = []
        self.generators: list[Any] = []
        self.on_suspicion: Callable[[Any], None] | None = None
        """Told of what makes the program likely not deterministic (see ``engine.guard``)."""

    def drain(self) -> None:
        """Run the program until it is quiet.

        Raises:
            LimitReached: It does not get quiet.
        """
        ready = self._ready
        before = events._get_running_loop()  # noqa: SLF001 - the only way to nest a loop
        hooks = sys.get_asyncgen_hooks()
        events._set_running_loop(self)  # noqa: SLF001
        sys.set_asyncgen_hooks(firstiter=self.generators.append, finalizer=_leave_alone)
        left = CALLBACKS_PER_TURN_MAX
        try:
            while ready:
                handle = ready.popleft()
                if handle.callback is None:
                    continue
                try:
                    handle.context.run(handle.callback, *handle.args)
                except (Exception, SystemExit) as error:  # noqa: BLE001 - as asyncio does
                    self.complaints.append(
                        {"message": f"A call-back raised {error!r}", "exception": error}
                    )
                left -= 1
                if not left:
                    raise LimitReached(
                        f"The program ran {CALLBACKS_PER_TURN_MAX:,} call-backs without waiting for "
                        "anything durable. It probably polls in a loop with asyncio.sleep(0); wait "
                        "with podium.sleep, podium.receive or an asyncio.Event instead."
                    )
        finally:
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(before)  # noqa: SLF001

    # asyncio's interface ---------------------------------------------------------------

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Any:
        """Call back in this turn."""
        handle = _Handle(
            callback, args, context if context is not None else contextvars.copy_context()
        )
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any,
        context: contextvars.Context | None = None,
    ) -> Any:  # fmt: skip
        """Start a durable timer."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any,
        context: contextvars.Context | None = None,
    ) -> Any:  # fmt: skip
        """Start a durable timer for a loop time."""
        timer = Timer(
            callback, args, context if context is not None else contextvars.copy_context(),
            when, current_scope.get().name("timer"), self.on_timer_cancelled,
        )  # fmt: skip
        timer.delay_us = max(0, round((when - self.time()) * 1e6))
        self.on_timer(timer)
        return timer

    def fire(self, timer: Timer) -> None:
        """Let a timer's call-back run in the next drain."""
        self._ready.append(timer)

    def time(self) -> float:
        """Return the time of the last fact, in seconds."""
        return self.now_us / 1e6

    def create_future(self) -> RunFuture:
        """Return a future of this run."""
        return RunFuture(loop=self, serial=self._next())

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None, **_: Any) -> RunTask:
        """Run a coroutine in a scope of its own, named by creation."""
        _refuse_as_completed()
        return self.new_task(coro, current_scope.get().enter("task"), name=name, context=context)

    def new_task(
        self, coro: Any, scope: Scope, *, name: Any = None, context: Any = None
    ) -> RunTask:
        """Run a coroutine in a given scope."""
        context = context.copy() if context is not None else contextvars.copy_context()
        context.run(current_scope.set, scope)
        task = RunTask(
            coro, loop=self, serial=self._next(), name=name or scope.path or "main", context=context
        )
        self.tasks[task] = None
        task.add_done_callback(self._forget, context=context)
        return task

    def get_debug(self) -> bool:
        """Debug mode is the outer loop's business."""
        return False

    def is_running(self) -> bool:
        """It runs whenever the program does."""
        return True

    def is_closed(self) -> bool:
        """It is never closed; it is dropped."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what asyncio complains about; the engine turns it into warnings."""
        self.complaints.append(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep it."""
        self.complaints.append(context)

    async def shutdown_asyncgens(self) -> None:
        """Close the program's asynchronous generators at a fixed point."""
        while self.generators:
            await self.generators.pop(0).aclose()

    def _timer_handle_cancelled(self, handle: Any) -> None:
        """asyncio's own timers call this; ours tell the Context themselves."""

    def _forget(self, task: Any) -> None:
        self.tasks.pop(task, None)

    def _next(self) -> int:
        self._serial += 1
        return (self._salt ^ (self._serial * 0x9E3779B97F4A7C15)) & 0x3FFFFFFFFFFFFFFF


def _leave_alone(_generator: Any) -> None:
    """A dropped generator is closed when the run ends, never when the collector likes."""


def _refuse_as_completed() -> None:
    """``asyncio.as_completed`` makes its tasks from a set of coroutines: names would differ."""
    frame = sys._getframe(2)  # noqa: SLF001 - asyncio offers no other way to know the caller
    for _ in range(4):
        if frame.f_globals.get("__name__") != "asyncio.tasks":
            return
        if "s_completed" in frame.f_code.co_qualname.lower():
            raise Refused(
                "asyncio.as_completed", "it starts its tasks in random order; use podium.race, "
                "asyncio.wait, or podium.gather.",
            )  # fmt: skip
        if frame.f_back is None:
            return
        frame = frame.f_back


def _refusal(what: str) -> Callable[..., Any]:
    def refuse(_loop: RunLoop, *_args: Any, **_options: Any) -> Any:
        raise Refused(what, _TASK_REMEDY)

    return refuse


for _name, _what in _REFUSED.items():
    setattr(RunLoop, _name, _refusal(_what))
RunLoop.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
