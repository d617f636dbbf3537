"""Agents as a type checker sees them. Read by mypy and basedpyright, never run.

A wrong use carries the suppression of both checkers, as in calls.py.
"""

# mypy: disable-error-code="unused-awaitable"

from dataclasses import dataclass
from typing import Any, assert_type

import podium

from podium import Agent, AgentResult, Call, Limits, Podium, workflow


@dataclass
class Answer:
    """What is said."""

    text: str


plain = Agent("plain", instructions="You help.", model="openai:gpt-5-mini")
typed = Agent(
    "typed", instructions="You help.", model="openai:gpt-5-mini", tools=["shop.*"], output=Answer,
    limits=Limits(turns=12, usd=0.5, time="5m"), autonomy="act-on-reads",
)  # fmt: skip
loose = Agent("loose", instructions="", model="openai:x", output={"type": "object"})

assert_type(plain, Agent[str])
assert_type(typed, Agent[Answer])
assert_type(loose, Agent[Any])
assert_type(typed("goal"), Call[Answer])
Agent("x", instructions="", model="a:b", autonomy="wild")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
Limits(5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


@workflow
async def chain(goal: str) -> str:
    answer = await typed(goal)
    result = await typed.work(goal)
    assert_type(result, AgentResult[Answer])
    assert_type([turn.thought for turn in result.turns], list[str])
    both = await podium.gather(plain(goal), typed(goal))
    assert_type(both, tuple[str, Answer])
    return answer.text


async def start(app: Podium) -> None:
    run = await app.start(typed, {"goal": "x"})
    assert_type(await run.result(), Answer)
