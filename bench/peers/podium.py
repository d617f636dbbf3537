"""Podium. Modes: default (async tasks), thread (sync tasks, for `light`), plain (no run, for `tools`)."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import time

from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import podium

from bench.peers import podium_agents as agents
from bench.peers import podium_documents as documents
from bench.peers import podium_flows as flows
from bench.peers.common import (
    PAUSE,
    SPIN_ALONE,
    Figures,
    Measure,
    Peer,
    clock,
    compare_latency,
    fib,
    main,
    module_command,
)
from podium.core.version import VERSION

CORES = os.cpu_count() or 1
Timed = Callable[[], Awaitable[float]]
REST = 1.5
"""So long does each process rest in the warm-up that every process of a pool must be started."""


class PodiumPeer(Peer):
    """Podium on one SQLite file, with its defaults."""

    imports = "podium"
    unopened = Peer.unopened | {"resume_open"}
    app: Any = None

    def version(self) -> str:
        return VERSION

    async def open(self) -> None:
        self.app = await podium.Podium(str(self.folder / "podium.db")).__aenter__()

    async def close(self) -> None:
        if self.app is not None:
            app, self.app = self.app, None
            await app.__aexit__(None, None, None)

    async def run(self, flow: Any, **given: Any) -> int:
        """Start a workflow and wait for its result."""
        run = await self.app.start(flow, given)
        return int(await run.result())

    async def chain(self, n: int) -> int:
        return await self.run(flows.reading, n=n)

    async def chain_write(self, n: int) -> int:
        return await self.run(flows.writing, n=n)

    async def fan(self, n: int) -> int:
        return await self.run(flows.mapping, n=n)

    async def fibs(self, n: int, f: int) -> int:
        return await self.run(flows.lightly, n=n, f=f, threads=self.mode == "thread")

    async def tools(self, n: int) -> int:
        if self.mode == "plain":
            return await flows.called(n)
        return await self.run(flows.calling, n=n)

    async def agents(self, n: int) -> int:
        if self.mode == "plain":
            return await agents.worked(n)
        return sum([await self.run(agents.working) for _ in range(n)])

    async def first_step(self) -> float:
        await self.run(flows.marking)
        return flows.firsts[-1]

    async def payloads(self, n: int) -> int:
        return await self.run(flows.loading, n=n)

    async def grow(self, turns: int, size: int) -> int:
        return await self.run(flows.growing, turns=turns, size=size)

    async def recover(self, n: int, *, again: bool) -> int:
        if again:
            run = await self.app.get("R")
        else:
            run = await self.app.start(flows.noting, {"n": n, "side": str(self.side)}, id="R")
        return int(await run.result())


async def measure_long(peer: PodiumPeer, n: int, *, side_by_side: bool = False) -> Figures:
    """Time n × fib(33) in processes against a bare spawn pool, in turn, both warm."""
    loop = asyncio.get_running_loop()
    spawn = multiprocessing.get_context("spawn")

    async def bare(f: int, times: int) -> float:
        began = clock()
        calls = (loop.run_in_executor(pool, fib, f) for _ in range(times))
        if side_by_side:
            await asyncio.gather(*calls)
        else:
            for call in calls:
                await call
        return clock() - began

    async def ours(f: int, times: int) -> float:
        began = clock()
        assert await peer.run(flows.heavily, n=times, f=f, side_by_side=side_by_side) == times
        return clock() - began

    with ProcessPoolExecutor(CORES, mp_context=spawn) as pool:
        resting = (loop.run_in_executor(pool, time.sleep, REST) for _ in range(CORES))
        await asyncio.gather(*resting)
        await peer.run(flows.warming, processes=CORES, seconds=REST)
        first, mine = await bare(33, n), await ours(33, n)
        again, last = await ours(33, n), await bare(33, n)  # this order cancels a steady drift
    pool_s, secs = min(first, last), min(mine, again)
    return {"secs": round(secs, 4), "pool_s": round(pool_s, 4), "ratio": round(secs / pool_s, 4)}


async def measure_resume_open(peer: PodiumPeer, n: int) -> Figures:
    """Time from opening the file of a killed run of n recorded steps to its first new step."""
    argv = [*module_command(), peer.mode, "crash", str(n), str(peer.folder)]
    died = subprocess.run(argv, env={**os.environ, flows.STRIKE: "1"}, check=False, timeout=120)
    assert died.returncode == -signal.SIGKILL, died.returncode
    began = clock()
    await peer.open()
    opened = clock()
    run = await peer.app.get("R")
    assert await run.result() == n + 1
    return {
        "ms": round((flows.firsts[-1] - began) * 1000, 2),
        "open_ms": round((opened - began) * 1000, 2),
    }


async def crash(peer: PodiumPeer, n: int) -> Figures:
    """Run n steps and die in the next one, by SIGKILL."""
    run = await peer.app.start(flows.interrupted, {"n": n}, id="R")
    await run.result()
    raise AssertionError("the process should have been killed")


async def measure_cpu(peer: PodiumPeer, n: int) -> Figures:
    """Compare the time between two write steps, idle and beside a task that computes."""

    async def gaps() -> list[float]:
        flows.firsts.clear()
        await peer.run(flows.ticking, n=n)
        return list(flows.firsts)

    await gaps()
    idle = await gaps()
    spin = await peer.app.start(flows.spinning_flow, {})
    while not flows.spinner.turns:
        await asyncio.sleep(PAUSE)
    alone = flows.spinner.rate()
    await asyncio.sleep(SPIN_ALONE)
    free, beside = alone(), flows.spinner.rate()
    busy = await gaps()
    share = beside() / free
    flows.spinner.stop()
    await spin.result()
    return compare_latency(idle, busy, share)


async def measure_beside(function: Timed, document: Timed, times: int = 2) -> Figures:
    """Compare a document with the same workflow as a function, in turn, the better of each counts."""
    ours, theirs = [], []
    for _ in range(times):  # this order cancels a steady drift
        theirs += [await function(), await function()]
        ours += [await document(), await document()]
    secs, function_s = min(ours), min(theirs)
    return {
        "secs": round(secs, 4),
        "function_s": round(function_s, 4),
        "ratio": round(secs / function_s, 3),
    }


async def timed(peer: PodiumPeer, flow: Any, given: dict[str, Any], expected: int) -> float:
    """Return the seconds of one run."""
    began = clock()
    assert await peer.run(flow, **given) == expected
    return clock() - began


async def measure_flow_chain(peer: PodiumPeer, n: int) -> Figures:
    """Time a chain of n read steps as a document and as a function."""
    flow = documents.chain(n)
    return await measure_beside(
        lambda: timed(peer, flows.reading, {"n": n}, n), lambda: timed(peer, flow, {}, n)
    )


async def measure_flow_map(peer: PodiumPeer, n: int) -> Figures:
    """Time a `for_each` of n items and `podium.map`."""
    flow, given = documents.fan(), {"ks": list(range(n))}
    return await measure_beside(
        lambda: timed(peer, flows.mapping, {"n": n}, n * (n + 1) // 2),
        lambda: timed(peer, flow, given, n),
    )


async def measure_flow_check(peer: PodiumPeer, n: int) -> Figures:
    """Time reading, checking, and scheduling a document of n nodes."""
    text = documents.wide(n)
    began = clock()
    flow = podium.Flow.from_text(text)
    assert not [one for one in flow.check() if one.is_error]
    checked = clock()
    await peer.run(flow)
    secs = clock() - began
    return {
        "ms_per_node": round(secs / n * 1000, 4),
        "check_ms": round((checked - began) * 1000, 1),
        "secs": round(secs, 3),
    }


async def measure_policies(peer: PodiumPeer, n: int) -> Figures:
    """Time a chain of read steps under policies that have nothing to do, beside a bare one.

    They take turns in one process, five times each; the best of each counts.
    """
    names = [*flows.GUARDED]
    best = dict.fromkeys(["bare", *names], float("inf"))
    for _ in range(5):
        for name in best:
            flow, given = (flows.guarding, {"by": name}) if name != "bare" else (flows.reading, {})
            best[name] = min(best[name], await timed(peer, flow, {"n": n, **given}, n))
    return {
        "ratio": round(best["all"] / best["bare"], 3),
        **{f"{name}_ratio": round(best[name] / best["bare"], 3) for name in names if name != "all"},
        "bare_us": round(best["bare"] / n * 1e6, 1),
        "secs": round(best["all"], 3),
    }


EXTRA: dict[str, Measure] = {
    "long": measure_long,
    "long_par": lambda peer, n: measure_long(peer, n, side_by_side=True),
    "resume_open": measure_resume_open,
    "crash": crash,
    "cpu": measure_cpu,
    "flow_chain": measure_flow_chain,
    "flow_map": measure_flow_map,
    "flow_check": measure_flow_check,
    "flow_check_20k": measure_flow_check,
    "policies": measure_policies,
}

if __name__ == "__main__":
    main(PodiumPeer, EXTRA)
