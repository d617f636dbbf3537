"""Names by place: which path a call gets, and which structure gives which scope."""

import asyncio

from typing import Any

import pytest

import podium

from podium import Podium, RunFailed, StepFailed, gather, race, sleep, task, workflow
from tests.harness import drive, until


async def paths_of(db: str, flow: Any, **given: Any) -> list[str]:
    """Run a workflow; return the paths of its steps, sorted."""
    async with Podium(db) as app:
        run = await app.start(flow, given)
        await run.result()
        return sorted(step.path for step in await run.steps())


def fetch_task() -> Any:
    """A task to be named."""

    @task(effect="read")
    async def fetch(n: int = 0) -> int:
        return n

    return fetch


def test_names_by_place(db: str) -> None:
    """Scope, task name, occurrence: the first has no number; ``as_`` replaces the name; keys are escaped."""
    fetch = fetch_task()

    @workflow
    async def inner() -> int:
        return await fetch()

    @workflow
    async def one() -> None:
        await fetch()
        await fetch()
        await fetch().as_("third")
        await fetch().as_("third")
        with podium.scope("research"):
            await fetch()
            with podium.scope("a/b [1]#2"):
                await fetch()
        with podium.scope("research"):
            await fetch()
        await sleep("1ms")
        await sleep("1ms")
        await inner()
        await inner()

    assert drive(paths_of(db, one)) == sorted([
        "fetch", "fetch#2", "third", "third#2", "research/fetch", "research/a%2Fb %5B1%5D%232/fetch",
        "research#2/fetch", "sleep", "sleep#2", "inner", "inner#2",
    ])  # fmt: skip


def test_names_in_structure(db: str) -> None:
    """Gather, map, race and asyncio tasks open scopes: by index, key or creation, in argument order."""
    fetch = fetch_task()

    async def search(n: int) -> int:
        return await fetch(n) + await fetch(n)

    @workflow
    async def one() -> None:
        await gather(fetch(1), search(2), fetch(3).as_("named"))
        await gather(fetch(1))
        await podium.map(fetch, [5, 6])
        await podium.map(search, [1, 2], key=lambda n: f"k{n}", concurrency=1)
        await podium.map(lambda n: fetch(n + 0), [1])
        await race(fetch(1), fetch(2))
        a, b = asyncio.create_task(search(1)), asyncio.create_task(fetch(2))
        await b
        await a
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch(1))
        await asyncio.gather(fetch(1), fetch(2))

    assert drive(paths_of(db, one)) == sorted([
        "gather[0]/fetch", "gather[1]/fetch", "gather[1]/fetch#2", "gather[2]/named", "gather#2[0]/fetch",
        "fetch[0]", "fetch[1]", "search[k1]/fetch", "search[k1]/fetch#2", "search[k2]/fetch", "search[k2]/fetch#2",
        "map[0]", "race[0]/fetch", "race[1]/fetch", "task/fetch", "task/fetch#2", "task#2/fetch", "task#3/fetch",
        "task#4/fetch", "task#5/fetch",
    ])  # fmt: skip


def test_a_call_is_awaited_once(db: str) -> None:
    """A second await of one call is an error that says what to do."""
    fetch = fetch_task()

    @workflow
    async def one() -> int:
        call = fetch()
        return await call + await call

    async def main() -> None:
        async with Podium(db) as app:
            with pytest.raises(RunFailed, match="already awaited; make a new call"):
                await (await app.start(one)).result()

    drive(main())


def test_a_forgotten_await_fails_the_run(db: str) -> None:
    """A call that is never awaited fails the run, with file and line; one given up on an error does not hide it."""
    fetch = fetch_task()

    @workflow
    async def one(fails: bool) -> int:
        fetch(1)
        if fails:
            raise ValueError("the true reason")
        return 1

    async def main() -> None:
        async with Podium(db) as app:
            with pytest.raises(
                RunFailed, match=r"test_naming\.py:\d+ and never awaited.*await fetch"
            ) as failed:
                await (await app.start(one, {"fails": False})).result()
            assert failed.value.error.code == "forgotten-await"
            with pytest.raises(RunFailed, match="the true reason"):
                await (await app.start(one, {"fails": True})).result()

    drive(main())


