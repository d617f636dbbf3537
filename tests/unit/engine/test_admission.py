"""Limits, breakers, the cache: what an attempt goes through before its body begins."""

import asyncio

from pathlib import Path
from typing import Any

import msgspec
import pytest

import podium

from podium import Podium, RunFailed, StepFailed, StepTimedOut, task, workflow
from podium.core.policies import Breaker, Cache, Concurrency, Rate
from tests.harness import drive, until

pytestmark = pytest.mark.long


def states(app: Podium, kind: str) -> dict[str, Any]:
    found = app.desk.reader.common.states(kind)
    return {key: msgspec.json.decode(state) for key, state in found.items()}


async def waits(app: Podium, run_id: str) -> list[dict[str, Any]]:
    (view,) = [one for one in await app.runs() if one.id == run_id]
    return view.waits


def test_a_rate_is_kept_by_all_runs_together(tmp_path: Path) -> None:
    """Three runs share it; no more calls begin in any period than it allows."""
    begun: list[float] = []

    @task(effect="read", rate=Rate("4/300ms", key="svc"))
    async def limited(item: int) -> int:
        begun.append(asyncio.get_running_loop().time())
        return item

    @workflow
    async def many() -> list[int]:
        return await podium.map(limited, range(4))

    async def main() -> None:
        async with Podium(tmp_path / "a.db") as app:
            runs = [await app.start(many) for _ in range(3)]
            assert [await run.result() for run in runs] == [[0, 1, 2, 3]] * 3

    drive(main())
    assert len(begun) == 12
    assert all(later - earlier >= 0.3 for earlier, later in zip(begun, begun[4:], strict=False))


def test_so_many_at_once(tmp_path: Path) -> None:
    """Never more bodies run than the limit, and in the end nobody holds or waits for a permit."""
    inside: list[int] = [0, 0]

    @task(effect="read", concurrency=Concurrency(3))
    async def narrow(item: int) -> int:
        inside[0] += 1
        inside[1] = max(inside)
        await asyncio.sleep(0.002)
        inside[0] -= 1
        return item

    @workflow
    async def many() -> int:
        return len(await podium.map(narrow, range(30)))

    async def main() -> None:
        async with Podium(tmp_path / "a.db") as app:
            assert await (await app.start(many)).result() == 30
            await until(lambda: states(app, "permits") == {})

    drive(main())
    assert inside == [0, 3]


def test_who_waits_for_a_limit_says_so_and_for_how_long(tmp_path: Path) -> None:
    """What it waits for is shown; after queue_timeout it fails, and certainly did not happen."""
    happened: list[int] = []

    @task(effect="write", rate=Rate("1/h", key="slow"), queue_timeout="50ms")
    async def limited(item: int) -> int:
        happened.append(item)
        return item

    @task(effect="write", rate=Rate("1/h", key="slow"))
    async def patient(item: int) -> int:
        happened.append(item)
        return item

    @workflow
    async def hasty() -> int:
        await limited(1)
        return await limited(2)

    @workflow
    async def calm() -> int:
        return await patient(3)

    async def main() -> None:
        async with Podium(tmp_path / "a.db") as app:
            with pytest.raises(RunFailed) as failed:
                await (await app.start(hasty)).result()
            run = await app.start(calm)
            await until(lambda: b'"until"' in (app.desk.reader.run(run.id).waits or b""))
            (shown,) = await waits(app, run.id)
            await run.cancel()
        assert failed.value.error is not None
        assert failed.value.error.cause is not None
        assert failed.value.error.cause.code == "queue-timeout"
        assert "waited longer than 0.05 s: the rate 'slow' allows 1 calls in 1h" in str(
            failed.value
        )
        assert (shown["kind"], shown["name"], shown["path"]) == ("rate", "slow", "patient")
        assert shown["text"] == "the rate 'slow' allows 1 calls in 1h"
        assert shown["until"] > shown["since"]

    drive(main())
    assert happened == [1]


