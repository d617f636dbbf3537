"""Asking a person about a value: as a gate, and as what happens to a value that was refused."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from podium.agents.verify.gate import Gate, Rank, json_of
from podium.agents.verify.verdict import Background, Finding, Verdict, passed, refused
from podium.core.durations import Duration
from podium.core.validation import Validator
from podium.functions.primitives import ask

FORM: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}, "why": {"type": "string"}},
    "required": ["ok"],
    "additionalProperties": False,
}
"""What a person is asked for: whether the value passes, and why."""


def person(
    question: str = "Is this right?", /, *, to: str = "anyone", timeout: Duration | None = None,
    name: str = "person",
) -> Gate:  # fmt: skip
    """Make a gate of a person, who is shown the value and says whether it passes, and why.

    If nobody answers in time the gate is broken. It works in a workflow only.

    Args:
        question: What is asked.
        to: Who should answer.
        timeout: How long to wait; for ever unless given.
        name: What the gate is called.
    """

    async def judge(value: Any, about: Background) -> Verdict:
        form = {"question": question, "value": json_of(value), "fields": dict(FORM)}
        if about.goal:
            form["goal"] = about.goal
        answer = await answered(form, FORM, to, timeout)
        why = str(answer.get("why", ""))
        if answer["ok"]:
            return passed(why)
        return refused([Finding("person", why or "a person says no")])

    return Gate(name, Rank.PERSON, judge)


async def answered(
    form: dict[str, Any], schema: Mapping[str, Any], to: str, timeout: Duration | None
) -> Any:
    """Ask until an answer fits, and return it.

    Raises:
        StepTimedOut: Nobody answered in time.
        NotInWorkflow: There is nobody to ask.
    """
    accepts = Validator(schema)
    while True:
        answer = await ask(form, to=to, timeout=timeout)
        faults = [one.text("the answer") for one in islice(accepts.faults(answer), 5)]
        if not faults:
            return answer
        form = {**form, "problem": f"The answer has {'; '.join(faults)}"}
