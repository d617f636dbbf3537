"""The programs that gave another result after a crash on asyncio's stock loop, and some like them.

Each returns what it decided, after a pause in which the losers end. What a set's order decided is
written down before the pause too, so that a replay with another order cannot hide.
"""

import asyncio

from podium import sleep, task, workflow

SPEEDS = {"fast": 0.005, "middle": 0.015, "slow": 0.04, "pause": 0.08}


@task(effect="read")
async def stock_fetch(what: str) -> str:
    await asyncio.sleep(SPEEDS.get(what, 0.002))
    return what


@task(effect="pure")
def stock_note(seen: list[str]) -> list[str]:
    return seen


async def _pause() -> None:
    await stock_fetch("pause")


@workflow
async def stock_first_completed() -> str:
    """The first completed wins; the loser ends later."""
    calls = [asyncio.create_task(stock_fetch(what)) for what in ("slow", "fast")]
    done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    found = "|".join(sorted(call.result() for call in done))
    await _pause()
    return found


@workflow
async def stock_shielded_timeout() -> str:
    """A timeout passes over a shielded step that ends later."""
    call = asyncio.create_task(stock_fetch("slow"))
    try:
        found = await asyncio.wait_for(asyncio.shield(call), 0.02)
    except TimeoutError:
        found = "timed out"
    await _pause()
    return found


@workflow
async def stock_one_list() -> list[str]:
    """Two branches fill one list."""
    found: list[str] = []

    async def branch(what: str) -> None:
        found.append(await stock_fetch(what))

    await asyncio.gather(branch("slow"), branch("fast"))
    await _pause()
    return found


@workflow
async def stock_queue() -> list[str]:
    """Two branches hand over through a queue."""
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def produce(what: str) -> None:
        await queue.put(await stock_fetch(what))

    async with asyncio.TaskGroup() as group:
        for what in ("slow", "fast"):
            group.create_task(produce(what))
        found = [(await stock_note([await queue.get()]))[0] for _ in range(2)]
    await _pause()
    return found


@workflow
async def stock_lock() -> list[str]:
    """Who has the lock first depends on whose step ended first."""
    lock, order = asyncio.Lock(), []

    async def branch(what: str) -> None:
        await stock_fetch(what)
        async with lock:
            order.append(what)
            await stock_fetch(f"inside {what}")

    await asyncio.gather(branch("slow"), branch("fast"), branch("middle"))
    return order


@workflow
async def stock_abort() -> list[int]:
    """A TaskGroup cancels its tasks in the order of a set."""
    order: list[int] = []

    async def wait(number: int) -> None:
        try:
            await sleep("1h")
        finally:
            order.append(number)

    async def fail() -> None:
        await stock_fetch("fast")
        raise ValueError("abort")

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(wait(number))
            group.create_task(fail())
    except* ValueError:
        pass
    noted = await stock_note([str(number) for number in order])
    await _pause()
    assert noted == [str(number) for number in order], (noted, order)
    return sorted(order)


@workflow
async def stock_set_of_tasks() -> list[str]:
    """``asyncio.wait`` gives a set of tasks, and the program iterates over it."""
    calls = [asyncio.create_task(stock_fetch(f"{number}")) for number in range(6)]
    done, _ = await asyncio.wait(calls)
    order = [call.result() for call in done]
    noted = await stock_note(order)
    for what in order:
        await stock_fetch(f"use {what}")
    await _pause()
    assert noted == order, (noted, order)
    return sorted(order)


@workflow
async def stock_timeout_or_result() -> list[str]:
    """Timeouts of asyncio's own around steps and around a group of them."""
    found = []
    try:
        async with asyncio.timeout(0.02):
            found.append(await stock_fetch("slow"))
    except TimeoutError:
        found.append("too slow")
    async with asyncio.timeout(1):
        found.append(await stock_fetch("fast"))
    await _pause()
    return found


@workflow
async def stock_condition() -> list[str]:
    """An Event, a Condition and a Semaphore between branches."""
    order: list[str] = []
    condition, gate, event = asyncio.Condition(), asyncio.Semaphore(1), asyncio.Event()

    async def waiter(name: str) -> None:
        async with condition:
            await condition.wait_for(lambda: "go" in order)
        async with gate:
            await stock_fetch(name)
            order.append(name)
        event.set()

    async def opener() -> None:
        await stock_fetch("fast")
        async with condition:
            order.append("go")
            condition.notify_all()

    await asyncio.gather(waiter("slow"), waiter("middle"), opener())
    await event.wait()
    return order


EXPECTED = {
    stock_first_completed: "fast",
    stock_shielded_timeout: "timed out",
    stock_one_list: ["fast", "slow"],
    stock_queue: ["fast", "slow"],
    stock_lock: ["fast", "middle", "slow"],
    stock_abort: [0, 1, 2, 3, 4, 5],
    stock_set_of_tasks: ["0", "1", "2", "3", "4", "5"],
    stock_timeout_or_result: ["too slow", "fast"],
    stock_condition: ["go", "slow", "middle"],
}
