"""Signs of life: what they keep alive, what they carry, and whom they stop."""

import asyncio
import threading

from itertools import pairwise
from typing import Any

import pytest

import podium

from podium import (
    LimitReached,
    Podium,
    Retry,
    RunFailed,
    Task,
    ValueNotPortable,
    heartbeat,
    last_heartbeat,
    task,
    workflow,
)
from podium.core.spec import registry
from podium.journal.records import Beat, Kind, decode_beat
from podium.testing.simulator import SimWorld
from tests.harness import SideFile, committed, die, drive, kinds, until
from tests.unit.engine import process_tasks as there

pytestmark = pytest.mark.long


def beats(db: str, run_id: str) -> list[Beat]:
    """Return the recorded details of a run."""
    with committed(db) as view:
        return [decode_beat(row.body) for row in view.records(run_id) if row.kind == Kind.HEARTBEAT]


def test_an_attempt_that_falls_silent_is_timed_out() -> None:
    """Not one that takes long and gives signs of life; the next attempt knows how far the last one was."""
    seen: list[Any] = []

    @task(effect="read", heartbeat_timeout="10s", retry=Retry(2, "1s"))
    async def work() -> str:
        seen.append(last_heartbeat())
        for n in range(10):
            heartbeat({"done": n} if n != 9 else None)
            await asyncio.sleep(9)
        if podium.attempt() == 1:
            await asyncio.sleep(11)
        return "done"

    @workflow
    async def one() -> str:
        return await work()

    with SimWorld(0, slowness=0.0) as world:
        world.worker()
        world.start(one)
        world.run_until_over("run")
        row = world.row("run")
        took_s = ((row.ended_at or 0) - row.created_at) / 1e6

    assert row.status == "succeeded"
    assert seen == [None, {"done": 8}]
    assert took_s == pytest.approx(91 + 1 + 90, abs=2)


def test_a_step_that_is_silent_for_good_has_timed_out(db: str) -> None:
    """Its error has a code of its own, and says for how long it was silent."""

    @task(effect="read", heartbeat_timeout="20ms")
    async def work() -> None:
        await asyncio.Event().wait()

    @workflow
    async def one() -> list[str]:
        try:
            await work()
        except podium.StepTimedOut as error:
            return [error.type, error.error.code, error.message]
        return []

    async def main() -> Any:
        async with Podium(db) as app:
            return await (await app.start(one)).result()

    assert drive(main()) == ["TimeoutError", "heartbeat-timeout", "attempt 1 was silent for 0.02 s"]


def test_a_once_that_falls_silent_is_unknown(db: str) -> None:
    """As after any time-out: it is not repeated, a person is asked."""

    @task(effect="once", heartbeat_timeout="20ms")
    async def pay() -> None:
        await asyncio.Event().wait()

    @workflow
    async def one() -> None:
        await pay()

    async def main() -> Any:
        async with Podium(db) as app:
            run = await app.start(one)
            [ask] = await until(run.asks)
            return ask.form["cause"]

    assert drive(main()) == "TimeoutError: attempt 1 was silent for 0.02 s"


def test_a_thread_whose_attempt_is_over_ends_at_its_next_sign_of_life(
    db: str, side: SideFile
) -> None:
    """Timed out or cancelled: it raises in the body, and what follows it is not done."""
    go_on = threading.Event()

    @task(effect="read", timeout="30ms", retry=Retry(2, "1ms"))
    def work() -> str:
        if podium.attempt() == 2:
            return "second"
        try:
            go_on.wait(20)
            heartbeat()
        except asyncio.CancelledError:
            side.write("stopped")
            raise
        side.write("went on")
        return "first"

    @task(effect="write")
    def put() -> None:
        side.write("put")
        go_on.wait(20)
        heartbeat()
        side.write("went on")

    @workflow
    async def one() -> str:
        return await work()

    @workflow
    async def two() -> None:
        await put()

    async def main() -> Any:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            await until(lambda: (Kind.FAILED_ATTEMPT, "work") in kinds(db, "a"))
            go_on.set()
            result = await run.result()
            go_on.clear()
            run = await app.start(two, id="b")
            await until(lambda: side.lines("put"))
            await run.cancel()
            await until(lambda: (Kind.CANCEL, "") in kinds(db, "b"))
            go_on.set()
            with pytest.raises(podium.RunCancelled):
                await run.result()
            return result

    assert drive(main()) == "second"
    assert [line.what for line in side.lines()] == ["stopped", "put"]
    assert Kind.LATE not in {kind for kind, _ in kinds(db, "a")}


