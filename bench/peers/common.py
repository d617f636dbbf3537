"""What every peer shares: the workloads, the stopwatch, and the one JSON line at the end.

A peer answers a few questions (`Peer`): run a chain, a fan-out, a light task. How each is
warmed up, timed and checked stands here once, so that all systems are measured alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import itertools
import json
import os
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self

Figures = dict[str, Any]
clock = time.perf_counter

START_WARM_UP = 3
PAUSE = 0.02
SPIN_AT_MOST = 60.0
SPIN_ALONE = 0.5
AGENT_TURNS = 10
CALL_LINES = 3
"""Lines of the order that a call of a tool has."""


def fib(n: int) -> int:
    """Return the n-th Fibonacci number the slow way: a task that only computes."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def payload(i: int) -> dict[str, Any]:
    """Return 100 KB of JSON that differs at each step and has no repeats to compress."""
    rng = random.Random(i)
    return {"i": i, "blob": [f"{rng.getrandbits(384):096x}" for _ in range(1000)]}


def item(i: int, size: int) -> str:
    """Return the i-th item of a growing list: `size` random characters."""
    return f"{random.Random(i).getrandbits(size * 4):0{size}x}"


def call_text(i: int) -> str:
    """Return the arguments of the i-th call of a tool, as a model writes them."""
    lines = [{"sku": f"s{i}-{k}", "count": k + 1} for k in range(CALL_LINES)]
    return json.dumps({"order": f"A{i}", "lines": lines, "region": "eu"})


def advance(d: dict[str, Any]) -> dict[str, Any]:
    """Do the work of one step of a chain."""
    return {**d, "x": d["x"] + 1, "i": d["i"] + 1}


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def rss_mb() -> float:
    """Return the most memory this process ever held, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


class Peer:
    """One system under test in one mode; a workload it cannot do stays unimplemented."""

    dist: ClassVar[str] = ""
    """The distribution whose version is reported."""
    imports: ClassVar[str] = ""
    """What a user's program imports of it."""
    loop_for: ClassVar[frozenset[str] | None] = None
    """The workloads that need a running asyncio loop; None means all of them."""

    unopened: ClassVar[frozenset[str]] = frozenset({"resume_kill", "import"})
    """The workloads that open the system themselves."""

    def __init__(self, mode: str, folder: Path) -> None:
        self.mode = mode
        self.folder = folder
        self.side = folder / "side.txt"

    def version(self) -> str:
        """Return the version of the system."""
        return importlib.metadata.version(self.dist) if self.dist else ""

    async def open(self) -> None:
        """Bring the system up; outside every timed region."""

    async def prepare_kill(self) -> None:
        """Do what the kill test needs before its first worker."""

    async def close(self) -> None:
        """Take the system down, so that its files are as a user would find them."""

    async def chain(self, n: int) -> int:
        """Run n steps one after the other and return the count they made."""
        raise NotImplementedError

    async def chain_write(self, n: int) -> int:
        """Do as `chain`, with steps that change the world."""
        return await self.chain(n)

    async def fan(self, n: int) -> int:
        """Run n steps side by side; step k returns k + 1; return the sum."""
        raise NotImplementedError

    async def runs(self, n: int) -> list[float]:
        """Run n workflows of 10 write steps at once; return when each ended, from the start."""

        async def one() -> float:
            assert await self.chain_write(10) == 10
            return clock() - began

        began = clock()
        return await asyncio.gather(*(one() for _ in range(n)))

    async def fibs(self, n: int, f: int) -> int:
        """Run n steps of fib(f) one after the other and return their count."""
        raise NotImplementedError

    async def tools(self, n: int) -> int:
        """Call a tool n times by name with `call_text(i)`, checked; return the sum of its lines."""
        raise NotImplementedError

    async def agents(self, n: int) -> int:
        """Let an agent work n times: `AGENT_TURNS` replies that call a tool, then one that answers.

        The model is a function that costs nothing. Return the sum of what the tool said.
        """
        raise NotImplementedError

    async def first_step(self) -> float:
        """Run a workflow of one step; return the clock reading inside that step."""
        raise NotImplementedError

    async def payloads(self, n: int) -> int:
        """Run n steps that each return `payload(i)`; return their count."""
        raise NotImplementedError

    async def grow(self, turns: int, size: int) -> int:
        """Run turns that each return the list plus one `item(i, size)`; return its length."""
        raise NotImplementedError

    async def recover(self, n: int, *, again: bool) -> int:
        """Run (or take up again) a chain of n steps that note themselves in the side file."""
        raise NotImplementedError

    def worker(self, phase: str, n: int) -> subprocess.Popen[bytes]:
        """Start the process that the kill test kills."""
        argv = [*module_command(), self.mode, f"recover-{phase}", str(n), str(self.folder)]
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(argv, stdout=log, stderr=log)

    async def await_recovered(self, worker: subprocess.Popen[bytes]) -> None:
        """Wait until the run that the killed worker left is finished."""
        worker.wait(150)


