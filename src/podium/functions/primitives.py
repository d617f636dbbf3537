"""What a workflow may ask for besides its tasks: time, signals, people, children, structure."""

from __future__ import annotations

import asyncio

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, TypeVar, cast, overload

from podium.core.codec import codec_for
from podium.core.context import Context, context_of, current_attempt, current_context
from podium.core.durations import Duration, seconds
from podium.core.errors import ErrorInfo, InvalidOption, LimitReached, NotInWorkflow, StepTimedOut
from podium.core.file import File
from podium.core.limits import MAP_CONCURRENCY, MAP_ITEMS_MAX
from podium.core.scope import Scope, current_scope, escape, item
from podium.functions.calls import Call, Task, Workflow

if TYPE_CHECKING:  # what the generators of the run are; they come through the Entropy port
    from random import Random  # noqa: TID251 - the name of the type only
    from uuid import UUID  # noqa: TID251 - the name of the type only

A = TypeVar("A")
R = TypeVar("R")
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")


# time, chance, environment ---------------------------------------------------------------


async def sleep(duration: Duration) -> None:
    """Wait durably: a crash does not start the wait anew. Outside a workflow it just waits."""
    delay_s = seconds(duration, what="podium.sleep")
    context = current_context.get()
    if context is None:
        await asyncio.sleep(delay_s)
        return
    await context.sleep(current_scope.get().name("sleep"), delay_s, None)


async def sleep_until(when: datetime) -> None:
    """Wait until a time of the wall clock; it follows when that clock is set.

    Raises:
        InvalidOption: The time has no time zone.
    """
    if when.tzinfo is None:
        raise InvalidOption(
            f"sleep_until({when!r}): a time without a zone; use datetime(…, tzinfo=UTC)."
        )
    context = context_of("sleep_until")
    await context.sleep(current_scope.get().name("sleep_until"), None, when)


def now() -> datetime:
    """Return the time of the last fact the run has seen, UTC."""
    return context_of("now").now()


def random() -> Random:
    """Return a ``random.Random`` seeded by run and scope: the same numbers in every replay."""
    return cast("Random", context_of("random").random(current_scope.get()))


def uuid4() -> UUID:
    """Return a ``uuid.UUID`` drawn from the run's own generator."""
    return cast("UUID", context_of("uuid4").random(current_scope.get()).uuid4())


def env(name: str) -> str | None:
    """Return a variable of the environment, as it was when the run first asked for it."""
    return context_of("env").env(name)


# structure -------------------------------------------------------------------------------


@contextmanager
def scope(key: object) -> Iterator[None]:
    """Name the steps inside by a key of yours: ``research/search`` instead of ``search``."""
    context_of("scope")
    token = current_scope.set(current_scope.get().enter(escape(key)))
    try:
        yield
    finally:
        current_scope.reset(token)


def patched(patch_id: str) -> bool:
    """Tell whether the new code applies to this run: false while it replays what old code did."""
    return context_of("patched").patched(patch_id)


def restart_with(*args: Any, **kwargs: Any) -> NoReturn:
    """End this incarnation of the run and begin the next with other arguments and no history.

    It never returns. For loops that go on for ever: the journal stays short.
    """
    context_of("restart_with").restart_with(args, kwargs)


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
    f: Awaitable[T6], /,
) -> Coroutine[Any, Any, tuple[T1, T2, T3, T4, T5, T6]]: ...  # fmt: skip
@overload
def gather(*calls: Awaitable[T]) -> Coroutine[Any, Any, tuple[T, ...]]: ...
def gather(*calls: Awaitable[Any]) -> Coroutine[Any, Any, tuple[Any, ...]]:
    """Run calls at once and return their results in order.

    When one fails, nothing more of the others is started, their reads are stopped, their effects
    in flight come to an end, and then its error is raised.
    """
    context = current_context.get()
    if context is None:
        return _gather_plainly(calls)
    base = current_scope.get().name("gather")
    futures = [_begin(context, call, f"{base}[{index}]") for index, call in enumerate(calls)]
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


