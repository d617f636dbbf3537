"""Budgets of fleets through deaths: never overspent, nothing lost, nothing leaked."""

import asyncio
import random

import pytest

import podium

from podium import Budget, Retry, Spend, StepFailed, gather, task, workflow
from podium.core.budgets import Amount
from podium.engine.engine import EngineOptions
from podium.policy import budget
from podium.testing.process import _here
from podium.testing.simulator import SimWorld
from tests.sim.cases import IS_FULL
from tests.sim.fleets import harm, restart_machine, states

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("_names")]
SEEDS = range(300) if IS_FULL else range(6)
CENT = 10_000_000


class Seller:
    """A service that takes money: it counts what it was paid, whether or not the caller lived on.

    Attributes:
        paid: Cents, of all calls that reached it.
        by_run: The same of each run.
    """

    def __init__(self) -> None:
        self.paid = 0
        self.by_run: dict[str, int] = {}

    async def sell(self, cents: int, lasts_s: float) -> None:
        """Take the money at some moment of the call."""
        process = _here.get()
        assert process is not None
        await asyncio.sleep(lasts_s / 2)
        self.paid += cents
        run = podium.run_id().split(":")[0]
        self.by_run[run] = self.by_run.get(run, 0) + cents
        await asyncio.sleep(lasts_s / 2)


def account(world: SimWorld, key: str) -> budget.Account:
    state = world.reader.common.state(budget.kind_of(key), key)
    return budget.Account() if state is None else budget.read(state, key)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fleet_never_overspends(seed: int) -> None:
    """Runs with children share a budget in three workers that die: whatever happens, the seller is
    never paid more than any limit, and in the end nothing is reserved; all runs come to an end.

    EVIDENCE-OF G-50: "What runs of all workers together reserve and spend under a budget is never more than its limit, whatever dies."
    """
    seller = Seller()
    chance = random.Random(seed)

    @task(
        effect="read",
        price=lambda cents: Spend(cents / 100),
        retry=Retry(attempts=3, backoff="50ms"),
    )
    async def buy(cents: int) -> int:
        cost = cents - 1 if chance.random() < 0.5 else cents
        await seller.sell(cost, chance.choice((0.0, 0.05, 0.4)))
        if chance.random() < 0.2:
            raise ConnectionError("after the money was taken")
        podium.spend(usd=cost / 100)
        return cost

    async def shop(number: int) -> int:
        bought = 0
        for item in range(4):
            try:
                bought += sum(await gather(*(buy(3 + (number + item) % 3) for _ in range(2))))
            except StepFailed as error:
                if error.error.code not in ("budget-exceeded", "error"):
                    raise
        return bought

    @workflow
    async def errand(number: int) -> int:
        return await shop(number)

    @workflow(budget=Budget(usd="0.40"))
    async def fleet(number: int) -> int:
        with podium.budget("first", usd="0.20"):
            mine = await errand(number)
        return mine + await shop(number)

    options = EngineOptions(budgets=(Budget("tenant:{tenant}", usd="1.50"),))
    with SimWorld(seed, stalls=0.01, options=options) as world:
        for _ in range(3):
            world.worker()
        ids = [
            world.start(fleet, {"number": number}, id=f"run {number}", headers={"tenant": "acme"})
            for number in range(6)
        ]
        harm(world, chance, times=3, within_s=3.0)
        world.later(chance.random() * 3.0, lambda: restart_machine(world))
        world.run_until_over(*ids)
        world.settle()

        assert {world.row(one).status for one in ids} == {"succeeded"}
        assert states(world, budget.HELD_KIND) == {}
        tenant = account(world, "tenant:acme")
        assert tenant.held == Amount()
        assert seller.paid * CENT <= tenant.spent.usd <= 150 * CENT
        for one in ids:
            own = account(world, f"run:{one}")
            assert seller.by_run.get(one, 0) * CENT <= own.spent.usd <= 40 * CENT
            first = account(world, f"run:{one}/budget:first")
            assert first.spent.usd <= 20 * CENT
            assert own.held == first.held == Amount()
        sums = sum(account(world, f"run:{one}").spent.usd for one in ids)
        assert sums == tenant.spent.usd
        assert world.ledger.faults + world.views.faults == []


@pytest.mark.parametrize("seed", SEEDS)
def test_deaths_do_not_give_money_back(seed: int) -> None:
    """An agent whose worker dies in every call spends its budget, and not a new one each time.

    EVIDENCE-OF G-51: "What a crash leaves unknown counts as spent: a crash can lose permission to spend, never gain it."
    """
    seller = Seller()
    chance = random.Random(seed)

    @task(effect="read", price=Spend("0.10"))
    async def think() -> None:
        await seller.sell(10, 0.1)
        process = _here.get()
        assert process is not None
        if chance.random() < 0.8:
            process.kill()
            world.later(0.05, lambda: world.worker() and None)
            await asyncio.sleep(60)

    @workflow
    async def agent() -> str:
        with podium.budget("agent", usd="0.95"):
            for _ in range(100):
                try:
                    await think()
                except StepFailed as error:
                    return error.error.code
                await podium.sleep("10ms")  # it gets on, else it would be quarantined
        return "never at its limit"

    with SimWorld(seed) as world:
        world.worker()
        run = world.start(agent)
        while not world.row(run).is_ended:
            world.run_until_over(run)
            if world.row(run).status == "quarantined":
                world.resume(run)
        world.settle()

        assert world.output(run) == "budget-exceeded"
        assert account(world, "run:run/budget:agent").spent.usd == seller.paid * CENT == 90 * CENT
        assert states(world, budget.HELD_KIND) == {}
