"""When a breaker lets calls try again, by virtual time."""

import asyncio

import pytest

import podium

from podium import task, workflow
from podium.core.policies import Breaker
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
