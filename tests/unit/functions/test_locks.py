"""``podium.lock``: one place of one run at a time; its fence, its scope, its ends."""

from __future__ import annotations

import asyncio
import contextlib

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import podium

from podium import InvalidOption, LockDeadlock, NotInWorkflow, Podium, StepTimedOut, task, workflow
from podium.testing import crash_everywhere
from tests.harness import die, drive, fresh_names, until

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


def held(app: Podium) -> dict[str, Any]:
    """What the file knows of locks, by key."""
    found = app.desk.reader.common.states("lock")
    return {key: msgspec.json.decode(state) for key, state in found.items()}


def test_one_place_at_a_time(tmp_path: Path) -> None:
    """Of all runs together; fences grow; the block is a scope; in the end nothing is held."""
    inside: list[int] = [0, 0]
    fences: list[int] = []

    @task(effect="write")
    async def touch(fence: int) -> str:
        inside[0] += 1
        inside[1] = max(inside)
        await asyncio.sleep(0.001)
        inside[0] -= 1
        fences.append(fence)
        return "done"

    @workflow
    async def touching() -> list[str]:
        async with podium.lock("customer:7") as one:
            first = await touch(one.fence)
        async with podium.lock("customer:7", timeout="1m") as again:
            both = await podium.gather(touch(again.fence), podium.sleep("1ms"))
        assert (one.key, one.fence < again.fence) == ("customer:7", True)
        return [first, both[0]]

    async def main() -> list[str]:
        async with Podium(tmp_path / "a.db") as app:
            runs = [await app.start(touching, id=f"r{n}") for n in range(4)]
            for run in runs:
                assert await run.result() == ["done", "done"]
            return [step.path for step in await runs[0].steps() if step.task == "touch"]

    paths = drive(main())

    assert paths == ["lock:customer:7/touch", "lock:customer:7#2/gather[0]/touch"]
    assert inside == [0, 1]
    assert fences == sorted(fences)
    assert len(set(fences)) == 8


def test_it_is_waited_for_so_long(tmp_path: Path) -> None:
    """Then the block is not entered, and the lock is not asked for any more."""

    @workflow
    async def holding() -> None:
        async with podium.lock("a"):
            await podium.receive("go")

    @workflow
    async def waiting() -> str:
        try:
            async with podium.lock("a", timeout="10ms"):
                return "entered"
        except StepTimedOut as error:
            return error.path

    async def main() -> tuple[str, list[Any]]:
        async with Podium(tmp_path / "a.db") as app:
            holder = await app.start(holding, id="holder")
            await until(lambda: held(app).get("a"))
            other = await app.start(waiting)
            said = await other.result()
            await holder.signal("go")
            await holder.result()
            await until(lambda: not held(app).get("a", {}).get("holder"))
            return said, held(app).get("a", {}).get("queue", [])

    assert drive(main()) == ("lock:a", [])


def test_a_deadlock_names_both() -> None:
    """The one that would close the circle fails, with both holders; the other one goes on."""

    @workflow
    async def crossing(first: str, second: str) -> str:
        async with podium.lock(first):
            await podium.receive("go")
            try:
                async with podium.lock(second):
                    return "both"
            except LockDeadlock as error:
                return str(error)

    async def main() -> list[str]:
        async with Podium(":memory:") as app:
            one = await app.start(crossing, {"first": "a", "second": "b"}, id="one")
            two = await app.start(crossing, {"first": "b", "second": "a"}, id="two")
            await until(lambda: {"a", "b"} <= held(app).keys())
            await one.signal("go")
            await until(lambda: "one" in str(held(app)["b"]))
            await two.signal("go")
            return [await two.result(), await one.result()]

    said, other = drive(main())

    assert other == "both"
    assert "'lock:b/lock:a'" in said
    for word in ("one", "two", "'a'", "'b'"):
        assert word in said


def test_a_child_that_wants_the_lock_over_it_is_refused(tmp_path: Path) -> None:
    """Its parent waits for it, so the lock would never be free; also after a crash anywhere."""

    @workflow
    async def inner(depth: int) -> str:
        if depth:
            return await podium.child(inner, {"depth": depth - 1})
        try:
            async with podium.lock("a"):
                return "has it"
        except LockDeadlock as error:
            return str(error)

    @workflow
    async def outer() -> list[str]:
        async with podium.lock("a"):
            under = await podium.child(inner, {"depth": 1})
        return [under, await podium.child(inner, {"depth": 1})]

    async def main() -> list[str]:
        async with Podium(tmp_path / "a.db") as app:
            return await (await app.start(outer, id="o")).result()

    under, after = drive(main())

    assert "'lock:a'" in under
    assert "has 'a' and wants 'a'" in under
    assert after == "has it"
    assert crash_everywhere(outer, points=24).output == [under.replace(" o:", " run:"), after]


