"""The JSON Schema of documents for editors."""

import json
import re

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from podium.core.retry import Retry
from podium.flow.parse import parse
from podium.flow.parse.fields import TYPES
from podium.flow.parse.nodes import KINDS
from podium.flow.parse.policies import COMMON, EFFECTS
from podium.flow.schema import language_schema
from tests.flow.schema.tools import TASKS

SCHEMA = language_schema()
DEFINITIONS = SCHEMA["definitions"]
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
SNIPPET = re.compile(r"\$\{\d+:([^}]*)\}")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, or the one that it refers to."""
    name = schema.get("$ref", "").removeprefix("#/definitions/")
    found: dict[str, Any] = DEFINITIONS[name] if name else schema
    return found


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a schema."""
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from parts(one)
    elif isinstance(value, list):
        for one in value:
            yield from parts(one)


@pytest.mark.parametrize("tasks", [None, {}, TASKS], ids=["any", "none", "some"])
def test_it_is_a_schema_of_draft_7(tasks: Any) -> None:
    """It validates against the metaschema of draft-07, and each reference leads somewhere."""
    schema = language_schema(tasks)
    targets = {part["$ref"] for part in parts(schema) if isinstance(part.get("$ref"), str)}

    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema_rs.meta.validate(schema)
    assert {target.removeprefix("#/definitions/") for target in targets} <= schema[
        "definitions"
    ].keys()


def test_it_is_the_same_each_time() -> None:
    """It depends on the tasks only, not on their order."""
    turned = {name: TASKS[name] for name in reversed([*TASKS])}

    assert json.dumps(language_schema(TASKS)) == json.dumps(language_schema(turned))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_the_words_that_parse_reads(kind: str) -> None:
    """A node of a kind has its word, those that belong to it, and those of any node; no others."""
    made = DEFINITIONS[f"kind_{kind}"]

    assert {*made["properties"]} == {kind, *KINDS[kind], *COMMON}
    assert made["additionalProperties"] is False


def test_a_node_without_a_kind_is_offered_all_of_them() -> None:
    """While a node has no kind, every kind and every word of any node is there to choose."""
    last = DEFINITIONS["node"]
    while "else" in last:
        last = last["else"]

    assert [*last["properties"]] == [*KINDS, *COMMON]
    assert [snippet["label"] for snippet in last["defaultSnippets"]] == [
        f"{kind} …" for kind in KINDS
    ]


def test_words_that_are_elsewhere_too() -> None:
    """Types, effects and the words of ``retry`` are those that are read."""
    shown = DEFINITIONS["type"]["anyOf"][0]["enum"]

    assert shown == [*TYPES, *(f"{word}?" for word in TYPES)]
    assert DEFINITIONS["word_effect"]["enum"] == [effect.value for effect in EFFECTS]
    retry = DEFINITIONS["word_retry"]["then"]["properties"]
    usual = Retry()
    assert {name.removesuffix("_s") for name in Retry.__slots__} == {*retry}
    assert (retry["attempts"]["default"], retry["factor"]["default"]) == (
        usual.attempts,
        usual.factor,
    )
    assert retry["jitter"]["default"] == usual.jitter


def test_every_word_says_what_it_means() -> None:
    """Each word of a document, a node, a case, a join, a retry has a title and a description."""
    objects = [part for part in parts(SCHEMA) if part.get("additionalProperties") is False]
    silent = {
        word
        for each in objects
        for word, schema in each.get("properties", {}).items()
        if not {"title", "description"} <= resolved(schema).keys()
    }

    assert len(objects) > len(KINDS)
    assert silent == set()


def test_examples_and_defaults_fit() -> None:
    """Each example and each default validates where it stands."""
    found = [part for part in parts(SCHEMA) if "examples" in part or "default" in part]
    found = [part for part in found if isinstance(part.get("examples", []), list)]

    assert len(found) > 30
    for part in found:
        validator = jsonschema_rs.Draft7Validator({**part, "definitions": DEFINITIONS})
        given = [*part.get("examples", []), *([part["default"]] if "default" in part else [])]
        assert [value for value in given if not validator.is_valid(value)] == [], part.get("title")


