"""``partial=True``: each call goes on to its end, and says what it came to."""

from __future__ import annotations

import asyncio

from collections.abc import Iterator
from typing import Any

import pytest

import podium

from podium import Degraded, Outcome, Podium, gather, task, workflow
from podium.testing import crash_everywhere
from tests.harness import drive, fresh_names


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


def told(outcome: Outcome[Any]) -> list[Any]:
    """What a test compares: place, status, value or error, who answered."""
    error = outcome.error and f"{outcome.error.type}: {outcome.error.message}"
    return [outcome.path, outcome.status, outcome.value, error, outcome.answered_by]


async def output_of(flow: Any) -> tuple[Any, list[str]]:
    """Run a workflow; return its output and the paths of its steps."""
    async with Podium(":memory:") as app:
        run = await app.start(flow, id="run")
        return await run.result(), [step.path for step in await run.steps()]


def tasks() -> tuple[Any, Any]:
    """A task that halves even numbers, a child that does the same."""

    @task(effect="write")
    async def half(n: int) -> int:
        if n % 2:
            raise ValueError(f"{n} is odd")
        return n // 2

    @workflow(name="half_run")
    async def half_run(n: int) -> int:
        return await half(n)

    return half, half_run


def test_gather_gives_value_or_error_of_each() -> None:
    """Of tasks, children, coroutines and tasks of asyncio, at the places they always have."""
    half, half_run = tasks()

    async def both(n: int) -> int:
        return sum(await gather(half(n), half(n + 2)))

    @workflow
    async def asking() -> list[Any]:
        begun = asyncio.ensure_future(both(6))
        found: tuple[Outcome[int], ...] = await gather(
            half(2), half(3).as_("odd"), half_run(3), both(4), both(5), begun, partial=True
        )
        return [told(one) for one in found]

    output, paths = drive(output_of(asking))

    assert output == [
        ["gather[0]/half", "ok", 1, None, "half"],
        ["gather[1]/odd", "failed", None, "ValueError: 3 is odd", ""],
        [
            "gather[2]/half_run", "failed", None,
            "ChildFailed: child run 'run:gather[2]/half_run' failed", "",
        ],
        ["gather[3]", "ok", 5, None, "both"],
        ["gather[4]/gather[0]/half", "failed", None, "ValueError: 5 is odd", ""],
        ["gather[5]", "ok", 7, None, ""],
    ]  # fmt: skip
    assert "gather[3]/gather[1]/half" in paths


def test_map_goes_on_behind_a_failure() -> None:
    """Every item is called, results stand in the order of the items, concurrency holds."""
    at_once: list[int] = []
    busy = 0

    @task(effect="write", fallback=Degraded(-1))
    async def fetch(n: int) -> int:
        nonlocal busy
        busy += 1
        at_once.append(busy)
        await asyncio.sleep(0.001)
        busy -= 1
        if n % 3 == 0:
            raise ValueError(f"{n}")
        return n

    @task(effect="read")
    async def plain(n: int) -> int:
        return (await fetch.fn(n)) * 2

    @workflow
    async def mapping() -> list[Any]:
        first = await podium.map(fetch, range(7), concurrency=2, partial=True)
        second = await podium.map(plain, [1, 3], key=lambda n: f"n{n}", partial=True)
        return [[told(one) for one in first], [told(one) for one in second]]

    (first, second), _ = drive(output_of(mapping))

    assert [one[2] for one in first] == [-1, 1, 2, -1, 4, 5, -1]
    assert [one[4] for one in first] == [
        "degraded", "fetch", "fetch", "degraded", "fetch", "fetch", "degraded",
    ]  # fmt: skip
    assert max(at_once) == 2
    assert second == [
        ["plain[n1]", "ok", 2, None, "plain"],
        ["plain[n3]", "failed", None, "ValueError: 3", ""],
    ]


def test_what_cannot_even_begin_has_failed_alone() -> None:
    """Arguments that do not fit, a function that raises: an outcome, not the end of the others."""
    half, _ = tasks()

    def choose(n: int) -> Any:
        return half() if n == 1 else half(n) if n else 1 // n

    @workflow
    async def asking() -> list[Any]:
        gathered = await gather(half(), half(2), partial=True)
        mapped = await podium.map(choose, range(3), partial=True)
        return [told(one)[:4] for one in [*gathered, *mapped]]

    output, _ = drive(output_of(asking))

    missing = "InputInvalid: half(n: 'int') -> 'int': missing a required argument: 'n'."
    assert output == [
        ["gather[0]", "failed", None, missing],
        ["gather[1]/half", "ok", 1, None],
        ["choose[0]", "failed", None, "ZeroDivisionError: integer division or modulo by zero"],
        ["choose[1]", "failed", None, missing],
        ["choose[2]", "ok", 1, None],
    ]


def test_outside_a_workflow_it_is_the_same() -> None:
    """Tasks are functions there, and have outcomes too."""
    half, _ = tasks()

    def choose(n: int) -> Any:
        return half(n) if n else 1 // n

    async def asking() -> list[Any]:
        gathered = await gather(half(2), asyncio.sleep(0, "x"), half(3), partial=True)
        mapped = await podium.map(choose, range(3), concurrency=1, partial=True)
        return [told(one)[1:4] for one in [*gathered, *mapped]]

    assert drive(asking()) == [
        ["ok", 1, None],
        ["ok", "x", None],
        ["failed", None, "ValueError: 3 is odd"],
        ["failed", None, "ZeroDivisionError: integer division or modulo by zero"],
        ["failed", None, "ValueError: 1 is odd"],
        ["ok", 1, None],
    ]


def test_the_whole_can_be_called_off() -> None:
    """Then nothing goes on: that is no outcome of a call."""

    @task(effect="read")
    async def slow(n: int) -> int:
        await asyncio.sleep(3600)
        return n

    @workflow
    async def asking() -> str:
        try:
            await asyncio.wait_for(gather(slow(1), slow(2), partial=True), 0.001)
        except TimeoutError:
            return "called off"
        return "it ended"

    output, _ = drive(output_of(asking))

    assert output == "called off"


def test_a_crash_at_each_point_changes_nothing() -> None:
    """Nor which of them failed."""
    half, _ = tasks()

    @workflow
    async def asking() -> list[Any]:
        found = await gather(half(2), half(3), partial=True)
        more = await podium.map(half, range(3), concurrency=2, partial=True)
        return [told(one) for one in [*found, *more]]

    report = crash_everywhere(asking, points=16)

    assert [one[1] for one in report.output] == ["ok", "failed", "ok", "failed", "ok"]
