"""The face that is fixed: what programs from outside write."""

import asyncio
import os

from pathlib import Path
from typing import Any

import pytest

import podium

from podium import (
    IdInUse,
    InputInvalid,
    InvalidOption,
    Podium,
    Retry,
    RunNotFound,
    UnknownWorkflow,
    UsageError,
    gather,
    sleep,
    task,
    workflow,
)
from podium.core.spec import registry
from tests.harness import SideFile, drive, until


def total_workflow() -> Any:
    """The workflow of the issue's first page."""

    @task(effect="read", retry=Retry(attempts=5), timeout="10s")
    async def fetch(n: int) -> dict[str, int]:
        return {"v": n}

    @task(effect="write")
    def put(n: int) -> int:
        assert podium.idempotency_key()
        return n

    @workflow
    async def total(upto: int) -> int:
        parts = await podium.map(fetch, range(upto), concurrency=8)
        await sleep("20ms")
        a, b = await gather(fetch(1), put(2).as_("second"))
        return sum(p["v"] for p in parts) + a["v"] + b

    return total


def test_the_program_of_the_first_page(db: str) -> None:
    """The code block of the issue runs as it is written; its steps show path, task, effect, attempts, times."""

    async def main() -> None:
        total = total_workflow()
        async with Podium(f"sqlite:///{db}") as app:
            run = await app.start(total, {"upto": 3}, id="sum-3")
            value: int = await run.result()
            steps = await run.steps()

            assert value == 6
            assert await run.status() == "succeeded"
            assert {s.path for s in steps} == {
                "fetch[0]", "fetch[1]", "fetch[2]", "sleep", "gather[0]/fetch", "gather[1]/second",
            }  # fmt: skip
            second = next(s for s in steps if s.path == "gather[1]/second")
            assert (second.task, second.effect, second.status, second.attempts) == (
                "put",
                "write",
                "succeeded",
                1,
            )
            assert all(
                s.started_at is not None and s.started_at.utcoffset() is not None for s in steps
            )
            assert all(
                s.ended_at is not None and s.ended_at >= s.started_at for s in steps if s.started_at
            )
            assert second.error is None
            assert (await app.get("sum-3")).id == "sum-3"

    drive(main())


def test_the_same_id_and_input_give_the_same_run(db: str, side: SideFile) -> None:
    """Starting twice with one id and input gives one run, however close together; its steps run once."""

    @task(effect="write")
    async def note(n: int) -> int:
        side.write("note", n)
        return n

    @workflow
    async def one(n: int, extra: int = 0) -> int:
        return await note(n)

    async def main() -> None:
        async with Podium(db) as app:
            first, second = await asyncio.gather(
                app.start(one, {"n": 1}, id="a"), app.start(one, {"n": 1}, id="a")
            )
            results = [await first.result(), await second.result()]
            again = await app.start(one, {"n": 1}, id="a")
            results.append(await again.result())
            results.append(await (await app.start("one", {"n": 1}, id="a")).result())

            assert results == [1, 1, 1, 1]
            assert len(side.lines("note")) == 1

    drive(main())


def test_an_id_with_other_input_is_refused(db: str) -> None:
    """An id that belongs to a run with other input, or of another workflow, is an error that says so."""

    @workflow
    async def one(n: int) -> int:
        return n

    @workflow
    async def two(n: int) -> int:
        return n

    async def main() -> None:
        async with Podium(db) as app:
            await (await app.start(one, {"n": 41}, id="a")).result()
            with pytest.raises(IdInUse, match=r"'a'.*41") as other_input:
                await app.start(one, {"n": 2}, id="a")
            with pytest.raises(IdInUse, match="one") as other_workflow:
                await app.start(two, {"n": 41}, id="a")

            assert other_input.value.run_id == other_workflow.value.run_id == "a"
            assert await (await app.get("a")).result() == 41
            assert len(await app.runs()) == 1

    drive(main())


def test_no_id_gives_a_new_run_each_time(db: str) -> None:
    """Without an id every start is a new run."""

    @workflow
    async def one(n: int) -> int:
        return n

    async def main() -> None:
        async with Podium(db) as app:
            runs = [await app.start(one, {"n": 1}) for _ in range(3)]

            assert len({run.id for run in runs}) == 3
            assert [await run.result() for run in runs] == [1, 1, 1]

    drive(main())


