"""Several calls at once: ``gather``, ``race``, ``map``, and what one failure does to the others."""

from __future__ import annotations

import asyncio

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Literal, TypeVar, cast, overload

from podium.core.context import Context, current_context
from podium.core.errors import InvalidOption, LimitReached
from podium.core.limits import MAP_CONCURRENCY, MAP_ITEMS_MAX
from podium.core.scope import Scope, current_scope, escape, item
from podium.functions.calls import Call, Task, Workflow
from podium.functions.outcomes import Outcome, failed, settled

A = TypeVar("A")
R = TypeVar("R")
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")


@overload
def gather(a: Awaitable[T1], /) -> Coroutine[Any, Any, tuple[T1]]: ...
@overload
def gather(a: Awaitable[T1], b: Awaitable[T2], /) -> Coroutine[Any, Any, tuple[T1, T2]]: ...
@overload
def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], /
) -> Coroutine[Any, Any, tuple[T1, T2, T3]]: ...
@overload
def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], /
) -> Coroutine[Any, Any, tuple[T1, T2, T3, T4]]: ...
@overload
def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], e: Awaitable[T5], /
) -> Coroutine[Any, Any, tuple[T1, T2, T3, T4, T5]]: ...
@overload
def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], e: Awaitable[T5],
    f: Awaitable[T6], /
) -> Coroutine[Any, Any, tuple[T1, T2, T3, T4, T5, T6]]: ...  # fmt: skip
@overload
def gather(*calls: Awaitable[T]) -> Coroutine[Any, Any, tuple[T, ...]]: ...
@overload
def gather(
    a: Awaitable[T1], /, *, partial: Literal[True],
) -> Coroutine[Any, Any, tuple[Outcome[T1]]]: ...  # fmt: skip
@overload
def gather(
    a: Awaitable[T1], b: Awaitable[T2], /, *, partial: Literal[True],
) -> Coroutine[Any, Any, tuple[Outcome[T1], Outcome[T2]]]: ...  # fmt: skip
@overload
def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], /, *, partial: Literal[True],
) -> Coroutine[Any, Any, tuple[Outcome[T1], Outcome[T2], Outcome[T3]]]: ...  # fmt: skip
@overload
def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], /, *, partial: Literal[True],
) -> Coroutine[Any, Any, tuple[Outcome[T1], Outcome[T2], Outcome[T3], Outcome[T4]]]: ...  # fmt: skip
@overload
def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], e: Awaitable[T5], /, *, partial: Literal[True],
) -> Coroutine[Any, Any, tuple[Outcome[T1], Outcome[T2], Outcome[T3], Outcome[T4], Outcome[T5]]]: ...  # fmt: skip
@overload
def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], e: Awaitable[T5], f: Awaitable[T6], /, *, partial: Literal[True],
) -> Coroutine[Any, Any, tuple[Outcome[T1], Outcome[T2], Outcome[T3], Outcome[T4], Outcome[T5], Outcome[T6]]]: ...  # fmt: skip
@overload
def gather(
    *calls: Awaitable[T], partial: Literal[True]
) -> Coroutine[Any, Any, tuple[Outcome[T], ...]]: ...
def gather(*calls: Awaitable[Any], partial: bool = False) -> Coroutine[Any, Any, tuple[Any, ...]]:
    """Run calls at once and return their results in order.

    When one fails, nothing more of the others is started, their reads are stopped, their effects
    in flight come to an end, and then its error is raised.

    Args:
        calls: What to run.
        partial: Let each go on to its end whatever becomes of the others, and return for each of
            them what it came to: an :class:`Outcome`.
    """
    context = current_context.get()
    if context is None:
        return _gather_plainly([_outcome_of(call) for call in calls] if partial else calls)
    base = current_scope.get().name("gather")
    begin = _begin_outcome if partial else _begin
    futures = [begin(context, call, f"{base}[{index}]") for index, call in enumerate(calls)]
    return _join(context, base, futures)


async def race(*calls: Awaitable[T]) -> tuple[int, T]:
    """Return (index, value) of the call that ends first; its error, if it failed.

    The others are called off: reads are stopped, effects in flight go on to their end unheard.

    Raises:
        InvalidOption: There is nothing to race.
    """
    if not calls:
        raise InvalidOption("race() needs at least one call.")
    context = current_context.get()
    futures: list[asyncio.Future[T]]
    if context is None:
        futures = [asyncio.ensure_future(call) for call in calls]
    else:
        base = current_scope.get().name("race")
        futures = [_begin(context, call, f"{base}[{index}]") for index, call in enumerate(calls)]
    winner = asyncio.get_running_loop().create_future()
    for future in futures:
        future.add_done_callback(lambda _: None if winner.done() else winner.set_result(None))
    try:
        await winner
    finally:
        won = next((index for index, future in enumerate(futures) if future.done()), -1)
        for future in futures:
            if not future.done():
                future.cancel()
            elif not future.cancelled():
                future.exception()
    return won, futures[won].result()


