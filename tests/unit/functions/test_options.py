"""Options and arguments that look right and are not, and those that only look wrong."""

from __future__ import annotations

import asyncio

from collections.abc import Iterator
from typing import Any

import pytest

from podium import (
    Breaker,
    Cache,
    Concurrency,
    Degraded,
    Flow,
    InvalidOption,
    LastGood,
    NameTaken,
    Podium,
    Rate,
    task,
    workflow,
)
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


def test_limits_and_breakers_have_a_key() -> None:
    """It is their own, or the name of the task."""

    @task(rate=Rate("10/s", key="crm:{account}"), concurrency=Concurrency(4), breaker=Breaker())
    def save(account: str) -> None: ...

    assert [one.key for one in save.spec.options.shared] == ["crm:{account}", "save", "save"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"rate": "10/s"}, r"rate='10/s'; expected Rate\('10/s'\)"),
        (
            {"rate": Rate("1/s", key="{who}")},
            r"the key '\{who\}' names 'who', which is no parameter",
        ),
        ({"rate": Rate("1/s", key="{who")}, r"rate: the key '\{who': expected '\}'"),
        ({"concurrency": 4}, r"concurrency=4; expected Concurrency\(4\)"),
        ({"breaker": "crm"}, r"breaker='crm'; expected Breaker"),
        ({"cache": Cache("1h")}, r"cache is for effect='pure' or 'read', not write"),
        (
            {"cache": Cache("1h", key="no"), "effect": "read"},
            "cache: key names 'no', which is no param",
        ),
        ({"fallback": 0}, r"fallback=0; expected a function decorated with @task, LastGood"),
        ({"fallback": [LastGood("1h"), None]}, "fallback=None; expected"),
        ({"priority": "high"}, "priority='high'; expected a whole number from -1,000 to 1,000"),
        ({"priority": 1001}, "priority=1001; expected"),
        ({"heartbeat_timeout": "0s"}, "heartbeat_timeout is '0s'; it must be longer than nothing"),
        ({"queue_timeout": 3}, "queue_timeout is 3, which has no unit"),
    ],
)
def test_an_option_that_makes_no_sense(options: Any, complaint: str) -> None:
    """It is refused where it is written, with its value and what was expected."""
    with pytest.raises(InvalidOption, match=complaint):

        @task(**options)
        def never(account: str) -> None: ...


def test_a_fallback_is_a_chain() -> None:
    """One or several, and always in the order in which they are tried."""

    @task(effect="read")
    def mirror(n: int) -> int:
        return n

    @task(effect="read", fallback=[mirror, LastGood("1h"), Degraded(0)])
    def first(n: int) -> int:
        return n

    @task(effect="read", fallback=Degraded([]))
    def second(n: int) -> list[int]:
        return [n]

    assert first.spec.options.fallback == (mirror.spec, LastGood("1h"), Degraded(0))
    assert second.spec.options.fallback == (Degraded([]),)


def test_one_key_has_one_option() -> None:
    """Two tasks that share a key share the option too; the error names both and the key."""

    @task(rate=Rate("10/s", key="crm"), breaker=Breaker("crm"))
    def read_account() -> None: ...

    @task(rate=Rate("10/s", key="crm"), concurrency=Concurrency(2, key="crm"))
    def save_account() -> None: ...

    with pytest.raises(NameTaken, match=r"'read_account'.*'drop_account'.*under the key 'crm'"):

        @task(rate=Rate("11/s", key="crm"))
        def drop_account() -> None: ...


def test_a_task_that_is_redefined_may_change_its_options() -> None:
    """A cell of a notebook is run again: the last options count."""

    def define(rate: str) -> Any:
        @task(rate=Rate(rate, key="crm"))
        def save() -> None: ...

        @task(rate=Rate(rate, key="crm"))
        def drop() -> None: ...

        return save, drop

    define("1/s")

    assert {one.spec.options.rate.limit for one in define("2/s")} == {2}