def test_input_is_checked_before_anything_is_written(db: str) -> None:
    """Unknown, missing and ill-typed arguments are refused with their name; no run is there afterwards."""

    @workflow
    async def one(n: int, word: str = "x") -> int:
        return n

    async def main() -> None:
        async with Podium(db) as app:
            for given, told in [
                ({}, "missing 'n'"),
                ({"n": 1, "m": 2}, "unknown 'm'"),
                ({"n": "1"}, r"Expected `int`, got `str`.*\$\.n"),
                ({"n": 1, "word": 3}, r"\$\.word"),
            ]:
                with pytest.raises(InputInvalid, match=told):
                    await app.start(one, given, id="a")
            with pytest.raises(UnknownWorkflow, match=r"did you mean one\?"):
                await app.start("onne", {"n": 1})
            with pytest.raises(InvalidOption, match="Run id ''"):
                await app.start(one, {"n": 1}, id="")

            assert await app.runs() == []

    drive(main())


def test_a_run_that_is_not_there(db: str) -> None:
    """An unknown id is an error that names the database and the nearest id."""

    @workflow
    async def one(n: int) -> int:
        return n

    async def main() -> None:
        async with Podium(db) as app:
            await (await app.start(one, {"n": 1}, id="order-17")).result()
            with pytest.raises(RunNotFound, match=r"'order-71'.*app\.db.*Did you mean 'order-17'"):
                await app.get("order-71")

    drive(main())


def test_run_from_plain_code(db: str) -> None:
    """``podium.run`` gives the output, from plain code and from inside a running loop."""
    total = total_workflow()

    plain = podium.run(total, {"upto": 3}, id="a", database=db)

    async def inside() -> int:
        return podium.run(total, {"upto": 4}, database=db)

    assert (plain, asyncio.run(inside())) == (6, 9)
    assert podium.run(total, {"upto": 3}, id="a", database=db) == 6


def test_run_executes_only_its_own_run(db: str) -> None:
    """``podium.run`` leaves the other runs of the database alone."""

    @workflow
    async def one(n: int) -> int:
        return n

    async def accept() -> None:
        async with Podium(db, execute=False) as app:
            await app.start(one, {"n": 1}, id="other")

    async def status() -> str:
        async with Podium(db, execute=False) as app:
            return await (await app.get("other")).status()

    drive(accept())

    assert podium.run(one, {"n": 2}, database=db) == 2
    assert drive(status()) == "accepted"


def test_a_client_only_accepts(db: str) -> None:
    """``execute=False`` accepts a run and executes nothing; a worker that opens the file later does."""

    @workflow
    async def one(n: int) -> int:
        return n

    async def main() -> None:
        async with Podium(db, execute=False) as client:
            run = await client.start(one, {"n": 7}, id="a")
            assert await run.status() == "accepted"
            async with Podium(db):
                assert await run.result() == 7

    drive(main())


def test_two_workers_and_a_client_in_one_process(db: str) -> None:
    """Several workers live in one process: no global state but the table of names."""

    @workflow
    async def one(n: int) -> int:
        await sleep("1ms")
        return n

    async def main() -> None:
        async with Podium(db), Podium(db), Podium(db, execute=False) as client:
            runs = [await client.start(one, {"n": n}) for n in range(20)]

            assert [await run.result() for run in runs] == list(range(20))

    drive(main())


def test_where_the_database_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, a URL, ``:memory:``, ``$PODIUM_DB`` and ``./podium.db`` are accepted; other URLs are refused."""

    @workflow
    async def one(n: int) -> int:
        return n

    async def use(place: Any) -> None:
        async with Podium(place) as app:
            assert await (await app.start(one, {"n": 1})).result() == 1

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODIUM_DB", str(tmp_path / "by-env.db"))
    drive(use(None))
    monkeypatch.delenv("PODIUM_DB")
    for place in (
        None,
        tmp_path / "path.db",
        "sqlite:///relative.db",
        f"sqlite:///{tmp_path}/absolute.db",
    ):
        drive(use(place))
    drive(use(":memory:"))
    with pytest.raises(InvalidOption, match="postgres://x/y"):
        Podium("postgres://x/y")

    assert {p.name for p in tmp_path.iterdir() if p.suffix == ".db"} == {
        "by-env.db", "podium.db", "path.db", "relative.db", "absolute.db",
    }  # fmt: skip


def test_a_memory_database_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``:memory:`` runs workflows with children and signals, is private, and leaves no file behind."""
    monkeypatch.chdir(tmp_path)

    @workflow
    async def inner(n: int) -> int:
        return n + 1

    @workflow
    async def outer(n: int) -> int:
        return await inner(n) + await podium.receive("go", type=int)

    async def main() -> None:
        async with Podium(":memory:") as app, Podium(":memory:") as other:
            run = await app.start(outer, {"n": 1}, id="a")
            await run.signal("go", 5)

            assert await run.result() == 7
            with pytest.raises(RunNotFound):
                await other.get("a")

    drive(main())
    assert list(tmp_path.iterdir()) == []