def test_details_survive_a_crash(db: str) -> None:
    """The newest one is there for the next attempt, whichever worker makes it."""
    seen: list[Any] = []

    @task(effect="read")
    async def work() -> str:
        seen.append(last_heartbeat())
        if len(seen) == 1:
            heartbeat([1, {"page": "zwölf"}])
            await asyncio.Event().wait()
        return "done"

    @workflow(version="1")
    async def one() -> str:
        return await work()

    async def main() -> Any:
        app = await Podium(db).open()
        await app.start(one, id="a")
        await until(lambda: beats(db, "a"))
        await die(app)
        app = await Podium(db).open()
        run = await app.get("a")
        result = await run.result()
        [step] = await run.steps()
        await app.close()
        return result, step.heartbeat, step.heartbeat_at is not None

    assert drive(main()) == ("done", [1, {"page": "zwölf"}], True)
    assert seen == [None, [1, {"page": "zwölf"}]]


def test_many_details_are_few_records() -> None:
    """About one a second, fewer of long work, and the last one always before the attempt's failure."""

    @task(effect="read", retry=Retry(2, "1ms"))
    async def work() -> str:
        if podium.attempt() == 2:
            return str(last_heartbeat())
        for n in range(1_995):
            heartbeat(n)
            await asyncio.sleep(0.2 if n < 100 else 2)
        raise OSError("after 4,000 s")

    @workflow
    async def one() -> str:
        return await work()

    with SimWorld(0) as world:
        world.worker()
        world.start(one)
        world.run_until_over("run")
        records = [row for row in world.journal("run") if row.kind == Kind.HEARTBEAT]
        output = world.output("run")
    gaps_s = [(b.at - a.at) / 1e6 for a, b in pairwise(records)]

    assert (output, bytes(decode_beat(records[-1].body).v)) == ("1994", b"1994")
    assert min(gaps_s[:-1]) >= 0.999
    assert max(gaps_s) <= 31
    assert 300 < len(records) < 700


def test_what_a_sign_of_life_may_carry(db: str) -> None:
    """JSON of a bounded size; the mistake is raised where it is made."""

    @task(effect="read")
    def work() -> list[str]:
        found = []
        for detail in ("x" * 5_000, object()):
            try:
                heartbeat(detail)
            except (LimitReached, ValueNotPortable) as error:
                found.append(str(error))
        return found

    @workflow
    async def one() -> list[str]:
        return await work()

    @workflow
    async def wrong() -> None:
        heartbeat()

    async def main() -> Any:
        async with Podium(db) as app:
            with pytest.raises(RunFailed, match="for the bodies of tasks"):
                await (await app.start(wrong)).result()
            return await (await app.start(one)).result()

    large, odd = drive(main())

    assert "takes 5,002 bytes as JSON; the limit is 4,096" in large
    assert "the detail of podium.heartbeat()" in odd


def test_outside_a_workflow_it_does_nothing() -> None:
    """A task that just runs gives no sign of life to anybody, and there was no earlier attempt."""

    @task
    def work() -> Any:
        heartbeat({"n": 1})
        return last_heartbeat()

    assert work.fn() is None


@pytest.mark.usefixtures("_names")
def test_a_process_gives_signs_of_life_too(db: str) -> None:
    """They cross the pipe; one that falls silent is killed, and the next attempt knows how far it was."""
    for one in vars(there).values():
        if isinstance(one, Task):
            registry.tasks[one.name] = one.spec

    @workflow
    async def crunching() -> Any:
        return await there.crunch()

    async def main() -> Any:
        async with Podium(db) as app:
            return await (await app.start(crunching, id="a")).result()

    assert drive(main(), 60) == ["done", 2, {"done": 4}]
