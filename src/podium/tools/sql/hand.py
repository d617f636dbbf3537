"""A thread for one async transaction.

The threads of ``asyncio.to_thread`` are few, and may all wait for their turn behind a transaction
that needs one of them to end.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Hand:
    """Does what blocks, one thing after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        # A daemon: a database that does not answer must not keep the process from ending.
        threading.Thread(target=self._serve, name="podium-sql", daemon=True).start()

    async def do(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function, and wait for its end even where the caller is cancelled meanwhile."""
        return await self.do_or(None, function, *args, **kwargs)

    async def do_or(
        self, interrupt: Callable[[], None] | None, function: Callable[P, R],
        *args: P.args, **kwargs: P.kwargs,
    ) -> R:  # fmt: skip
        """Call a function that ``interrupt`` ends early, when the caller is cancelled."""
        context = contextvars.copy_context()
        future: Future[R] = Future()
        self._calls.put((future, lambda: context.run(function, *args, **kwargs)))
        waiting = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            if interrupt is not None:
                threading.Thread(target=interrupt, daemon=True).start()
            await _settled(waiting)
            raise

    def close(self) -> None:
        """Let the thread end when it has done what it was given."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            future, function = call
            try:
                future.set_result(function())
            except BaseException as problem:  # noqa: BLE001 - whoever waits for it hears of it
                future.set_exception(problem)


async def _settled(future: asyncio.Future[Any]) -> None:
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            continue  # the caller is told when the thread is back
    if not future.cancelled():
        future.exception()
