"""Each case as the work of an agent: a scripted model plays the gold calls, turn by turn of the conversation.

Calls that only look stand together in one reply, where several follow each other: the loop makes them at once.
"""

import itertools
import json

from typing import Any

import podium

from podium import Agent, Limits
from podium.agents.transcript import AgentResult
from podium.models import Request, ToolCall, function_model
from podium.tools.names import model_name
from tests.bfcl.cases import GoldCall, cases
from tests.bfcl.plays import TOOLS

AT_ONCE_MAX = 4
TURNS_MAX = 60


def replies(calls: list[GoldCall]) -> list[list[GoldCall]]:
    """Return gold calls as the replies of a model: what looks may stand together, what changes stands alone."""
    found: list[list[GoldCall]] = []
    for changes, group in itertools.groupby(calls, key=lambda call: call.changes):
        size = 1 if changes else AT_ONCE_MAX
        waiting = list(group)
        found += [waiting[at : at + size] for at in range(0, len(waiting), size)]
    return found


@function_model("bfcl-gold")
def gold(request: Request) -> Any:
    """Say what the gold calls of the turn are, then that it is done."""
    goal = next(one.text for one in request.messages if one.role == "user")
    asked = json.loads(goal)
    said = replies(cases()[asked["case"]].turns[asked["turn"]])
    at = sum(one.role == "assistant" for one in request.messages)
    if at == len(said):
        return f"Done: {goal}"
    return [
        ToolCall(f"{at}-{number}", model_name(call.tool), call.arguments)
        for number, call in enumerate(said[at])
    ]


def _agent(worlds: tuple[str, ...]) -> Agent[str]:
    return Agent(
        f"bfcl-{'-'.join(worlds)}",
        instructions="You do what the user says.",
        model="function:bfcl-gold",
        tools=[f"{world}.*" for world in worlds],
        autonomy="act",
        limits=Limits(turns=TURNS_MAX, observation_chars=10**7),
        tools_shown=len(TOOLS),
    )


AGENTS = {worlds: _agent(worlds) for worlds in {tuple(one.classes) for one in cases().values()}}


@podium.workflow
async def converse(worlds: list[str], turns: list[list[Any]]) -> list[dict[str, Any]]:
    """Have the agent of some worlds work through the turns of a case; say what came of each call."""
    told: list[dict[str, Any]] = []
    helper = AGENTS[tuple(worlds)]
    for turn in range(len(turns)):
        goal = json.dumps({"case": podium.headers()["case"], "turn": turn})
        result = await helper.work(goal)
        if result.answer != f"Done: {goal}" or result.stopped_by:
            raise AssertionError(f"{goal} came to {result.answer!r} ({result.stopped_by})")
        told += _told(result)
    return told


def _told(result: AgentResult[str]) -> list[dict[str, Any]]:
    """Say what came of each call, as a play by name does."""
    return [
        {
            "is_ok": not seen.is_error, "value": _value(seen.text), "code": seen.code,
            "did_run": seen.did_run, "text": seen.text, "repairs": 0,
        }
        for turn in result.turns
        for seen in turn.observations
    ]  # fmt: skip


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
