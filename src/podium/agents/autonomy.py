"""How much an agent may do by itself, and how people are asked for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from podium.core.durations import Duration, some_seconds
from podium.core.effects import Effect
from podium.core.errors import InvalidOption, StepTimedOut
from podium.functions.primitives import ask
from podium.tools.policy import ToolPolicy
from podium.tools.registry import AnyTool

Autonomy = Literal["suggest", "act-on-reads", "act-with-approval", "act-within-budget", "act"]
"""How much an agent may do by itself:

- ``suggest``: it calls nothing, and proposes what it would call;
- ``act-on-reads``: tools that only look or compute are called, others proposed;
- ``act-with-approval``: tools that only look or compute are called, for others a person is asked;
- ``act-within-budget``: everything is called, under limits of tokens or money that have to be there;
- ``act``: everything is called.
"""
LEVELS: Final = ("suggest", "act-on-reads", "act-with-approval", "act-within-budget", "act")
_QUIET: Final = frozenset({Effect.PURE, Effect.READ})
_EFFECTS: Final = tuple(f"effect:{one}" for one in Effect if one not in _QUIET)


def require_level(agent: str, level: str, *, is_costed: bool) -> None:
    """Make sure that an agent may be given a level.

    Raises:
        InvalidOption: There is no such level, or it needs a limit that is not there.
    """
    if level not in LEVELS:
        raise InvalidOption(
            f"Agent({agent!r}, autonomy={level!r}): expected one of {', '.join(map(repr, LEVELS))}."
        )
    if level == "act-within-budget" and not is_costed:
        raise InvalidOption(
            f"Agent({agent!r}, autonomy='act-within-budget') has no budget: "
            "give it limits=podium.Limits(usd=…) or (tokens=…)."
        )


def is_proposed(level: str, tool: AnyTool) -> bool:
    """Tell whether a call of a tool is proposed, and not made."""
    return level == "suggest" or (level == "act-on-reads" and tool.spec.effect not in _QUIET)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who is asked, and for how long.

    Attributes:
        to: Who should answer.
        timeout: How long to wait; None: for ever. No answer counts as a no.
    """

    to: str = "anyone"
    timeout: Duration | None = None

    def __post_init__(self) -> None:
        if self.timeout is not None:
            some_seconds(self.timeout, what="People(timeout)")


def policy_of(level: str, people: People) -> ToolPolicy | None:
    """Return the policy under which the calls of a level are made; None: there is none of its own."""
    if level != "act-with-approval":
        return None
    return ToolPolicy(approve=_EFFECTS, to=people.to, timeout=people.timeout)


class Advice(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person said about an agent that does not get on.

    Attributes:
        is_given: Whether it may go on.
        text: What it should do.
    """

    is_given: bool
    text: str = ""


async def ask_advice(people: People, agent: str, goal: str, finding: str, tried: str) -> Advice:
    """Ask a person what an agent should do that does not get on.

    Whoever answers gives a text, the advice; or ``{"go_on": …, "advice": …}``; or false.
    """
    form = {
        "kind": "advice",
        "text": f"{agent} does not get on: {finding} What should it do?",
        "goal": goal,
        "tried": tried,
        "answers": {"go_on": "true or false", "advice": "text, for the agent"},
    }
    try:
        answer = await ask(form, to=people.to, timeout=people.timeout)
    except StepTimedOut:
        return Advice(False)
    if isinstance(answer, str) and answer.strip():
        return Advice(True, answer)
    if isinstance(answer, dict) and answer.get("go_on") is True:
        advice = answer.get("advice", "")
        return Advice(True, advice if isinstance(advice, str) else "")
    return Advice(answer is True)
