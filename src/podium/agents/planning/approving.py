"""Whether a plan may run: by a policy, or because a person says so."""

from __future__ import annotations

import json

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from podium.agents.planning.values import Approval, Estimate, Plan
from podium.core.errors import StepTimedOut
from podium.flow.keeping import Made
from podium.functions.primitives import ask

KIND: Final = "plan"
"""The word in a question by which people and screens know what it is about."""
_WIDTH: Final = 80
_CHANGE_CHARS: Final = 200
FIELDS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "approve": {"type": "boolean", "description": "Whether the plan may run."},
        "reason": {"type": "string", "description": "Why not: the next plan is written with it."},
    },
    "required": ["approve"],
}


class Asked(NamedTuple):
    """A plan that a person is asked about.

    Attributes:
        plan: The plan.
        number: Which plan for the goal it is, from 1.
        why: Why a person has to agree.
        made: What plans before it have done.
        changes: How it differs from the plan before.
    """

    plan: Plan
    number: int
    why: Sequence[str]
    made: Sequence[Made]
    changes: Sequence[str]


class Decision(NamedTuple):
    """What became of a plan before it ran.

    Attributes:
        is_approved: Whether it may run.
        reason: Why not.
    """

    is_approved: bool
    reason: str = ""


def reasons(plan: Plan, approval: Approval, *, has_seen_outside: bool) -> list[str]:
    """Return why a person has to agree; nothing where the plan may just run.

    Args:
        plan: The plan.
        approval: The policy.
        has_seen_outside: Whether whoever wrote it had seen text that anybody may have written.
    """
    known = plan.estimate
    found: list[str] = []
    if approval.when == "always":
        found.append("every plan needs one")
    changing = known.tasks("write", "once", "transaction")
    if approval.when == "effects" and changing:
        found.append(f"it may change the world: {', '.join(changing)}")
    final = known.irreversible
    if approval.when == "never" and final and has_seen_outside:
        found.append(
            f"it cannot be taken back ({', '.join(final)}), and whoever wrote it had seen text from outside"
        )
    if approval.calls is not None and (known.calls_max is None or known.calls_max > approval.calls):
        most = "any number of" if known.calls_max is None else f"{known.calls_max:,}"
        found.append(f"it may make {most} calls; the limit is {approval.calls:,}")
    if approval.usd is not None and (known.usd is None or known.usd > approval.usd):
        most = "an unknown amount" if known.usd is None else f"${known.usd:.4f}"
        found.append(f"it may cost {most}; the limit is ${approval.usd:.4f}")
    return found


async def approved(asked: Asked, approval: Approval) -> Decision:
    """Ask a person about a plan, until there is an answer that can be understood.

    Args:
        asked: The plan; the answer is about this one and no other.
        approval: Who is asked, and for how long.
    """
    question = _question(asked)
    while True:
        try:
            answer = await ask(question, to=approval.to, timeout=approval.timeout)
        except StepTimedOut:
            return Decision(False, "nobody answered in time.")
        decision = _decision(answer)
        if decision is not None:
            return decision
        question["problem"] = f"The answer {answer!r:.200} is not understood."


def _decision(answer: Any) -> Decision | None:
    match answer:
        case True | {"approve": True}:
            return Decision(True)
        case {"approve": False, "reason": reason} if reason:
            return Decision(False, str(reason))
        case False | {"approve": False}:
            return Decision(False, "no reason was given.")
        case _:
            return None


def _question(asked: Asked) -> dict[str, Any]:
    """Return what a person is shown: the plan as data and as a drawing, what it may do, and why."""
    plan = asked.plan
    found: dict[str, Any] = {
        "kind": KIND,
        "question": f"May this plan run? {plan.goal[:200]}",
        "number": asked.number,
        "why": list(asked.why),
        "estimate": estimate_lines(plan.estimate),
        "graph": plan.picture(_WIDTH),
        "plan": plan.document,
        "hash": plan.hash,
        "inputs": plan.inputs,
        "criteria": [one.line() for one in plan.criteria],
        "fields": FIELDS,
    }
    changed = [
        f"{one.task} at {one.path}{'' if one.is_ok else ' (it failed, and may have happened)'}"
        for one in asked.made if one.changes
    ]  # fmt: skip
    if changed:
        found["done_before"] = changed
    if asked.changes:
        found["changes"] = list(asked.changes)
    return found


def changes_of(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say how a plan differs from the one before, a line for each node at the top."""
    lines: list[str] = []
    before, after = old.get("nodes", {}), new.get("nodes", {})
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            lines.append(f"gone: {name}")
        elif name not in before:
            lines.append(f"new: {name}: {_short(after[name])}")
        elif before[name] != after[name]:
            lines.append(f"changed: {name}: {_short(before[name])} → {_short(after[name])}")
    if old.get("output") != new.get("output"):
        lines.append(f"changed: output: {_short(old.get('output'))} → {_short(new.get('output'))}")
    return lines


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _CHANGE_CHARS else f"{text[:_CHANGE_CHARS]}…"


def estimate_lines(known: Estimate) -> list[str]:
    """Say an estimate in words, a line for each thing."""
    calls = str(known.calls_min)
    if known.calls_max is None:
        calls = f"{calls} or more"
    elif known.calls_max != known.calls_min:
        calls = f"{calls} to {known.calls_max:,}"
    lines = [f"calls: {calls}"]
    for effect in ("once", "transaction", "write"):
        tasks = known.tasks(effect)
        if tasks:
            lines.append(f"{_MEANING[effect]}: {', '.join(tasks)}")
    if not known.tasks("write", "once", "transaction"):
        lines.append("changes nothing")
    asks = [one for one in known.steps if one.task == "ask" and not one.effect]
    if asks:
        lines.append(f"asks a person: {', '.join(one.path for one in asks)}")
    lines.append(f"time: {_time(known)}")
    lines.append(f"cost: {_cost(known)}")
    return lines


_MEANING: Final = {
    "once": "changes the world, and cannot be repeated",
    "transaction": "writes a database",
    "write": "changes the world",
}


def _time(known: Estimate) -> str:
    if not known.seconds and known.unknown_time:
        return "unknown"
    without = f", without {', '.join(known.unknown_time)}" if known.unknown_time else ""
    return f"about {known.seconds:g} s{without}"


def _cost(known: Estimate) -> str:
    if known.usd is None:
        return (
            f"unknown (no price is known of {', '.join(known.unknown_price) or 'what it repeats'})"
        )
    return f"at most ${known.usd:.4f}" if known.usd else "nothing that has a price"
