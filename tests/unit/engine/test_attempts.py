"""Retries, timeouts and cancels of steps."""

import asyncio

from datetime import UTC, datetime
from typing import Any

import pytest

import podium

from podium import (
    InvalidOption,
    Podium,
    Retry,
    RunCancelled,
    RunFailed,
    StepFailed,
    StepTimedOut,
    gather,
    sleep,
    task,
    workflow,
)
from podium.journal.records import Kind
from tests.harness import SideFile, die, drive, kinds, until


def test_options_that_make_no_sense() -> None:
    """Unknown options, effects and words, generators and callables without a name are refused when decorated."""

    def plain() -> None: ...

    def generator() -> Any:
        yield 1

    async def flow() -> None: ...

    for options, told in [
        ({"effect": "wrote"}, "'pure', 'read', 'write', 'transaction', 'once'"),
        ({"nonsense": 1}, "no option 'nonsense'"),
        ({"isolation": "planet"}, "expected 'thread' or 'process'"),
        ({"unknown": "raise"}, "are for effect='once'"),
        ({"timeout": "soon"}, "timeout is 'soon'"),
        ({"timeout": 3}, "'3s'"),
        ({"compensate": plain}, "decorated with @task"),
    ]:
        with pytest.raises(InvalidOption, match=told):
            task(**options)(plain)  # type: ignore[call-overload]
    with pytest.raises(InvalidOption, match="generator"):
        task(generator)
    with pytest.raises(InvalidOption, match="async def plain"):
        workflow(plain)  # type: ignore[call-overload]
    with pytest.raises(InvalidOption, match="decorates a function"):
        task(3)  # type: ignore[call-overload]
    assert workflow(flow).name == "flow"


@pytest.mark.parametrize("effect", ["read", "write"])
def test_attempts_are_counted_across_crashes(db: str, side: SideFile, effect: str) -> None:
    """Three tries are three tries, however many workers make them; the wait between them is not begun anew."""

    @task(effect=effect, retry=Retry(attempts=3, backoff="150ms", jitter=0))
    async def fails() -> None:
        side.write("fails")
        raise OSError(f"try {podium.attempt()}")

    @workflow(version="1")
    async def one() -> None:
        await fails()

    async def main() -> None:
        app = await Podium(db).open()
        await app.start(one, id="a")
        for tries in (1, 2):
            await until(
                lambda n=tries: sum(k == Kind.FAILED_ATTEMPT for k, _ in kinds(db, "a")) == n
            )
            await die(app)
            app = await Podium(db).open()
        run = await app.get("a")
        with pytest.raises(RunFailed, match="try 3"):
            await run.result()
        [step] = await run.steps()
        assert (step.status, step.attempts) == ("failed", 3)
        await app.close()

    drive(main())
    assert [line.attempt for line in side.lines("fails")] == [1, 2, 3]


def test_an_attempt_timeout_cancels_and_retries(db: str, side: SideFile) -> None:
    """The body is cancelled at its await; the program sees StepTimedOut when the tries are used up."""

    @task(effect="read", timeout="15ms", retry=Retry(attempts=2, backoff="1ms"))
    async def slow() -> None:
        side.write("begin")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            side.write("cancelled")
            raise

    @task(effect="read", timeout="15ms")
    async def slow_but_back() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 5
        return 0

    @workflow
    async def one() -> list[str]:
        found = []
        for call in (slow(), slow_but_back()):
            try:
                await call
            except StepTimedOut as error:
                found.append(f"{error.type} {error.error.code} {error.message}")
        return found

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            told = await run.result()
            assert told[0] == "TimeoutError timeout attempt 2 took longer than 0.015 s"
            assert told[1] == "TimeoutError timeout attempt 1 took longer than 0.015 s"
            assert [(s.status, s.attempts) for s in await run.steps()] == [
                ("failed", 2),
                ("failed", 1),
            ]
            assert [path for kind, path in kinds(db, "a") if kind == Kind.LATE] == ["slow_but_back"]

    drive(main())
    assert [line.what for line in side.lines()] == ["begin", "cancelled"] * 2