class Stopwatch:
    """Times a block; with a profiler set, also profiles it."""

    profiler: ClassVar[Any] = None

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> Self:
        if self.profiler:
            self.profiler.enable()
        self._began = clock()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = clock() - self._began
        if self.profiler:
            self.profiler.disable()


def rate(watch: Stopwatch, steps: int) -> Figures:
    """Return seconds, steps per second and milliseconds per step."""
    return {
        "secs": round(watch.seconds, 5),
        "per_s": round(steps / watch.seconds, 2),
        "ms_per_step": round(watch.seconds / steps * 1000, 5),
    }


async def measure_chain(peer: Peer, n: int) -> Figures:
    """Time one workflow of n steps."""
    await peer.chain(5)
    with Stopwatch() as watch:
        done = await peer.chain(n)
    assert done == n, done
    return rate(watch, n)


async def measure_chain_write(peer: Peer, n: int) -> Figures:
    """Time one workflow of n write steps."""
    await peer.chain_write(5)
    with Stopwatch() as watch:
        done = await peer.chain_write(n)
    assert done == n, done
    return rate(watch, n)


async def measure_map(peer: Peer, n: int) -> Figures:
    """Time a fan-out of n steps and the join."""
    await peer.fan(3)
    with Stopwatch() as watch:
        total = await peer.fan(n)
    assert total == n * (n + 1) // 2, total
    return rate(watch, n)


async def measure_runs(peer: Peer, n: int) -> Figures:
    """Time n workflows of 10 steps started at once."""
    await peer.chain_write(5)
    with Stopwatch() as watch:
        ends = sorted(await peer.runs(n))
    assert len(ends) == n
    p99 = ends[round(0.99 * (n - 1))]
    last = {"p50_ms": round(statistics.median(ends) * 1000, 1), "p99_ms": round(p99 * 1000, 1)}
    return rate(watch, n * 10) | last


async def measure_tools(peer: Peer, n: int) -> Figures:
    """Time n calls of a tool by name, one after the other."""
    await peer.tools(5)
    with Stopwatch() as watch:
        lines = await peer.tools(n)
    assert lines == n * CALL_LINES, lines
    return rate(watch, n)


async def measure_agent(peer: Peer, n: int) -> Figures:
    """Time n pieces of work of an agent, one after the other; a step is a turn."""
    await peer.agents(2)
    with Stopwatch() as watch:
        lines = await peer.agents(n)
    assert lines == n * AGENT_TURNS * CALL_LINES, lines
    return rate(watch, n * (AGENT_TURNS + 1))


async def measure_light(peer: Peer, n: int) -> Figures:
    """Time n tasks of fib(10) in a row."""
    await peer.fibs(1, 5)
    with Stopwatch() as watch:
        done = await peer.fibs(n, 10)
    assert done == n, done
    return rate(watch, n) | {"total_ms": round(watch.seconds * 1000, 3)}


async def measure_long(peer: Peer, n: int) -> Figures:
    """Time n tasks of fib(33) in a row."""
    await peer.fibs(1, 5)
    with Stopwatch() as watch:
        done = await peer.fibs(n, 33)
    assert done == n, done
    return rate(watch, n)


async def measure_start(peer: Peer, n: int) -> Figures:
    """Time n times from handing in a workflow to its first step running, engine idle."""
    waits = []
    for _ in range(START_WARM_UP + n):
        with Stopwatch():
            began = clock()
            waits.append((await peer.first_step() - began) * 1000)
        time.sleep(PAUSE) if peer.loop_for is not None else await asyncio.sleep(PAUSE)
    waits = waits[START_WARM_UP:]
    return {"ms": round(statistics.median(waits), 3), "max_ms": round(max(waits), 3)}


