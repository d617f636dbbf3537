"""pydantic-ai's way from the tool call of a model to the tool. Mode: memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic_ai import FunctionToolset, RunContext
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.models.test import TestModel
from pydantic_ai.tool_manager import ToolManager
from pydantic_ai.usage import RunUsage

from bench.peers.common import Peer, call_text, main

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


class PydanticAI(Peer):
    """The tool manager of an agent's run, without a model."""

    imports = "pydantic_ai"
    dist = "pydantic-ai-slim"

    async def open(self) -> None:
        context = RunContext(deps=None, model=TestModel(), usage=RunUsage())
        self.manager = await ToolManager(toolset).for_run_step(context)

    async def tools(self, n: int) -> int:
        total = 0
        for i in range(n):
            total += await self.manager.handle_call(
                ToolCallPart("order", call_text(i), f"call-{i}")
            )
        return total


if __name__ == "__main__":
    main(PydanticAI)
