"""The form of the language for models that write plans."""

import json
import re

from typing import Any

import jsonschema_rs
import pytest

from hypothesis import given, settings

from podium.flow.parse import parse
from podium.flow.parse.nodes import KINDS
from podium.flow.parse.policies import COMMON
from podium.flow.schema import language_schema, model_prompt, model_schema
from podium.flow.schema.plans import EXAMPLES
from tests.flow.schema.documents import DOCUMENTS
from tests.flow.schema.tools import TASKS

SCHEMA = model_schema()
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
WORDS = {
    "type", "description", "properties", "required", "additionalProperties", "items", "enum", "minimum",
    "definitions", "examples", "$ref",
}  # fmt: skip
"""What the schema is made of."""


def keywords(schema: Any) -> set[str]:
    """The words of JSON Schema in a schema."""
    found = {*schema}
    for word in ("properties", "definitions"):
        for each in schema.get(word, {}).values():
            found |= keywords(each)
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            found |= keywords(schema[word])
    return found


OTHERS = {"agent", "plan"}
"""Kinds that a plan does not have: what a model wrote hands nothing on to other models."""


def test_it_is_small_and_plain() -> None:
    """It has less than 7,000 bytes, the same each time, and few words of JSON Schema."""
    text = json.dumps(SCHEMA)

    assert len(text.encode()) < 7000
    assert text == json.dumps(model_schema())
    jsonschema_rs.meta.validate(SCHEMA)
    assert keywords(SCHEMA) <= WORDS


def test_it_has_every_word_of_a_node() -> None:
    """A node can have each word that ``parse`` reads, with a description."""
    node = SCHEMA["definitions"]["node"]["properties"]

    kinds = {kind: own for kind, own in KINDS.items() if kind not in OTHERS}
    assert {*node} == {*kinds, *COMMON, *(word for own in kinds.values() for word in own)}
    assert [word for word, schema in node.items() if not schema.get("description")] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["name"]))
def test_examples_are_flows(example: dict[str, Any]) -> None:
    """Each example fits both schemas, and is read without a finding."""
    assert parse(example).findings == []
    assert [error.message for error in VALIDATOR.iter_errors(example)] == []
    assert jsonschema_rs.is_valid(language_schema(), example)
    assert example in SCHEMA["examples"]


@settings(max_examples=50)
@given(DOCUMENTS)
def test_what_is_no_plan_is_left_out(document: dict[str, Any]) -> None:
    """Whatever ``parse`` takes fits the form for models, but for modules, variables, and no output."""
    plan = {word: value for word, value in document.items() if word not in ("uses", "env")}
    expressions = json.dumps(plan)
    plan = json.loads(re.sub(r'("(?:when|while|until)": )(true|false)', r'\1"\2"', expressions))

    assert [error.message for error in VALIDATOR.iter_errors({"output": None, **plan})] == []


def test_a_plan_names_no_modules() -> None:
    """A plan cannot import anything, nor read the environment."""
    for word in ("uses", "env"):
        assert not VALIDATOR.is_valid({**EXAMPLES[0], word: {}})


def test_tasks_are_told() -> None:
    """With tasks, ``call`` is one of them, and schema and page tell how each is called and what it does."""
    call = model_schema(TASKS)["definitions"]["node"]["properties"]["call"]
    line = "- search(query: string, limit: integer = 5, exact: boolean = false) -> [string] [write] Search"

    assert call["enum"] == sorted(TASKS)
    assert line in call["description"]
    assert line in model_prompt(TASKS)
    assert "and no others\n\nNone.\n" in model_prompt({})


def test_the_page_is_short_and_the_same() -> None:
    """The page has less than 6,000 characters, and names every kind and every word but rare ones."""
    page = model_prompt()

    assert len(page) < 6000
    assert page == model_prompt()
    named = {*re.findall(r"`(\w+)`", page)}
    rare = {"description", "effect", "priority", "queue_timeout", "heartbeat_timeout", "budget"}
    assert {*KINDS, *COMMON} - named == rare | OTHERS


def test_the_examples_of_the_page_are_flows() -> None:
    """Each block of the page is one of the examples."""
    blocks = re.findall(r"^```json\n(.*?)^```$", model_prompt(), re.DOTALL | re.MULTILINE)

    assert [json.loads(block) for block in blocks] == [*EXAMPLES]