def test_tasks_outside_a_workflow_just_run(db: str) -> None:
    """``await put(2)`` works outside a workflow and in the body of a task, sync and async; ``fn`` is the function."""

    @task
    def plain(n: int) -> int:
        return n + 1

    @task(effect="read")
    async def nested(n: int) -> int:
        """Add two."""
        return await plain(n) + (await gather(plain(0), plain(1)))[0]

    @workflow
    async def one(n: int) -> int:
        return await nested(n)

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one, {"n": 1})
            assert await run.result() == 3
            assert [s.path for s in await run.steps()] == ["nested"]
        assert await plain(1) == 2
        assert await nested(1) == 3
        assert (await podium.map(plain, [1, 2]), await podium.race(plain(5))) == ([2, 3], (0, 6))
        assert plain.fn(1) == 2
        assert nested.__doc__ == "Add two."
        with pytest.raises(podium.NotInWorkflow, match="idempotency_key"):
            podium.idempotency_key()
        with pytest.raises(podium.NotInWorkflow, match="receive"):
            await podium.receive("go")

    drive(main())


def test_using_an_app_that_is_not_open(db: str) -> None:
    """Before ``async with`` and after it every use of an app is an error that says how to use it."""

    @workflow
    async def one(n: int) -> int:
        return n

    async def main() -> None:
        app = Podium(db)
        with pytest.raises(UsageError, match="async with"):
            await app.start(one, {"n": 1})
        async with app:
            run = await app.start(one, {"n": 1}, id="a")
            assert await run.result() == 1
            with pytest.raises(UsageError, match="open already"):
                await app.open()
        for use in (
            lambda: app.start(one, {"n": 1}), lambda: app.get("a"), app.runs, app.asks, run.result, run.status,
            lambda: run.signal("x"), run.cancel, run.steps,
        ):  # fmt: skip
            with pytest.raises(UsageError, match="async with"):
                await use()
        await app.close()

    drive(main())


def test_headers_reach_tasks_and_children(db: str) -> None:
    """Attributes given at the start reach every task and child."""

    @task(effect="read")
    async def who() -> str:
        return str(podium.headers()["tenant"])

    @workflow
    async def inner() -> str:
        return f"{await who()}/{podium.headers()['user']}"

    @workflow
    async def outer() -> list[str]:
        return [await who(), await inner()]

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(outer, headers={"tenant": "acme", "user": "ann"})

            assert await run.result() == ["acme", "acme/ann"]

    drive(main())


def test_published_state_and_stream_are_read_from_outside(db: str) -> None:
    """``publish`` shows the last value of a key, ``emit`` a stream to follow until the run ends."""

    @workflow
    async def talk() -> None:
        for n in range(3):
            podium.publish("n", n)
            podium.emit({"chunk": n})
            await sleep("1ms")

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(talk)
            chunks = [chunk async for _, chunk in run.stream()]

            assert chunks == [{"chunk": 0}, {"chunk": 1}, {"chunk": 2}]
            assert await run.published() == {"n": 2}
            positions = [position async for position, _ in run.stream()]
            assert [chunk async for _, chunk in run.stream(after=positions[1])] == [{"chunk": 2}]

    drive(main())


def test_env_is_recorded_at_the_first_ask(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``env`` gives what the environment said when the run first asked, also after a restart elsewhere."""
    monkeypatch.setenv("REGION", "eu")
    monkeypatch.delenv("NOTHING", raising=False)

    @workflow
    async def where() -> list[str | None]:
        before = [podium.env("REGION"), podium.env("NOTHING")]
        await podium.receive("go")
        return [*before, podium.env("REGION"), podium.env("NOTHING")]

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(where, id="a")
            await until(lambda: waiting(run))
        os.environ["REGION"] = "us"
        os.environ["NOTHING"] = "something"
        try:
            async with Podium(db) as app:
                run = await app.get("a")
                await run.signal("go")
                assert await run.result() == ["eu", None, "eu", None]
        finally:
            del os.environ["NOTHING"]

    async def waiting(run: Any) -> bool:
        return await run.status() == "waiting"

    drive(main())


def test_a_workflow_in_hand_need_not_be_known_by_name() -> None:
    """Its module may have been imported where the table of names was another one."""

    @workflow
    async def forgotten() -> str:
        return "done"

    del registry.workflows["forgotten"]

    assert podium.run(forgotten, database=":memory:") == "done"
    assert registry.workflow("forgotten") is forgotten.spec
