"""LangChain's call of a tool. Mode: memory."""

from __future__ import annotations

import json

from dataclasses import dataclass
from typing import Literal

from langchain_core.tools import BaseTool, tool

from bench.peers.common import Peer, call_text, main


@dataclass
class Line:
    """A line of an order."""

    sku: str
    count: int


@tool
async def order(order: str, lines: list[Line], region: Literal["eu", "us"] = "eu") -> int:
    """Count the lines of an order."""
    return len(lines) if order and region else 0


BY_NAME: dict[str, BaseTool] = {"order": order}


class LangChain(Peer):
    """`tool.ainvoke` with the arguments of a tool call, tracing off."""

    imports = "langchain_core.tools"
    dist = "langchain-core"

    async def tools(self, n: int) -> int:
        total = 0
        for i in range(n):
            total += await BY_NAME["order"].ainvoke(json.loads(call_text(i)))
        return total


if __name__ == "__main__":
    main(LangChain)