def map(
    task: Callable[[A], Awaitable[R]], items: Iterable[A], *,
    key: Callable[[A], object] | None = None, concurrency: int = MAP_CONCURRENCY,
) -> Coroutine[Any, Any, list[R]]:  # fmt: skip
    """Call a task, workflow or coroutine function for each item; return results in item order.

    Args:
        task: What to call.
        items: What with.
        key: Names each step by its item instead of its index; keys must differ.
        concurrency: How many calls are in flight at once.

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
        return _map_plainly(task, work, concurrency)
    base = current_scope.get().name(_name_of(task))
    return _Map(context, task, work, names, base, concurrency).run()


# signals, people, other runs -------------------------------------------------------------


@overload
async def receive(name: str, *, type: type[T], timeout: Duration | None = None) -> T: ...
@overload
async def receive(name: str, *, timeout: Duration | None = None) -> Any: ...
async def receive(name: str, *, type: Any = Any, timeout: Duration | None = None) -> Any:
    """Wait for a signal of that name; signals that came before are kept, first in, first out.

    Args:
        name: The signal.
        type: What its value must be.
        timeout: How long to wait.

    Raises:
        StepTimedOut: None came in time.
        ResultUnusable: Its value does not fit the type; the signal is used up.
    """
    context = context_of("receive")
    path = current_scope.get().name(f"receive:{escape(name)}")
    future = context.receive(path, name, codec_for(type))
    if timeout is None:
        return await future
    limit_s = seconds(timeout, what="receive(timeout)")
    timer = context.sleep(f"{path}/timeout", limit_s, None)
    await _first(future, timer)
    if future.done():
        if not timer.done():
            timer.cancel()
        return future.result()
    future.cancel()
    error = ErrorInfo(
        type="TimeoutError", message=f"no signal {name!r} came in {limit_s:g} s", code="timeout"
    )
    raise StepTimedOut(path, error)


async def send(run: str, name: str, value: Any = None) -> None:
    """Send a signal to another run, by its id.

    Raises:
        StepFailed: There is no such run (code ``run-not-found``), or it has ended (``run-ended``).
    """
    context = context_of("send")
    await context.send(current_scope.get().name(f"send:{escape(name)}"), run, name, value)


async def ask(form: Any, *, to: str = "anyone", timeout: Duration | None = None) -> Any:
    """Ask a person and wait for the answer, however long that takes.

    Args:
        form: What is asked: JSON, shown to the person as it is.
        to: Who should answer.
        timeout: How long to wait.

    Raises:
        StepTimedOut: Nobody answered in time.
    """
    context = context_of("ask")
    limit_s = None if timeout is None else seconds(timeout, what="ask(timeout)")
    return await context.ask(current_scope.get().name("ask"), form, to, limit_s)


async def child(
    workflow: Workflow[..., R], arguments: dict[str, Any], *, id: str | None = None
) -> R:
    """Run another workflow as a child and wait for its output; ``await flow(…)`` does the same.

    Raises:
        StepFailed: The child failed or was cancelled.
    """
    context = context_of("child")
    bound = workflow.spec.binder.from_mapping(arguments)
    path = current_scope.get().name(workflow.name)
    return cast("R", await context.child(path, workflow.spec, bound, id))


def publish(key: str, value: Any) -> None:
    """Show a value under a key: ``run.published()`` reads it from outside."""
    context_of("publish").publish(current_scope.get().name(f"publish:{escape(key)}"), key, value)


def emit(chunk: Any) -> None:
    """Append to the run's stream: ``run.stream()`` follows it from outside."""
    context_of("emit").emit(current_scope.get().name("emit"), chunk)


def warn(code: str, message: str) -> None:
    """Record a warning with the run."""
    context_of("warn").warn(current_scope.get().name(f"warn:{escape(code)}"), code, message)


def run_id() -> str:
    """Return the id of the run, in a workflow and in the body of its tasks."""
    attempt = current_attempt.get()
    return attempt.run_id if attempt is not None else context_of("run_id").about.run_id


def idempotency_key() -> str:
    """Return the key of the step whose body runs: the same for every attempt, crash or not.

    Raises:
        NotInWorkflow: The task runs on its own, outside a workflow, where there is no key.
    """
    attempt = current_attempt.get()
    if attempt is None:
        raise NotInWorkflow("idempotency_key")
    return attempt.key


def attempt() -> int:
    """Return which attempt of the step runs, from 1 (in the body of a task)."""
    running = current_attempt.get()
    return 1 if running is None else running.number


def headers() -> dict[str, Any]:
    """Return the attributes given at the start of the run (tenant, user, locale, trace parent)."""
    running = current_attempt.get()
    return dict(running.headers if running is not None else context_of("headers").about.headers)


def save_file(
    source: bytes | str | PathLike[str] | BinaryIO | Iterable[bytes], *,
    name: str = "file", media_type: str = "application/octet-stream",
) -> File:  # fmt: skip
    """Keep a file in the database and return the value that stands for it.

    It is streamed and stored once per family, however often it is passed on. It blocks: in an
    async task use ``await asyncio.to_thread(podium.save_file, …)``.

    Raises:
        NotInWorkflow: The caller is not the body of a task.
    """
    kept: File = _vault("save_file").save(source, name=name, media_type=media_type)
    return kept


def open_file(file: File) -> BinaryIO:
    """Return the bytes of a File value, in the body of a task.

    Raises:
        NotInWorkflow: The caller is not the body of a task (from outside: ``run.open_file``).
        StoreCorrupt: The bytes are not all there.
    """
    opened: BinaryIO = _vault("open_file").open(file)
    return opened


# inside ----------------------------------------------------------------------------------


def _vault(primitive: str) -> Any:
    running = current_attempt.get()
    if running is None or running.files is None:
        raise NotInWorkflow(primitive)
    return running.files


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


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Wait until one of them is done."""
    end = asyncio.get_running_loop().create_future()
    for future in futures:
        future.add_done_callback(lambda _: None if end.done() else end.set_result(None))
    try:
        await end
    except asyncio.CancelledError:
        for future in futures:
            future.cancel()
        raise


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
        path = item(self._base, self._names[index])
        call = self._function(self._items[index])
        if isinstance(call, Call):
            future = call.begin(self._context, None, path)
        else:
            future = self._context.new_task(Scope(path), call)
        self._in_flight[index] = future
        future.add_done_callback(lambda done: self._ended(index, done))

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


def _name_of(function: Any) -> str:
    if isinstance(function, Task | Workflow):
        return function.name
    name = getattr(function, "__name__", "map")
    return "map" if name == "<lambda>" else escape(name)


async def _gather_plainly(calls: tuple[Awaitable[Any], ...]) -> tuple[Any, ...]:
    return tuple(await asyncio.gather(*calls))


async def _map_plainly(
    function: Callable[[Any], Awaitable[Any]], items: list[Any], concurrency: int
) -> list[Any]:
    gate = asyncio.Semaphore(concurrency)

    async def one(thing: Any) -> Any:
        async with gate:
            return await function(thing)

    return list(await asyncio.gather(*(one(thing) for thing in items)))
