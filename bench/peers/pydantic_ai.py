"""pydantic-ai's way from the tool call of a model to the tool. Mode: memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic_ai import Agent, FunctionToolset, RunContext
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.tool_manager import ToolManager
from pydantic_ai.usage import RunUsage

from bench.peers.common import AGENT_TURNS, Peer, call_text, main

toolset: FunctionToolset[None] = FunctionToolset()


@dataclass
class Line:
    """A line of an order."""

    sku: str
    count: int


@toolset.tool_plain
async def order(order: str, lines: list[Line], region: Literal["eu", "us"] = "eu") -> int:
    """Count the lines of an order.

    Args:
        order: The order's number.
        lines: What is ordered.
        region: Where.
    """
    return len(lines) if order and region else 0


def speaks(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Call the tool at each turn, then say that it is done."""
    turn = sum(isinstance(one, ModelResponse) for one in messages)
    if turn == AGENT_TURNS:
        return ModelResponse([TextPart("done")])
    return ModelResponse([ToolCallPart("order", call_text(turn), f"call-{turn}")])


def total_of(messages: list[ModelMessage]) -> int:
    """Return the sum of what the tool said."""
    parts = (part for one in messages for part in one.parts if isinstance(part, ToolReturnPart))
    return sum(int(str(part.content)) for part in parts)


class PydanticAI(Peer):
    """Its agents with a function as model; for `tools` the tool manager of an agent's run."""

    imports = "pydantic_ai"
    dist = "pydantic-ai-slim"

    async def open(self) -> None:
        context = RunContext(deps=None, model=TestModel(), usage=RunUsage())
        self.agent = Agent(FunctionModel(speaks), toolsets=[toolset])
        self.manager = await ToolManager(toolset).for_run_step(context)

    async def tools(self, n: int) -> int:
        total = 0
        for i in range(n):
            total += await self.manager.handle_call(
                ToolCallPart("order", call_text(i), f"call-{i}")
            )
        return total

    async def agents(self, n: int) -> int:
        total = 0
        for _ in range(n):
            result = await self.agent.run("Count the lines of the orders.")
            assert result.output == "done"
            total += total_of(result.all_messages())
        return total


if __name__ == "__main__":
    main(PydanticAI)
