"""What stands in for a call, what is locked, what fails alone: the same wherever the process dies."""

import os

from typing import Any, Literal

import pytest

import podium

from podium import Cache, Degraded, LastGood, NotDone, Outcome, gather, task, workflow
from podium.testing import crash_everywhere

pytestmark = pytest.mark.usefixtures("_names")

IS_FULL = os.environ.get("PODIUM_PROOF") == "full"
POINTS: Literal["all"] | int = "all" if IS_FULL else 30


def told(outcome: Outcome[Any]) -> list[Any]:
    """An outcome without its times."""
    return [outcome.status, outcome.value, outcome.answered_by, outcome.is_stale]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6 if IS_FULL else 2))
def test_every_kind_of_answer_survives_a_crash(seed: int) -> None:
    """Other tasks, the last good result, a fixed value, the cache, under locks, some at once."""
    world: dict[str, bool] = {}
    done: dict[str, int] = {}

    def require(service: str) -> None:
        if not world.get(service):
            raise ConnectionRefusedError(f"{service} is down")

    @task(effect="write")
    async def switch(service: str, is_up: bool) -> None:
        world[service] = is_up

    @task(effect="once")
    async def other_bank(cents: int) -> str:
        key = podium.idempotency_key()
        done[key] = done.get(key, 0) + 1
        return f"other bank: {cents}"

    @task(effect="once", fallback=other_bank)
    async def pay(cents: int) -> str:
        raise NotDone("the bank is closed")

    @task(effect="write", fallback=Degraded("nowhere"))
    async def archive(name: str) -> str:
        require("archive")
        return f"archived {name}"

    @task(effect="read", fallback=[LastGood("1h"), archive])
    async def look(name: str) -> str:
        require("api")
        return f"looked {name}"

    @task(effect="read", cache=Cache("1h"))
    async def table() -> list[int]:
        return [1, 2]

    async def under_lock(name: str) -> list[Any]:
        async with podium.lock("narrow"):
            return told(await look(name).outcome())

    @workflow
    async def everything() -> list[Any]:
        await switch("api", is_up=True)
        found: list[Any] = [told(await look("a").outcome()), await table()]
        await switch("api", is_up=False)
        found += await gather(under_lock("a"), under_lock("b"))
        await switch("archive", is_up=True)
        found += [told(one) for one in await podium.map(look, ["a", "b"], partial=True)]
        found += [told(await table().outcome()), await pay(7)]
        return found

    def reset() -> None:
        world.clear()
        done.clear()

    report = crash_everywhere(everything, setup=reset, points=POINTS, seed=seed)

    assert report.output == [
        ["ok", "looked a", "look", False],
        [1, 2],
        ["ok", "looked a", "last_good", True],
        ["ok", "nowhere", "degraded", False],
        ["ok", "looked a", "last_good", True],
        ["ok", "archived b", "archive", False],
        ["ok", [1, 2], "cache", False],
        "other bank: 7",
    ]
    assert max(done.values()) == 1
