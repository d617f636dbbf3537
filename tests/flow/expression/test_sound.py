"""The check is sound: what it lets pass has no error of kinds, and gives what its schema says."""

from __future__ import annotations

import os

from typing import Any

import pytest

from hypothesis import example, given, settings

from podium.flow.expression import Expression
from tests.flow.expression.cases import DATA, SECTIONS
from tests.flow.expression.programs import DATA as VALUES
from tests.flow.expression.programs import expressions
from tests.flow.expression.test_fuzz import tried

EXAMPLES = 20_000 if os.environ.get("PODIUM_PROOF") == "full" else 600
OF_KINDS = {"no-overload", "no-such-field", "unknown-name"}
_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
}


def schema_of(value: Any) -> dict[str, Any]:
    """Return the closest schema of a value."""
    if isinstance(value, list):
        inner = [schema_of(each) for each in value]
        return {"type": "array", "items": {"anyOf": inner} if inner else False}
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {key: schema_of(each) for key, each in value.items()},
            "required": list(value),
            "additionalProperties": False,
        }
    return {"type": _TYPES[type(value)]}


def fits(value: Any, schema: Any) -> bool:
    """Say whether a value has a schema, as far as the words above go."""
    if not schema or schema is True:
        return True
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if isinstance(value, list):
        return "array" in types and all(fits(each, schema.get("items")) for each in value)
    if isinstance(value, dict):
        return "object" in types and _map_fits(value, schema)
    name = _TYPES[type(value)]
    return name in types or (name == "integer" and "number" in types)


def _map_fits(value: dict[str, Any], schema: dict[str, Any]) -> bool:
    declared = schema.get("properties", {})
    return (
        set(schema.get("required", ())) <= value.keys()
        and (schema.get("additionalProperties") is not False or value.keys() <= declared.keys())
        and all(fits(each, declared.get(key)) for key, each in value.items())
    )


def sound(source: str, data: dict[str, Any], schemas: dict[str, Any]) -> None:
    """What has no finding has no error of kinds, and its result has the schema."""
    expression = Expression.parse(source)
    schema, problems = expression.check(schemas)
    found = [one for one in problems if one.code not in {"integer-division", "shadowed-name"}]
    value, problem = tried(lambda: expression.evaluate(data))
    if problem is not None:
        assert found or problem.code not in OF_KINDS, f"{source}: {problem}"
        return

    assert fits(value, schema), f"{source} gives {value!r}, which is not {schema}"


SCHEMAS = {name: schema_of(value) for name, value in VALUES.items()}


@pytest.mark.long
@settings(max_examples=EXAMPLES)
@given(expressions())
@example(("li.map(x, x > 1 ? x : 1.5)", ""))
def test_random_expressions(pair: tuple[str, str]) -> None:
    """A random expression without findings has no error of kinds; maps with computed keys are open."""
    if "+ ''):" not in pair[0]:
        sound(pair[0], VALUES, SCHEMAS)


def test_cases() -> None:
    """An expression of the table without findings has no error of kinds."""
    schemas = {name: schema_of(value) for name, value in DATA.items()}
    for source, _ in [case for cases in SECTIONS.values() for case in cases]:
        expression, _ = tried(lambda source=source: Expression.parse(source))
        if expression is not None:
            sound(source, DATA, schemas)


LAZY = ("has(", "?", "&&", "||", ".all(", ".exists", ".filter(", ".map(")


@pytest.mark.long
@settings(max_examples=EXAMPLES)
@given(expressions())
def test_errors_are_errors(pair: tuple[str, str]) -> None:
    """Where nothing is left out, an expression with an error among its findings fails."""
    source = pair[0]
    if any(sign in source for sign in LAZY):
        return
    expression = Expression.parse(source)
    _, problems = expression.check(SCHEMAS)
    errors = [one for one in problems if one.severity == "error" and one.code != "never-equal"]
    value, problem = tried(lambda: expression.evaluate(VALUES))

    assert not errors or problem is not None, f"{source} gives {value!r}, in spite of {errors}"
