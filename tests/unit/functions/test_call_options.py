"""Options of one call; priorities; what answers from an earlier call."""

from __future__ import annotations

import asyncio

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import podium

from podium import (
    Breaker,
    Cache,
    Concurrency,
    Degraded,
    InvalidOption,
    LastGood,
    NameTaken,
    Outcome,
    Podium,
    Rate,
    Retry,
    StepFailed,
    gather,
    task,
    workflow,
)
from podium.testing import crash_everywhere
from tests.harness import drive, fresh_names, until


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


async def output_of(flow: Any, **headers: Any) -> Any:
    """Run a workflow in a database of its own."""
    async with Podium(":memory:") as app:
        return await (await app.start(flow, headers=headers)).result()


def test_a_call_has_its_own_options() -> None:
    """Those that are given stand in place of the task's, the others stay; other calls are as before."""
    tries: list[str] = []

    @task(effect="read", retry=Retry(attempts=3, backoff="0s"), timeout="1h")
    async def fetch(name: str) -> str:
        tries.append(name)
        if name == "slow":
            await asyncio.sleep(3600)
        raise ConnectionError(name)

    @workflow
    async def asking() -> list[str]:
        said = []
        for call in (
            fetch("usual"),
            fetch("once").with_options(retry=None),
            fetch("slow").with_options(timeout="10ms").with_options(retry=Retry(2, "0s")),
            fetch("usual again"),
        ):
            try:
                await call
            except StepFailed as error:
                said.append(type(error).__name__)
        return said

    said = drive(output_of(asking))

    assert said == ["StepFailed", "StepFailed", "StepTimedOut", "StepFailed"]
    assert tries == ["usual"] * 3 + ["once"] + ["slow"] * 2 + ["usual again"] * 3


def test_an_effect_is_raised_and_never_lowered() -> None:
    """What a task declares holds for each call of it, at least."""
    keys: list[bool] = []

    @task(effect="read", cache=Cache("1h"))
    def look(n: int) -> int:
        keys.append(bool(podium.idempotency_key()))
        return n

    @task(effect="write")
    def put(n: int) -> int:
        raise ConnectionResetError("in the middle")

    @workflow
    async def asking() -> str:
        await look(1).with_options(effect="write", cache=None)
        try:
            await put(1).with_options(effect="once", unknown="raise")
        except podium.OutcomeUnknown as error:
            return error.code
        return ""

    async def main() -> tuple[str, list[str]]:
        async with Podium(":memory:") as app:
            run = await app.start(asking)
            return await run.result(), [step.effect for step in await run.steps()]

    assert drive(main()) == ("outcome-unknown", ["write", "once"])
    with pytest.raises(InvalidOption, match=r"declared as write, .* more than that: once\."):
        put(1).with_options(effect="read")
    with pytest.raises(InvalidOption, match="cache is for effect='pure' or 'read', not write"):
        look(1).with_options(effect="write")


def test_bad_options_of_a_call_are_refused() -> None:
    """With the value, where they are written; nothing is registered, nothing runs."""

    @task(effect="read", rate=Rate("10/s", key="crm"))
    def fetch(name: str) -> str:
        return name

    @workflow
    async def flow() -> None: ...

    with pytest.raises(InvalidOption, match=r"fetch\(…\)\.with_options: no option 'timeut'"):
        fetch("x").with_options(timeut="3s")  # type: ignore[call-arg]  # what is tested
    with pytest.raises(InvalidOption, match=r"timeout is 'soon'|'soon'"):
        fetch("x").with_options(timeout="soon")
    with pytest.raises(InvalidOption, match=r"which is no parameter of fetch\(name\)"):
        fetch("x").with_options(rate=Rate("1/s", key="{account}"))
    with pytest.raises(NameTaken, match="two different options under the key 'crm'"):
        fetch("x").with_options(rate=Rate("11/s", key="crm"))
    with pytest.raises(InvalidOption, match="unknown are for effect='once', not read"):
        fetch("x").with_options(unknown="raise")
    with pytest.raises(
        InvalidOption, match=r"with_options: priority=1001; expected a whole number"
    ):
        fetch("x").with_priority(1001)
    with pytest.raises(InvalidOption, match="flow is a workflow; calls of tasks have options"):
        flow().with_options(timeout="3s")


def test_a_priority_is_that_of_the_run_and_that_of_the_call_together() -> None:
    """Of those that wait for a limit the higher goes first; children have what their parent has."""
    order: list[str] = []
    hold: list[asyncio.Event] = []

    @task(effect="read", concurrency=Concurrency(1, key="narrow"))
    async def narrow(name: str) -> None:
        order.append(name)
        await hold[0].wait()

    @workflow
    async def low(name: str) -> None:
        await gather(narrow(f"{name} 0"), narrow(f"{name} -1").with_priority(-1))

    @workflow
    async def child(name: str) -> None:
        await narrow(name)

    @workflow
    async def high() -> None:
        await gather(child("child of high"), narrow("high +50").with_priority(50))

    async def main() -> None:
        hold.append(asyncio.Event())
        async with Podium(":memory:") as app:
            first = await app.start(low, {"name": "first"}, id="first")
            await until(lambda: order == ["first 0"])
            runs = [
                await app.start(low, {"name": "low"}, id="low"),
                await app.start(high, priority=100, id="high"),
            ]
            for waits in ("low", "high", "high:gather[0]/child"):
                await until(lambda waits=waits: waiting(app, waits))
            hold[0].set()
            for run in [first, *runs]:
                await run.result()

    def waiting(app: Podium, run_id: str) -> bool:
        row = app.desk.reader.run(run_id)
        return row is not None and b"concurrency" in (row.waits or b"")

    drive(main())

    assert order[0] == "first 0"
    assert order[1:3] == ["high +50", "child of high"]
    assert order.index("low 0") < order.index("low -1")


