"""The programs that the tests of the command line run. Each test gets a copy in its own folder."""

import asyncio
import time

from pathlib import Path
from typing import Any

import podium

from podium import Retry, receive, task, workflow

LEDGER = Path("ledger.txt")


@task(effect="read")
async def fetch(n: int) -> int:
    return n


@task(effect="write")
def write(what: str) -> str:
    with LEDGER.open("a") as ledger:
        ledger.write(f"{what}\n")
    return what


@task(effect="write")
def hang(seconds: float) -> None:
    with LEDGER.open("a") as ledger:
        ledger.write("hang\n")
    time.sleep(seconds)


@task(effect="read")
async def told_to_go() -> None:
    while not Path("go").exists():
        await asyncio.sleep(0.01)


@task
async def refuse(n: int) -> int:
    raise ValueError(f"no item {n} \x1b[31m")


@task(effect="read", retry=Retry(attempts=2, backoff="1h"))
async def flaky() -> None:
    raise ConnectionError("503")


@workflow
async def total(upto: int, name: str = "") -> dict[str, Any]:
    print("printed by the workflow")
    parts = await podium.map(fetch, range(upto))
    return {"sum": sum(parts), "name": name}


@workflow
async def fails() -> int:
    return await refuse(7)


@workflow
async def paid() -> Any:
    await write("before")
    amount = await receive("paid")
    await write("after")
    return amount


@workflow
async def asked() -> Any:
    return await podium.ask({"question": "send it?"}, to="the boss")


@workflow
async def parent() -> Any:
    return await paid()


@workflow
async def slow() -> str:
    await write("before")
    await write("then")
    await told_to_go()
    return await write("after")


@workflow
async def hangs() -> None:
    await hang(60.0)


@workflow
async def stubborn() -> None:
    await flaky()


async def plain() -> None:
    await asyncio.sleep(0)
