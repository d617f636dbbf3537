"""Programs, runs and primitives as a type checker sees them. Read by mypy and basedpyright, never run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, BinaryIO, TypedDict, assert_never, assert_type
from uuid import UUID

import podium

from podium import (
    ErrorInfo,
    File,
    Podium,
    Retry,
    Run,
    RunBlocked,
    RunFailed,
    StepFailed,
    gather,
    receive,
    sleep,
    task,
    workflow,
)
from podium.testing import CrashReport, crash_everywhere


class Answer(TypedDict):
    """What a person says."""

    ok: bool


@task(effect="read", retry=Retry(attempts=5), timeout="10s")
async def fetch(n: int) -> dict[str, int]:
    """An async task."""
    return {"v": n}


@task(effect="write")
def put(n: int) -> int:
    """A sync task; what a body may ask for."""
    assert_type(podium.idempotency_key(), str)
    assert_type(podium.attempt(), int)
    assert_type(podium.headers(), dict[str, Any])
    assert_type(podium.save_file(b"x", name="x.txt", media_type="text/plain"), File)
    assert_type(podium.open_file(podium.save_file(Path("x"))), BinaryIO)
    return n


@workflow
async def total(upto: int) -> int:
    """The program of the first page."""
    parts = await podium.map(fetch, range(upto), concurrency=8)
    await sleep("20ms")
    a, b = await gather(fetch(1), put(2).as_("second"))
    return sum(p["v"] for p in parts) + a["v"] + b


@workflow
async def primitives(n: int) -> str:
    """What a workflow may ask for."""
    assert_type(podium.now(), datetime)
    assert_type(podium.random(), Random)
    assert_type(podium.uuid4(), UUID)
    assert_type(podium.env("REGION"), str | None)
    assert_type(podium.run_id(), str)
    assert_type(podium.patched("a-change"), bool)
    await podium.sleep(timedelta(seconds=1))
    await podium.sleep_until(datetime(2030, 1, 1, tzinfo=UTC))
    assert_type(await receive("x", type=int), int)
    assert_type(await receive("x", type=Answer, timeout="1h"), Answer)
    assert_type(await receive("x", type=list[int]), list[int])
    assert_type(await podium.child(total, {"upto": 3}, id="c"), int)
    assert_type(await total(3), int)
    await podium.send("other", "x", {"n": n})
    podium.publish("progress", n)
    podium.emit({"n": n})
    podium.warn("odd-number", f"{n} is odd")
    with podium.scope("part"):
        await put(n)
    async with podium.lock("customer:7", timeout="30s", priority=1) as held:
        assert_type(held, podium.Held)
        assert_type(held.fence, int)
        assert_type(held.key, str)
    answer: Answer = await podium.ask({"question": "go on?"}, to="anyone", timeout="1d")
    if not answer["ok"]:
        podium.restart_with(n=n + 1)
    return "done"


@workflow
async def errors(n: int) -> str:
    """What a failed step tells."""
    try:
        await put(n)
    except StepFailed as error:
        assert_type(error.path, str)
        assert_type(error.error, ErrorInfo)
        assert_type(error.type, str)
        assert_type(error.is_a(ConnectionError), bool)
        assert_type(error.error.fallbacks, tuple[ErrorInfo, ...])
        assert_type(error.error.bases, tuple[str, ...])
        return error.message
    return ""


async def runs() -> None:
    """The app keeps the workflow's result type."""
    async with Podium("sqlite:///app.db") as app:
        assert_type(app, Podium)
        run = await app.start(total, {"upto": 3}, id="sum-3", priority=5)
        assert_type(run, Run[int])
        assert_type(await run.result(), int)
        assert_type(await (await app.start(primitives, {"n": 1})).result(), str)
        assert_type(await run.status(), str)
        assert_type(await app.get("sum-3"), Run[Any])
        await run.signal("go", {"x": 1})
        for ask in await run.asks():
            await run.answer(ask.id, {"ok": True})
        for step in await run.steps():
            assert_type(step.path, str)
            assert_type(step.attempts, int)
            assert_type(step.started_at, datetime | None)
            assert_type(step.error, ErrorInfo | None)
        async for position, _chunk in run.stream():
            assert_type(position, int)
        await run.cancel()
        try:
            await run.result()
        except (RunFailed, RunBlocked) as error:
            print(error.run_id, error.error)


def from_plain_code() -> None:
    """``podium.run`` gives the output."""
    assert_type(podium.run(total, {"upto": 3}), int)
    assert_type(podium.run(primitives, {"n": 3}, id="a", database=Path("app.db")), str)


def a_proof_takes_a_workflow() -> None:
    """``crash_everywhere`` tells what it tried."""
    report = crash_everywhere(
        total, {"upto": 3}, signals=[("go", 1)], answers=[{"ok": True}], points=20
    )
    assert_type(report, CrashReport)
    crash_everywhere(put, {"n": 3})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def restart_does_not_return() -> None:
    """A type checker knows that nothing follows ``restart_with``."""
    word: str | int = podium.run_id()
    if isinstance(word, int):
        podium.restart_with()
    assert_type(word, str)


async def wrong_uses(app: Podium) -> None:
    """Each line is an error in both checkers."""
    await sleep(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await receive(1)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await app.start(put, {"n": 1})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await app.start(total, [3])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run = await app.start(total, {"upto": 3})
    word: str = await run.result()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    podium.publish(1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    print(word, assert_never)
