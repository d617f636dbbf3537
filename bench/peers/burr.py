"""Apache Burr, in memory. Mode: memory."""

from __future__ import annotations

import os

from collections.abc import AsyncIterator
from typing import Any

os.environ.update(BURR_TELEMETRY_ENABLED="false", DO_NOT_TRACK="1")

from burr.core import ApplicationBuilder, State, action, default, expr
from burr.core.parallelism import MapStates

from bench.peers.common import Peer, clock, fib, main

MARK = -1
firsts: list[float] = []


@action(reads=["x", "f"], writes=["x"])
async def up(state: State) -> State:
    """Count one step; compute fib(f) when f > 0; note the moment when f is MARK."""
    if state["f"] == MARK:
        firsts.append(clock())
    elif state["f"]:
        fib(state["f"])
    return state.update(x=state["x"] + 1)


@action(reads=["x"], writes=["out"])
async def finish(state: State) -> State:
    """End the chain."""
    return state.update(out=state["x"])


@action(reads=["k"], writes=["k"])
async def work(state: State) -> State:
    """Be one branch of the fan-out."""
    return state.update(k=state["k"] + 1)


class Fan(MapStates):
    """The fan-out and its join."""

    reads = ["n"]
    writes = ["total"]

    def is_async(self) -> bool:
        return True

    def action(self, state: State, inputs: dict[str, Any]) -> Any:
        return work

    async def states(self, state: State, context: Any, inputs: Any) -> AsyncIterator[State]:
        for k in range(state["n"]):
            yield state.update(k=k)

    async def reduce(self, state: State, states: AsyncIterator[State]) -> State:
        total = 0
        async for s in states:
            total += s["k"]
        return state.update(total=total)


class Burr(Peer):
    """Burr's async applications, nothing persisted."""

    imports = "burr.core"
    dist = "apache-burr"

    async def chain(self, n: int, f: int = 0) -> int:
        app = await (
            ApplicationBuilder()
            .with_actions(up=up, finish=finish)
            .with_transitions(("up", "up", expr(f"x < {n}")), ("up", "finish", default))
            .with_state(x=0, f=f)
            .with_entrypoint("up")
            .abuild()
        )
        _, _, state = await app.arun(halt_after=["finish"])
        return int(state["out"])

    async def fan(self, n: int) -> int:
        builder = ApplicationBuilder().with_actions(fan=Fan()).with_state(n=n, total=0, k=0)
        app = await builder.with_entrypoint("fan").abuild()
        _, _, state = await app.arun(halt_after=["fan"])
        return int(state["total"])

    async def fibs(self, n: int, f: int) -> int:
        return await self.chain(n, f)

    async def first_step(self) -> float:
        await self.chain(1, MARK)
        return firsts[-1]


if __name__ == "__main__":
    main(Burr)