@overload
def map(
    task: Callable[[A], Awaitable[R]], items: Iterable[A], *,
    key: Callable[[A], object] | None = None, concurrency: int = MAP_CONCURRENCY,
) -> Coroutine[Any, Any, list[R]]: ...  # fmt: skip
@overload
def map(
    task: Callable[[A], Awaitable[R]], items: Iterable[A], *,
    key: Callable[[A], object] | None = None, concurrency: int = MAP_CONCURRENCY,
    partial: Literal[True],
) -> Coroutine[Any, Any, list[Outcome[R]]]: ...  # fmt: skip
def map(
    task: Callable[[A], Awaitable[R]], items: Iterable[A], *,
    key: Callable[[A], object] | None = None, concurrency: int = MAP_CONCURRENCY,
    partial: bool = False,
) -> Coroutine[Any, Any, list[Any]]:  # fmt: skip
    """Call a task, workflow or coroutine function for each item; return results in item order.

    Args:
        task: What to call.
        items: What with.
        key: Names each step by its item instead of its index; keys must differ.
        concurrency: How many calls are in flight at once.
        partial: Call it for every item whatever becomes of the others, and return for each what
            it came to: an :class:`Outcome`.

    When one fails, no more are started, effects in flight come to an end, then it is raised.

    Raises:
        InvalidOption: Two items have one key, or the concurrency is below 1.
        LimitReached: There are more than 100,000 items.
    """
    work = list(items)
    if concurrency < 1:
        raise InvalidOption(f"map(concurrency={concurrency!r}): at least 1.")
    if len(work) > MAP_ITEMS_MAX:
        raise LimitReached(
            f"map over {len(work):,} items; the limit is {MAP_ITEMS_MAX:,}. Map over chunks."
        )
    names: list[object] = list(range(len(work))) if key is None else [key(one) for one in work]
    if key is not None and len({str(name) for name in names}) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidOption(
            f"map(key=…): two items have the key {twice!r}; keys name steps and must differ."
        )
    context = current_context.get()
    if context is None:
        return _map_plainly(task, work, concurrency, partial=partial)
    base = current_scope.get().name(_name_of(task))
    kind = _PartialMap if partial else _Map
    return kind(context, task, work, names, base, concurrency).run()


# inside ----------------------------------------------------------------------------------


def _begin(context: Context, call: Awaitable[T], path: str) -> asyncio.Future[T]:
    """Start one of several calls in a scope of its own."""
    inner = Scope(path)
    if isinstance(call, Call):
        return call.begin(context, inner)
    if asyncio.isfuture(call):
        return cast("asyncio.Future[T]", call)
    if not asyncio.iscoroutine(call):
        call = _await(call)
    return context.new_task(inner, call)


async def _await(call: Awaitable[T]) -> T:
    return await call


def _begin_outcome(
    context: Context, call: Awaitable[T], path: str, own_path: str | None = None
) -> asyncio.Future[Outcome[T]]:
    """Start one of several calls; the future brings what it came to."""
    try:
        if isinstance(call, Call):
            return call.begin_outcome(context, Scope(path), own_path)
        return context.new_task(Scope(path), settled(call, _maker_of(call), path))
    except Exception as error:  # noqa: BLE001 - one that cannot even begin has failed, not the others
        return _done(failed(path, error))


def _maker_of(call: Any) -> str:
    """Return the name of the coroutine function that makes a value; of a future nobody knows it."""
    return str(getattr(call, "__name__", ""))


def _done(outcome: Outcome[T]) -> asyncio.Future[Outcome[T]]:
    future: asyncio.Future[Outcome[T]] = asyncio.get_running_loop().create_future()
    future.set_result(outcome)
    return future


def _outcome_of(call: Awaitable[T]) -> Awaitable[Outcome[T]]:
    return call.outcome() if isinstance(call, Call) else settled(call, _maker_of(call))


async def _join(context: Context, base: str, futures: list[asyncio.Future[Any]]) -> tuple[Any, ...]:
    """Wait for all; at the first failure stop the others, let their effects end, raise it."""
    try:
        failed = await _until_failure(futures)
    except asyncio.CancelledError:
        await _call_off(context, base, futures, wait=False)
        raise
    if failed is None:
        return tuple(future.result() for future in futures)
    await _call_off(context, base, futures, wait=True)
    return (failed.result(),)  # raises


