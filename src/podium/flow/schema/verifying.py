"""Schemas of what a node says about verifying its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.flow.parse.verifying import ABOUT, ANY_GATE, GATES
from podium.flow.schema.words import (
    ANY,
    Schema,
    arguments,
    closed,
    described,
    duration,
    expression,
    ref,
    text_or_texts,
    words,
)

_COUNT: Final = {"type": "integer", "minimum": 1, "maximum": 100}
_SHARE: Final = {"type": "number", "minimum": 0, "maximum": 1}
_MODEL: Final = {"type": "string", "minLength": 1, "examples": ["openai:gpt-5-mini"]}
_CODES: Final = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}


def verifying_words() -> dict[str, Schema]:
    """Return the words about verifying."""
    return {"verify": _verify(), "on_refusal": _on_refusal()}


def _verify() -> Schema:
    several = _several(ref("gate"))
    about = closed({word: described(word.capitalize(), _ABOUT[word], ANY) for word in ABOUT})
    long = closed({
        "gates": described("Gates", "What the value must pass.", several),
        "about": described("About", "What gates know besides the value.", about),
    }, "gates")  # fmt: skip
    text = (
        "What the node's value must pass: a condition that reads it by the node's own id, a gate, a list "
        "of them, or {gates, about}. Cheap gates are asked first."
    )
    is_long = {"type": "object", "required": ["gates"]}
    return described("Verify", text, {"if": is_long, "then": long, "else": several})


def _several(gate: Schema) -> Schema:
    return {
        "if": {"type": "array"},
        "then": {"type": "array", "items": gate, "minItems": 1},
        "else": gate,
    }


def gate(task: Mapping[str, Any]) -> Schema:
    """Return the definition of a gate.

    Args:
        task: Schema of the name of a task.
    """
    condition = expression("Condition", "What must hold of the value.", "size(draft.text) > 0")
    named = closed({**_KINDS, **_words(task)})
    kinds = [{"required": [kind]} for kind in GATES]
    return {
        "type": ["string", "boolean", "object"],
        "if": {"type": "object"},
        "then": {**named, "oneOf": kinds},
        "else": {word: value for word, value in condition.items() if word != "type"},
    }


def _words(task: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the words of gates that are no kinds, and those kinds that name tasks or gates."""
    inner = {"type": "array", "minItems": 1, "items": ref("gate")}
    found: dict[str, Schema] = {
        "call": described("Call", "A task that says yes or no, or gives complaints.", dict(task)),
        "command": described("Command", "A shell tool; its exit code decides.", dict(task)),
        "quorum": described("Quorum", "Gates of which so many must let the value pass.", inner),
        "ladder": described("Ladder", "Gates from cheap to dear, climbed by risk and doubt.", inner),
        "args": arguments("Arguments of the task; the node's own value may be referred to."),
        "ok_codes": described("Exit codes", "Exit codes of a value that passes.", _CODES),
        "broken_codes": described(
            "Broken", "Exit codes that say that the program could not judge.", _CODES
        ),
        "rubric": described("Rubric", "Questions: one, a list, or by name. Yes is good.", ANY),
        "repeats": described("Repeats", "How often the judge is asked.", _COUNT | {"default": 2}),
        "pass_score": described("Pass score", "The least score that passes.", _SHARE),
        "of": described("Of", "How many must let the value pass.", _COUNT),
        "unsure": described("Unsure", "The disagreement from which the next is asked.", _SHARE),
        "amount_max": described("Amount", "The amount whose risk is 1.", {"type": "number"}),
        "to": described("To", "Who is asked.", {"type": "string"}),
        "timeout": duration("Timeout", "How long an answer is waited for.", "2d"),
        "name": described("Name", "What verdicts call the gate.", {"type": "string"}),
        "if_broken": described("If broken", "What its own failure means.", words({
            "refuse": "The value is refused.", "pass": "The value passes.",
        }) | {"default": "refuse"}),
    }  # fmt: skip
    known = {*ANY_GATE, *(word for own in GATES.values() for word in own), *GATES}
    assert found.keys() <= known, "what the schema has the language knows"
    return found


_KINDS: Final[dict[str, Schema]] = {
    "cel": expression("Condition", "What must hold of the value.", "size(draft.text) > 0"),
    "schema": described(
        "Schema", "What the value must fit: a type, fields with their types, or a JSON Schema.",
        {"if": {"type": "object"}, "else": ref("type")},
    ),
    "citations": described(
        "Citations", "Texts by name, or a list, in which every quote must be found.", ANY
    ),
    "judge": described("Judge", "A model that judges by a rubric.", _MODEL),
    "person": described("Person", "A question to a person who says whether it passes.", {"type": "string", "minLength": 1}),
}  # fmt: skip
_ABOUT: Final[Mapping[str, str]] = {
    "goal": "What the value is for.",
    "input": "What it was made of.",
    "sources": "Texts that it may quote.",
    "effect": "What is done with it: pure, read, write or once.",
    "amount": "How much is at stake.",
}


def _on_refusal() -> Schema:
    told = {"type": "string", "examples": ["feedback"]}
    count = described("Rounds", "How often.", _COUNT | {"default": 1})
    long = {
        **closed({
            "reflect": described("Reflect", "Make it again, so often, knowing why.", _COUNT),
            "other_model": described("Other model", "Models that make it.", text_or_texts(_MODEL)),
            "ask": described("Ask", "Who decides what becomes of it.", {"type": "string"}),
            "as": described("As", "The argument that is told why, or the model.", told),
            "rounds": count,
            "timeout": duration("Timeout", "How long an answer is waited for.", "2d"),
        }),
        "oneOf": [{"required": [word]} for word in ("reflect", "other_model", "ask")],
    }  # fmt: skip
    short = words({"reflect": "Make it again, twice.", "ask": "Ask anyone."})
    one = {
        "type": ["string", "object"], "if": {"type": "object"}, "then": long,
        "else": {word: value for word, value in short.items() if word != "type"},
        "anyOf": [short, {}],
    }  # fmt: skip
    text = "What happens to a refused value, tried in order; behind the last one the node fails."
    return described("On refusal", text, {"anyOf": [one, {"type": "array", "items": one}]})
