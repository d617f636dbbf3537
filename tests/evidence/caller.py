"""A worker that calls a service: ``python -m tests.evidence.caller DATABASE PORT``; it ends with all runs.

Each worker starts the same runs, so none is missing if another one is killed.
"""

import asyncio
import sys
import urllib.request

import podium

from podium import Podium, Rate, task, workflow

LIMIT, PERIOD_S = 10, 0.4
RUNS, CALLS = 10, 6


@task(effect="read", rate=Rate(f"{LIMIT}/{PERIOD_S * 1000:.0f}ms", key="service"))
def call(port: int, number: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/call/{number}", timeout=20) as reply:
        return int(reply.status)


@workflow
async def errand(port: int, first: int) -> list[int]:
    return await podium.map(lambda number: call(port, number), range(first, first + CALLS))


async def main(database: str, port: int) -> None:
    """Start what is not there yet, and take part until all of it has ended."""
    async with Podium(database) as app:
        runs = [
            await app.start(errand, {"port": port, "first": 100 * n}, id=f"errand-{n}")
            for n in range(RUNS)
        ]
        for run in runs:
            await run.result()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
