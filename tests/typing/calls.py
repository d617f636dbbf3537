"""Calls, tasks and workflows as a type checker sees them. Read by mypy and basedpyright, never run.

A wrong use carries the suppression of both checkers; both report a suppression that suppresses nothing, so
an error that is missed fails the check.
"""

# mypy: disable-error-code="unused-awaitable"

import asyncio

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, Literal, assert_type

import podium

from podium import (
    Breaker,
    Call,
    Degraded,
    ErrorInfo,
    LastGood,
    NotDone,
    Outcome,
    Rate,
    Retry,
    Task,
    Workflow,
    gather,
    race,
    task,
    workflow,
)


@task
async def plain(n: int) -> int:
    """An async task without options."""
    return n


@task
def plain_sync(n: int) -> int:
    """A sync task without options."""
    return n


@task(effect="read", retry=Retry(attempts=5), timeout="10s")
async def fetch(n: int) -> dict[str, int]:
    """An async task with options."""
    return {"v": n}


@task(effect="write", timeout=timedelta(seconds=3))
def put(n: int) -> int:
    """A sync task with options."""
    return n


@task(effect="pure")
def label(n: int, *, prefix: str = "") -> str:
    """A task with a keyword."""
    return f"{prefix}{n}"


@task(effect="read")
async def ready() -> bool:
    """A task without arguments."""
    return True


@task(effect="write")
async def undo(n: int, result: int | None, outcome: str) -> None:
    """What another task is undone with."""


@task(
    effect="read",
    fallback=(fetch, LastGood("24h"), Degraded({"v": 0})),
    breaker=Breaker("orders"),
    rate=Rate("10/s"),
)
async def with_fallbacks(n: int) -> dict[str, int]:
    """A task with what may answer in its place."""
    return {"v": n}


@task(effect="read", fallback=with_fallbacks)
async def with_one_fallback(n: int) -> dict[str, int]:
    """One need not be in a list."""
    return {"v": n}


@task(effect="once", reconcile=fetch, compensate=undo, not_done=(ConnectionError,), unknown="raise")
async def pay(n: int) -> int:
    """A task with every option that takes another thing."""
    raise NotDone(str(n))


@workflow
async def total(upto: int) -> int:
    """A workflow without options."""
    return upto


@workflow(name="other", version="1", strict=True)
async def named(upto: int, word: str = "x") -> str:
    """A workflow with options."""
    return word * upto


def what_decorators_give() -> None:
    """Arguments, result and plain function are kept, sync and async."""
    assert_type(plain(1), Call[int])
    assert_type(plain_sync(1), Call[int])
    assert_type(fetch(1), Call[dict[str, int]])
    assert_type(put(1), Call[int])
    assert_type(label(1, prefix="x"), Call[str])
    assert_type(pay(1), Call[int])
    assert_type(total(3), Call[int])
    assert_type(named(3, word="y"), Call[str])
    assert_type(plain_sync.fn(1), int)
    assert_type(put.fn(1), int)
    assert_type(label.fn(1, prefix="x"), str)


async def a_plain_function_is_what_was_decorated() -> None:
    """``fn`` of an async task is the coroutine function, of a sync one the plain function."""
    assert_type(await plain.fn(1), int)
    assert_type(await fetch.fn(1), dict[str, int])
    assert_type(await total.fn(3), int)


def takes_any_task_of_int(one: Task[..., int, Any], flow: Workflow[[int], int]) -> Call[int]:
    """``Task[P, R, F]``: arguments, result, and the function itself; ``Workflow[P, R]``."""
    assert_type(flow(1), Call[int])
    return one()


def tasks_are_passed_on() -> None:
    """Tasks and workflows fit where their types are asked for."""
    takes_any_task_of_int(put, total)
    takes_any_task_of_int(plain, total)
    takes_any_task_of_int(label, total)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def a_call_is_awaited() -> None:
    """A call gives its result, of an async and of a sync task alike."""
    assert_type(await plain(1), int)
    assert_type(await plain_sync(1), int)
    assert_type(await fetch(1), dict[str, int])
    assert_type(await put(2), int)
    assert_type(await put(2).as_("second"), int)
    assert_type(await put(2).with_compensation(undo), int)
    assert_type(await total(3), int)
    assert_type(await total(3).with_id("child-1"), int)


