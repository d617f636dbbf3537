"""Options and arguments that look right and are not, and those that only look wrong."""

from __future__ import annotations

import asyncio

from collections.abc import Iterator
from typing import Any

import pytest

from podium import Flow, InvalidOption, Podium, task, workflow
from tests.harness import fresh_names


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


def test_a_number_is_no_retry() -> None:
    """It is refused where it is written, not at the first failure."""
    with pytest.raises(InvalidOption, match=r"retry=3; expected Retry\(attempts=…\)"):

        @task(retry=3)  # type: ignore[call-overload]  # what is tested
        def never() -> None: ...


def test_other_names_reach_a_task_by_any_way() -> None:
    """``**options`` takes them from a call, from the input of a workflow, and from a document."""

    @task(effect="pure")
    def collect(first: int, **options: int) -> dict[str, int]:
        return {"first": first, **options}

    @workflow
    async def calling(first: int, **options: int) -> dict[str, int]:
        return await collect(first, **options)

    nodes = {"all": {"call": "collect", "args": {"first": 1, "b": 2}}}
    flow = Flow.from_dict({"podium": 1, "name": "x", "nodes": nodes, "output": "${all}"})

    async def both() -> list[Any]:
        async with Podium(":memory:") as app:
            runs = [await app.start(calling, {"first": 1, "b": 2}), await app.start(flow)]
            return [await run.result() for run in runs]

    assert asyncio.run(both()) == [{"first": 1, "b": 2}] * 2
