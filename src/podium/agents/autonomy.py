"""How much an agent may do by itself, and how people are asked for the rest."""

from __future__ import annotations

import hashlib

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from podium.core.durations import Duration, some_seconds
from podium.core.effects import Effect
from podium.core.errors import InvalidOption, StepTimedOut
from podium.functions.primitives import ask
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
Verdict = Literal["call", "propose", "ask"]
_QUIET: Final = frozenset({Effect.PURE, Effect.READ})


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


def decide(level: str, tool: AnyTool) -> Verdict:
    """Tell what is to be done about a call of a tool."""
    if level == "suggest":
        return "propose"
    if tool.spec.effect in _QUIET or level in ("act", "act-within-budget"):
        return "call"
    return "ask" if level == "act-with-approval" else "propose"


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


class Approval(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person said about a call.

    Attributes:
        is_given: Whether it may be made.
        reason: Why not, or what else is to be known.
    """

    is_given: bool
    reason: str = ""


def digest_of(tool: str, arguments: dict[str, Any]) -> str:
    """Return what an approval is bound to: a hash of the tool and of its exact arguments."""
    encoded = msgspec.json.encode([tool, arguments], order="sorted")
    return hashlib.blake2b(encoded, digest_size=12).hexdigest()


async def ask_approval(
    people: People, agent: str, tool: AnyTool, arguments: dict[str, Any], thought: str
) -> Approval:
    """Ask a person whether a call may be made, with exactly these arguments.

    Whoever answers gives ``true`` or ``false``, or ``{"approve": …, "reason": …}``; anything else is
    a no, with what was said as the reason.
    """
    form = {
        "kind": "approval",
        "text": f"May {agent} call {tool.name} ({tool.spec.effect})?",
        "tool": tool.name,
        "arguments": arguments,
        "digest": digest_of(tool.name, arguments),
        "thought": thought,
        "answers": {"approve": "true or false", "reason": "text, for the agent"},
    }
    try:
        answer = await ask(form, to=people.to, timeout=people.timeout)
    except StepTimedOut:
        return Approval(False, "nobody answered in time")
    return approval_of(answer)


def approval_of(answer: Any) -> Approval:
    """Read what a person answered; what is no clear yes is a no."""
    if isinstance(answer, bool):
        return Approval(answer)
    if isinstance(answer, dict):
        reason = answer.get("reason", "")
        return Approval(answer.get("approve") is True, reason if isinstance(reason, str) else "")
    return Approval(False, answer if isinstance(answer, str) else "")


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
