"""Runs the stock programs on a real file, and kills its own process after a number of facts.

Started by ``test_stock.py`` as ``python -m tests.sim.half DATABASE KILL_AFTER``; 0 means never.
"""

import asyncio
import json
import os
import signal
import sys

from typing import Any

from podium import Podium
from podium.journal.records import Kind
from podium.journal.sqlite import SqliteStore
from podium.journal.store import Batch
from tests.sim.stock import EXPECTED


def kill_after(facts: int) -> None:
    """Let this process die once so many facts are durable, before the engine is told."""
    commit, left = SqliteStore.commit, [facts]

    def counted(store: SqliteStore, batch: Batch, *args: Any, **options: Any) -> Any:
        result = commit(store, batch, *args, **options)
        left[0] -= sum(record[1] < Kind.STARTED for record in batch.records)
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    SqliteStore.commit = counted  # type: ignore[method-assign]


async def run_all(database: str) -> dict[str, Any]:
    """Start every program, or find it where it was left; wait for all."""
    async with Podium(database) as app:
        runs = [await app.start(workflow, id=workflow.name) for workflow in EXPECTED]
        return {run.id: await run.result() for run in runs}


if __name__ == "__main__":
    if int(sys.argv[2]):
        kill_after(int(sys.argv[2]))
    print(json.dumps(asyncio.run(run_all(sys.argv[1]))))
