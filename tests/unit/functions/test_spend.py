"""What a body says that it has used, and what counts where it says nothing."""

import asyncio

from decimal import Decimal
from pathlib import Path

import pytest

import podium

from podium import Podium, Retry, Spend, task, workflow
from podium.client.spending import RunSpending, Spending
from podium.core.errors import InvalidOption, NotDone, RunFailed, UsageError
from podium.functions.calls import Workflow
from tests.harness import drive
from tests.unit.engine import process_tasks


async def spent_by(flow: Workflow[..., object], db: str | Path, **options: object) -> RunSpending:
    """Run a workflow to its end and return what it has spent."""
    async with Podium(db) as app:
        run = await app.start(flow, **options)  # type: ignore[arg-type]
        try:
            await run.result()
        except RunFailed:
            pass
        return await run.spent()


def test_what_is_said_adds_up(db: str) -> None:
    """Several times adds up; what is not said counts as the price says."""

    @task(effect="read", price=lambda prompt: Spend(0.01 * len(prompt), tokens=100))
    async def ask(prompt: str) -> None:
        podium.spend(usd="0.002")
        podium.spend(usd=Decimal("0.0005"), tokens=7)

    @workflow
    async def flow() -> None:
        await ask("hello")

    found = drive(spent_by(flow, db))

    assert found.own == Spending(nanos=2_500_000, tokens=7, calls=1, steps=1)
    assert found.own.usd == 0.0025


def test_a_price_is_given_the_arguments_it_names(db: str) -> None:
    """A function of the call's arguments says the worst case; defaults are among them."""

    @task(effect="read", price=lambda size: Spend(tokens=size))
    async def ask(prompt: str, size: int = 40) -> None: ...

    @workflow
    async def flow() -> None:
        await ask("a")
        await ask("b", size=2)

    assert drive(spent_by(flow, db)).own == Spending(tokens=42, calls=2, steps=2)


def test_failures_count_too(db: str) -> None:
    """A failed attempt has spent what it said, else its price; one that was not done nothing."""

    @task(effect="read", price=Spend(1), retry=Retry(attempts=4, backoff="1ms", jitter=0))
    async def ask() -> None:
        match podium.attempt():
            case 1:
                podium.spend(usd=0.25)
                raise ValueError("it broke after that")
            case 2:
                raise ValueError("nobody knows what that cost")
            case 3:
                raise NotDone("it never went out")
        podium.spend(usd=0)

    @workflow
    async def flow() -> None:
        await ask()

    found = drive(spent_by(flow, db)).own

    assert found == Spending(nanos=1_250_000_000, calls=3, steps=1)


def test_an_attempt_that_was_given_up_counts_in_full(db: str) -> None:
    """What was cut off has cost its price, whatever its body had said by then."""

    @task(effect="read", price=Spend(1), timeout="20ms")
    async def ask() -> None:
        podium.spend(usd=0.25)
        await asyncio.sleep(60)

    @workflow
    async def flow() -> None:
        await ask()

    assert drive(spent_by(flow, db)).own.nanos == 1_000_000_000


def test_a_task_without_a_price_may_spend(db: str) -> None:
    """What a body says counts without a price too, in a thread as well."""

    @task
    def pay() -> None:
        podium.spend(usd=2, calls=1)

    @workflow
    async def flow() -> None:
        await pay()

    assert drive(spent_by(flow, db)).own == Spending(nanos=2_000_000_000, calls=1, steps=1)


@pytest.mark.long
def test_another_process_says_it_too(db: str) -> None:
    """A body in a process of its own says what it uses."""

    @workflow
    async def flow() -> None:
        await process_tasks.pay_elsewhere(3)

    assert drive(spent_by(flow, db)).own == Spending(nanos=3_000_000_000, tokens=3, steps=1)


def test_children_count_in_the_tree(db: str) -> None:
    """A run has spent what its own steps have; its tree what its children have, too."""

    @task(effect="read", price=Spend(1))
    async def ask() -> None: ...

    @workflow
    async def child(depth: int) -> None:
        await ask()
        if depth:
            await child(depth - 1)

    @workflow
    async def flow() -> None:
        await ask()
        await child(2)

    found = drive(spent_by(flow, db))

    assert (found.own.usd, found.tree.usd) == (1.0, 4.0)
    assert found.tree.steps == 4


def test_a_result_of_the_cache_costs_nothing(db: str) -> None:
    """What was not called has spent nothing, and is no step that was carried out."""

    @task(effect="read", price=Spend(1), cache=podium.Cache("1h"))
    async def ask() -> int:
        return 1

    @workflow
    async def flow() -> None:
        await ask()

    assert drive(spent_by(flow, db)).own.usd == 1.0
    assert drive(spent_by(flow, db)).own == Spending()


def test_a_price_that_was_wrong_is_said(db: str) -> None:
    """What costs more than its price said is counted, and warned of."""

    @task(effect="read", price=Spend(0.01))
    async def ask() -> None:
        podium.spend(usd=0.5)

    @workflow
    async def flow() -> None:
        await ask()

    async def go() -> None:
        async with Podium(db) as app:
            run = await app.start(flow)
            await run.result()
            (note,) = await run.notes()
            assert (note.code, note.path) == ("price-exceeded", "ask")
            assert "has cost $0.50; its price said at most $0.01" in note.text
            assert (await run.spent()).own.usd == 0.5

    drive(go())


@pytest.mark.parametrize("price", [lambda: 1 / 0, lambda: 0.5])
def test_a_price_that_cannot_be_told(db: str, price: object) -> None:
    """A price function that fails, or returns something else, fails the step before it begins."""

    @task(effect="read", price=price)  # type: ignore[call-overload]
    async def ask() -> None:
        raise AssertionError("it must not begin")

    @workflow
    async def flow() -> str:
        try:
            await ask()
        except podium.StepFailed as error:
            return error.error.code
        return "no error"

    assert drive(_result(flow, db)) == "price-failed"


async def _result(flow: Workflow[..., object], db: str) -> object:
    async with Podium(db) as app:
        return await (await app.start(flow)).result()


def test_spend_outside() -> None:
    """Outside a workflow it does nothing; bad amounts are refused everywhere."""
    podium.spend(usd=1)
    for bad in (-1, float("nan"), "many", True, 2e9):
        with pytest.raises(InvalidOption, match=r"spend\(usd\)"):
            podium.spend(usd=bad)
    with pytest.raises(InvalidOption, match=r"spend\(tokens\)"):
        podium.spend(tokens=-1)


def test_spend_in_a_workflow(db: str) -> None:
    """A program spends nothing: only bodies do."""

    @workflow
    async def flow() -> str:
        try:
            podium.spend(usd=1)
        except UsageError as error:
            return str(error)
        return "no error"

    assert "bodies of tasks" in str(drive(_result(flow, db)))


def test_bad_prices() -> None:
    """A price that no call could have is refused where it is written."""
    for bad in (0.5, "cheap"):
        with pytest.raises(InvalidOption, match="price="):
            task(price=bad)(lambda: None)  # type: ignore[call-overload]

    def named(size: int) -> None: ...

    def price(length: int) -> Spend:
        return Spend(length)

    with pytest.raises(InvalidOption, match="price wants 'length'"):
        task(price=price)(named)
