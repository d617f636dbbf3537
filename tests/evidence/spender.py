"""An agent that is killed in every second call: ``python -m tests.evidence.spender DATABASE PAID``.

Each call that reaches the seller is a line of the file PAID. It ends with the run.
"""

import asyncio
import os
import signal
import sys

from pathlib import Path

import podium

from podium import Podium, Spend, StepFailed, task, workflow


@task(effect="read", price=Spend("0.10"))
def think(paid: str) -> None:
    with Path(paid).open("a", encoding="utf-8") as file:
        file.write("ten cents\n")
    if len(Path(paid).read_text(encoding="utf-8").splitlines()) % 2:
        os.kill(os.getpid(), signal.SIGKILL)


@workflow
async def agent(paid: str) -> str:
    with podium.budget("agent", usd="0.95"):
        for _ in range(100):
            try:
                await think(paid)
            except StepFailed as error:
                return error.error.code
    return "never at its limit"


async def main(database: str, paid: str) -> None:
    """Start the run, or go on with it, until it has ended."""
    async with Podium(database) as app:
        run = await app.start(agent, {"paid": paid}, id="agent")
        print(await run.result())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
