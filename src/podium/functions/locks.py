"""``podium.lock``: one place of one run at a time, across processes and crashes."""

from __future__ import annotations

import asyncio

from contextlib import AbstractAsyncContextManager
from contextvars import Token
from dataclasses import dataclass
from types import TracebackType

from podium.core.context import Context, context_of
from podium.core.durations import Duration, seconds
from podium.core.errors import InvalidOption
from podium.core.policies import KEY_CHARS_MAX
from podium.core.priority import checked_priority, priority_of
from podium.core.scope import Scope, current_scope, escape


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that is held.

    Attributes:
        key: What is locked.
        fence: Grows with every holder of the key. What is written under the lock may carry it, so
            that the other side can refuse a late write of an earlier holder.
    """

    key: str
    fence: int


def lock(
    key: str, *, timeout: Duration | None = None, priority: int = 0
) -> AbstractAsyncContextManager[Held]:
    """Hold a lock for a block: ``async with podium.lock("customer:7") as held:``.

    Of all runs of the database only one place has it at a time. It survives the process, and is given
    back where the block is left, once the effects that were begun in it have ended; at the latest
    where the run ends. The block is a scope, as of :func:`podium.scope`.

    Args:
        key: What is locked.
        timeout: How long to wait for it; for ever unless given.
        priority: Among those who wait for it the higher goes first; that of the run is added.

    Raises:
        InvalidOption: The key is empty or too long, or the priority is none.
        NotInWorkflow: The caller is not a workflow.
        StepTimedOut: It was not free in time. Raised where the block is entered, like
        LockDeadlock: Its holder waits for a lock that this run holds.
    """
    context = context_of("lock")
    if not isinstance(key, str) or not key or len(key) > KEY_CHARS_MAX:
        raise InvalidOption(
            f"lock({key!r:.80}): expected a text of 1 to {KEY_CHARS_MAX} characters."
        )
    limit_s = None if timeout is None else seconds(timeout, what="lock(timeout)")
    return _Lock(context, key, limit_s, checked_priority("lock: priority", priority))


def holding(
    context: Context, key: str, limit_s: float | None, path: str, place: str
) -> AbstractAsyncContextManager[Held]:
    """Hold a lock for what is done at and under a place; the request is recorded at a path.

    It raises what :func:`lock` does.
    """
    return _Lock(context, key, limit_s, 0, path, place)


class _Lock(AbstractAsyncContextManager[Held]):
    """One block under a lock."""

    def __init__(
        self, context: Context, key: str, limit_s: float | None, priority: int,
        path: str = "", place: str = "",
    ) -> None:  # fmt: skip
        self._context = context
        self._given_path = path
        self._place = place
        self._key = key
        self._limit_s = limit_s
        self._priority = priority
        self._path = ""
        self._outer: Token[Scope] | None = None

    async def __aenter__(self) -> Held:
        if self._path:
            raise RuntimeError(
                f"lock({self._key!r}) is entered a second time; write podium.lock(…) for each block."
            )
        context, shared = self._context, self._context.shared
        path = self._given_path or current_scope.get().name(f"lock:{escape(self._key)}")
        self._path = path
        priority = priority_of(context.about.headers, self._priority)
        future = shared.lock(path, self._key, self._limit_s, priority, self._place)
        try:
            fence = await future
        except asyncio.CancelledError:
            shared.unlock(path)  # it may be ours already, or become so
            raise
        if not self._place:
            self._outer = current_scope.set(Scope(path))
        return Held(self._key, fence)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._outer is not None:
            current_scope.reset(self._outer)
        shared, path = self._context.shared, self._path
        settled = self._context.effects_settled(self._place or path)
        if settled is None:
            shared.unlock(path)
            return
        # given back when the last effect has ended, also if nobody waits for that any more
        settled.add_done_callback(lambda _: shared.unlock(path))
        await asyncio.shield(settled)