@pytest.mark.parametrize("kind", KINDS)
def test_snippets_are_nodes(kind: str) -> None:
    """What an editor puts there for a kind is a node of it, once its gaps are filled."""
    snippets = DEFINITIONS["nodes"]["defaultSnippets"]
    body = next(one["body"] for one in snippets if one["label"] == f"node: {kind}")
    document = {"podium": 1, "name": "x", "nodes": filled(body)}

    codes = [finding.code for finding in parse(document).findings]
    assert codes == (["no-files"] if kind == "flow" else [])
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert kind in next(iter(document["nodes"].values()))


def filled(body: Any) -> Any:
    """A snippet with the words of its gaps; ``^`` is a value that is not put in quotes."""
    if isinstance(body, dict):
        return {filled(key): filled(value) for key, value in body.items()}
    if isinstance(body, list):
        return [filled(one) for one in body]
    text = SNIPPET.sub(r"\1", body).replace("\\$", "$")
    return json.loads(text[1:]) if text.startswith("^") else text


@pytest.mark.parametrize(
    ("node", "place"),
    [
        ({"call": "f", "wen": True}, "/nodes/a"),
        ({"call": "f", "set": 1}, "/nodes/a"),
        ({"cal": "f"}, "/nodes/a"),
        ({"call": "f", "budget": 1}, "/nodes/a/budget"),
        ({"call": "f", "breaker": {"failures": 0}}, "/nodes/a/breaker/failures"),
        ({"call": "f", "rate": "ten"}, "/nodes/a/rate"),
        ({"call": "f", "lock": {"timeout": "1s"}}, "/nodes/a/lock"),
        ({"call": "f", "concurrency": 0}, "/nodes/a/concurrency"),
        ({"set": 1, "when": "${input.x}"}, "/nodes/a/when"),
        ({"set": 1, "timeout": 30}, "/nodes/a/timeout"),
        ({"set": 1, "timeout": "PT"}, "/nodes/a/timeout"),
        ({"set": 1, "timeout": "5 minutes"}, "/nodes/a/timeout"),
        ({"set": 1, "retry": {"attempts": 0}}, "/nodes/a/retry/attempts"),
        ({"set": 1, "after": ["b", "b??"]}, "/nodes/a/after"),
        ({"set": 1, "on_error": "Not an id"}, "/nodes/a/on_error"),
        ({"set": 1, "join": 0}, "/nodes/a/join"),
        ({"until": "x", "nodes": {}}, "/nodes/a"),
        ({"while": "x", "max": 3}, "/nodes/a"),
        ({"for_each": "${a}", "as": "if", "nodes": {}}, "/nodes/a/as"),
        ({"switch": []}, "/nodes/a/switch"),
        ({"switch": [{"nodes": {}}]}, "/nodes/a/switch/0"),
        ({"switch": [{"when": "x", "else": True}]}, "/nodes/a/switch/0"),
        ({"wait": "soon"}, "/nodes/a/wait"),
        ({"wait": {"until": "x", "signal": "y"}}, "/nodes/a/wait"),
        ({"wait": {"signal": "x", "type": {"a": "strng"}}}, "/nodes/a/wait/type/a"),
        ({"ask": "x", "on_timeout": 1}, "/nodes/a"),
        ({"ask": "x", "form": {"a": {"b": "string"}}}, "/nodes/a/form/a"),
        ({"ask": "x", "form": {"a": {"$ref": "#", "type": "string"}}}, "/nodes/a/form/a"),
        ({"fail": {"code": "x"}}, "/nodes/a/fail"),
        ({"flow": {"nodes": {"b": {"cll": "f"}}}}, "/nodes/a/flow/nodes/b"),
    ],
)
def test_what_is_wrong_is_found_where_it_is(node: dict[str, Any], place: str) -> None:
    """A wrong word is a fault of the thing it stands in, not of the node around it, or of all kinds."""
    document = {"podium": 1, "nodes": {"a": node}}
    places = {
        "/".join(["", *map(str, error.instance_path)]) for error in VALIDATOR.iter_errors(document)
    }

    assert places == {place}


@pytest.mark.parametrize("name", ["if", "item", "true", "Order", "a-b", "1a", "", "input", "a\n"])
def test_ids_that_are_none(name: str) -> None:
    """A word of expressions, or a text of another shape, is no id."""
    assert not VALIDATOR.is_valid({"podium": 1, "nodes": {name: {"set": 1}}})


@pytest.mark.parametrize("name", ["a", "iff", "items", "inputs", "a_1"])
def test_ids(name: str) -> None:
    """An id may begin like a word of expressions."""
    assert VALIDATOR.is_valid({"podium": 1, "nodes": {name: {"set": 1}}})
