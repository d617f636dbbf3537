"""Budgets of parts, runs, trees, calls and of what runs share; and what happens at the limit."""

import asyncio

from typing import Any

import pytest

import podium

from podium import (
    Budget,
    BudgetExceeded,
    BudgetNotFound,
    InvalidOption,
    NotInWorkflow,
    Podium,
    PriceUnknown,
    Retry,
    Spend,
    StepFailed,
    gather,
    task,
    workflow,
)
from podium.client.budgets import BudgetView
from podium.core.budgets import Amount
from podium.functions.calls import Workflow
from podium.journal.store import Batch
from podium.testing import crash_everywhere
from podium.testing.simulator import SimWorld
from tests.harness import die, drive, until

CENT = 10_000_000


@task(effect="read", price=lambda cents: Spend(cents / 100, tokens=10))
async def buy(cents: int, cost: int | None = None) -> int:
    podium.spend(usd=(cents if cost is None else cost) / 100)
    return cents


def budgets(app: Podium) -> dict[str, BudgetView]:
    return {one.key: one for one in app.budgets(with_ended=True)}


def run(flow: Workflow[..., Any], db: str, **options: Any) -> tuple[Any, dict[str, BudgetView]]:
    """Run a workflow to its end; return its result and how all budgets stand."""
    shared = options.pop("budgets", ())

    async def go() -> tuple[Any, dict[str, BudgetView]]:
        async with Podium(db, budgets=shared) as app:
            handle = await app.start(flow, id="r", **options)
            return await handle.result(), budgets(app)

    return drive(go())


async def refused(*calls: Any) -> list[str]:
    """Await calls one after the other; return the codes of those that failed."""
    codes = []
    for call in calls:
        try:
            await call
        except StepFailed as error:
            codes.append(error.error.code)
    return codes


def test_a_part_of_a_workflow(db: str) -> None:
    """What is begun in the block stands under it; steps are called what they are called without it."""

    @workflow
    async def flow() -> list[str]:
        await buy(50)
        with podium.budget("research", usd="0.25", calls=40):
            codes = await refused(buy(20), buy(6), buy(5))
        await buy(50)
        return codes

    codes, found = run(flow, db)

    assert codes == ["budget-exceeded"]
    assert list(found) == ["run:r/budget:research"]
    one = found["run:r/budget:research"]
    assert (one.name, one.run_id, one.spent, one.reserved) == (
        "research", "r", Amount(25 * CENT, 20, 2, 2), Amount(),
    )  # fmt: skip
    assert one.left("usd") == 0
    assert one.left("tokens") is None


def test_what_the_error_says(db: str) -> None:
    """Which budget, what is left of what, what was wanted, what to do; and of which class it is."""

    @workflow
    async def flow() -> str:
        with podium.budget("research", usd="0.25"):
            await buy(20)
            try:
                await buy(6)
            except BudgetExceeded as error:
                return error.error.message
        return "no error"

    text, _ = run(flow, db)

    assert text == (
        "the budget 'research' has $0.05 left of $0.25 ($0.20 used); buy may need $0.06. "
        "`podium budgets raise 'run:r/budget:research'` raises it."
    )


def test_a_tree_of_runs(db: str) -> None:
    """A child stands under the budgets of the place that starts it, and under its own."""

    @workflow(budget=Budget(usd="0.30"))
    async def child(depth: int) -> list[str]:
        codes = await refused(buy(10), buy(10))
        return codes + (await child(depth - 1) if depth else [])

    @workflow(budget=Budget(usd="0.55"))
    async def flow() -> list[str]:
        with podium.budget("half", usd="0.35"):
            codes = await child(1)
        return [*codes, "|", *await refused(buy(20), buy(10))]

    codes, found = run(flow, db)

    assert codes == ["budget-exceeded", "|", "budget-exceeded"]
    assert {key: one.spent.usd // CENT for key, one in found.items()} == {
        "run:r": 50, "run:r/budget:half": 30, "run:r:child": 30, "run:r:child:child": 10,
    }  # fmt: skip