def test_a_key_may_name_an_argument(tmp_path: Path) -> None:
    """Each account has a limit of its own; what cannot be part of a key fails the step."""

    @task(effect="read", concurrency=Concurrency(1, key="crm:{account}"))
    async def fetch(account: Any) -> Any:
        return account

    @workflow
    async def both() -> list[Any]:
        found = [await fetch("a"), await fetch(7)]
        with pytest.raises(StepFailed, match="names the argument 'account'"):
            await fetch(["no"])
        return found

    async def main() -> None:
        async with Podium(tmp_path / "a.db") as app:
            assert await (await app.start(both)).result() == ["a", 7]
            assert app.desk.worker is not None
            names = [name for _, name in app.desk.worker.engine.admission._doors]
            assert names == ["crm:a", "crm:7"]

    drive(main())


def test_a_permit_whose_body_never_began_comes_back(tmp_path: Path) -> None:
    """A step that is called off between its permit and its body takes nothing with it."""

    @task(effect="write", concurrency=Concurrency(1, key="one"))
    async def narrow(item: int) -> int:
        await asyncio.sleep(0.001)
        return item

    @workflow
    async def hasty(item: int) -> int:
        return (await podium.race(narrow(item), podium.sleep("0s")))[0]

    async def main() -> None:
        async with Podium(tmp_path / "a.db") as app:
            for item in range(30):
                run = await app.start(hasty, {"item": item})
                if item % 2:
                    await run.cancel()
                else:
                    await run.result()
            await until(lambda: states(app, "permits") == {})

    drive(main())


@pytest.mark.parametrize("when_open", ["wait", "auto"])
def test_who_comes_to_an_open_breaker_waits_until_it_is_tried(
    tmp_path: Path, when_open: str
) -> None:
    """Three failures open it; after a while one call tries, and all that waited go on."""
    down = [True]
    calls: list[int] = []

    @task(effect="read", breaker=Breaker("svc", failures=3, open="150ms", when_open=when_open))
    async def shaky(item: int) -> int:
        calls.append(item)
        if down[0]:
            raise ConnectionError("refused")
        return item

    @workflow
    async def trip() -> None:
        for item in range(3):
            with pytest.raises(StepFailed, match="refused"):
                await shaky(item)

    @workflow
    async def later() -> list[int]:
        return await podium.map(shaky, range(10, 15))

    async def main() -> None:
        async with Podium(tmp_path / "a.db") as app:
            await (await app.start(trip)).result()
            await until(lambda: states(app, "breaker").get("svc", {}).get("state") == "open")
            run = await app.start(later)
            await until(lambda: app.desk.reader.run(run.id).status == "waiting")
            shown = (await waits(app, run.id))[0]
            assert calls == [0, 1, 2]
            down[0] = False
            assert await run.result() == [10, 11, 12, 13, 14]
            breaker = states(app, "breaker")["svc"]
        assert shown["kind"] == "breaker"
        assert shown["text"] == "the breaker 'svc' is open: 3 failures in a row (limit 3)"
        reasons = [(one["after"], one["reason"]) for one in breaker["changes"]]
        assert reasons == [
            ("open", "3 failures in a row (limit 3)"),
            ("half_open", "it was open for 0.15 s"),
            ("closed", "a probe succeeded"),
        ]

    drive(main())
    assert calls == [0, 1, 2, 10, 11, 12, 13, 14]


def test_an_open_breaker_may_fail_at_once(tmp_path: Path) -> None:
    """The step certainly did not happen; the error says why and until when."""

    @task(effect="write", breaker=Breaker("svc", failures=1, open="1h", when_open="fail"))
    async def shaky() -> None:
        raise ConnectionError("refused")

    @workflow
    async def twice() -> list[str]:
        said = []
        for _ in range(2):
            try:
                await shaky()
            except StepFailed as error:
                said.append(f"{error.error.code}: {error.message}")
            await podium.sleep("30ms")
        return said

    async def main() -> list[str]:
        async with Podium(tmp_path / "a.db") as app:
            return await (await app.start(twice)).result()

    first, second = drive(main())
    assert first == "error: refused"
    assert second.startswith(
        "circuit-open: the breaker 'svc' is open: 1 failures in a row (limit 1); it tries again at"
    )