def test_a_priority_of_a_run_is_checked() -> None:
    """Where it is started, as an argument or as a header."""

    @workflow
    async def flow() -> dict[str, Any]:
        return podium.headers()

    async def main() -> dict[str, Any]:
        async with Podium(":memory:") as app:
            for options in ({"priority": 1.5}, {"headers": {"podium.priority": "high"}}):
                with pytest.raises(InvalidOption, match="start: priority="):
                    await app.start(flow, **options)  # type: ignore[arg-type]  # what is tested
            run = await app.start(flow, headers={"tenant": "a"}, priority=3)
            return await run.result()

    assert drive(main()) == {"tenant": "a", "podium.priority": 3}


def test_the_last_good_result_answers(tmp_path: Path) -> None:
    """That of the same call, of any run, within the age; marked stale for caller and record."""
    is_up = [True]

    @task(effect="read", fallback=LastGood("24h"))
    def order_status(id: str, region: str = "eu") -> dict[str, str]:
        if not is_up[0]:
            raise ConnectionRefusedError("api down")
        return {"id": id, "state": "sent"}

    @workflow
    async def asking(id: str) -> Outcome[dict[str, str]]:
        return await order_status(id).outcome()

    async def main() -> list[Any]:
        async with Podium(tmp_path / "a.db") as app:
            good = await (await app.start(asking, {"id": "7"})).result()
            is_up[0] = False
            run = await app.start(asking, {"id": "7"})
            stale = await run.result()
            none = await (await app.start(asking, {"id": "8"})).result()
            steps = [(step.path, step.status) for step in await run.steps()]
            return [good, stale, none, steps]

    good, stale, none, steps = drive(main())

    assert (good.answered_by, good.is_stale) == ("order_status", False)
    assert (stale.status, stale.value, stale.answered_by, stale.is_stale) == (
        "ok", {"id": "7", "state": "sent"}, "last_good", True,
    )  # fmt: skip
    assert abs((stale.at - good.at).total_seconds()) < 1
    assert stale.error.message == "api down"
    assert "stale: order_status failed (ConnectionRefusedError: api down)" in stale.warnings[0]
    assert none.status == "failed"
    assert [one.code for one in none.error.fallbacks] == ["no-last-good"]
    assert ("order_status/fallback[1]", "succeeded") in steps


def test_an_old_result_is_no_last_good_one() -> None:
    """The age is looked at by the clock of the runs; what stands behind it answers then."""
    calls: list[int] = []

    @task(effect="read", fallback=[LastGood("1h"), Degraded(-1)])
    def fetch() -> int:
        calls.append(1)
        if len(calls) % 3 != 1:
            raise ConnectionError("down")
        return 7

    @workflow
    async def asking() -> list[Any]:
        found = [(await fetch()), (await fetch().outcome())]
        await podium.sleep("2h")
        return [found[0], found[1].value, found[1].answered_by, await fetch()]  # type: ignore[attr-defined]

    report = crash_everywhere(asking, setup=calls.clear, points=[])

    assert report.output == [7, 7, "last_good", -1]


def test_a_cached_result_says_so(tmp_path: Path) -> None:
    """Who answered, and when the value was made."""

    @task(effect="read", cache=Cache("1h"))
    def fetch(n: int) -> int:
        return n

    @workflow
    async def asking() -> list[Outcome[int]]:
        return [await fetch(1).outcome(), await fetch(1).outcome()]

    own, cached = drive(output_of(asking))

    assert (own.answered_by, cached.answered_by) == ("fetch", "cache")
    assert (cached.value, cached.is_stale) == (1, False)
    assert cached.at <= own.at


def test_an_open_breaker_does_not_keep_a_call_waiting_that_has_a_fallback() -> None:
    """The last of a chain waits, those before it fail at once."""
    asked: list[str] = []

    @task(effect="read", breaker=Breaker("orders", failures=1, open="1h"))
    def other(n: int) -> int:
        asked.append("other")
        return n

    @task(
        effect="read",
        breaker=Breaker("orders", failures=1, open="1h"),
        fallback=[other, Degraded(-1)],
    )
    def fetch(n: int) -> int:
        asked.append("fetch")
        raise ConnectionError("down")

    @workflow
    async def failing() -> Any:
        return (await fetch(1).with_fallback().outcome()).status

    @workflow
    async def asking() -> list[Any]:
        second = await fetch(2).outcome()
        third = await fetch(3).with_fallback().with_options(queue_timeout="10ms").outcome()
        assert second.error is not None
        assert third.error is not None
        return [second.value, second.error.code, third.error.code]

    async def main() -> list[Any]:
        async with Podium(":memory:") as app:
            assert await (await app.start(failing)).result() == "failed"
            await until(lambda: "open" in str(app.desk.reader.common.states("breaker")))
            return await (await app.start(asking)).result()

    assert drive(main()) == [-1, "circuit-open", "queue-timeout"]
    assert asked == ["fetch"]
