"""LangGraph. Modes: graph-none, graph-sync, graph-async (the default), func-sync."""

from __future__ import annotations

import asyncio
import itertools
import json
import operator
import sqlite3

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypedDict

import aiosqlite

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import create_react_agent
from langgraph.types import Send

from bench.peers.common import (
    AGENT_TURNS,
    Peer,
    call_text,
    clock,
    fib,
    item,
    main,
    note,
    payload,
)

firsts: list[float] = []


class Count(TypedDict):
    """State of a chain."""

    x: int
    i: int
    n: int


class Load(TypedDict):
    """State of the payload chain."""

    x: int
    i: int
    n: int
    state: dict[str, Any]


class Growing(TypedDict):
    """State of the growing list."""

    x: int
    i: int
    n: int
    history: Annotated[list[str], operator.add]


class Fan(TypedDict):
    """State of the fan-out."""

    n: int
    results: Annotated[list[int], operator.add]
    total: int


def up(s: dict[str, Any]) -> dict[str, Any]:
    """Count one step."""
    return {"x": s["x"] + 1, "i": s["i"] + 1}


def chain_graph(work: Any, state: Any = Count) -> StateGraph:
    """Build one node that loops through a conditional edge, as an agent's loop does."""
    g = StateGraph(state)
    g.add_node("step", work)
    g.add_edge(START, "step")
    turn = lambda s: END if s["i"] >= s["n"] else "step"  # noqa: E731
    g.add_conditional_edges("step", turn, {"step": "step", END: END})
    return g


def fan_graph() -> StateGraph:
    """Build a fan-out by Send and its join."""
    g = StateGraph(Fan)
    g.add_node("fan", lambda s: {})
    g.add_node("work", lambda s: {"results": [s["k"] + 1]})
    g.add_node("join", lambda s: {"total": sum(s["results"])})
    g.add_edge(START, "fan")
    spread = lambda s: [Send("work", {"k": k}) for k in range(s["n"])]  # noqa: E731
    g.add_conditional_edges("fan", spread, ["work"])
    g.add_edge("work", "join")
    g.add_edge("join", END)
    return g


class Speaks(BaseChatModel):
    """A model that calls the tool at each turn, then says that it is done."""

    @property
    def _llm_type(self) -> str:
        return "bench"

    def bind_tools(self, tools: Any, **options: Any) -> Speaks:  # type: ignore[override]
        return self

    def _generate(self, messages: Any, *_: Any, **options: Any) -> ChatResult:
        turn = sum(isinstance(one, AIMessage) for one in messages)
        said = AIMessage("done")
        if turn < AGENT_TURNS:
            given = json.loads(call_text(turn))
            said = AIMessage(
                "", tool_calls=[{"name": "order", "args": given, "id": f"call-{turn}"}]
            )
        return ChatResult(generations=[ChatGeneration(message=said)])

    async def _agenerate(self, messages: Any, *_: Any, **options: Any) -> ChatResult:
        return self._generate(messages)


@dataclass
class Line:
    """A line of an order."""

    sku: str
    count: int


@tool
async def order(order: str, lines: list[Line], region: Literal["eu", "us"] = "eu") -> int:
    """Count the lines of an order."""
    return len(lines) if order and region else 0


