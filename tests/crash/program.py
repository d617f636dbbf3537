"""A program that uses every primitive, for worker processes that are killed. Imported by workers only."""

import asyncio
import os

from datetime import timedelta
from typing import Any

import podium

from podium import NotDone, Retry, RetryRule, StepFailed, task, workflow
from tests.harness import SideFile

SIDE = SideFile(os.environ["PODIUM_TEST_SIDE"])


@task(effect="pure")
async def double(n: int) -> int:
    SIDE.write("pure")
    return 2 * n


@task(effect="read")
async def fetch(n: int) -> dict[str, int]:
    SIDE.write("read")
    return {"v": n}


@task(effect="read")
async def pages(n: int) -> list[str]:
    SIDE.write("read")
    return [f"{index:04} {'x' * 60}" for index in range(n)]


@task(effect="read", retry=Retry(attempts=3, backoff="1ms"))
async def flaky() -> int:
    SIDE.write("read")
    if podium.attempt() < 2:
        raise OSError("not yet")
    return 1


@task(effect="write")
def put(value: Any) -> int:
    SIDE.write("write", value)
    return 1


@task(effect="write", retry=Retry(attempts=2, backoff="1ms"))
async def put_flaky(n: int) -> int:
    SIDE.write("write", n)
    if podium.attempt() == 1:
        raise ConnectionError("try again")
    return n


def happened(key: str) -> bool:
    """Whether the outside knows of a ``once`` by its key."""
    return any(line.key == key for line in SIDE.lines("once"))


@task(effect="read")
async def find_out(n: int, idempotency_key: str) -> int:
    if not happened(idempotency_key):
        raise NotDone("no trace of it")
    return n


@task(effect="once", reconcile=find_out)
async def charge(n: int) -> int:
    SIDE.write("once", n)
    return n


@task(effect="once")
def charge_by_hand(n: int) -> int:
    SIDE.write("once", n)
    return n


@task(effect="once", unknown="raise")
async def charge_at_own_risk(n: int) -> int:
    SIDE.write("once", n)
    return n


class Busy(Exception):
    """The outside has no time."""


@task(effect="read", retry=Retry(9, "10ms", rules=[RetryRule(on=[Busy], attempts=2)]))
async def crawl() -> None:
    SIDE.write("crawl", podium.last_heartbeat())
    if podium.attempt() == 2:
        podium.heartbeat({"page": 7})
        await asyncio.Event().wait()
    raise Busy("come back later")


@workflow
async def crawling() -> str:
    try:
        await crawl()
    except StepFailed as error:
        return error.error.gave_up
    return ""


@task(effect="write")
async def undo(n: int, outcome: str) -> None:
    SIDE.write("undo", n)


@task(effect="write", compensate=undo)
async def book(n: int) -> int:
    SIDE.write("write", n)
    return n


@workflow
async def trip() -> None:
    await book(1)
    await podium.gather(book(2), book(3))
    raise ValueError("no seat left")


@workflow
async def leaf(n: int) -> int:
    return (await fetch(n))["v"] + await podium.receive("more", type=int)


@workflow
async def endless() -> int:
    await put("endless")
    await podium.send("a", "endless goes", 1)
    return int(await podium.receive("never", type=int))


@workflow
async def everything(left: int, so_far: list[Any]) -> list[Any]:
    """Use every primitive once, then begin again with what was found."""
    found: list[Any] = [podium.env("PODIUM_TEST_REGION")]
    draw = [podium.random().randrange(10**9), str(podium.uuid4()), podium.now().isoformat()]
    found.append(await put(draw))
    found += [part["v"] for part in await podium.map(fetch, range(6), concurrency=3)]
    found += await podium.map(put, ["a", "b", "c"], key=str)
    found += await podium.gather(put(["gathered", *draw]), charge(3), double(2).as_("twice"))
    found += await podium.race(fetch(1), podium.receive("never"))
    with podium.scope("inside"):
        found.append(await flaky())
        found.append(await put_flaky(4))
    podium.publish("progress", {"left": left})
    podium.emit({"left": left})
    podium.warn("note", "half way")
    await podium.sleep("2ms")
    await podium.sleep_until(podium.now() + timedelta(milliseconds=2))
    found.append(await charge_by_hand(5))
    try:
        found.append(await charge_at_own_risk(6))
    except podium.OutcomeUnknown:
        found.append(6)
    found.append(await inner_asyncio())
    long = await pages(120)
    found.append(len(await echo(long)))
    child = asyncio.create_task(leaf(7).with_id(f"leaf-{left}"))
    await fetch(0)
    await podium.send(f"leaf-{left}", "more", 10)
    found.append(await child)
    try:
        await trip()
    except StepFailed as error:
        found.append(error.error.code)
    found.append((await podium.race(endless(), podium.receive("endless goes")))[0])
    found.append(await podium.ask({"question": "go on?"}, timeout="10m"))
    found.append(await podium.receive("go", type=int, timeout="10m"))
    found.append(podium.patched("new part"))
    if left:
        podium.restart_with(left - 1, [*so_far, found])
    return [*so_far, found]


@task(effect="read")
async def echo(lines: list[str]) -> list[str]:
    SIDE.write("read")
    return [*lines, "end"]


async def inner_asyncio() -> list[Any]:
    """Structure of the standard library: TaskGroup, Queue, timeout, Event."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    found: list[Any] = []

    async def producer(n: int) -> None:
        queue.put_nowait((await fetch(n))["v"])

    async def consumer() -> None:
        found.extend([await queue.get() for _ in range(2)])

    async with asyncio.TaskGroup() as group:
        group.create_task(producer(1))
        group.create_task(producer(2))
        group.create_task(consumer())
    try:
        async with asyncio.timeout(0.002):
            await podium.receive("never")
    except TimeoutError:
        found.append("time was over")
    return sorted(found, key=str)


@task(effect="write")
async def work(n: int) -> int:
    SIDE.write("write", n)
    SIDE.write("by", os.getpid())
    await asyncio.sleep(float(os.environ.get("PODIUM_TEST_WORK_S", "0")))
    return n


@workflow
async def job(n: int, steps: int = 3) -> int:
    """Some work to share among workers."""
    total = 0
    for index in range(steps):
        total += await work(n + index)
    return total


@task(effect="write")
async def stop_here() -> int:
    """Work that hangs until the outside says go on, or its process is ended."""
    SIDE.write("hanging", os.getpid())
    while not SIDE.path.with_suffix(".go").exists():
        await asyncio.sleep(0.005)
    SIDE.write("done", os.getpid())
    return os.getpid()


@workflow
async def hanging() -> int:
    return await stop_here()
