"""When a breaker lets calls try again, by virtual time."""

import asyncio

import pytest

import podium

from podium import task, workflow
from podium.core.policies import Breaker, Concurrency
from podium.testing.simulator import SimWorld

pytestmark = pytest.mark.usefixtures("_names")


def test_a_probe_that_fails_opens_it_for_its_time_and_no_longer() -> None:
    """Who waits asks again then, not only when it would have asked who else tries."""
    answers = [ConnectionError("down"), ConnectionError("down")]
    begun: list[float] = []

    @task(effect="read", breaker=Breaker("svc", failures=1, open="60ms", when_open="wait"))
    async def shaky(item: int) -> int:
        begun.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.02)
        if answers:
            raise answers.pop()
        return item

    @workflow
    async def trip() -> None:
        with pytest.raises(podium.StepFailed, match="down"):
            await shaky(0)

    @workflow
    async def later() -> list[object]:
        return [one.value for one in await podium.map(shaky, range(3), partial=True)]

    with SimWorld(1) as world:
        world.worker()
        world.run_until_over(world.start(trip, id="trip"))
        world.run_until_over(world.start(later, id="later"))

        assert world.output("later") == [None, 1, 2]
        assert begun[2] - begun[1] < 0.3


def test_who_waits_for_a_limit_keeps_its_place_though_the_breaker_opened_and_closed() -> None:
    """Only what would begin while it is open goes back and waits for it."""
    begun: list[str] = []
    narrow, breaker = Concurrency(1, key="narrow"), Breaker("svc", failures=1, open="20ms")
    is_down = [True]

    @task(effect="read", concurrency=narrow)
    async def slow() -> None:
        await asyncio.sleep(1.0)

    @task(effect="read", breaker=breaker)
    async def trip() -> None:
        if is_down[0]:
            raise ConnectionError("down")

    @task(effect="read", breaker=breaker, concurrency=narrow)
    async def call(who: str) -> str:
        begun.append(who)
        return who

    @workflow
    async def main() -> None:
        first = asyncio.create_task(slow())
        await podium.sleep("10ms")
        early = asyncio.create_task(call("early"))
        await podium.sleep("10ms")
        with pytest.raises(podium.StepFailed):
            await trip()
        is_down[0] = False
        await podium.sleep("100ms")
        await trip()
        late = asyncio.create_task(call("late"))
        await asyncio.gather(first, early, late)

    with SimWorld(1) as world:
        world.worker()
        world.run_until_over(world.start(main, id="main"))

        assert world.row("main").status == "succeeded"
        assert begun == ["early", "late"]