def test_results_of_structure(db: str) -> None:
    """Gather gives a tuple in argument order, map a list in item order, race (index, value) of the first."""
    later = asyncio.Event()

    @task(effect="read")
    async def fetch(n: int) -> int:
        if n == 0:
            await later.wait()
        else:
            later.set()
        return n

    @task(effect="read")
    async def fails(n: int) -> int:
        if n == 2:
            raise ValueError(n)
        return n

    @workflow
    async def one() -> dict[str, Any]:
        found: dict[str, Any] = {"gather": list(await gather(fetch(0), fetch(1)))}
        found["map"] = await podium.map(fetch, range(5))
        found["race"] = list(await race(podium.receive("never"), fetch(3)))
        found["empty"] = [list(await gather()), await podium.map(fetch, [])]
        for name, call in (
            ("gather fails", lambda: gather(fails(1), fails(2))),
            ("map fails", lambda: podium.map(fails, [1, 2, 3], concurrency=1)),
            ("race fails", lambda: race(fails(2))),
        ):
            try:
                await call()
            except StepFailed as error:
                found[name] = error.path
        for name, wrong in (
            ("no race", race),
            ("two keys", lambda: podium.map(fetch, [1, 1], key=str)),
            ("no concurrency", lambda: podium.map(fetch, [1], concurrency=0)),
        ):
            try:
                await wrong()
            except podium.InvalidOption as error:
                found[name] = str(error)
        return found

    async def main() -> dict[str, Any]:
        async with Podium(db) as app:
            found: dict[str, Any] = await (await app.start(one)).result()
            return found

    found = drive(main())
    assert found["gather"] == [0, 1]
    assert found["map"] == [0, 1, 2, 3, 4]
    assert found["race"] == [1, 3]
    assert found["empty"] == [[], []]
    assert (found["gather fails"], found["map fails"], found["race fails"]) == (
        "gather#3[1]/fails", "fails[1]", "race#2[0]/fails",
    )  # fmt: skip
    assert "at least one call" in found["no race"]
    assert "the key '1'" in found["two keys"]
    assert "at least 1" in found["no concurrency"]


def test_map_keeps_to_its_concurrency(db: str) -> None:
    """No more calls than allowed are in flight; a hundred unless said otherwise."""
    living: list[int] = []
    most: dict[str, int] = {"8": 0, "": 0}

    @task(effect="read")
    async def fetch(word: str) -> None:
        living.append(1)
        most[word] = max(most[word], len(living))
        await asyncio.sleep(0.001)
        living.pop()

    @workflow
    async def one() -> None:
        await podium.map(fetch, ["8"] * 30, concurrency=8)
        await podium.map(fetch, [""] * 150)

    drive(paths_of(db, one))
    assert most == {"8": 8, "": 100}


def test_receive_is_first_in_first_out(db: str) -> None:
    """Signals are kept until asked for, per name, in order; a timeout is an error that the program can catch."""

    @workflow
    async def one() -> list[Any]:
        await podium.receive("begin")
        found = [await podium.receive("a", type=int), await podium.receive("b", type=str)]
        found += await gather(podium.receive("a"), podium.receive("a"))
        try:
            await podium.receive("c", timeout="5ms")
        except podium.StepTimedOut as error:
            found.append([error.path, error.error.code])
        found.append(await podium.receive("c", timeout="1h"))
        return found

    async def main() -> list[Any]:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            for name, value in [("a", 1), ("b", "x"), ("a", 2), ("a", 3), ("begin", None)]:
                await run.signal(name, value)
            await until(lambda: waits_for(run, "receive:c#2"))
            await run.signal("c", "late")
            found: list[Any] = await run.result()
            return found

    async def waits_for(run: Any, path: str) -> bool:
        return any(wait["path"] == path for wait in (await run.show()).waits)

    assert drive(main()) == [1, "x", 2, 3, ["receive:c", "timeout"], "late"]


def test_sending_between_runs(db: str) -> None:
    """A signal to a run that is not there, or has ended, is a failure with a code."""

    @workflow
    async def done() -> None:
        return None

    @workflow
    async def one() -> list[str]:
        found = []
        for target in ("nobody", "done"):
            try:
                await podium.send(target, "x")
            except StepFailed as error:
                found.append(error.error.code)
        return found

    async def main() -> list[str]:
        async with Podium(db) as app:
            await (await app.start(done, id="done")).result()
            found: list[str] = await (await app.start(one)).result()
            return found

    assert drive(main()) == ["run-not-found", "run-ended"]


