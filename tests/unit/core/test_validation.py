"""Values held against JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest

from podium.core.validation import Validator


def test_all_faults_with_their_places() -> None:
    """Every fault is given, with its path from the outside, in the order of the value."""
    line = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["sku"]}
    validator = Validator({"type": "object", "properties": {"lines": {"items": line}}})
    faults = [*validator.faults({"lines": [{"sku": "a", "count": 1}, {"count": "x"}]})]

    assert sorted(one.text("the order") for one in faults) == [
        "lines.1.count: \"x\" is not of type \"integer\"",
        "lines.1: \"sku\" is a required property",
    ]  # fmt: skip
    assert [one.text("the order") for one in validator.faults(1)] == [
        'the order: 1 is not of type "object"'
    ]
    assert [*validator.faults({})] == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x", "file:///etc/passwd", "other.json"])
@pytest.mark.parametrize("word", ["$ref", "$dynamicRef"])
def test_nothing_is_fetched(word: str, address: str) -> None:
    """A schema that refers to something outside of itself is refused; one within itself is followed."""
    with pytest.raises(ValueError, match="is not present"):
        Validator({"properties": {"a": {word: address}}})
    inner = Validator({"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}})  # fmt: skip
    assert [one.path for one in inner.faults({"a": "b"})] == [("a",)]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/x", "http://json-schema.org/draft-07/schema#"]
)
def test_the_word_schema_says_nothing(address: str) -> None:
    """``$schema`` neither leads anywhere nor chooses a draft."""
    validator = Validator({"$schema": address, "prefixItems": [{"type": "integer"}]})

    assert [one.path for one in validator.faults(["a"])] == [(0,)]


@pytest.mark.parametrize(
    "schema",
    [{"type": "text"}, {"items": []}, {"pattern": "("}, {"pattern": "(?=a)"}, {"$ref": "#/no"}],
)
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    """With one kind of error, whatever is wrong; so is a pattern that could take any time."""
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the library's
        Validator(schema)


def test_patterns_take_linear_time() -> None:
    """One that makes others try 2 to the power of 100,000 ways."""
    validator = Validator({"pattern": "^(a+)+$"})

    assert len([*validator.faults("a" * 100_000 + "b")]) == 1


def test_long_values_are_shortened() -> None:
    """Begin and end of the message are kept."""
    [fault] = Validator({"type": "integer"}).faults("x" * 1_000_000)

    assert fault.message.startswith('"xxx')
    assert fault.message.endswith('is not of type "integer"')
    assert len(fault.message) < 400
