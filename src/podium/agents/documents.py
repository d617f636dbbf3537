"""Agents, plans and gates for flow documents: what nodes of the kinds ``agent`` and ``plan``, and the word
``verify``, start.

Importing this module registers the workflows ``podium.agent``, ``podium.plan`` and ``podium.verify``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import msgspec

from podium.agents.agent import AgentKeywords, define
from podium.agents.autonomy import Autonomy, People
from podium.agents.limits import Limits
from podium.agents.planning.documents import plan_flow
from podium.agents.react import Work, goal_of
from podium.agents.verify.documents import verify_value
from podium.functions.decorators import workflow
from podium.tools.labels import of_work

__all__ = ["AgentInPlace", "LimitsInPlace", "agent_flow", "plan_flow", "verify_value"]


class LimitsInPlace(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):  # fmt: skip
    """:class:`podium.Limits` as a document says them; what is null is at its usual value."""

    turns: int | None = None
    calls: int | None = None
    calls_a_turn: int | None = None
    tokens: int | None = None
    usd: float | None = None
    time: str | None = None
    faults: int | None = None
    observation_chars: int | None = None

    def limits(self) -> Limits:
        """Return them.

        Raises:
            InvalidOption: One makes no sense.
        """
        given: Any = {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not None
        }
        return Limits(**given)


class AgentInPlace(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):  # fmt: skip
    """An agent that stands in a document; see :class:`podium.Agent` for the words."""

    model: str
    instructions: str = ""
    tools: str | list[str] = []
    output: dict[str, Any] | None = None
    limits: LimitsInPlace = LimitsInPlace()
    autonomy: Autonomy = "act-with-approval"
    to: str = "anyone"
    style: Literal["auto", "native", "json", "labels"] = "auto"
    at_once: bool = True


@workflow(name="podium.agent")
async def agent_flow(
    agent: AgentInPlace, goal: str, inputs: dict[str, Any] | None = None,
    labels: list[str] | None = None,
) -> Any:  # fmt: skip
    """Let an agent work that stands in a document; return its answer as JSON.

    Args:
        agent: What it is.
        goal: What it is asked for.
        inputs: What it is given beside the goal, by name.
        labels: Where goal and inputs come from.
    """
    tools = [agent.tools] if isinstance(agent.tools, str) else agent.tools
    options: AgentKeywords = {
        "tools": tools, "limits": agent.limits.limits(), "autonomy": agent.autonomy,
        "people": People(to=agent.to), "style": agent.style, "at_once": agent.at_once,
    }  # fmt: skip
    definition = define("agent", agent.instructions, agent.model, agent.output, options)
    result = await Work(definition, goal_of(goal, inputs or {}), tuple(labels or ())).run()
    return result.answer


for _one in (agent_flow, plan_flow):
    _one.spec.takes_labels = True
    _one.spec.labels_of = partial(of_work, None, {})
