"""What a model is told that writes plans."""

from __future__ import annotations

import json

from collections.abc import Mapping, Sequence
from typing import Any, Final

from podium.agents.planning.values import PlanLimits, Setback
from podium.core.spec import Registry
from podium.flow.keeping import Made, Report
from podium.flow.schema import model_prompt
from podium.models.messages import Message, system, user

_VALUE_CHARS: Final = 400
_MADE_MAX: Final = 40


def opening(
    goal: str, inputs: Mapping[str, Any], tools: Registry, limits: PlanLimits, about: str
) -> tuple[Message, ...]:
    """Return how a conversation about a plan begins."""
    page = model_prompt(tools.tasks)
    rules = (
        f"{page}\n## Rules\n\n"
        "- Answer with one JSON object, the whole plan, and nothing else.\n"
        "- Call only the tools that are listed, with arguments that fit them.\n"
        "- What does not need each other is not ordered: it runs at once.\n"
        f"- At most {limits.nodes} nodes, at most {limits.passes} passes of a loop.\n"
        "- The input is given as it stands below; do not write `input`.\n"
    )
    given = "\n".join(f"- `input.{name}`: {_short(value)}" for name, value in inputs.items())
    parts = [f"Goal: {goal}", f"Input:\n{given}" if given else "There is no input."]
    if about:
        parts.append(about)
    return (system(rules), user("\n\n".join(parts)))


def again(setback: Setback, report: Report | None, made: Sequence[Made]) -> Message:
    """Return what the model is told after a plan that was not the last one."""
    if setback.kind == "refused":
        lines = [f"A person refused this plan: {setback.reason}"]
    elif setback.kind == "failed":
        lines = [f"The plan failed: {setback.reason}", *_nodes(report)]
    else:
        lines = [f"The plan ran, but what it gave is not enough: {setback.reason}"]
        if report is not None:
            lines.append(f"Its output was {_short(report.output)}")
    lines += _done(made)
    lines.append(
        "Write another plan that reaches the goal: the whole of it, as one JSON object. Keep the nodes "
        "that are still right as they are: a call of the same tool with the same arguments is not made "
        "again, it has the result that it had."
    )
    return user("\n".join(lines))


def _nodes(report: Report | None) -> list[str]:
    if report is None:
        return []
    ends: list[str] = []
    for name, end in report.nodes.items():
        why = end.error["message"] if end.error else end.reason
        ends.append(f"- `{name}`: {end.status}{f' ({_cut(str(why))})' if why else ''}")
    return ["How its nodes ended:", *ends]


def _done(made: Sequence[Made]) -> list[str]:
    if not made:
        return []
    lines = [f"- {made_line(one)}{_stays(one)}" for one in made[-_MADE_MAX:]]
    return ["What was done so far:", *lines]


def made_line(made: Made) -> str:
    """Say what was done: ``seat: trip.book_seat gave "seat A"``."""
    end = f"gave {_short(made.value)}" if made.is_ok else "failed, and may have happened"
    return f"`{made.path}`: {made.task} {end}"


def _stays(made: Made) -> str:
    if not made.changes:
        return ""
    if made.undo is not None:
        return f"; it changed the world, and is undone by {made.undo.task} if your plan does not have it"
    return "; it changed the world, and cannot be undone"


def _short(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _VALUE_CHARS else f"{line[:_VALUE_CHARS]}…"
