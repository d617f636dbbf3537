"""Gates that look at the value alone, and cost nothing: ``schema`` and ``cel``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from podium.agents.verify.gate import Gate, Rank, json_of
from podium.agents.verify.verdict import Background, Finding, Verdict, broken, passed, refused
from podium.core.errors import InvalidOption
from podium.core.schema import type_schema
from podium.core.validation import Validator
from podium.flow.expression import Expression, ExpressionError
from podium.flow.expression.errors import near

ANSWER: Final = "answer"
"""What the value is called in the expression of :func:`cel`."""
NAMES: Final = (ANSWER, "goal", "input", "sources", "effect", "amount")
_FINDINGS_MAX: Final = 20
_OWN_FAULTS: Final = frozenset({"budget", "too-large", "too-deep"})
"""Codes of expressions that say nothing about the value."""


def schema(wanted: Any, /, *, name: str = "schema") -> Gate:
    """Make a gate that lets pass what fits a type or a JSON Schema.

    Args:
        wanted: A type, or a JSON Schema as a mapping.
        name: What the gate is called.

    Raises:
        InvalidOption: It is no JSON Schema, or a type that says nothing.
    """
    given = dict(wanted) if isinstance(wanted, Mapping) else type_schema(wanted)
    if not given and not isinstance(wanted, Mapping):
        raise InvalidOption(f"schema({wanted!r}): no JSON Schema can be made of it; write one.")
    try:
        validator = Validator(given)
    except ValueError as problem:
        raise InvalidOption(f"schema({wanted!r:.100}) is no JSON Schema: {problem}.") from None

    async def judge(value: Any, _about: Background) -> Verdict:
        return judged_by_schema(validator, value)

    return Gate(name, Rank.FREE, judge)


def judged_by_schema(validator: Validator, value: Any) -> Verdict:
    """Hold a value against a schema."""
    faults = islice(validator.faults(json_of(value)), _FINDINGS_MAX)
    found = [Finding("misfit", one.message, _path(one.path)) for one in faults]
    return refused(found) if found else passed()


def cel(condition: str, /, *, name: str = "cel") -> Gate:
    """Make a gate of a condition in CEL: ``cel("size(answer) > 0 && answer.total >= 0.0")``.

    It sees the value as ``answer``, and ``goal``, ``input``, ``sources``, ``effect`` and ``amount`` of
    the background. Where it has no result, because a field is not there for one, the value is refused.

    Args:
        condition: The expression.
        name: What the gate is called.

    Raises:
        ExpressionError: It is no expression.
        InvalidOption: It reads a name that it does not see.
    """
    expression = Expression.parse(condition)
    for root in sorted({one.root for one in expression.references}):
        if root not in NAMES:
            hint = near(root, NAMES) or f"It sees {', '.join(NAMES)}."
            raise InvalidOption(f"cel({condition!r}): there is no {root!r} here. {hint}")

    async def judge(value: Any, about: Background) -> Verdict:
        variables = {
            ANSWER: json_of(value), "goal": about.goal, "input": json_of(about.input),
            "sources": about.sources, "effect": about.effect, "amount": about.amount,
        }  # fmt: skip
        return judged_by_condition(expression, variables)

    return Gate(name, Rank.FREE, judge)


def judged_by_condition(condition: Expression, variables: Mapping[str, Any]) -> Verdict:
    """Hold what an expression sees against it."""
    try:
        holds = condition.evaluate(variables)
    except ExpressionError as problem:
        if problem.code in _OWN_FAULTS:
            return broken(f"{condition.source!r} has no result: {problem.message}")
        return refused([Finding(problem.code, f"{condition.source!r}: {problem.message}.")])
    if not isinstance(holds, bool):
        return broken(f"{condition.source!r} is {holds!r:.80}; expected true or false")
    return passed() if holds else refused([Finding("condition", f"{condition.source!r} is false.")])


def _path(path: tuple[str | int, ...]) -> str:
    """Return a place in a value: ``items[2].price``."""
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)
    return text.removeprefix(".")
