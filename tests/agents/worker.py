"""A worker whose agents ask a provider: ``python -m tests.agents.worker DATABASE MODEL SIDEFILE RUNS``.

It works until all runs have ended, and says so; or until somebody kills it.
"""

import asyncio
import sys

import podium

from podium import Agent, Podium
from tests.harness import SideFile

DB, MODEL, SIDE, RUNS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
OUTSIDE = SideFile(SIDE)


@podium.tool(effect="read")
async def look(number: int) -> int:
    """Look."""
    await asyncio.sleep(0.002)
    return number


@podium.tool(effect="write")
async def put(number: int) -> int:
    """Put."""
    OUTSIDE.write("put", number)
    await asyncio.sleep(0.002)
    return number


HELPER = Agent("helper", instructions="You help.", model=MODEL, tools=[look, put], autonomy="act")


async def main() -> None:
    """Start what is not there yet, and take part until all of it has ended."""
    async with Podium(DB) as app:
        runs = [await app.start(HELPER, {"goal": f"goal {n}"}, id=f"run-{n}") for n in range(RUNS)]
        for run in runs:
            print(await run.result(), flush=True)
    print("ended", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