def test_one_call(db: str) -> None:
    """A call may have a budget of its own, over all its attempts."""

    @task(effect="read", price=Spend("0.10"), retry=Retry(attempts=9, backoff="1ms"))
    async def flaky() -> None:
        raise ConnectionError

    @workflow
    async def flow() -> str:
        [code] = await refused(flaky().with_options(budget=Budget(usd="0.25")))
        return code

    code, found = run(flow, db)

    assert code == "budget-exceeded"
    assert found["run:r/flaky"].spent.usd == 20 * CENT


def test_the_start_says_more_than_the_workflow(db: str) -> None:
    """`start(budget=…)` holds in place of what the workflow says."""

    @workflow(budget=Budget(usd=100))
    async def flow() -> list[str]:
        return await refused(buy(10))

    assert run(flow, db, budget=Budget("tight", usd="0.05"))[0] == ["budget-exceeded"]


def test_budgets_by_attribute(db: str) -> None:
    """Runs with the same attribute share one; a run without it has none. Children have it too."""
    shared = [Budget("user:{user}", usd="0.30", per="day"), Budget("all", calls=5)]

    @workflow
    async def child() -> list[str]:
        return await refused(buy(20))

    @workflow
    async def flow() -> list[str]:
        return await child()

    async def go() -> None:
        async with Podium(db, budgets=shared) as app:
            codes = {}
            for name, user in (("a", "ann"), ("b", "bob"), ("c", "ann"), ("d", None)):
                headers = {} if user is None else {"user": user}
                codes[name] = await (await app.start(flow, id=name, headers=headers)).result()
            assert codes == {"a": [], "b": [], "c": ["budget-exceeded"], "d": []}
            found = budgets(app)
            assert {key: one.spent.usd // CENT for key, one in found.items()} == {
                "all": 60, "user:ann/day": 20, "user:bob/day": 20,
            }  # fmt: skip
            assert found["user:ann/day"].ends_at is not None

    drive(go())


def test_a_client_starts_a_worker_executes(db: str) -> None:
    """A run stands under the budgets of the app that started it, wherever it is executed; where the
    worker has other limits of the same name, those hold."""

    @workflow
    async def flow() -> list[str]:
        return await refused(buy(20))

    async def go(**worker: Any) -> list[str]:
        async with Podium(db, execute=False, budgets=[Budget("all", usd="0.10")]) as client:
            run = await client.start(flow)
            async with Podium(db, **worker):
                return await run.result()

    assert drive(go()) == ["budget-exceeded"]
    assert drive(go(budgets=[Budget("all", usd="0.20")])) == []


def test_calls_in_flight_may_leave_room(db: str) -> None:
    """What would fit if calls in flight cost less waits for them, and then begins."""

    @workflow
    async def flow() -> list[int]:
        with podium.budget("b", usd="0.12"):
            return list(await gather(*(buy(8, cost=2) for _ in range(3))))

    found, views = run(flow, db)

    assert found == [8, 8, 8]
    assert views["run:r/budget:b"].spent.usd == 6 * CENT


def test_unknown_prices(db: str) -> None:
    """Where nobody knows what it costs it is refused under a limit of that, unless that is allowed."""

    @task(effect="read", price=lambda: None)
    async def unknown() -> None: ...

    @task(effect="read", price=Spend(None, tokens=5))
    async def only_tokens() -> None: ...

    @task(effect="read")
    async def free() -> None: ...

    @workflow
    async def flow() -> list[Any]:
        with podium.budget(tokens=10):
            codes: list[Any] = [await refused(unknown(), only_tokens(), free())]
        with podium.budget(usd=10):
            codes.append(await refused(unknown(), only_tokens(), free()))
            with pytest.raises(PriceUnknown, match="a price= that says it"):
                await unknown()
        with podium.budget(usd=10, unknown="allow"):
            codes.append(await refused(unknown(), only_tokens()))
        with podium.budget(calls=1):
            codes.append(await refused(unknown(), unknown(), free()))
        return codes

    assert run(flow, db)[0] == [
        ["price-unknown"], ["price-unknown"] * 2, [], ["budget-exceeded"],
    ]  # fmt: skip