def test_a_body_that_will_not_be_cancelled(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coroutine that swallows its cancellation does not hold its step; no attempt starts beside it."""
    monkeypatch.setattr("podium.engine.timing.CANCEL_GRACE_S", 0.02)
    let_go = asyncio.Event()
    living: list[int] = []
    most: list[int] = []

    @task(effect="read", timeout="10ms", retry=Retry(attempts=2, backoff="1ms"))
    async def stubborn() -> int:
        living.append(1)
        most.append(len(living))
        while podium.attempt() == 1 and not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        living.pop()
        return podium.attempt()

    @workflow
    async def one() -> int:
        return await stubborn()

    async def main() -> int:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            await until(lambda: any(k == Kind.FAILED_ATTEMPT for k, _ in kinds(db, "a")))
            await asyncio.sleep(0.02)
            let_go.set()
            return int(await run.result())

    assert drive(main()) == 2
    assert max(most) == 1


def test_a_total_timeout_covers_all_attempts(db: str) -> None:
    """It ends the step amid an attempt, and no try begins that could not end in time."""

    @task(effect="read", total_timeout="60ms", retry=Retry(attempts=99, backoff="5ms", factor=1))
    async def fails() -> None:
        raise OSError(f"try {podium.attempt()}")

    @task(effect="write", total_timeout="30ms", retry=Retry(attempts=99, backoff="5ms"))
    async def hangs() -> None:
        await asyncio.Event().wait()

    @workflow
    async def one() -> list[str]:
        found = []
        for call in (fails(), hangs()):
            try:
                await call
            except StepFailed as error:
                found.append(f"{error.type}: {error.message}")
        return found

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one)
            first, second = await run.result()
            assert first.startswith(
                ("OSError: try ", "TimeoutError: the step took longer than 0.06 s in all")
            )
            assert second == "TimeoutError: the step took longer than 0.03 s in all"
            steps = await run.steps()
            assert steps[0].attempts < 99
            assert steps[1].attempts == 1

    drive(main())


def test_a_failure_is_the_same_live_and_replayed(db: str) -> None:
    """Type, code, message and chain of causes come from the record in both cases."""

    class ShopError(Exception):
        code = "shop-closed"

    @task(effect="read")
    async def fails() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ShopError("it is sunday") from error

    @workflow(version="1")
    async def one() -> list[list[Any]]:
        found: list[list[Any]] = []
        try:
            await fails()
        except StepFailed as error:
            cause = error.error.cause
            assert cause is not None
            found.append(
                [
                    error.path,
                    error.type,
                    error.message,
                    error.error.code,
                    cause.type,
                    cause.message,
                    str(error),
                ]
            )
        await podium.receive("go")
        return found

    async def main() -> None:
        async with Podium(db) as app:
            live = await app.start(one, id="live")
            await live.signal("go")
            expected = await live.result()
            run = await app.start(one, id="replayed")
            await until(lambda: waits(run))
        async with Podium(db) as app:
            run = await app.get("replayed")
            await run.signal("go")
            assert await run.result() == expected
            assert expected[0][:6] == [
                "fails",
                "ShopError",
                "it is sunday",
                "shop-closed",
                "KeyError",
                "'inner'",
            ]

    async def waits(run: Any) -> bool:
        return await run.status() == "waiting"

    drive(main())


def test_cancel(db: str, side: SideFile) -> None:
    """A look is stopped, a write in flight too, nothing new begins, ``finally`` runs, and the run is cancelled."""

    @task(effect="read")
    async def look() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            side.write("look stopped")
            raise

    @task(effect="write")
    async def put() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            side.write("put stopped")
            raise

    @task(effect="write")
    async def clean_up() -> None:
        side.write("cleaned up")

    @workflow
    async def one() -> None:
        try:
            await gather(look(), put(), sleep("1h"), podium.receive("never"))
        finally:
            await clean_up()

    @workflow
    async def parent() -> None:
        await one()

    async def main() -> None:
        async with Podium(db) as app:
            for flow, run_id in ((one, "a"), (parent, "b")):
                run = await app.start(flow, id=run_id)
                child = run_id if run_id == "a" else "b:one"
                await until(
                    lambda child=child: (
                        (Kind.STARTED, "gather[1]/put") in kinds(db, child)
                        if exists(app, child)
                        else 0
                    )
                )
                assert await run.cancel() is None
                with pytest.raises(RunCancelled, match=run_id):
                    await run.result()
                assert await run.status() == "cancelled"
                view = await until(lambda child=child: ended(app, child))
                assert view.status == "cancelled"
                assert isinstance(view.ended_at, datetime)
                assert view.ended_at.tzinfo is UTC
                with pytest.raises(podium.RunEnded, match="has ended"):
                    await run.cancel()

    def exists(app: Podium, run_id: str) -> bool:
        return app.desk.reader.run(run_id) is not None

    async def ended(app: Podium, run_id: str) -> Any:
        view = await (await app.get(run_id)).show()
        return view if view.ended_at else None

    drive(main())
    assert sorted(line.what for line in side.lines()) == sorted(
        ["look stopped", "put stopped", "cleaned up"] * 2
    )


def test_a_loser_of_a_race_does_not_reach_the_next_incarnation(db: str) -> None:
    """What is still under way when a run begins again has no part in the new incarnation."""
    gates = [asyncio.Event(), asyncio.Event()]

    @task(effect="read")
    async def look(n: int) -> int:
        try:
            await gates[n].wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            raise
        return n

    @task(effect="read")
    async def quick() -> int:
        return 0

    @workflow
    async def one(n: int) -> int:
        if n == 0:
            await podium.race(look(0).as_("look"), quick())
            podium.restart_with(1)
        gates[1].set()
        with podium.scope("x"):
            pass
        return (await podium.race(look(1).as_("look")))[1]

    async def main() -> int:
        async with Podium(db) as app:
            return int(await (await app.start(one, {"n": 0})).result())

    assert drive(main()) == 1