def test_it_is_given_back_when_the_effects_under_it_have_ended() -> None:
    """Not when the block is left: a write that was called off still runs."""
    order: list[str] = []
    hold: list[asyncio.Event] = []

    @task(effect="write")
    async def slow(name: str) -> None:
        order.append(f"{name} begins")
        try:
            await asyncio.wait_for(hold[0].wait(), 5)
        except asyncio.CancelledError:  # as what cannot be stopped
            await hold[0].wait()
        order.append(f"{name} ends")

    @workflow
    async def one() -> None:
        try:
            async with asyncio.timeout(0.01):
                async with podium.lock("a"):
                    await slow("one")
        except TimeoutError:
            podium.warn("left", "the block was left")

    @workflow
    async def two() -> None:
        async with podium.lock("a"):
            await slow("two")

    async def main() -> None:
        hold.append(asyncio.Event())
        async with Podium(":memory:") as app:
            first = await app.start(one)
            await until(lambda: order == ["one begins"])
            second = await app.start(two, id="two")
            await until(lambda: "two" in str(held(app).get("a")) or len(order) > 1)
            assert order == ["one begins"]
            hold[0].set()
            await first.result()
            await second.result()

    drive(main())

    assert order == ["one begins", "one ends", "two begins", "two ends"]


def test_a_wait_that_is_called_off_leaves_nothing(tmp_path: Path) -> None:
    """Neither a request nor, where it was granted in that moment, a lock."""

    @workflow
    async def holding() -> None:
        async with podium.lock("a"):
            await podium.receive("go")

    async def hold() -> None:
        async with podium.lock("a"):
            await podium.sleep("1d")

    @workflow
    async def waiting() -> str:
        try:
            await asyncio.wait_for(hold(), 0.01)
        except TimeoutError:
            return "called off"
        return "entered"

    async def main() -> str:
        async with Podium(tmp_path / "a.db") as app:
            holder = await app.start(holding)
            await until(lambda: held(app).get("a"))
            said = await (await app.start(waiting, id="waiting")).result()
            await until(lambda: "waiting" not in str(held(app)))
            await holder.signal("go")
            await holder.result()
            again = await (await app.start(waiting)).result()  # it is free, and given back
            await until(lambda: "holder" not in str(held(app).get("a", "")))
            return f"{said}, {again}"

    assert drive(main()) == "called off, called off"


def test_it_outlives_the_process(tmp_path: Path) -> None:
    """A run that goes on elsewhere still has it, under the same fence; nobody came in between."""
    fences: list[int] = []

    @task(effect="write")
    async def touch(fence: int) -> None:
        fences.append(fence)

    @workflow
    async def touching() -> None:
        async with podium.lock("a") as lock:
            await touch(lock.fence)
            await podium.receive("go")
            await touch(lock.fence)

    async def main() -> None:
        path = tmp_path / "a.db"
        app = await Podium(path).open()
        await app.start(touching, id="one")
        await until(lambda: len(fences) == 1)
        await until(lambda: app.desk.reader.run("one").status == "waiting")  # type: ignore[union-attr]
        await die(app)
        async with Podium(path) as other:
            second = await other.start(touching, id="two")
            run = await other.get("one")
            await run.signal("go")
            await run.result()
            await until(lambda: len(fences) == 3)
            await second.signal("go")
            await second.result()

    drive(main())

    assert fences[0] == fences[1] < fences[2] == fences[3]


def test_bad_uses_are_refused() -> None:
    """Outside a workflow, no key, a key that is too long, no priority, one lock for two blocks."""

    @workflow
    async def using() -> list[str]:
        said = []
        for key, priority in (("", 0), ("x" * 201, 0), (7, 0), ("x", 5000)):
            with pytest.raises(InvalidOption) as refused:
                podium.lock(key, priority=priority)  # type: ignore[arg-type]  # what is tested
            said.append(str(refused.value)[:40])
        lock = podium.lock("a")
        async with lock:
            with pytest.raises(RuntimeError, match="entered a second time"):
                await lock.__aenter__()
        return said

    with pytest.raises(NotInWorkflow, match=r"podium\.lock"):
        podium.lock("a")
    said = podium.run(using, database=":memory:")
    assert said[0].startswith("lock(''): expected a text")
    assert said[3].startswith("lock: priority=5000")


def test_a_crash_at_each_point_loses_no_lock_and_gives_none_twice() -> None:
    """Two branches of a run and their effects, wherever the process dies."""
    inside: list[int] = [0]

    @task(effect="write")
    async def touch(name: str) -> str:
        return name

    async def branch(name: str) -> list[Any]:
        async with podium.lock("a") as lock:
            inside[0] += 1
            assert inside[0] == 1
            found = [await touch(name), lock.fence]
            inside[0] -= 1
        return found

    @workflow
    async def both() -> list[Any]:
        inside[0] = 0
        one, two = await podium.gather(branch("one"), branch("two"))
        return [one[0], two[0], one[1] < two[1]]

    report = crash_everywhere(both, points=24)

    assert report.output == ["one", "two", True]


def test_one_that_is_granted_in_the_moment_it_is_called_off_is_given_back() -> None:
    """Whichever comes first, the other end of the wait leaves the lock free."""

    async def hold(key: str, duration: str) -> None:
        async with podium.lock(key):
            await podium.sleep(duration)

    async def wait(key: str, limit_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hold(key, "1h"), limit_s)

    @workflow
    async def meeting() -> list[str]:
        lost = []
        for number in range(80):
            key = f"key {number}"
            await podium.gather(hold(key, "10ms"), wait(key, 0.0095 + number * 0.0001))
            try:
                async with podium.lock(key, timeout="1s"):
                    continue
            except StepTimedOut:
                lost.append(key)
        return lost

    assert crash_everywhere(meeting, points=[]).output == []