def test_steps_and_tools(db: str) -> None:
    """Steps count once, however often they are tried; a call of a tool is a call, priced or not."""

    @podium.tool(effect="read")
    async def look() -> None:
        """Look."""

    @task(effect="read", retry=Retry(attempts=3, backoff="1ms"))
    async def flaky() -> None:
        if podium.attempt() < 3:
            raise ConnectionError

    @workflow
    async def flow() -> list[Any]:
        with podium.budget("steps", steps=2):
            codes = [await refused(flaky(), flaky(), flaky())]
        with podium.budget("calls", calls=1):
            codes.append(await refused(flaky(), look(), look()))
        return codes

    codes, found = run(flow, db)

    assert codes == [["budget-exceeded"], ["budget-exceeded"]]
    assert found["run:r/budget:steps"].spent.steps == 2
    assert found["run:r/budget:calls"].spent.calls == 1


def test_time() -> None:
    """Nothing starts after the time; the clock is the run's."""

    @task(effect="read")
    async def look() -> None: ...

    @workflow
    async def flow() -> list[str]:
        with podium.budget("b", time="10m"):
            codes = await refused(look())
            await podium.sleep("11m")
            return codes + await refused(look())

    with SimWorld(1) as world:
        world.worker()
        world.run_until_over(world.start(flow))

        assert world.output("run") == ["budget-exceeded"]


def test_cheaper(db: str) -> None:
    """`cheaper` has a code of its own, and a fallback that fits answers."""

    @task(effect="read", price=Spend("0.01"))
    async def small(cents: int) -> str:
        return "small"

    @task(effect="read", price=Spend("1.00"), fallback=small)
    async def large(cents: int) -> str:
        return "large"

    @workflow
    async def flow() -> list[Any]:
        with podium.budget("b", usd="1.20", at_limit="cheaper"):
            answers = [await large(1), await large(1)]
            return [*answers, await refused(buy(50))]

    assert run(flow, db)[0] == ["large", "small", ["budget-cheaper"]]


def test_a_person_raises_it(db: str) -> None:
    """One step asks, the others wait and say who does; the answer lets all of them go on."""

    @workflow
    async def flow() -> int:
        with podium.budget("b", usd="0.10", at_limit="ask"):
            return sum(await gather(buy(8), buy(9), buy(7)))

    async def go() -> None:
        async with Podium(db) as app:
            run = await app.start(flow, id="r")
            [question] = await until(run.asks)
            waits = await until(lambda: _settled_waits(run, 2))
            assert {one["kind"] for one in waits} == {"budget"}
            texts = sorted(one["text"] for one in waits)
            assert texts[0].startswith("the budget 'b' has $0.02 left of $0.10 ($0.08 used); ")
            assert {text.partition("; ")[2] for text in texts} == {
                "a person is asked to raise it", "run r asks a person to raise it, at gather[1]/buy",
            }  # fmt: skip
            assert question.form["kind"] == "budget"
            assert question.form["answer"] == {"usd": 0.2}
            view = budgets(app)["run:r/budget:b"]
            assert (view.waiting, view.asked.path) == (2, "gather[1]/buy")  # type: ignore[union-attr]

            await run.answer(question.id, {"usd": "much"})
            [again] = await until(lambda: _other(run, question.id))
            assert "could not be used" in again.form["problem"]
            await run.answer(again.id, {"usd": 0.5})

            assert await run.result() == 24
            view = budgets(app)["run:r/budget:b"]
            assert (view.asked, view.limits) == (None, {"usd": 50 * CENT})
            assert [one.by for one in view.raises] == ["a person"]
            assert await app.asks() == []

    drive(go())


async def _waits(run: podium.Run[Any], count: int) -> list[dict[str, Any]] | None:
    view = await run.show()
    return view.waits if view.status == "waiting" and len(view.waits) == count else None


async def _settled_waits(run: podium.Run[Any], count: int) -> list[dict[str, Any]] | None:
    """What it waits for, once nothing is in flight that could leave room."""
    waits = await _waits(run, count)
    return None if waits is None or any("in flight" in one["text"] for one in waits) else waits