def test_asking_a_person(db: str) -> None:
    """An ask shows form, addressee and deadline, is answered once, and a timeout is an error."""

    @workflow
    async def one() -> list[Any]:
        found = [await podium.ask({"fine?": "yes or no"}, to="ann", timeout="1h")]
        try:
            await podium.ask({"hurry": True}, timeout="5ms")
        except podium.StepTimedOut:
            found.append("nobody")
        found.append((await race(podium.ask({"more": 1}), podium.sleep("1ms")))[0])
        return found

    async def main() -> list[Any]:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            [ask] = await until(run.asks)
            assert (ask.form, ask.to, ask.path, ask.run_id) == (
                {"fine?": "yes or no"},
                "ann",
                "ask",
                "a",
            )
            assert (ask.deadline - ask.asked_at).total_seconds() == pytest.approx(3600, abs=1)
            assert [one.id for one in await app.asks()] == [ask.id]
            with pytest.raises(podium.AskNotFound, match=f"'nonsense'; open asks: {ask.id}"):
                await run.answer("nonsense", 1)
            await run.answer(ask.id, "yes")
            found: list[Any] = await run.result()
            assert await run.asks() == []
            with pytest.raises(podium.RunEnded):
                await run.answer(ask.id, "again")
            return found

    assert drive(main()) == ["yes", "nobody", 1]


def test_chance_and_time_are_the_run_s_own(db: str) -> None:
    """Random numbers and UUIDs differ between runs and scopes; the time is that of the last fact, aware, UTC."""

    @workflow
    async def one() -> list[Any]:
        first = [podium.random().random(), str(podium.uuid4())]
        with podium.scope("x"):
            second = [podium.random().random(), str(podium.uuid4())]
        before = podium.now()
        assert podium.now() == before
        await sleep("20ms")
        assert (podium.now() - before).total_seconds() >= 0.02
        assert before.utcoffset() is not None
        return first + second

    async def main() -> list[list[Any]]:
        async with Podium(db) as app:
            return [await (await app.start(one)).result() for _ in range(2)]

    a, b = drive(main())
    assert len({*map(str, a), *map(str, b)}) == 8


def test_restart_with(db: str) -> None:
    """A new incarnation has other input, an empty journal, its own steps, and the signals not used so far."""
    fetch = fetch_task()

    @workflow
    async def one(n: int, total: int = 0) -> int:
        total += await fetch(n)
        total += await podium.receive("more", type=int)
        if n:
            podium.restart_with(n - 1, total=total)
        return total

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one, {"n": 3}, id="a")
            for _ in range(4):
                await run.signal("more", 10)
            assert await run.result() == 46
            assert (await run.show()).incarnation == 3
            assert [step.path for step in await run.steps() if step.task == "fetch"] == ["fetch"]
            again = await app.start(one, {"n": 3}, id="a")
            assert await again.result() == 46
            with pytest.raises(podium.IdInUse):
                await app.start(one, {"n": 0, "total": 36}, id="a")

    drive(main())


def test_a_child_has_an_id_and_a_parent(db: str) -> None:
    """A child run is a run of its own; its id may be given; one that belongs to another run is refused."""

    @workflow
    async def inner(n: int) -> int:
        return n

    @workflow
    async def one() -> list[Any]:
        found: list[Any] = [
            await inner(1),
            await inner(2).with_id("mine"),
            await podium.child(inner, {"n": 3}),
        ]
        try:
            await inner(4).with_id("taken")
        except StepFailed as error:
            found.append(error.error.code)
        try:
            await podium.child(inner, {"m": 3})
        except podium.InputInvalid as error:
            found.append("missing 'n'" in str(error))
        return found

    async def main() -> list[Any]:
        async with Podium(db) as app:
            await (await app.start(inner, {"n": 0}, id="taken")).result()
            run = await app.start(one, id="a")
            found: list[Any] = await run.result()
            assert [
                await (await app.get(i)).result() for i in ("a:inner", "mine", "a:inner#3")
            ] == [1, 2, 3]
            return found

    assert drive(main()) == [1, 2, 3, "id-in-use", True]