class LangGraph(Peer):
    """LangGraph with its SQLite checkpointer, through the sync face (async for `runs`)."""

    imports = "langgraph.graph, langgraph.checkpoint.sqlite"
    dist = "langgraph"
    loop_for: ClassVar[frozenset[str] | None] = frozenset({"runs", "agent"})

    def __init__(self, mode: str, folder: Path) -> None:
        super().__init__(mode, folder)
        self.functional, durability = mode.startswith("func"), mode.split("-")[1]
        self.saves = durability != "none"
        self.options = {"durability": durability} if self.saves else {}
        self.ids = itertools.count()
        self.size = 0
        self.saver: SqliteSaver | None = None

    async def open(self) -> None:
        if self.saves:
            conn = sqlite3.connect(self.folder / "lg.db", check_same_thread=False)
            self.saver = SqliteSaver(conn)

    async def close(self) -> None:
        if self.saver:
            self.saver.conn.execute("pragma wal_checkpoint(truncate)")
            self.saver.conn.close()
            self.saver = None

    def config(self, n: int, thread: str | None = None) -> dict[str, Any]:
        name = thread or f"t{next(self.ids)}"
        return {"configurable": {"thread_id": name}, "recursion_limit": n + 50}

    def up(self, s: dict[str, Any]) -> dict[str, Any]:
        """Count one step."""
        return up(s)

    def compute(self, s: dict[str, Any]) -> dict[str, Any]:
        """Compute a Fibonacci number."""
        fib(self.size)
        return up(s)

    def mark(self, s: dict[str, Any]) -> dict[str, Any]:
        """Note the moment."""
        firsts.append(clock())
        return up(s)

    def load(self, s: dict[str, Any]) -> dict[str, Any]:
        """Return 100 KB."""
        return up(s) | {"state": payload(s["i"])}

    def longer(self, s: dict[str, Any]) -> dict[str, Any]:
        """Add an item to the list."""
        return up(s) | {"history": [item(s["i"], self.size)]}

    def noted(self, s: dict[str, Any]) -> dict[str, Any]:
        """Count one step and note it in the side file."""
        note(self.side, s["i"])
        return up(s)

    @cache  # noqa: B019  one peer lives as long as its process
    def program(self, work: Any, state: Any = Count) -> Any:
        """Compile a chain of `work` once, as a graph or as a function."""
        if not self.functional:
            return chain_graph(work, state).compile(checkpointer=self.saver)
        step = task(work)

        @entrypoint(checkpointer=self.saver)
        def flow(given: dict[str, Any]) -> dict[str, Any]:
            d = given
            for _ in range(given["n"]):
                d = {**d, **step(d).result()}
            return {"x": d["x"], "i": d["i"]}

        return flow

    @cache  # noqa: B019
    def fan_program(self) -> Any:
        """Compile the fan-out once."""
        if not self.functional:
            return fan_graph().compile(checkpointer=self.saver)
        work = task(lambda k: {"k": k + 1})

        @entrypoint(checkpointer=self.saver)
        def flow(given: dict[str, Any]) -> dict[str, int]:
            futures = [work(k) for k in range(given["n"])]
            return {"total": sum(f.result()["k"] for f in futures)}

        return flow

    def invoke(self, flow: Any, given: dict[str, Any], n: int) -> dict[str, Any]:
        """Run a compiled program on a thread of its own."""
        result: dict[str, Any] = flow.invoke(given, self.config(n), **self.options)
        return result

    def counted(self, work: Any, n: int, schema: Any = Count, **more: Any) -> int:
        """Run a chain of `work` and return its count."""
        given = {"x": 0, "i": 0, "n": n, **more}
        return int(self.invoke(self.program(work, schema), given, n)["x"])

    async def agents(self, n: int) -> int:
        agent = create_react_agent(Speaks(), [order])
        total = 0
        for _ in range(n):
            given = {"messages": [("user", "Count the lines of the orders.")]}
            result = await agent.ainvoke(given, {"recursion_limit": 100})
            total += sum(int(one.content) for one in result["messages"] if one.type == "tool")
        return total

    async def chain(self, n: int) -> int:
        return self.counted(self.up, n)

    async def fan(self, n: int) -> int:
        given = {"n": n} if self.functional else {"n": n, "results": []}
        return int(self.invoke(self.fan_program(), given, n)["total"])

    async def runs(self, n: int) -> list[float]:
        async def step(s: dict[str, Any]) -> dict[str, Any]:
            return up(s)

        saver = None
        if self.saves:
            saver = AsyncSqliteSaver(await aiosqlite.connect(self.folder / "lga.db"))
        if self.functional:
            work = task(step)

            @entrypoint(checkpointer=saver)
            async def flow(given: dict[str, Any]) -> dict[str, Any]:
                d = given
                for _ in range(given["n"]):
                    d = {**d, **await work(d)}
                return {"x": d["x"], "i": d["i"]}
        else:
            flow = chain_graph(step).compile(checkpointer=saver)

        async def one() -> float:
            result = await flow.ainvoke({"x": 0, "i": 0, "n": 10}, self.config(10), **self.options)
            assert result["x"] == 10
            return clock() - began

        began = clock()
        ends = await asyncio.gather(*(one() for _ in range(n)))
        if saver:
            await saver.conn.close()
        return ends

    async def fibs(self, n: int, f: int) -> int:
        self.size = f
        return self.counted(self.compute, n)

    async def first_step(self) -> float:
        self.counted(self.mark, 1)
        return firsts[-1]

    async def payloads(self, n: int) -> int:
        return self.counted(self.load, n, Load, state={})

    async def grow(self, turns: int, size: int) -> int:
        self.size = size
        given = {"x": 0, "i": 0, "n": turns, "history": []}
        return len(self.invoke(self.program(self.longer, Growing), given, turns)["history"])

    async def recover(self, n: int, *, again: bool) -> int:
        flow, config = self.program(self.noted), self.config(n, "R")
        given = None if again else {"x": 0, "i": 0, "n": n}
        return int(flow.invoke(given, config, **self.options)["x"])


if __name__ == "__main__":
    main(LangGraph)