async def _other(run: podium.Run[Any], ask_id: str) -> list[Any]:
    return [one for one in await run.asks() if one.id != ask_id]


def test_a_person_refuses(db: str) -> None:
    """Then all that does not fit fails, and nobody is asked again."""

    @workflow
    async def flow() -> list[str]:
        with podium.budget("b", usd="0.10", at_limit="ask"):
            found = await gather(buy(11), buy(12), partial=True)
            return [one.error.message for one in found if one.error] + await refused(buy(13))

    async def go() -> None:
        async with Podium(db) as app:
            run = await app.start(flow, id="r")
            [question] = await until(run.asks)
            await run.answer(question.id, {"refuse": True})
            first, second, code = await run.result()
            assert "a person would not raise it" in first
            assert "a person would not raise it" in second
            assert code == "budget-exceeded"

    drive(go())


def test_it_is_asked_across_a_death(db: str) -> None:
    """A question to a person outlives the worker: the same one is open afterwards, and answered."""

    @workflow
    async def flow() -> int:
        with podium.budget("b", usd="0.10", at_limit="ask"):
            return await buy(11)

    async def go() -> None:
        async with Podium(db) as app:
            run = await app.start(flow, id="r")
            [before] = await until(run.asks)
            await die(app)
        async with Podium(db) as app:
            run = await app.get("r")
            await until(lambda: _waits(run, 1))
            [after] = await run.asks()
            assert after.id == before.id
            await run.answer(after.id, 0.2)
            assert await run.result() == 11

    drive(go())


def test_an_operator_raises_it(db: str) -> None:
    """A raise by name is enough, also for runs of other workers; the question is closed."""

    @workflow
    async def flow() -> int:
        return await buy(11)

    async def go() -> None:
        shared = [Budget("all", usd="0.10", at_limit="ask")]
        async with Podium(db, budgets=shared) as app, Podium(db, execute=False) as client:
            runs = [await app.start(flow, id=name) for name in "ab"]
            await until(lambda: _all_wait(runs))
            assert len(await app.asks()) == 1
            with pytest.raises(InvalidOption, match=r"has \$0.10 already"):
                await client.raise_budget("all", usd="0.10")
            with pytest.raises(InvalidOption, match="does not limit tokens"):
                await client.raise_budget("all", tokens=7)
            with pytest.raises(BudgetNotFound, match="Did you mean 'all'"):
                await client.raise_budget("al", usd=1)
            view = await client.raise_budget("all", usd=1, by="ann")
            assert view.limits == {"usd": 100 * CENT}
            assert [await run.result() for run in runs] == [11, 11]
            assert await app.asks() == []

    drive(go())


async def _all_wait(runs: list[podium.Run[Any]]) -> bool:
    return all([await _waits(run, 1) for run in runs])


def test_who_is_cancelled_asks_no_more(db: str) -> None:
    """Where the run that asks is cancelled, the next one asks."""

    @workflow
    async def flow() -> int:
        return await buy(11)

    async def go() -> None:
        async with Podium(db, budgets=[Budget("all", usd="0.10", at_limit="ask")]) as app:
            first = await app.start(flow, id="a")
            await until(first.asks)
            second = await app.start(flow, id="b")
            await until(lambda: _waits(second, 1))
            assert await second.asks() == []
            await first.cancel()
            [question] = await until(second.asks)
            assert await first.asks() == []
            await second.answer(question.id, 1)
            assert await second.result() == 11

    drive(go())


def test_a_cancelled_run_that_was_set_aside_asks_no_more(db: str) -> None:
    """A run that nobody has in memory leaves nothing either when it is cancelled."""

    @workflow
    async def flow() -> int:
        return await buy(11)

    async def go() -> None:
        app = await Podium(db, budgets=[Budget("all", usd="0.10", at_limit="ask")]).open()
        run = await app.start(flow, id="a")
        await until(run.asks)
        await die(app)
        async with Podium(db, execute=False) as client:
            batch = Batch()
            batch.change(client.desk.row("a").num).status = "quarantined"
            await client.desk.commit(batch)
            assert budgets(client)["all"].asked is not None
            await (await client.get("a")).cancel()
            assert budgets(client)["all"].asked is None
            assert client.desk.reader.common.states("budget.held") == {}

    drive(go())


