"""Fleets of runs through throttling, outages and deaths: services see what was promised, and in
the end the books of permits, probes and locks balance."""

import random

from collections import Counter

import pytest

import podium

from podium import Retry, gather, sleep, task, workflow
from podium.core.errors import StepFailed
from podium.core.policies import Breaker, Concurrency, Rate
from podium.testing.simulator import SimWorld
from tests.sim.cases import IS_FULL
from tests.sim.fleets import BALANCED, Service, books, harm, restart_machine, states

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("_names")]
SEEDS = range(300) if IS_FULL else range(4)


def run_fleet(
    world: SimWorld, flow, chance: random.Random, *, runs: int, deaths: int, within_s: float
) -> list[str]:
    """Start some runs, harm the workers, restart the machine once, and let all of them end."""
    for _ in range(3):
        world.worker()
    ids = [world.start(flow, {"number": number}, id=f"run {number}") for number in range(runs)]
    harm(world, chance, times=deaths, within_s=within_s)
    if deaths:
        world.later(chance.random() * within_s, lambda: restart_machine(world))
    world.run_until_over(*ids)
    world.settle()
    return ids


@pytest.mark.parametrize("seed", SEEDS)
def test_a_service_never_has_to_throttle_a_fleet(seed: int) -> None:
    """Whatever dies, the service counts no more calls in any period than the rate; all runs end.

    EVIDENCE-OF G-45: "A rate is never exceeded by all workers of a database together, whatever dies."
    """
    service = Service(limit=5, period_s=1.0)
    chance = random.Random(seed)

    @task(effect="read", rate=Rate("5/s", key="svc"))
    async def look(number: int, item: int) -> int:
        await service.serve(0.05 * (item % 3), 0.7)
        return number + item

    @task(effect="write", rate=Rate("5/s", key="svc"), retry=Retry(attempts=9))
    async def put(number: int) -> int:
        await service.serve(0.3)
        return number

    @workflow
    async def fleet(number: int) -> int:
        found = await gather(*(look(number, item) for item in range(4)))
        return sum(found) + await put(number)

    with SimWorld(seed, stalls=0.01) as world:
        ids = run_fleet(world, fleet, chance, runs=8, deaths=2, within_s=6.0)

        assert [world.output(one) for one in ids] == [6 + 5 * number for number in range(8)]
        assert service.refused == []
        assert books(world) == BALANCED
        assert world.ledger.faults + world.views.faults == []


@pytest.mark.parametrize("seed", SEEDS)
def test_no_more_than_so_many_at_once(seed: int) -> None:
    """Whatever dies, no more calls are inside the service at once than the limit; none starves.

    EVIDENCE-OF G-46: "A limit of concurrency is never exceeded by all workers of a database together, whatever dies."
    """
    service = Service(at_once=3)
    chance = random.Random(seed)

    @task(effect="read", concurrency=Concurrency(3, key="svc"))
    async def look(number: int, item: int) -> int:
        await service.serve(chance.choice((0.0, 0.02, 0.3)))
        return number + item

    @workflow
    async def fleet(number: int) -> int:
        return sum(await gather(*(look(number, item) for item in range(6))))

    with SimWorld(seed, stalls=0.01) as world:
        ids = run_fleet(world, fleet, chance, runs=8, deaths=2, within_s=2.0)

        assert [world.output(one) for one in ids] == [15 + 6 * number for number in range(8)]
        assert service.most <= 3
        assert books(world) == BALANCED


@pytest.mark.parametrize("seed", SEEDS)
def test_a_breaker_spares_a_service_that_is_down(seed: int) -> None:
    """Through outages, calls reach the service only until the breaker has opened, and then only as
    probes; once it works again, all runs go on to their end, and no probe is out."""
    service = Service()
    chance = random.Random(seed)
    rule = Breaker("svc", failures=3, open="2s", probes=2, when_open="wait")

    @task(
        effect="read",
        breaker=rule,
        concurrency=Concurrency(4, key="svc"),
        retry=Retry(attempts=99, backoff="100ms"),
    )
    async def look(number: int, item: int) -> int:
        await service.serve(0.05)
        return number + item

    @workflow
    async def fleet(number: int) -> int:
        total = 0
        for item in range(4):
            total += await look(number, item)
            await sleep("500ms")
        return total

    def switch(is_down: bool) -> None:
        service.is_down = is_down

    with SimWorld(seed, stalls=0.01) as world:
        for start_s in (0.5, 14.0):
            world.later(start_s, lambda: switch(True))
            world.later(start_s + 9.0, lambda: switch(False))
        ids = run_fleet(world, fleet, chance, runs=6, deaths=2, within_s=12.0)
        (circuit,) = states(world, "breaker").values()
        opened = sum(one["after"] == "open" for one in circuit["changes"])

        assert [world.output(one) for one in ids] == [6 + 4 * number for number in range(6)]
        assert circuit.get("state", "closed") in ("closed", "half_open")  # when nobody calls more
        assert opened >= 2
        # each time it opens there were as many failures as it takes, and what was on its way
        assert len(service.failed) <= opened * (3 + 4)
        assert books(world) == BALANCED


