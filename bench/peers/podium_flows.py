"""Podium's tasks and workflows for the benchmark, in a module that worker processes can import."""

from __future__ import annotations

import os
import signal
import time

from dataclasses import dataclass
from typing import Literal

import podium

from bench.peers import common
from podium import Breaker, Concurrency, Rate, Retry, task, tool, workflow

Count = dict[str, int]

firsts: list[float] = []
spinner = common.Spinner()
STRIKE = "BENCH_STRIKE"


@task(effect="read")
async def look(d: Count) -> Count:
    """Count one step that reads."""
    return common.advance(d)


@task(effect="read", retry=Retry(3), timeout="30s", breaker=Breaker("guarded"))
async def guarded_breaker(d: Count) -> Count:
    """Count one step behind a breaker that stays closed."""
    return common.advance(d)


@task(effect="read", concurrency=Concurrency(1_000, key="guarded one"))
async def guarded_limit(d: Count) -> Count:
    """Count one step under a limit of concurrency that is never reached."""
    return common.advance(d)


@task(effect="read", rate=Rate("1000000/s", key="guarded two"))
async def guarded_rate(d: Count) -> Count:
    """Count one step under a rate that is never reached."""
    return common.advance(d)


@task(
    effect="read", retry=Retry(3), timeout="30s", breaker=Breaker("guarded all"),
    concurrency=Concurrency(1_000, key="guarded all"), rate=Rate("1000000/s", key="guarded all"),
)  # fmt: skip
async def guarded(d: Count) -> Count:
    """Count one step under every policy, none of which has anything to do."""
    return common.advance(d)


@task(effect="write")
async def put(d: Count) -> Count:
    """Count one step that writes."""
    return common.advance(d)


@task(effect="read")
async def branch(k: int) -> Count:
    """Be one branch of the fan-out."""
    return {"k": k + 1}


@task(effect="pure")
async def compute(f: int, d: Count) -> Count:
    """Compute a Fibonacci number on the loop, as a light task may."""
    common.fib(f)
    return common.advance(d)


@task(effect="pure")
def compute_in_thread(f: int, d: Count) -> Count:
    """Compute a Fibonacci number in a thread."""
    common.fib(f)
    return common.advance(d)


@task(effect="pure", isolation="process")
def compute_apart(f: int) -> int:
    """Compute a Fibonacci number in a process of its own."""
    return common.fib(f)


@task(effect="pure", isolation="process")
def rest(seconds: float) -> int:
    """Occupy a process, so that the others are started too."""
    time.sleep(seconds)
    return 0


@task(effect="read")
async def mark(d: Count) -> Count:
    """Note the moment of a first step."""
    firsts.append(common.clock())
    return common.advance(d)


@task(effect="write")
async def tick(d: Count) -> Count:
    """Note the moment: two in a row are one commit apart."""
    firsts.append(common.clock())
    return common.advance(d)


@task(effect="pure")
def spin() -> int:
    """Keep a thread busy with Python until told to stop."""
    return spinner.run()


@task(effect="read")
async def load(i: int) -> dict[str, int | list[str]]:
    """Return 100 KB."""
    return common.payload(i)


@task(effect="read")
async def turn(history: list[str], size: int) -> list[str]:
    """Return the list and one more item."""
    return [*history, common.item(len(history), size)]


@task(effect="write")
async def noted(d: Count, side: str) -> Count:
    """Count one step and note it in the side file."""
    common.note(side, d["i"])
    return common.advance(d)


@task(effect="write")
async def strike(d: Count) -> Count:
    """Kill this process when told to; else note the moment of the first new step."""
    if os.environ.get(STRIKE):
        os.kill(os.getpid(), signal.SIGKILL)
    firsts.append(common.clock())
    return common.advance(d)


GUARDED = {
    "breaker": guarded_breaker, "limit": guarded_limit, "rate": guarded_rate, "all": guarded,
}  # fmt: skip


@workflow
async def guarding(n: int, by: str) -> int:
    """Do n steps under idle policies, one after the other."""
    step = GUARDED[by]
    d = {"x": 0, "i": 0}
    for _ in range(n):
        d = await step(d)
    return d["x"]


@workflow
async def reading(n: int) -> int:
    """Run n read steps in a row."""
    d = {"x": 0, "i": 0}
    for _ in range(n):
        d = await look(d)
    return d["x"]


@workflow
async def writing(n: int) -> int:
    """Run n write steps in a row."""
    d = {"x": 0, "i": 0}
    for _ in range(n):
        d = await put(d)
    return d["x"]


@workflow
async def mapping(n: int) -> int:
    """Run n read steps side by side and join them."""
    return sum(r["k"] for r in await podium.map(branch, range(n)))


@workflow
async def lightly(n: int, f: int, threads: bool) -> int:
    """Run n light tasks in a row."""
    d = {"x": 0, "i": 0}
    for _ in range(n):
        d = await (compute_in_thread(f, d) if threads else compute(f, d))
    return d["x"]


@workflow
async def heavily(n: int, f: int, side_by_side: bool) -> int:
    """Run n long tasks in processes, in a row or side by side."""
    if side_by_side:
        return len(await podium.map(compute_apart, [f] * n))
    for _ in range(n):
        await compute_apart(f)
    return n


@workflow
async def warming(processes: int, seconds: float) -> int:
    """Start all processes of the pool."""
    return len(await podium.map(rest, [seconds] * processes))


@workflow
async def marking() -> int:
    """Run one step that notes the moment."""
    return (await mark({"x": 0, "i": 0}))["x"]


@workflow
async def ticking(n: int) -> int:
    """Run n write steps that note the moment."""
    d = {"x": 0, "i": 0}
    for _ in range(n):
        d = await tick(d)
    return d["x"]


@workflow
async def spinning_flow() -> int:
    """Run a task that only computes."""
    return await spin()


@workflow
async def loading(n: int) -> int:
    """Run n steps of 100 KB each."""
    for i in range(n):
        await load(i)
    return n


@workflow
async def growing(turns: int, size: int) -> int:
    """Grow a list by one item a turn."""
    history: list[str] = []
    for _ in range(turns):
        history = await turn(history, size)
    return len(history)


@workflow
async def noting(n: int, side: str) -> int:
    """Run n write steps that note themselves."""
    d = {"x": 0, "i": 0}
    for _ in range(n):
        d = await noted(d, side)
    return d["x"]


@workflow
async def interrupted(n: int) -> int:
    """Run n read steps, then the one at which the process is killed."""
    d = {"x": 0, "i": 0}
    for _ in range(n):
        d = await look(d)
    return (await strike(d))["x"]


@dataclass
class Line:
    """A line of an order."""

    sku: str
    count: int


@tool(effect="read", namespace="bench")
async def order(order: str, lines: list[Line], region: Literal["eu", "us"] = "eu") -> int:
    """Count the lines of an order.

    Args:
        order: The order's number.
        lines: What is ordered.
        region: Where.
    """
    return len(lines) if order and region else 0


async def called(n: int) -> int:
    """Call the tool by name n times; return the sum of what it says."""
    total = 0
    for i in range(n):
        reply = await podium.dispatch("bench.order", common.call_text(i))
        total += reply.value
    return total


@workflow
async def calling(n: int) -> int:
    """Do so as steps."""
    return await called(n)