async def _until_failure(futures: list[asyncio.Future[Any]]) -> asyncio.Future[Any] | None:
    """Wait until all have ended, or one has failed; return that one."""
    left = len(futures)
    if not left:
        return None
    end: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def ended(future: asyncio.Future[Any]) -> None:
        nonlocal left
        left -= 1
        if end.done():
            return
        if future.cancelled() or future.exception() is not None:
            end.set_result(future)
        elif not left:
            end.set_result(None)

    for future in futures:
        future.add_done_callback(ended)
    return cast("asyncio.Future[Any] | None", await end)


async def _call_off(
    context: Context, base: str, futures: list[asyncio.Future[Any]], *, wait: bool
) -> None:
    for future in futures:
        if not future.done():
            future.cancel()
    if not wait:
        return
    for future in futures:
        if isinstance(future, asyncio.Task) and not future.done():
            await asyncio.wait([future])
    settled = context.effects_settled(base)
    if settled is not None:
        await settled


class _Map:
    """A map in progress: at most ``concurrency`` calls in flight."""

    def __init__(
        self, context: Context, function: Callable[[Any], Awaitable[Any]], items: list[Any],
        names: list[object], base: str, concurrency: int,
    ) -> None:  # fmt: skip
        self._context = context
        self._function = function
        self._items = items
        self._names = names
        self._base = base
        self._concurrency = concurrency
        self._results: list[Any] = [None] * len(items)
        self._in_flight: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self._left = len(items)
        self._end: asyncio.Future[Any] | None = None

    async def run(self) -> list[Any]:
        """Carry it out."""
        if not self._items:
            return []
        self._context.fan_out(self._base, len(self._items))
        self._end = asyncio.get_running_loop().create_future()
        try:
            while self._next < len(self._items) and len(self._in_flight) < self._concurrency:
                self._launch()
            failed = await self._end
        except BaseException:
            self._call_off()
            raise
        if failed is not None:
            futures = list(self._in_flight.values())
            await _call_off(self._context, self._base, futures, wait=True)
            failed.result()
        return self._results

    def _launch(self) -> None:
        index = self._next
        self._next += 1
        future = self._begin(self._items[index], item(self._base, self._names[index]))
        self._in_flight[index] = future
        future.add_done_callback(lambda done: self._ended(index, done))

    def _begin(self, one: Any, path: str) -> asyncio.Future[Any]:
        call = self._function(one)
        if isinstance(call, Call):
            return call.begin(self._context, None, path)
        return self._context.new_task(Scope(path), call)

    def _ended(self, index: int, future: asyncio.Future[Any]) -> None:
        self._in_flight.pop(index, None)
        end = self._end
        assert end is not None
        if end.done():
            return
        if future.cancelled() or future.exception() is not None:
            end.set_result(future)
            return
        self._results[index] = future.result()
        self._left -= 1
        if not self._left:
            end.set_result(None)
        elif self._next < len(self._items):
            try:
                self._launch()
            except Exception as error:  # noqa: BLE001 - raised where the map is awaited
                end.set_exception(error)

    def _call_off(self) -> None:
        for future in list(self._in_flight.values()):
            if not future.done():
                future.cancel()


class _PartialMap(_Map):
    """A map whose calls have outcomes."""

    def _begin(self, one: Any, path: str) -> asyncio.Future[Any]:
        try:
            call = self._function(one)
        except Exception as error:  # noqa: BLE001 - one that cannot even begin has failed
            return _done(failed(path, error))
        return _begin_outcome(self._context, call, path, path)


def _name_of(function: Any) -> str:
    if isinstance(function, Task | Workflow):
        return function.name
    name = getattr(function, "__name__", "map")
    return "map" if name == "<lambda>" else escape(name)


async def _gather_plainly(calls: Iterable[Awaitable[Any]]) -> tuple[Any, ...]:
    return tuple(await asyncio.gather(*calls))


async def _map_plainly(
    function: Callable[[Any], Awaitable[Any]], items: list[Any], concurrency: int, *, partial: bool
) -> list[Any]:
    gate = asyncio.Semaphore(concurrency)

    async def one(thing: Any) -> Any:
        async with gate:
            if not partial:
                return await function(thing)
            try:
                call = function(thing)
            except Exception as error:  # noqa: BLE001 - one that cannot even begin has failed
                return failed("", error)
            return await _outcome_of(call)

    return list(await asyncio.gather(*(one(thing) for thing in items)))
