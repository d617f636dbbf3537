"""Temporal's workflows and activities (the sandbox imports this module anew)."""

from __future__ import annotations

import asyncio

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from bench.peers import common

SHORT, LONG = timedelta(seconds=10), timedelta(seconds=60)
PENDING = 1000
firsts: list[float] = []


@activity.defn
async def up(d: dict[str, Any]) -> dict[str, Any]:
    """Count one step."""
    return common.advance(d)


@activity.defn
def compute(d: dict[str, Any]) -> dict[str, Any]:
    """Compute a Fibonacci number, in a thread."""
    common.fib(d["f"])
    return common.advance(d)


@activity.defn
async def load(d: dict[str, Any]) -> dict[str, Any]:
    """Return 100 KB."""
    return {"x": d["x"] + 1, "i": d["i"] + 1, "state": common.payload(d["i"])}


@activity.defn
async def mark(d: dict[str, Any]) -> dict[str, Any]:
    """Note the moment."""
    firsts.append(common.clock())
    return common.advance(d)


@activity.defn
async def noted(d: dict[str, Any]) -> dict[str, Any]:
    """Count one step and note it in the side file."""
    common.note(d["side"], d["i"])
    return common.advance(d)


STEPS = {"up": up, "compute": compute, "load": load, "mark": mark, "noted": noted}


def call(step: str, d: dict[str, Any], *, local: bool) -> Any:
    """Run one activity, local or not."""
    execute = workflow.execute_local_activity if local else workflow.execute_activity
    return execute(STEPS[step], d, start_to_close_timeout=LONG if step == "compute" else SHORT)


@workflow.defn
class Chain:
    """One activity n times."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> int:
        d = given["d"]
        for _ in range(given["n"]):
            d = await call(given["step"], d, local=given["local"])
        return int(d["x"])


@workflow.defn
class Fan:
    """N activities side by side, at most 1,000 pending (the server refuses over 2,000)."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> int:
        pending = asyncio.Semaphore(PENDING)

        async def one(k: int) -> int:
            async with pending:
                return int((await call("up", {"x": k, "i": 0}, local=given["local"]))["x"])

        return sum(await asyncio.gather(*(one(k) for k in range(given["n"]))))
