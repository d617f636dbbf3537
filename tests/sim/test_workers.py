"""Several workers on one database: they share work, take over from the dead, fence the frozen."""

import asyncio
import random

import pytest

import podium

from podium import NotDone, Retry, gather, sleep, task, workflow
from podium.core.errors import StoreFenced
from podium.testing.process import SimProcess
from podium.testing.simulator import SimWorld
from tests.sim.cases import IS_FULL

pytestmark = pytest.mark.usefixtures("_names")


def define(done: list[str]):
    """A workflow with an effect that takes a while, told by its key in ``done``."""

    @task(effect="read")
    async def look(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    @task(effect="write", retry=Retry(attempts=2))
    async def put(n: int) -> int:
        await asyncio.sleep(0.02)
        done.append(podium.idempotency_key())
        return n

    @workflow
    async def shared(n: int) -> int:
        first = await put(n)
        a, b = await gather(look(1), put(2))
        await sleep("50ms")
        return first + a + b

    return shared


def held_by(world: SimWorld, process: SimProcess) -> list[str]:
    return [row.id for row in world.database.runs.values() if row.owner == process.worker.id]


def test_a_dead_worker_is_replaced_within_a_second() -> None:
    """Its runs go on at the next worker as soon as its lock for life is free."""
    done: list[str] = []
    shared = define(done)
    with SimWorld(1) as world:
        world.restarts = False
        first = world.worker()
        for number in range(6):
            world.start(shared, {"n": number}, id=f"run {number}")
        world.run_until(lambda: len(done) > 3)
        second = world.worker()
        world.run_until(lambda: hasattr(second, "engine"))
        orphans = held_by(world, first)
        died_at = world.time.now_s
        first.kill()
        world.run_until(lambda: set(orphans) <= set(held_by(world, second)) or not orphans)
        took_s = world.time.now_s - died_at
        world.run_until_over(*(f"run {number}" for number in range(6)))
        outputs = [world.output(f"run {number}") for number in range(6)]

        assert orphans
        assert took_s < 1
        assert outputs == [number + 3 for number in range(6)]
        assert world.ledger.faults + world.views.faults == []


@pytest.mark.parametrize("seed", range(40) if IS_FULL else range(8))
def test_what_a_stalled_worker_still_writes_is_dropped(seed: int) -> None:
    """Frozen for longer than its lease, it is fenced: its commit is refused whole, and it stops."""
    done: list[str] = []
    shared = define(done)
    chance = random.Random(seed)
    with SimWorld(seed) as world:
        world.restarts = False
        stalled = world.worker()
        world.start(shared, {"n": 5})
        points = chance.randrange(2, 30)
        world.run_until(lambda: len(world.points) >= points)
        is_ended = world.is_over("run")
        stalled.freeze()
        other = world.worker()
        world.run_until_over("run")
        journal = world.journal("run")
        stalled.thaw()
        world.settle()

        assert world.output("run") == 8
        assert is_ended or isinstance(stalled.fatal, StoreFenced)
        assert other.fatal is None
        assert world.journal("run") == journal
        assert world.ledger.faults + world.views.faults == []


def test_a_stalled_worker_that_wakes_in_time_keeps_its_runs() -> None:
    """A stop of a few seconds is no death."""
    done: list[str] = []
    shared = define(done)
    with SimWorld(3) as world:
        stalled, other = world.worker(), world.worker()
        world.run_until(lambda: hasattr(stalled, "engine") and hasattr(other, "engine"))
        world.start(shared, {"n": 5})
        world.run_until(lambda: bool(done))
        mine = held_by(world, stalled)
        stalled.freeze()
        world.later(4.0, stalled.thaw)
        world.run_until_over("run")

        assert stalled.fatal is None
        assert other.fatal is None
        assert mine in (["run"], [])
        assert len(set(done)) == len(done) == 2


@pytest.mark.parametrize("seed", range(60) if IS_FULL else range(6))
def test_a_crowd_of_workers_that_die_and_freeze(seed: int) -> None:
    """Whatever dies or stands still, every run ends right, and no promise is broken."""
    done: list[str] = []
    shared = define(done)
    chance = random.Random(seed)
    with SimWorld(seed, stalls=0.02, fickle=True) as world:
        for _ in range(3):
            world.worker()
        ids = [world.start(shared, {"n": number}, id=f"run {number}") for number in range(12)]
        for _ in range(2):  # a third death would quarantine
            world.later(chance.random() * 0.4, lambda: _harm(world, chance))
        world.run_until_over(*ids)
        world.settle()

        assert [world.output(one) for one in ids] == [number + 3 for number in range(12)]
        assert world.ledger.faults + world.views.faults == []


def _harm(world: SimWorld, chance: random.Random) -> None:
    victims = [process for process in world.alive if not process.is_frozen]
    if not victims:
        return
    victim = chance.choice(victims)
    if chance.random() < 0.6:
        victim.kill()
        world.later(0.05, lambda: world.worker() and None)
    else:
        victim.freeze()
        world.later(chance.choice((1.0, 30.0)), victim.thaw)
        world.later(0.05, lambda: world.worker() and None)


@pytest.mark.parametrize("point", range(30) if IS_FULL else range(1, 30, 3))
@pytest.mark.parametrize("seed", range(5) if IS_FULL else range(2))
def test_a_stalled_worker_does_not_charge_after_the_other(point: int, seed: int) -> None:
    """Frozen between the commit of a ``once`` and its body: ownership is looked at again just before."""
    receipts: dict[str, int] = {}
    charges: list[str] = []

    @task(effect="read")
    def receipt_of(idempotency_key: str) -> int:
        if idempotency_key not in receipts:
            raise NotDone
        return receipts[idempotency_key]

    @task(effect="once", reconcile=receipt_of)
    def charge(amount: int) -> int:
        charges.append(podium.idempotency_key())
        receipts[podium.idempotency_key()] = amount
        return amount

    @workflow
    async def shop() -> list[int]:
        return [await charge(amount) for amount in (1, 2, 3)]

    with SimWorld(seed) as world:
        world.restarts = False
        stalled = world.worker()
        world.start(shop)
        world.run_until(lambda: len(world.points) > point or world.is_over("run"))
        stalled.freeze()
        world.worker()
        world.run_until_over("run")
        stalled.thaw()
        world.settle()

        assert world.output("run") == [1, 2, 3]
        assert len(charges) == len(set(charges)) == 3
        assert world.ledger.faults == []
