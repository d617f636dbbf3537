"""Closing starts nothing new, waits for effects in flight, leaves runs resumable, and empties the log."""

import asyncio

from pathlib import Path
from typing import Any

import pytest

import podium

from podium import Podium, UsageError, sleep, task, workflow
from tests.harness import SideFile, committed, drive, engine_of, until


def test_close_waits_for_effects_in_flight(db: str, side: SideFile) -> None:
    """A write under way ends and is recorded; the next step is left to the next worker; looks are stopped."""
    gate = asyncio.Event()

    @task(effect="write")
    async def put(n: int) -> int:
        side.write("put", n)
        await gate.wait()
        return n

    @task(effect="read")
    async def look() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            side.write("look stopped")
            raise

    @workflow(version="1")
    async def one() -> int:
        return await put(1) + await put(2)

    @workflow(version="1")
    async def two() -> None:
        await look()

    async def main() -> int:
        app = await Podium(db).open()
        await app.start(one, id="a")
        await app.start(two, id="b")
        await until(lambda: side.lines("put"))
        closing = asyncio.create_task(app.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
        gate.set()
        await closing
        assert [line.note for line in side.lines("put")] == ["1"]
        assert len(side.lines("look stopped")) == 1
        with committed(db) as view:
            assert [(view.run(i).status, view.run(i).owner, view.run(i).claims) for i in "ab"] == [
                ("running", None, 0)
            ] * 2
            assert view.reader.workers() == []
        async with Podium(db) as app:
            return int(await (await app.get("a")).result())

    assert drive(main()) == 3
    assert [line.note for line in side.lines("put")] == ["1", "2"]
    assert {line.attempt for line in side.lines("put")} == {1}


def test_close_does_not_wait_for_ever(
    db: str, side: SideFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ten seconds it lets go of an effect that hangs; the next worker repeats it with the same key."""
    assert podium.core.limits.CLOSE_WAIT_S == 10.0
    monkeypatch.setattr("podium.client.desk.CLOSE_WAIT_S", 0.05)
    hang = [True]

    @task(effect="write")
    async def put() -> int:
        side.write("put")
        if hang.pop():
            await asyncio.Event().wait()
        return 1

    @workflow(version="1")
    async def one() -> int:
        return await put()

    async def main() -> int:
        app = await Podium(db).open()
        await app.start(one, id="a")
        await until(lambda: side.lines("put"))
        await app.close()
        hang[:] = [False]
        async with Podium(db) as app:
            return int(await (await app.get("a")).result())

    assert drive(main()) == 1
    assert [line.attempt for line in side.lines("put")] == [1, 2]
    assert len({line.key for line in side.lines("put")}) == 1


def test_the_log_is_empty_after_close(db: str) -> None:
    """Nothing but the database is left, and it holds everything."""

    @task(effect="read")
    async def page(n: int) -> str:
        return f"{n}" * 5_000

    @workflow
    async def one() -> int:
        return len("".join(await podium.map(page, range(50))))

    async def main() -> None:
        async with Podium(db) as app:
            assert await (await app.start(one, id="a")).result() > 250_000

    drive(main())
    left = {p.name: p.stat().st_size for p in Path(db).parent.iterdir() if p.is_file()}
    assert left.get("app.db-wal", 0) == 0
    assert left["app.db"] > 250_000
    with committed(db) as view:
        assert view.run("a").status == "succeeded"


def test_closing_with_a_waiting_and_a_sleeping_run(db: str) -> None:
    """They are taken up by the next worker where they were."""

    @workflow(version="1")
    async def one(what: str) -> str:
        if what == "signal":
            return str(await podium.receive("go"))
        await sleep("30ms")
        return "slept"

    async def main() -> None:
        async with Podium(db) as app:
            waiting = await app.start(one, {"what": "signal"}, id="signal")
            await app.start(one, {"what": "sleep"}, id="sleep")
            await until(lambda: is_waiting(waiting))
        async with Podium(db, execute=False) as client:
            await (await client.get("signal")).signal("go", "went")
        async with Podium(db) as app:
            assert await (await app.get("signal")).result() == "went"
            assert await (await app.get("sleep")).result() == "slept"

    async def is_waiting(run: Any) -> bool:
        return await run.status() == "waiting"

    drive(main())


def test_a_once_that_had_not_begun_at_close(db: str, side: SideFile) -> None:
    """A ``once`` whose start was recorded and whose body had not begun when the app closed is no question to a person."""
    ask_again = asyncio.Event()

    @task(effect="once")
    async def charge() -> int:
        side.write("charge")
        return 1

    @task(effect="read")
    async def look() -> int:
        await ask_again.wait()
        return 0

    @workflow(version="1")
    async def one() -> int:
        return await look() + await charge()

    async def main() -> int:
        app = await Podium(db).open()
        await app.start(one, id="a")
        engine = engine_of(app)
        commit, store = type(app.desk.store).commit, app.desk.store
        ask_again.set()

        def closing_after(batch: Any, worker: Any, **options: Any) -> Any:
            result = commit(store, batch, worker, **options)
            if any(path == "charge" for _, _, path, _, _ in batch.records):
                engine.begin_closing()
            return result

        store.commit = closing_after  # type: ignore[method-assign]
        await until(lambda: engine.is_closing)
        await app.close()
        assert side.lines("charge") == []
        async with Podium(db) as app:
            return int(await (await app.get("a")).result())

    assert drive(main()) == 1
    assert len(side.lines("charge")) == 1


def test_who_waits_for_a_result_is_told(db: str) -> None:
    """A result awaited while the app closes ends with an error, not in silence."""

    @workflow(version="1")
    async def one() -> None:
        await podium.receive("go")

    async def main() -> None:
        app = await Podium(db).open()
        run = await app.start(one, id="a")
        waiting = asyncio.create_task(run.result())
        await asyncio.sleep(0.02)
        await app.close()
        with pytest.raises(UsageError, match="not open"):
            await waiting
        async with Podium(db, execute=False) as client:
            run = await client.get("a")
            waiting = asyncio.create_task(run.result())
            await asyncio.sleep(0.02)
        with pytest.raises(UsageError, match="not open"):
            await waiting

    drive(main())


def test_an_error_in_the_block_closes_too(db: str) -> None:
    """Leaving ``async with`` by an exception leaves the run resumable and the exception as it was."""

    @workflow(version="1")
    async def one() -> str:
        return str(await podium.receive("go"))

    async def main() -> None:
        with pytest.raises(KeyError):
            async with Podium(db) as app:
                await app.start(one, id="a")
                raise KeyError("mine")
        async with Podium(db) as app:
            run = await app.get("a")
            await run.signal("go", 1)
            assert await run.result() == "1"

    drive(main())
