"""What ``parse`` takes validates, and what validates has the shape that ``parse`` takes."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from hypothesis import assume, event, example, given, settings

from podium.flow.parse import parse
from podium.flow.schema import language_schema
from tests.flow.schema.documents import DOCUMENTS, Path, spoiled

LANGUAGE = jsonschema_rs.validator_for(language_schema())
SHAPE = frozenset({
    "wrong-type", "missing-word", "unknown-word", "bad-id", "no-kind", "two-kinds", "wrong-version",
    "not-here-yet", "unknown-type", "wrong-case", "empty",
})  # fmt: skip
"""What is wrong with a document's words; expressions and durations with ``${`` are beyond a schema."""
POLICY_WORDS = frozenset({
    "retry", "timeout", "total_timeout", "effect", "compensate", "every", "backoff", "backoff_max", "type",
})  # fmt: skip


def codes(document: Any) -> list[str]:
    """What ``parse`` finds, but that a default does not fit its own schema, which no schema can say."""
    found = parse(document, name="file").findings
    return [one.code for one in found if not one.path.endswith(".default")]


def is_stricter(path: Path, value: Any) -> bool:
    """Whether the schema refuses on purpose what ``parse`` lets pass, since no editor should."""
    word = path[-1] if isinstance(path[-1], str) else path[-2]
    return (
        (value is None and word in POLICY_WORDS)
        or (not isinstance(value, str) and word in {"ask", "message", "until"})
        or (not isinstance(value, str | list) and word == "for_each")
        or (isinstance(value, str) and word in {"on_error", "after", "call", "flow", "compensate"})
    )


@settings(max_examples=100)
@given(DOCUMENTS)
def test_what_parse_takes_validates(document: dict[str, Any]) -> None:
    """Every document that has no finding validates."""
    assert codes(document) == []
    assert [error.message for error in LANGUAGE.iter_errors(document)] == []


@pytest.mark.long
@settings(max_examples=500)
@given(spoiled())
@example(({"podium": 1, "name": "x", "nodes": {"a": {"set": 1, "call": "f"}}}, ("nodes",), None))
def test_a_spoiled_document_is_judged_alike(spoiled: tuple[dict[str, Any], Path, Any]) -> None:
    """With anything changed in it, a document that ``parse`` takes validates, and one that validates has no
    word that is unknown, missing, in the wrong place or of the wrong type.
    """
    document, path, value = spoiled
    found = codes(document)
    is_valid = LANGUAGE.is_valid(document)
    event(f"parse takes it: {not found}, it validates: {is_valid}")
    if not found:
        assume(is_valid or not is_stricter(path, value))

        assert [error.message for error in LANGUAGE.iter_errors(document)] == []
    if is_valid:
        assert SHAPE & {*found} == set()
