"""pydantic-graph, in memory. Mode: memory."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_graph import GraphBuilder, StepContext, reduce_sum

from bench.peers.common import Peer, clock, fib, main

MARK = -1
firsts: list[float] = []


@dataclass
class Count:
    """State of a chain."""

    x: int = 0
    f: int = 0


loop = GraphBuilder(state_type=Count, input_type=int, output_type=int)


@loop.step
async def up(ctx: StepContext[Count, None, int]) -> int:
    """Count one step and return how many are left."""
    if ctx.state.f == MARK:
        firsts.append(clock())
    elif ctx.state.f:
        fib(ctx.state.f)
    ctx.state.x += 1
    return ctx.inputs - 1


again = loop.match(int, matches=lambda left: left > 0).to(up)
loop.add(
    loop.edge_from(loop.start_node).to(up),
    loop.edge_from(up).to(loop.decision().branch(again).branch(loop.match(int).to(loop.end_node))),
)
CHAIN = loop.build()

wide = GraphBuilder(state_type=Count, input_type=int, output_type=int)


@wide.step
async def spread(ctx: StepContext[Count, None, int]) -> list[int]:
    """Make the items."""
    return list(range(ctx.inputs))


@wide.step
async def work(ctx: StepContext[Count, None, int]) -> int:
    """Be one branch of the fan-out."""
    return ctx.inputs + 1


join = wide.join(reduce_sum, initial=0)
wide.add(
    wide.edge_from(wide.start_node).to(spread),
    wide.edge_from(spread).map().to(work),
    wide.edge_from(work).to(join),
    wide.edge_from(join).to(wide.end_node),
)
FAN = wide.build()


class PydanticGraph(Peer):
    """pydantic-graph's builder graphs, nothing persisted."""

    imports = "pydantic_graph"
    dist = "pydantic-graph"

    async def chain(self, n: int, f: int = 0) -> int:
        state = Count(f=f)
        await CHAIN.run(state=state, inputs=n)
        return state.x

    async def fan(self, n: int) -> int:
        return await FAN.run(state=Count(), inputs=n)

    async def fibs(self, n: int, f: int) -> int:
        return await self.chain(n, f)

    async def first_step(self) -> float:
        await self.chain(1, MARK)
        return firsts[-1]


if __name__ == "__main__":
    main(PydanticGraph)