def test_undoing_is_never_refused(db: str) -> None:
    """What undoes a failed run is counted, and begins though nothing is left."""
    undone: list[int] = []

    @task(price=Spend("0.10"))
    async def refund(cents: int) -> None:
        undone.append(cents)

    @task(price=Spend("0.10"), compensate=refund)
    async def pay(cents: int) -> None: ...

    @workflow(budget=Budget(usd="0.10"))
    async def flow() -> None:
        await pay(1)
        await pay(2)

    async def go() -> None:
        async with Podium(db) as app:
            run = await app.start(flow, id="r")
            with pytest.raises(podium.RunFailed, match="BudgetExceeded"):
                await run.result()
            assert undone == [1]  # the second one certainly did not happen
            assert budgets(app)["run:r"].spent.usd == 20 * CENT

    drive(go())


def test_what_costs_more_than_it_said(db: str) -> None:
    """It is counted; then nothing more starts."""

    @workflow
    async def flow() -> list[str]:
        with podium.budget("b", usd="0.10"):
            return await refused(buy(1, cost=40), buy(1))

    codes, found = run(flow, db)

    assert codes == ["budget-exceeded"]
    assert found["run:r/budget:b"].spent.usd == 40 * CENT


def test_an_incarnation_has_its_own_parts(db: str) -> None:
    """`restart_with` begins parts anew; what the run itself may spend goes on."""

    @workflow(budget=Budget(usd="0.25"))
    async def flow(turn: int) -> list[str]:
        with podium.budget("turn", usd="0.10"):
            codes = await refused(buy(10))
        if turn < 2:
            podium.restart_with(turn + 1)
        return codes

    codes, found = run(flow, db, input={"turn": 0})

    assert codes == ["budget-exceeded"]
    assert {key: one.spent.usd // CENT for key, one in found.items()} == {
        "run:r": 20, "run:r/budget:turn": 10, "run:r~1/budget:turn": 10,
    }  # fmt: skip


@pytest.mark.long
def test_crashes_everywhere() -> None:
    """Whatever the crash point, the program sees the same, and the books balance."""

    @task(effect="read", price=Spend("0.10"))
    async def think(n: int) -> int:
        podium.spend(usd="0.02")
        return n

    @task(effect="write", price=Spend("0.10"))
    async def act(n: int) -> int:
        podium.spend(usd="0.02")
        return n

    @workflow(budget=Budget(usd=50))
    async def flow() -> list[Any]:
        with podium.budget("b", usd=40, steps=50):
            return [await think(1), await act(2), *await gather(think(3), act(4))]

    crash_everywhere(flow, {})


def test_bad_options(db: str) -> None:
    """What makes no sense is refused where it is written."""
    for bad in ({}, {"usd": -1}, {"tokens": 1.5}, {"usd": 1, "per": "week"}, {"colour": 1},
                {"usd": 1, "at_limit": "wait"}, {"usd": 1, "at_limit": "cry"}, {"usd": 1, "unknown": 1},
                {"time": "1h", "per": "day"}, {"time": 60}):  # fmt: skip
        with pytest.raises(InvalidOption):
            Budget("b", **bad)
    for bad_app in (Budget(usd=1), Budget("run:x", usd=1), Budget("a:{", usd=1), Budget("a:{b.c}", usd=1),
                    Budget("t", time="1h"), "all"):  # fmt: skip
        with pytest.raises(InvalidOption):
            Podium(db, budgets=[bad_app])  # type: ignore[list-item]
    with pytest.raises(InvalidOption, match="one name and period"):
        Podium(db, budgets=[Budget("a", usd=1), Budget("a", usd=2)])
    Podium(db, budgets=[Budget("a", usd=1), Budget("a", usd=2, per="day")])
    with pytest.raises(InvalidOption, match="shared by runs"):
        workflow(budget=Budget(usd=1, per="day"))(_nothing)
    with pytest.raises(NotInWorkflow), podium.budget(usd=1):
        pass


async def _nothing() -> None:
    await asyncio.sleep(0)
