"""What a workflow may ask for besides its tasks: time, signals, people, children, structure."""

from __future__ import annotations

import asyncio
import sys

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, TypeVar, cast, overload

from podium.core.budgets import Money, said_of
from podium.core.codec import codec_for, decode_any, encode_message
from podium.core.context import context_of, current_attempt, current_context
from podium.core.durations import Duration, seconds
from podium.core.errors import (
    ErrorInfo,
    InvalidOption,
    LimitReached,
    NotInWorkflow,
    StepTimedOut,
    UsageError,
)
from podium.core.file import File
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.core.memory import cleaned, redactor_for
from podium.core.notes import WARNING
from podium.core.ports import Attempt
from podium.core.pulse import DETAIL_BYTES_MAX
from podium.core.scope import current_scope, escape
from podium.functions.calls import Workflow

if TYPE_CHECKING:  # what the generators of the run are; they come through the Entropy port
    from random import Random  # noqa: TID251 - the name of the type only
    from uuid import UUID  # noqa: TID251 - the name of the type only

R = TypeVar("R")
T = TypeVar("T")


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
    """Append to the run's stream: ``run.stream()`` follows it from outside.

    In the body of a task, from any thread of it, the chunk is a :class:`podium.Piece` of the attempt:
    provisional until the step has its result, and begun anew by the next attempt.

    Raises:
        NotInWorkflow: Neither a workflow nor a task of one called it.
        ValueNotPortable: The chunk has no JSON form.
        LimitReached: The attempt has emitted too many.
    """
    running = current_attempt.get()
    if running is not None:
        encoded = encode_message(chunk, "an emitted chunk", PAYLOAD_BYTES_MAX)
        redactor = redactor_for(running)
        running.outlet.put(encoded if redactor is None else redactor.encoded(encoded))
        return
    context_of("emit").emit(current_scope.get().name("emit"), chunk)


def warn(code: str, message: str) -> None:
    """Record a warning: in a workflow with the run, in the body of a task with its attempt."""
    running = current_attempt.get()
    if running is not None:
        running.notes.add(WARNING, code, cleaned(message))
        return
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


def heartbeat(detail: Any = None) -> None:
    """Say that the body of a task lives, and how far it is; from any thread of it, as often as you like.

    Under ``@task(heartbeat_timeout=…)`` an attempt that is silent for longer is timed out. Outside a
    workflow it does nothing.

    Args:
        detail: How far it is, as JSON of at most 4,096 bytes. The newest is kept, about one a second,
            for :func:`last_heartbeat` in the next attempt.

    Raises:
        asyncio.CancelledError: Nobody waits for the attempt any more; let it pass, and the thread ends.
        UsageError: A workflow called it; workflows need no sign of life.
        LimitReached: The detail is too large.
        ValueNotPortable: The detail has no JSON form.
    """
    running = current_attempt.get()
    if running is not None:
        running.pulse.beat(None if detail is None else _detail(running, detail))
    elif current_context.get() is not None:
        raise UsageError("podium.heartbeat() is for the bodies of tasks; a workflow just waits.")


def _detail(running: Attempt, detail: Any) -> bytes:
    what = "the detail of podium.heartbeat()"
    encoded = encode_message(detail, what, sys.maxsize)
    if len(encoded) > DETAIL_BYTES_MAX:
        raise LimitReached(
            f"{what} takes {len(encoded):,} bytes as JSON; the limit is {DETAIL_BYTES_MAX:,}. "
            "Say where the work stands, and keep what is large with podium.save_file(…)."
        )
    redactor = redactor_for(running)
    return encoded if redactor is None else redactor.encoded(encoded)


def last_heartbeat() -> Any:
    """Return the detail that an earlier attempt of this step gave last, also before a crash; else None."""
    running = current_attempt.get()
    last = None if running is None else running.pulse.last
    return None if last is None else decode_any(last)


def spend(*, usd: Money | None = None, tokens: int | None = None, calls: int | None = None) -> None:
    """Say in the body of a task what it has really used; several times adds up.

    What is not said counts as the task's ``price=`` says. What was used stays used if the attempt
    fails afterwards. Outside a workflow it does nothing.

    Args:
        usd: Money, in US dollars.
        tokens: Tokens of a model.
        calls: Calls of something outside; one unless said.

    Raises:
        InvalidOption: An amount is none.
        UsageError: A workflow called it; only the bodies of tasks use anything.
    """
    said, running = said_of(usd, tokens, calls), current_attempt.get()
    if running is not None:
        (running.relay_spent or running.spent.append)(said)
    elif current_context.get() is not None:
        raise UsageError(
            "podium.spend() is for the bodies of tasks: call it where the money is spent."
        )


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
