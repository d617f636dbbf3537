"""llama-index-workflows, in memory. Mode: memory."""

from __future__ import annotations

from pathlib import Path

from workflows import Context, Workflow, step
from workflows.events import Event, StartEvent, StopEvent

from bench.peers.common import Peer, clock, fib, main

MARK = -1
firsts: list[float] = []


class Next(Event):
    """One step of a chain."""

    x: int
    n: int
    f: int


class Work(Event):
    """One branch of the fan-out."""

    k: int


class Done(Event):
    """A branch's result."""

    k: int


class Chain(Workflow):
    """Steps in a row."""

    @step
    async def begin(self, ev: StartEvent) -> Next:
        return Next(x=0, n=ev.n, f=ev.f)

    @step
    async def up(self, ev: Next) -> Next | StopEvent:
        if ev.f == MARK:
            firsts.append(clock())
        elif ev.f:
            fib(ev.f)
        x = ev.x + 1
        return StopEvent(result=x) if x >= ev.n else Next(x=x, n=ev.n, f=ev.f)


class Fan(Workflow):
    """Steps side by side and their join."""

    @step
    async def spread(self, ctx: Context, ev: StartEvent) -> Work | None:
        await ctx.store.set("n", ev.n)
        for k in range(ev.n):
            ctx.send_event(Work(k=k))
        return None

    @step(num_workers=100)
    async def work(self, ev: Work) -> Done:
        return Done(k=ev.k + 1)

    @step
    async def join(self, ctx: Context, ev: Done) -> StopEvent | None:
        done = ctx.collect_events(ev, [Done] * await ctx.store.get("n"))
        return None if done is None else StopEvent(result=sum(e.k for e in done))


class Llama(Peer):
    """llama-index workflows, nothing persisted."""

    imports = "workflows"
    dist = "llama-index-workflows"

    def __init__(self, mode: str, folder: Path) -> None:
        super().__init__(mode, folder)
        self.chains, self.fans = Chain(timeout=250), Fan(timeout=250)

    async def chain(self, n: int, f: int = 0) -> int:
        return int(await self.chains.run(n=n, f=f))

    async def fan(self, n: int) -> int:
        return int(await self.fans.run(n=n))

    async def fibs(self, n: int, f: int) -> int:
        return await self.chain(n, f)

    async def first_step(self) -> float:
        await self.chain(1, MARK)
        return firsts[-1]


if __name__ == "__main__":
    main(Llama)
