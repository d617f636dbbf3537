"""Podium's agent of the workload `agent`: its model is a function that costs nothing."""

from __future__ import annotations

from typing import Any

import podium

from bench.peers import common, podium_flows
from podium.models import Request, ToolCall, function_model


@function_model("bench")
def speaks(request: Request) -> Any:
    """Call the tool at each turn, then say that it is done."""
    turn = sum(one.role == "assistant" for one in request.messages)
    if turn == common.AGENT_TURNS:
        return "done"
    return ToolCall(f"call-{turn}", "bench__order", common.call_text(turn))


helper = podium.Agent(
    "bench-helper", instructions="You count.", model="function:bench", tools=[podium_flows.order],
)  # fmt: skip


async def work() -> int:
    """Let it work once; return the sum of what the tool said."""
    result = await helper.work("Count the lines of the orders.")
    assert result.answer == "done"
    return sum(int(seen.text) for turn in result.turns for seen in turn.observations)


async def worked(n: int) -> int:
    """Do so n times, outside of a run."""
    return sum([await work() for _ in range(n)])


@podium.workflow
async def working() -> int:
    """Do so in a run."""
    return await work()
