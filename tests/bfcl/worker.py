"""A worker process that plays cases: ``python -m tests.bfcl.worker '{"db": …, "runs_max": …}'``.

It works until every run in the file has ended, and says so; or until somebody kills it.
"""

import asyncio
import json
import sys

from typing import Any

from podium import Podium, RunError
from tests.bfcl import agents, plays  # they register the tools and the workflows


async def work(settings: dict[str, Any]) -> None:
    """Work until all runs have ended."""
    async with Podium(settings["db"], runs_max=settings["runs_max"]) as app:
        for run_id in settings["runs"]:
            try:
                await (await app.get(run_id)).result()
            except RunError as problem:
                print(run_id, problem, file=sys.stderr)


if __name__ == "__main__":
    assert plays.TOOLS
    assert agents.AGENTS
    asyncio.run(work(json.loads(sys.argv[1])))
    print(json.dumps({"ended": True}), flush=True)