async def measure_payload(peer: Peer, n: int) -> Figures:
    """Time n steps of 100 KB each, and weigh the files after close."""
    await peer.chain(3)
    before = peer.unused_bytes() if isinstance(peer, ServerPeer) else 0
    with Stopwatch() as watch:
        done = await peer.payloads(n)
    assert done == n, done
    data = sum(len(json.dumps(payload(i))) for i in range(n))
    return rate(watch, n) | await weigh(peer, data, before)


async def measure_growth(peer: Peer, n: int, size: int) -> Figures:
    """Time a list growing by n items, and weigh the files after close."""
    with Stopwatch() as watch:
        length = await peer.grow(n, size)
    assert length == n, length
    return rate(watch, n) | await weigh(peer, n * size, 0)


async def weigh(peer: Peer, data: int, before: int) -> Figures:
    """Close the peer and return what its files weigh, in MB and in multiples of the data."""
    await peer.close()
    disk = size_of(peer.folder) - before
    return {"disk_mb": round(disk / 1e6, 3), "disk_ratio": round(disk / data, 3)}


async def measure_kill(peer: Peer, n: int) -> Figures:
    """Kill the worker with SIGKILL at half of n steps, start it again, and count."""
    await peer.prepare_kill()
    first = peer.worker("first", n)
    try:
        wait_for_lines(peer.side, n // 2, first)
    finally:
        first.kill()
        first.wait()
    time.sleep(0.3)
    before = read_side(peer.side)
    newest = max(i for i, _ in before)
    began = time.time()
    second = peer.worker("again", n)  # its start and imports are part of the time, as for a user
    try:
        await peer.await_recovered(second)
    finally:
        ended = time.time()
        second.kill()
        second.wait()
    rows = read_side(peer.side)
    counts = Counter(i for i, _ in rows)
    assert len(counts) == n, f"{len(counts)} of {n} steps after the restart"
    fresh = next(at for i, at in rows[len(before) :] if i > newest)
    return {
        "killed_after": len(before),
        "twice": sum(c - 1 for c in counts.values()),
        "resume_s": round(fresh - began, 3),
        "finish_s": round(ended - began, 3),
    }


async def measure_import(peer: Peer, n: int) -> Figures:
    """Time a process that imports the system against one that does nothing, in turn."""

    def process(code: str) -> float:
        began = clock()
        subprocess.run([sys.executable, "-c", code], check=True)
        return (clock() - began) * 1000

    code = f"import {peer.imports}"
    process(code)
    pairs = [(process("pass"), process(code)) for _ in range(n)]
    over = statistics.median(with_it - bare for bare, with_it in pairs)
    return {"ms": round(over, 1), "bare_ms": round(statistics.median(b for b, _ in pairs), 1)}


class Spinner:
    """Keeps a thread busy with Python until told to stop, and counts what it got done."""

    def __init__(self) -> None:
        self.turns = 0
        self.is_on = True

    def run(self) -> int:
        """Compute until stopped, at most a minute."""
        ends = clock() + SPIN_AT_MOST
        while self.is_on and clock() < ends:
            fib(15)
            self.turns += 1
        return 0

    def stop(self) -> None:
        """Let `run` come to its end."""
        self.is_on = False

    def rate(self) -> Callable[[], float]:
        """Begin to count; the call returned says how many turns a second were made since."""
        turns, began = self.turns, clock()
        return lambda: (self.turns - turns) / (clock() - began)


def compare_latency(idle: list[float], busy: list[float], share: float) -> Figures:
    """Return the median gap between successive moments, idle and busy, and their ratio.

    The share is what the computing thread got of its speed alone: a low latency that starves it
    would be no merit.
    """

    def gap(moments: list[float]) -> float:
        return statistics.median(b - a for a, b in itertools.pairwise(moments)) * 1000

    figures = {"idle_ms": round(gap(idle), 4), "busy_ms": round(gap(busy), 4)}
    figures["spinner_percent"] = round(100 * share)
    return figures | {"ratio": round(gap(busy) / gap(idle), 3)}


def note(side: Path | str, i: int) -> None:
    """Append a line to the side file: step i runs now."""
    fd = os.open(side, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(fd, b"%d %f\n" % (i, time.time()))
    os.close(fd)


def read_side(side: Path) -> list[tuple[int, float]]:
    """Return the complete lines of a side file."""
    try:
        lines = side.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return [(int(a), float(b)) for a, b in (line.split() for line in lines)]


def wait_for_lines(side: Path, lines: int, worker: subprocess.Popen[bytes]) -> None:
    """Wait until the side file has that many lines."""
    deadline = time.time() + 120
    while len(read_side(side)) < lines:
        if worker.poll() is not None or time.time() > deadline:
            log = side.with_name("worker.log")
            tail = log.read_text().strip().splitlines()[-1:] if log.exists() else []
            raise SystemExit(f"the worker ended before it was killed: {tail}")
        time.sleep(0.002)


class ServerPeer(Peer):
    """A peer with a server of its own, on loopback, for one measurement."""

    server: subprocess.Popen[bytes] | None = None

    def unused_bytes(self) -> int:
        """Return what the server's files weigh before the data."""
        return size_of(self.folder)

    def spawn(self, argv: list[str], log: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a process of this peer whose output goes to a log in its folder."""
        with (self.folder / log).open("ab") as out:
            return subprocess.Popen(argv, stdout=out, stderr=out, env={**os.environ, **env})

    def stop(self, process: subprocess.Popen[bytes] | None) -> None:
        """End a process of this peer: politely, then for sure."""
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a loopback port that nothing uses now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until `ready` holds; refusals of a connection count as not ready."""
    deadline = time.time() + seconds
    while time.time() < deadline:
        with contextlib.suppress(OSError):
            if ready():
                return
        time.sleep(0.05)
    raise SystemExit(f"{what} was not ready in {seconds:.0f} s")


def connects(port: int) -> bool:
    """Say whether something listens on a loopback port."""
    with socket.create_connection(("127.0.0.1", port), 0.2):
        return True


Measure = Callable[[Any, int], Awaitable[Figures]]
MEASURES: dict[str, Measure] = {
    "chain_read": measure_chain,
    "chain_write": measure_chain_write,
    "map_1k": measure_map,
    "map_10k": measure_map,
    "runs": measure_runs,
    "tools": measure_tools,
    "agent": measure_agent,
    "light": measure_light,
    "long": measure_long,
    "start": measure_start,
    "payload": measure_payload,
    "growth_200b": lambda peer, n: measure_growth(peer, n, 200),
    "growth_1k": lambda peer, n: measure_growth(peer, n, 1000),
    "resume_kill": measure_kill,
    "import": measure_import,
}


async def perform(peer: Peer, workload: str, n: int, extra: dict[str, Measure]) -> Figures:
    """Open the peer, carry out one workload, close it."""
    if workload.startswith("recover-"):
        await peer.open()
        assert await peer.recover(n, again=workload == "recover-again") == n
        await peer.close()
        return {}
    measure = extra.get(workload) or MEASURES[workload]
    try:
        if workload not in peer.unopened:
            await peer.open()
        return await measure(peer, n)
    finally:
        await peer.close()


def drive(work: Coroutine[Any, Any, Figures], *, loop: bool) -> Figures:
    """Run a measurement: in asyncio, or, for a system with a sync face, without any loop."""
    if loop:
        return asyncio.run(work)
    try:
        work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise RuntimeError("a workload of a sync system awaited something: list it in loop_for")


def module_command() -> list[str]:
    """Return the command that runs this peer's module again."""
    spec = sys.modules["__main__"].__spec__
    assert spec is not None, "peers are run with python -m"
    return [sys.executable, "-m", spec.name]


@contextlib.contextmanager
def answering_signals() -> Iterator[None]:
    """Turn SIGTERM into an exit, so that servers are stopped on the way out."""

    def leave(*_: object) -> NoReturn:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, leave)
    yield


def main(make: Callable[[str, Path], Peer], extra: dict[str, Measure] | None = None) -> None:
    """Be the program of a peer: MODE WORKLOAD N FOLDER; print one JSON line."""
    mode, workload, n, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    peer = make(mode, folder)
    needs_loop = peer.loop_for is None or workload in peer.loop_for
    with answering_signals():
        figures = drive(perform(peer, workload, n, extra or {}), loop=needs_loop)
    line = {"n": n, "version": peer.version(), **figures, "peak_mb": rss_mb()}
    print(json.dumps(line), flush=True)
