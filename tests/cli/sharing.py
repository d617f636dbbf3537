"""Programs that share a breaker, limits, a lock and a cache. Each test gets a copy in its own folder."""

import asyncio

from pathlib import Path
from typing import Any

import podium

from podium import (
    Breaker,
    Cache,
    Concurrency,
    Degraded,
    LastGood,
    Podium,
    Rate,
    StepFailed,
    task,
    workflow,
)


@task(effect="read", rate=Rate("2/h", key="slow-api"))
async def limited(n: int) -> int:
    return n


@task(effect="read", concurrency=Concurrency(1, key="narrow"))
async def narrow(n: int) -> int:
    while not Path("go").exists():
        await asyncio.sleep(0.01)
    return n


@task(effect="read", breaker=Breaker("orders-api", failures=3, open="1h", when_open="wait"))
async def order_status() -> str:
    if not Path("up").exists():
        raise ConnectionError("no route")
    return "sent"


@task(effect="read", cache=Cache("1h"))
async def quote(currency: str) -> float:
    return 1.5


@task(effect="read")
async def archive(order: int) -> str:
    if order > 1:
        raise KeyError(order)
    return "archived"


@task(effect="read", fallback=[archive, LastGood("1h"), Degraded("unknown")])
async def answer(order: int) -> str:
    if order != 2 or Path("down").exists():
        raise ConnectionError("no route")
    return "good"


@workflow
async def calls() -> int:
    return len(await podium.map(limited, range(5)))


@workflow
async def pages() -> int:
    return len(await podium.map(narrow, range(3)))


@workflow
async def orders() -> str:
    while True:
        try:
            return await order_status()
        except StepFailed:
            await podium.sleep("1ms")


@workflow
async def mail() -> int:
    async with podium.lock("customer:7") as held:
        podium.publish("fence", held.fence)
        await podium.receive("go")
        return held.fence


@workflow
async def prices() -> list[float]:
    return [await quote("EUR") for _ in range(3)]


@workflow
async def looks(first: int = 1) -> list[str]:
    return [await answer(order) for order in range(first, 4)]


async def history() -> None:
    """Fill a database with runs that wait for each other, for limits and a service."""
    async with Podium("podium.db", name="desk") as app:
        waiting: dict[str, Any] = {"calls": calls, "orders": orders, "first": mail, "second": mail}
        for name, flow in waiting.items():
            await app.start(flow, id=name)
            while await (await app.get(name)).status() != "waiting":
                await asyncio.sleep(0.01)
            if name == "orders":
                while not [one for one in app.breakers() if one.waiting]:
                    await asyncio.sleep(0.01)
        await (await app.start(prices, id="prices")).result()
        await (await app.start(looks, {"first": 2}, id="good")).result()
        Path("down").touch()
        await (await app.start(looks, id="looks")).result()