def test_no_call_passes_behind_the_failure_that_opens_it(tmp_path: Path) -> None:
    """What begins right after a failure waits until it is known what follows from that."""
    calls: list[int] = []

    @task(effect="read", breaker=Breaker("svc", failures=2, open="1h", when_open="fail"))
    async def shaky(item: int) -> int:
        calls.append(item)
        raise ConnectionError("refused")

    @workflow
    async def quickly() -> list[str]:
        return [(await shaky(item).outcome()).error.type for item in range(5)]  # type: ignore[union-attr]

    async def main() -> list[str]:
        async with Podium(tmp_path / "a.db") as app:
            return await (await app.start(quickly)).result()

    assert drive(main()) == ["ConnectionError"] * 2 + ["CircuitOpen"] * 3
    assert calls == [0, 1]


def test_what_a_worker_saw_last_is_not_lost_when_it_closes(tmp_path: Path) -> None:
    """One failure in each of three short lives opens the breaker."""

    @task(effect="read", breaker=Breaker("svc", failures=3, open="1h"))
    async def shaky() -> None:
        raise ConnectionError("refused")

    @workflow
    async def once() -> str:
        error = (await shaky().outcome()).error
        return "" if error is None else error.type

    async def life() -> str:
        async with Podium(tmp_path / "a.db") as app:
            await (await app.start(once)).result()
        async with Podium(tmp_path / "a.db", execute=False) as app:
            return app.breakers()[0].state

    assert [drive(life()) for _ in range(3)] == ["closed", "closed", "open"]


def test_errors_that_say_nothing_about_the_service(tmp_path: Path) -> None:
    """They do not count."""

    @task(effect="read", breaker=Breaker("svc", failures=1, open="1h", not_on=[ValueError]))
    async def picky(item: int) -> int:
        raise ValueError(item)

    @workflow
    async def thrice() -> int:
        for item in range(3):
            with pytest.raises(StepFailed, match=str(item)):
                await picky(item)
            await podium.sleep("20ms")
        return 3

    async def main() -> None:
        async with Podium(tmp_path / "a.db") as app:
            assert await (await app.start(thrice)).result() == 3

    drive(main())


def test_a_result_is_used_again_by_other_runs(tmp_path: Path) -> None:
    """Within its time, for the same arguments; the record says where it came from and when."""
    calls: list[str] = []

    @task(effect="read", cache=Cache("1h", key="city"))
    async def weather(city: str, unit: str = "c") -> str:
        calls.append(city)
        return f"{city} {len(calls)}"

    @task(effect="pure", cache=Cache("1ms"))
    async def fleeting(city: str) -> int:
        calls.append(city)
        return len(calls)

    @workflow
    async def look() -> list[str]:
        return [await weather("Bonn"), await weather("Bonn", "f"), await weather("Kiel")]

    @workflow
    async def look_twice() -> int:
        await fleeting("x")
        await podium.sleep("10ms")
        return await fleeting("x")

    async def main() -> None:
        async with Podium(tmp_path / "a.db") as app:
            assert await (await app.start(look)).result() == ["Bonn 1", "Bonn 1", "Kiel 2"]
            assert await (await app.start(look)).result() == ["Bonn 1", "Bonn 1", "Kiel 2"]
            assert calls == ["Bonn", "Kiel"]
            assert await (await app.start(look_twice)).result() == 4

    drive(main())


def test_the_time_in_the_queue_counts_for_the_step(tmp_path: Path) -> None:
    """total_timeout holds while it waits, too."""

    @task(effect="write", rate=Rate("1/h", key="slow"), total_timeout="50ms")
    async def limited(item: int) -> int:
        return item

    @workflow
    async def two() -> str:
        await limited(1)
        try:
            await limited(2)
        except StepTimedOut as error:
            return error.message
        return ""

    async def main() -> str:
        async with Podium(tmp_path / "a.db") as app:
            return await (await app.start(two)).result()

    assert drive(main()).startswith("the step took longer than 0.05 s in all: the rate 'slow'")
