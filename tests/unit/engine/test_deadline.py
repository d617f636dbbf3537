"""The time of a whole run."""

import asyncio

from typing import Any

import msgspec
import pytest

from podium import (
    ErrorInfo,
    InvalidOption,
    Podium,
    Run,
    RunFailed,
    gather,
    receive,
    restart_with,
    sleep,
    task,
    workflow,
)
from podium.engine.engine import EngineOptions
from podium.journal.records import DEADLINE, Kind
from podium.testing.simulator import SimWorld
from tests.harness import die, drive, engine_of, kinds, until


async def failed(run: Run[Any]) -> tuple[str, str, str]:
    """Wait for a run's failure; return its type, code and message."""
    with pytest.raises(RunFailed) as failure:
        await run.result()
    error = failure.value.error
    return error.type, error.code, error.message


def test_a_run_whose_time_is_over_fails_and_is_undone() -> None:
    """What is in flight is stopped, ``finally`` runs, children are cancelled, steps are undone."""
    said: list[str] = []

    @task(effect="write")
    def undo(what: str) -> None:
        said.append(f"undone {what}")

    @task(effect="write", compensate=undo)
    def do(what: str) -> None:
        said.append(f"done {what}")

    @task(effect="read")
    async def look() -> None:
        try:
            await asyncio.sleep(100_000)
        except asyncio.CancelledError:
            said.append("stopped")
            raise

    @workflow
    async def child() -> None:
        await receive("never")

    @workflow(timeout="1h")
    async def one() -> None:
        await do("one")
        try:
            await gather(look(), child(), sleep("2h"))
        finally:
            await do("cleaned")

    with SimWorld(0) as world:
        world.worker()
        world.start(one)
        world.run_until_over("run")
        world.run_until_over("run:gather[1]/child")
        row, below = world.row("run"), world.row("run:gather[1]/child")
    error = msgspec.json.decode(row.error or b"", type=ErrorInfo)

    assert (row.status, error.type, error.code) == ("failed", "TimeoutError", "timeout")
    assert error.message == "the run took longer than 1h"
    assert below.status == "cancelled"
    assert said == ["done one", "stopped", "done cleaned", "undone cleaned", "undone one"]


def test_a_start_may_say_another_time(db: str) -> None:
    """It counts from the acceptance, also where nobody could begin the run before it was over."""

    @workflow(timeout="1h")
    async def one() -> None:
        await receive("never")

    async def main() -> Any:
        async with Podium(db, execute=False) as client:
            await client.start(one, id="a", timeout="20ms")
            await client.start(one, id="b")
        await asyncio.sleep(0.03)
        async with Podium(db) as app:
            told = await failed(await app.get("a"))
            views = {view.id: view for view in await app.runs()}
            return told, {
                name: (view.deadline - view.created_at).total_seconds()
                for name, view in views.items()
                if view.deadline is not None
            }

    told, limits = drive(main())

    assert told == ("TimeoutError", "timeout", "the run took longer than 20ms")
    assert limits == {"a": 0.02, "b": 3600.0}


def test_a_program_cannot_swallow_the_end_of_its_time(db: str) -> None:
    """It may return, fail otherwise, or ask to begin again: the run has failed with ``timeout``."""

    @workflow(timeout="30ms")
    async def stubborn(how: str) -> str:
        try:
            await receive("never")
        except asyncio.CancelledError:
            if how == "returns":
                return "all is well"
            if how == "restarts":
                restart_with("returns")
            raise ValueError("confused") from None
        return ""

    async def main() -> Any:
        async with Podium(db) as app:
            runs = [
                await app.start(stubborn, {"how": how}) for how in ("returns", "restarts", "fails")
            ]
            return [await failed(run) for run in runs], [
                view.error.cause and view.error.cause.message
                for view in await app.runs()
                if view.error is not None
            ]

    told, causes = drive(main())

    assert {code for _, code, _ in told} == {"timeout"}
    assert sorted(map(str, causes)) == ["None", "None", "confused"]


def test_it_holds_over_a_crash_and_a_restart(db: str) -> None:
    """The time is that of the run: neither a new worker nor a new incarnation begins it anew."""

    @workflow(version="1", timeout="1s")
    async def one(rounds: int) -> None:
        if rounds:
            restart_with(rounds - 1)
        await receive("never")

    async def main() -> Any:
        app = await Podium(db).open()
        run = await app.start(one, {"rounds": 3}, id="a")
        await until(lambda: waits(run))
        await die(app)
        app = await Podium(db).open()
        told = await failed(await app.get("a"))
        await app.close()
        return told

    async def waits(run: Run[Any]) -> bool:
        return await run.status() == "waiting"

    assert drive(main())[2] == "the run took longer than 1s"
    assert kinds(db, "a").count((Kind.CANCEL, DEADLINE)) == 1


def test_it_wakes_a_run_that_sleeps(db: str) -> None:
    """A run that has left memory comes back when its time is over."""

    @workflow(timeout="150ms")
    async def one() -> None:
        await receive("never")

    async def main() -> Any:
        async with Podium(db, resident_max=0) as app:
            run = await app.start(one, id="a")
            await until(lambda: not engine_of(app).runs)
            return await failed(run)

    assert drive(main())[1] == "timeout"


def test_a_cancelled_run_stays_cancelled() -> None:
    """Its time being over while it cleans up only makes it stop cleaning."""

    @workflow(timeout="1h")
    async def one() -> None:
        try:
            await receive("never")
        finally:
            await sleep("100d")

    with SimWorld(0) as world:
        world.worker()
        world.start(one)
        world.later(60.0, lambda: world.cancel("run"))
        world.run_until_over("run")
        row = world.row("run")

    assert row.status == "cancelled"
    assert (row.ended_at or 0) - row.created_at == pytest.approx(3_600e6, rel=0.01)


def test_a_time_of_nothing_is_refused(db: str) -> None:
    """Where it is written, and where a run is started."""

    async def one() -> None: ...

    with pytest.raises(InvalidOption, match="@workflow one: timeout is '0s'"):
        workflow(timeout="0s")(one)

    async def main() -> None:
        async with Podium(db) as app:
            await app.start(workflow(one), timeout="0s")

    with pytest.raises(InvalidOption, match="must be longer than nothing"):
        drive(main())


def test_a_day_is_a_day_in_the_simulator() -> None:
    """Time costs nothing there; a run that was done in time is not touched."""

    @workflow(timeout="1d")
    async def one(days: int) -> str:
        await sleep(f"{days * 23}h")
        return "done"

    with SimWorld(0, options=EngineOptions(resident_max=0)) as world:
        world.worker()
        for days in (1, 2):
            world.start(one, {"days": days}, id=str(days))
            world.run_until_over(str(days))
        rows = [world.row(str(days)) for days in (1, 2)]

    assert [row.status for row in rows] == ["succeeded", "failed"]