@pytest.mark.parametrize("seed", SEEDS)
def test_locks_keep_runs_apart(seed: int) -> None:
    """Whatever dies, one run at a time is inside a lock, deadlocks are refused and nothing else is
    left waiting, and fences grow; in the end nobody has or wants a lock.

    EVIDENCE-OF G-47: "A lock has one holder at a time, across crashes, and each holder a higher fence than the one before."
    """
    chance = random.Random(seed)
    inside: dict[str, str] = {}
    fences: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    faults: list[str] = []
    refused: Counter[str] = Counter()

    @task(effect="write", retry=Retry(attempts=9))
    async def enter(key: str, run: str, fence: int) -> None:
        if inside.setdefault(key, run) != run:
            faults.append(f"{run} enters {key}, and {inside[key]} is in it")
        if not fences[key] or fences[key][-1] != fence:
            fences[key].append(fence)

    @task(effect="write", retry=Retry(attempts=9))
    async def leave(key: str, run: str) -> None:
        inside.pop(key, None)

    @workflow
    async def fleet(number: int) -> int:
        keys = ["abc"[number % 3], "abc"[(number * 7 + number // 3) % 3]]
        for _ in range(50):
            try:
                await both(keys, f"r{number}")
            except StepFailed as problem:
                refused[problem.error.code] += 1
                await sleep("200ms")
            else:
                return number
        return -1

    async def both(keys: list[str], run: str) -> None:
        async with podium.lock(keys[0]) as first:
            await enter(keys[0], run, first.fence)
            try:
                await sleep("100ms")
                if keys[1] != keys[0]:
                    async with podium.lock(keys[1]) as second:
                        await enter(keys[1], run, second.fence)
                        await gather(sleep("50ms"), sleep("20ms"))
                        await leave(keys[1], run)
            finally:
                await leave(keys[0], run)

    with SimWorld(seed, stalls=0.01) as world:
        ids = run_fleet(world, fleet, chance, runs=9, deaths=2, within_s=3.0)

        assert [world.output(one) for one in ids] == list(range(9))
        assert faults == []
        assert all(found == sorted(set(found)) for found in fences.values())
        assert set(refused) == {"lock-deadlock"}
        assert books(world) == BALANCED


@pytest.mark.parametrize("seed", SEEDS)
def test_all_of_it_together(seed: int) -> None:
    """A fleet with a rate, a limit, a breaker and a lock on one service that has outages: it never
    has to throttle, and in the end the books balance, of cancelled runs too."""
    service = Service(limit=6, period_s=1.0, at_once=4)
    chance = random.Random(seed)

    @task(
        effect="write", rate=Rate("6/s", key="svc"), concurrency=Concurrency(4, key="svc"),
        breaker=Breaker("svc", failures=4, open="1s"), queue_timeout="5m",
        retry=Retry(attempts=99, backoff="200ms"),
    )  # fmt: skip
    async def put(item: int) -> int:
        await service.serve(0.1)
        return item

    @workflow
    async def fleet(number: int) -> int:
        async with podium.lock(f"k{number % 3}"):
            return sum(await podium.map(put, range(3)))

    def switch(is_down: bool) -> None:
        service.is_down = is_down

    with SimWorld(seed, stalls=0.01) as world:
        world.later(2.0, lambda: switch(True))
        world.later(5.0, lambda: switch(False))
        for number in (1, 5):
            world.later(
                1.0 + chance.random() * 5, lambda number=number: world.cancel(f"run {number}")
            )
        ids = run_fleet(world, fleet, chance, runs=9, deaths=2, within_s=8.0)
        statuses = {one: world.row(one).status for one in ids}

        assert {status for one, status in statuses.items() if one not in ("run 1", "run 5")} == {
            "succeeded"
        }
        assert set(statuses.values()) <= {"succeeded", "cancelled"}
        assert service.refused == []
        assert books(world) == BALANCED


def test_the_service_of_these_tests_throttles() -> None:
    """Without a rate the same service refuses calls, and without a breaker outages cost many."""
    service = Service(limit=5, period_s=1.0)

    @task(effect="read", retry=Retry(attempts=99, backoff="100ms", jitter=0.0))
    async def look(number: int) -> int:
        await service.serve(0.05)
        return number

    @workflow
    async def fleet(number: int) -> int:
        return await look(number)

    def switch(is_down: bool) -> None:
        service.is_down = is_down

    with SimWorld(1) as world:
        switch(True)
        world.later(6.0, lambda: switch(False))
        run_fleet(world, fleet, random.Random(1), runs=12, deaths=0, within_s=1.0)

        assert service.refused
        assert len(service.failed) > 3


@pytest.mark.parametrize("seed", range(5) if IS_FULL else range(1))
def test_512_callers_of_a_service_that_allows_ten_a_second(seed: int) -> None:
    """None of them is ever refused, none starves, and the rate is used: over three workers, one of
    which dies, the last of 512 is served within 2 % of the shortest time there can be."""
    service = Service(limit=10, period_s=1.0)
    served: list[tuple[float, int]] = []

    @task(effect="read", rate=Rate("10/s", key="svc"))
    async def look(number: int, item: int) -> int:
        await service.serve(0.0)
        served.append((service.counted[-1], number))
        return item

    @workflow
    async def fleet(number: int) -> int:
        return len(await gather(*(look(number, item) for item in range(32))))

    with SimWorld(seed, slowness=0.0) as world:
        for _ in range(3):
            world.worker()
        ids = [world.start(fleet, {"number": number}, id=f"run {number}") for number in range(16)]
        world.later(20.0, world.alive[0].kill)
        start_s = world.time.now_s
        world.run_until_over(*ids)
        world.settle()
        half = Counter(number for at_s, number in served if at_s < start_s + 15)

        assert [world.output(one) for one in ids] == [32] * 16
        assert service.refused == []
        assert max(served)[0] - start_s < 512 / 10 * 1.02 + 2  # two periods are lost to the death
        assert min(half.values()) * 2 >= max(half.values())
        assert len(half) == 16
        assert books(world) == BALANCED
