"""Restate's handlers, served by hypercorn in a process of its own."""

from __future__ import annotations

from typing import Any

import restate

from restate import Context, RunOptions, Service

from bench.peers import common

bench = Service("Bench")


async def up(d: dict[str, Any]) -> dict[str, Any]:
    """Count one step."""
    return common.advance(d)


async def compute(d: dict[str, Any]) -> dict[str, Any]:
    """Compute a Fibonacci number."""
    common.fib(d["f"])
    return common.advance(d)


async def load(d: dict[str, Any]) -> dict[str, Any]:
    """Return 100 KB."""
    return {"x": d["x"] + 1, "i": d["i"] + 1, "state": common.payload(d["i"])}


async def mark(d: dict[str, Any]) -> dict[str, Any]:
    """Return the moment (the clock is the machine's, the same in all processes)."""
    return {**common.advance(d), "x": common.clock()}


async def noted(d: dict[str, Any]) -> dict[str, Any]:
    """Count one step and note it in the side file."""
    common.note(d["side"], d["i"])
    return common.advance(d)


STEPS = {"up": up, "compute": compute, "load": load, "mark": mark, "noted": noted}


@bench.handler()
async def chain(ctx: Context, given: dict[str, Any]) -> float:
    """Run one step n times."""
    d = given["d"]
    for _ in range(given["n"]):
        d = await ctx.run_typed(given["step"], STEPS[given["step"]], RunOptions(), d)
    return float(d["x"])


@bench.handler()
async def fan(ctx: Context, n: int) -> int:
    """Run n steps side by side."""
    futures = [ctx.run_typed("up", up, RunOptions(), {"x": k, "i": 0}) for k in range(n)]
    await restate.gather(*futures)
    return sum([(await f)["x"] for f in futures])


app = restate.app(services=[bench])
