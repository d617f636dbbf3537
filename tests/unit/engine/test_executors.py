"""What an executor promises of an attempt: it is told of once, whatever becomes of it."""

import asyncio

from typing import Any

import pytest

from podium import NotDone, task
from podium.core.ports import Attempt
from podium.engine.executors import SystemExecutor
from podium.engine.system import LoopNotifier
from tests.harness import drive

ran: list[str] = []


@task(effect="once")
async def wait() -> str:
    ran.append("async")
    await asyncio.sleep(3_600)
    return "waited"


@task(effect="once")
def work() -> str:
    ran.append("sync")
    return "worked"


def attempt_of(one: Any, **options: Any) -> Attempt:
    return Attempt(one.spec, {}, b"{}", "run", one.name, 1, lambda path: path, {}, **options)


async def ends(attempt: Attempt, *, cancel: bool) -> list[tuple[Any, str]]:
    """Start an attempt, cancel it at once if asked to, and return what is told of it."""
    loop = asyncio.get_running_loop()
    executor = SystemExecutor(loop, LoopNotifier(loop))
    told: asyncio.Queue[tuple[Any, str]] = asyncio.Queue()
    executing = executor.start(
        attempt, lambda value, error: told.put_nowait((value, type(error).__name__))
    )
    if cancel:
        executing.cancel()
        executing.cancel()
    found = [await told.get()]
    await asyncio.sleep(0)
    while not told.empty():
        found.append(told.get_nowait())
    executor.close()
    return found


def test_a_coroutine_that_is_cancelled_before_it_began_is_told_of() -> None:
    """asyncio never enters its body, so its own ``except`` cannot tell: the step would wait for ever."""
    ran.clear()
    found = drive(ends(attempt_of(wait), cancel=True))

    assert found == [(None, "CancelledError")]
    assert ran == []


@pytest.mark.parametrize("one", [wait, work])
def test_a_body_that_may_not_begin_any_more_does_not(one: Any) -> None:
    """Permission is asked for just before the body, in the thread that would run it."""

    def refuse() -> None:
        raise NotDone("another worker has taken over")

    ran.clear()
    found = drive(ends(attempt_of(one, guard=refuse), cancel=False))

    assert found == [(None, "NotDone")]
    assert ran == []