async def a_call_has_options_and_an_outcome() -> None:
    """They keep its type."""
    assert_type(await put(1).with_options(timeout="3s", retry=Retry(attempts=2)), int)
    assert_type(await put(1).with_options(rate=Rate("3/s"), retry=None, priority=3), int)
    assert_type(await put(1).with_fallback(plain, LastGood("1d"), Degraded(0)), int)
    assert_type(await put(1).with_priority(5).as_("first"), int)
    outcome = await put(1).outcome()
    assert_type(outcome, Outcome[int])
    assert_type(outcome.value, int | None)
    assert_type(outcome.status, Literal["ok", "failed"])
    assert_type(outcome.at, datetime | None)
    assert_type(outcome.warnings, tuple[str, ...])
    assert_type(await total(3).outcome(), Outcome[int])
    words: Outcome[str | int] = outcome
    print(words)


async def a_call_is_a_coroutine() -> None:
    """A call goes where asyncio takes a coroutine."""
    coroutine: Coroutine[Any, Any, int] = put(1)
    assert_type(await asyncio.create_task(fetch(1)), dict[str, int])
    assert_type(await asyncio.create_task(put(1)), int)
    assert_type(await asyncio.create_task(coroutine), int)
    assert_type(await asyncio.gather(put(1), label(2)), tuple[int, str])
    assert_type(await asyncio.wait_for(put(1), timeout=1), int)
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(label(1)), asyncio.Task[str])


async def gather_gives_a_tuple() -> None:
    """Up to six calls of different types, or any number of one type."""
    assert_type(await gather(fetch(1)), tuple[dict[str, int]])
    assert_type(await gather(fetch(1), put(2)), tuple[dict[str, int], int])
    assert_type(await gather(fetch(1), put(2), label(3)), tuple[dict[str, int], int, str])
    assert_type(
        await gather(fetch(1), put(2), label(3), ready()), tuple[dict[str, int], int, str, bool]
    )
    assert_type(
        await gather(fetch(1), put(2), label(3), ready(), total(5)),
        tuple[dict[str, int], int, str, bool, int],
    )
    assert_type(
        await gather(fetch(1), put(2), label(3), ready(), total(5), named(6)),
        tuple[dict[str, int], int, str, bool, int, str],
    )
    assert_type(await gather(*[put(n) for n in range(9)]), tuple[int, ...])
    assert_type(await gather(put(1), asyncio.sleep(1, "x")), tuple[int, str])
    first, second = await gather(fetch(1), put(2).as_("second"))
    assert_type(first["v"] + second, int)


async def map_gives_a_list() -> None:
    """Over a task, a sync task, a workflow, a coroutine function, a lambda."""
    assert_type(await podium.map(fetch, range(3)), list[dict[str, int]])
    assert_type(await podium.map(put, [1, 2], key=str, concurrency=8), list[int])
    assert_type(await podium.map(total, range(3)), list[int])
    assert_type(await podium.map(lambda n: label(n, prefix="x"), range(3)), list[str])
    assert_type(await podium.map(both, range(3)), list[tuple[int, str]])


async def both(n: int) -> tuple[int, str]:
    """A coroutine function of several steps."""
    return await gather(put(n), label(n))


async def partial_gives_outcomes() -> None:
    """Value or error of each, with the type of each."""
    one, two = await gather(fetch(1), label(2), partial=True)
    assert_type(one, Outcome[dict[str, int]])
    assert_type(two.value, str | None)
    assert_type(two.result(), str)
    assert_type(two.error, ErrorInfo | None)
    assert_type(
        await gather(fetch(1), put(2), label(3), ready(), total(5), named(6), partial=True),
        tuple[
            Outcome[dict[str, int]], Outcome[int], Outcome[str], Outcome[bool], Outcome[int],
            Outcome[str],
        ],
    )  # fmt: skip
    assert_type(await gather(*[put(n) for n in range(9)], partial=True), tuple[Outcome[int], ...])
    assert_type(await podium.map(fetch, range(3), partial=True), list[Outcome[dict[str, int]]])
    assert_type(
        await podium.map(both, range(3), key=str, partial=True), list[Outcome[tuple[int, str]]]
    )


async def race_gives_index_and_value() -> None:
    """Which one won, and what it gave."""
    assert_type(await race(put(1), put(2)), tuple[int, int])
    index, value = await race(label(1), label(2))
    assert_type(index, int)
    assert_type(value, str)


async def wrong_uses() -> None:
    """Each line is an error in both checkers."""
    put("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fetch()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    label(1, "x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    total(upto="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    put.fn("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    number: int = put(1)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    word: str = await put(1)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    await podium.map(put, ["a"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await gather(put(1), 2)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    task(efect="read")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    put(1).with_options(timeut="3s")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    put(1).with_options(rate="3/s")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    put(1).with_fallback(total)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    task(fallback=3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    task(retry=3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    print(number, word)


@workflow  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
def not_async(n: int) -> int:
    """A workflow is an ``async def``."""
    return n
