"""Types of fields: what is read as one, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from podium import Flow, InputInvalid


def flow(schema: Any) -> Flow:
    """A flow with an input of one field."""
    return Flow.from_dict({"podium": 1, "name": "x", "input": {"a": schema}, "nodes": {}})


def codes(schema: Any) -> list[tuple[str, str]]:
    """What is wrong with it: codes and places."""
    return [(one.code, one.path) for one in flow(schema).check()]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/x", "http://json-schema.org/draft-07/schema#"]
)
def test_a_schema_may_name_its_draft(address: str) -> None:
    """The address is not asked; values are checked all the same."""
    found = flow({"$schema": address, "type": "integer", "default": 3})

    assert found.check() == []
    assert found.spec.binder.from_mapping({}) == {"a": 3}
    with pytest.raises(InputInvalid, match='a: "b" is not of type "integer"'):
        found.spec.binder.from_mapping({"a": "b"})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"b": {"$ref": "#/$defs/c"}}},
        {"anyOf": [{"type": "string"}, {"$ref": "http://127.0.0.1:1/x"}]},
        {"type": "object", "properties": {"default": {"$ref": "#"}}},
        {"type": "array", "items": {"$dynamicRef": "#a"}},
        {"type": "string", "pattern": "(?=a)"},
        {"type": "array", "items": [{"type": "string"}]},
        {"type": "strin"},
    ],
)
def test_what_is_no_schema_here(schema: dict[str, Any]) -> None:
    """References to other schemas, and what JSON Schema does not know."""
    assert codes(schema) == [("bad-schema", "$.input.a")]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "description": "What '$ref' refers to."},
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
        {"type": "object", "default": {"$ref": "#/a"}},
        {"enum": [{"$ref": "#/a"}]},
    ],
)
def test_a_reference_is_a_word_of_a_schema(schema: dict[str, Any]) -> None:
    """The same text in a description, as a field's name or in a value is none."""
    assert codes(schema) == []


def test_a_default_fits_its_schema() -> None:
    """Else it is found fault with where it stands."""
    assert codes({"type": "integer", "default": "x"}) == [("wrong-type", "$.input.a.default")]
