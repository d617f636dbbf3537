"""Budgets: drawn before a body begins, and not again by what is recorded; a death gives nothing back."""

import asyncio
import signal

from pathlib import Path
from typing import Any

import pytest

import podium

from podium import Budget, Cache, Podium, Spend, StepFailed, task, workflow
from podium.journal.records import Kind
from tests.evidence.test_shared import processes, states
from tests.harness import committed, die, drive, kinds, until

DIME = 100_000_000


def account(db: str, key: str) -> dict[str, Any]:
    """How a budget of a run is committed, seen through a connection of its own."""
    found: dict[str, Any] = states(db, "budget.run")[key]
    return found


def test_a_price_is_committed_at_the_start(db: str) -> None:
    """When the body of a read runs that has a price, or a budget, its start is in the file, and so is
    the reservation of the latter, as begun.

    EVIDENCE-OF G-49: "Budgets are drawn in committed blocks, and a step with a price or a budget is committed at its start whatever its effect."
    """
    seen: list[Any] = []

    @task(effect="read", price=Spend("0.10"))
    async def priced() -> None:
        seen.append((kinds(db, "r")[-1], states(db, "budget.held")))

    @task(effect="read")
    async def counted() -> None:
        seen.append((kinds(db, "r")[-1], states(db, "budget.held")))

    @workflow
    async def flow() -> None:
        await priced()
        with podium.budget("b", usd=1, steps=5):
            await priced()
            await counted()

    async def go() -> None:
        async with Podium(db) as app:
            await (await app.start(flow, id="r")).result()

    drive(go())

    assert [record for record, _ in seen] == [
        (Kind.STARTED, path) for path in ("priced", "priced#2", "counted")
    ]
    held = [list(reserved.values()) for _, reserved in seen]
    assert held[0] == []
    assert [one["is_begun"] for reserved in held[1:] for one in reserved] == [True, True]
    assert held[1][0]["amount"] == [DIME, 0, 1, 1]
    assert states(db, "budget.held") == {}


def test_what_is_recorded_is_not_spent_again(db: str) -> None:
    """A run that goes on after a death has its recorded results for nothing; so has a call whose
    result the cache gives.

    EVIDENCE-OF G-52: "Replays, recorded results and results of the cache spend nothing."
    """

    @task(effect="read", price=Spend("0.10"), cache=Cache("1h"))
    async def think(n: int) -> int:
        return n

    @workflow
    async def flow() -> list[int]:
        with podium.budget("b", usd="0.20"):
            found = [await think(1), await think(2)]
            await podium.receive("go on")
            return [*found, await think(1), await think(2)]

    async def go() -> list[int]:
        app = await Podium(db).open()
        run = await app.start(flow, id="r")
        await until(lambda: _waits(run))
        await die(app)
        async with Podium(db) as app:
            run = await app.get("r")
            await run.signal("go on")
            found: list[int] = await run.result()
            assert (await run.spent()).own.nanos == 2 * DIME
            return found

    assert drive(go()) == [1, 2, 1, 2]
    assert account(db, "run:r/budget:b")["spent"][0] == 2 * DIME


async def _waits(run: Any) -> bool:
    return bool(await run.status() == "waiting")


def test_a_death_in_the_body_counts(db: str) -> None:
    """What was in flight when the worker died counts as spent, and the successor gets what is left."""
    tries: list[int] = []

    @task(effect="read", price=Spend("0.10"))
    async def think() -> int:
        tries.append(podium.attempt())
        if len(tries) < 3:
            await asyncio.Event().wait()
        return len(tries)

    @workflow(budget=Budget(usd="0.20"))
    async def flow() -> str:
        try:
            await think()
        except StepFailed as error:
            return error.error.code
        return "done"

    async def go() -> str:
        app = await Podium(db).open()
        await app.start(flow, id="r")
        for count in (1, 2):
            await until(lambda count=count: len(tries) == count)
            await die(app)
            app = await Podium(db).open()
        try:
            code: str = await (await app.get("r")).result()
            assert (await (await app.get("r")).spent()).own.nanos == 2 * DIME
            return code
        finally:
            await app.close()

    assert drive(go()) == "budget-exceeded"
    assert tries == [1, 2]
    assert account(db, "run:r")["spent"] == [2 * DIME, 0, 2, 1]


@pytest.mark.long
def test_a_killed_agent_gets_no_new_budget(tmp_path: Path) -> None:
    """A process that kills itself in every second paid call, and is started again each time, spends
    one budget and not one for each life.

    EVIDENCE-OF G-51: "What a crash leaves unknown counts as spent: a crash can lose permission to spend, never gain it."
    """
    db, paid = tmp_path / "a.db", tmp_path / "paid"
    deaths, said = 0, ""
    with processes() as start:
        while not said:
            process = start("tests.evidence.spender", db, paid)
            said, trouble = process.communicate(timeout=60)
            assert process.returncode in (0, -signal.SIGKILL), trouble
            deaths += process.returncode != 0
            assert deaths < 20

    assert said == "budget-exceeded\n"
    lines = paid.read_text(encoding="utf-8").splitlines()
    spent = account(str(db), "run:agent/budget:agent")["spent"]
    assert (len(lines), deaths, spent[0]) == (9, 5, 9 * DIME)
    with committed(db) as view:
        held = view.reader.common.states("budget.held")
    assert held == {}
