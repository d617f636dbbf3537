"""What stands at the words that several parts of a document share, as JSON Schema for editors.

Beside draft-07 there are the annotations of editors (``markdownDescription``, ``defaultSnippets``,
``enumDescriptions``, ``patternErrorMessage``, ``errorMessage``); validators pass over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.flow.expression.names import FORBIDDEN_IDS

Schema = dict[str, Any]

_DURATION: Final = (
    r"(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d|w))+"
    r"|P(?=\d|T\d)(?:\d+W)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?"
)
DURATION_PATTERN: Final = rf"^\s*(?:{_DURATION})\s*$"
WAIT_PATTERN: Final = rf"^\s*(?:{_DURATION})\s*$|\$\{{"
"""A duration, or a text whose expression computes one."""
_NO_DURATION: Final = "Expected a duration, such as 500ms, 30s, 1h30m, 2d or PT5M."
ID_TEXT: Final = "[a-z][a-z0-9_]*"
ID_PATTERN: Final = f"^(?!(?:{'|'.join(sorted(FORBIDDEN_IDS))})$){ID_TEXT}$"
_NO_ID: Final = (
    "An id has small letters, digits and '_', begins with a letter, and is no word of expressions."
)
ANY: Final = {"type": ["string", "object", "array", "number", "boolean", "null"]}
"""Any JSON, said so that an editor puts a colon behind the word."""
TYPE_WORDS: Final[Mapping[str, str]] = {
    "string": "A text.",
    "integer": "A whole number.",
    "number": "Any number.",
    "boolean": "true or false.",
    "object": "A mapping with any fields.",
    "array": "A list of anything.",
    "any": "Any JSON.",
    "file": "A file, passed by reference.",
}
SCHEMA_WORDS: Final = (
    "type", "enum", "const", "anyOf", "oneOf", "allOf", "properties", "items", "format", "default",
    "description", "title", "pattern", "minimum", "maximum", "additionalProperties", "examples",
)  # fmt: skip
"""A mapping with one of these is a JSON Schema."""


def ref(name: str) -> Schema:
    """Return a reference to a definition."""
    return {"$ref": f"#/definitions/{name}"}


def described(title: str, description: str, schema: Mapping[str, Any]) -> Schema:
    """Return a schema with the texts that an editor shows."""
    return {"title": title, "description": description, **schema}


def closed(properties: Mapping[str, Any], *required: str) -> Schema:
    """Return an object that has these properties and no others."""
    shape: Schema = {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }
    return {**shape, "required": [*required]} if required else shape


def either(
    mapping: Mapping[str, Any], other: Mapping[str, Any], *kinds: str, shown: Schema | None = None
) -> Schema:
    """Return one schema for mappings and one for all else, so that a fault is that of the right one.

    Args:
        mapping: What a mapping must be.
        other: What anything else must be.
        kinds: Its types; text unless given.
        shown: What an editor offers as values, for it does not look into ``else``.
    """
    made: Schema = {
        "type": [*(kinds or ("string",)), "object"],
        "if": {"type": "object"},
        "then": dict(mapping),
        "else": {word: value for word, value in other.items() if word != "type"},
    }
    return made if shown is None else {**made, "anyOf": [shown, {}]}


def words(meaning: Mapping[str, str]) -> Schema:
    """Return one word out of several, each with what it means."""
    return {"type": "string", "enum": [*meaning], "enumDescriptions": [*meaning.values()]}


def duration(title: str, description: str, *examples: str) -> Schema:
    """Return a duration."""
    text = f"{description} A duration such as 500ms, 30s, 1h30m, 2d."
    pattern = {"type": "string", "pattern": DURATION_PATTERN, "patternErrorMessage": _NO_DURATION}
    return described(title, text, {**pattern, "examples": [*examples]})


def expression(title: str, description: str, *examples: str) -> Schema:
    """Return a bare expression."""
    return described(
        title,
        f"{description} An expression, without ${{ and }}.",
        {
            "type": ["string", "boolean"],
            "pattern": r"^\s*[^\s$]",
            "patternErrorMessage": "An expression stands here bare: without ${ and }.",
            "examples": [*examples],
        },
    )


def an_id() -> Schema:
    """Return the id of a node."""
    return {"type": "string", "pattern": ID_PATTERN, "patternErrorMessage": _NO_ID}


def text_or_texts(item: Mapping[str, Any]) -> Schema:
    """Return one text, or a list of them."""
    return {"anyOf": [dict(item), {"type": "array", "items": dict(item)}]}


def arguments(description: str) -> Schema:
    """Return arguments by name; values have expressions in their texts."""
    example = {"text": "${input.message}"}
    return described("Arguments", description, {"type": "object", "examples": [example]})


# types of fields --------------------------------------------------------------------------


_NO_SCHEMA: Final = "This is no JSON Schema. For fields: {type: object, properties: {…}}."
_ONE_TYPE: Final = "A list stands for its items: it has exactly one type, as in [string]."


def fields(*examples: Mapping[str, Any]) -> Schema:
    """Return named fields with their types."""
    return {
        "type": "object",
        "additionalProperties": ref("type"),
        "propertyNames": {"title": "field"},
        "examples": [dict(example) for example in examples],
    }


def value_type(*examples: Mapping[str, Any]) -> Schema:
    """Return a type, or named fields with their types."""
    has_type = {"anyOf": [{"required": [word]} for word in ("type", "enum", "anyOf")]}
    return {
        "if": {"type": "object"},
        "then": {"if": has_type, "then": ref("type"), "else": fields(*examples)},
        "else": ref("type"),
    }


def types() -> dict[str, Schema]:
    """Return the definitions of types."""
    meaning = dict(TYPE_WORDS) | {
        f"{word}?": f"{text} It may be left out, and is null then."
        for word, text in TYPE_WORDS.items()
    }
    one = {
        "type": "array",
        "items": ref("type"),
        "minItems": 1,
        "maxItems": 1,
        "errorMessage": _ONE_TYPE,
    }
    known = [{"maxProperties": 0}, *({"required": [word]} for word in SCHEMA_WORDS)]
    refused = {"additionalProperties": False, "errorMessage": _NO_SCHEMA}
    has_word = {"if": {"anyOf": known}, "else": refused}
    return {
        "type": described(
            "Type",
            "string, integer, number, boolean, object, array, any or file, with a ? behind it if it may "
            "be left out; a list with the type of its items, such as [string]; or a JSON Schema.",
            either(
                {"allOf": [ref("json_schema"), has_word]},
                {"if": {"type": "array"}, "then": one, "else": words(meaning)},
                "string",
                "array",
                shown=words(meaning),
            ),
        ),
        "json_schema": _json_schema(),
        "any_schema": {"anyOf": [ref("json_schema"), {"type": "boolean"}]},
    }


def _json_schema() -> Schema:
    """What the words of JSON Schema take, as far as it helps to write them."""
    one, count = ref("any_schema"), {"type": "integer", "minimum": 0}
    several = {"type": "array", "items": one, "minItems": 1}
    names = ("string", "integer", "number", "boolean", "object", "array", "null")
    name = {"type": "string", "enum": [*names]}
    texts = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    text, number, flag = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
    properties: dict[str, Any] = {
        "type": {"anyOf": [name, {"type": "array", "items": name, "minItems": 1, "uniqueItems": True}]},
        "properties": {"type": "object", "additionalProperties": one},
        "required": texts, "items": one, "additionalProperties": one,
        "enum": {"type": "array"}, "const": {}, "default": {"description": "What it is where it is left out."},
        "description": text, "title": text, "format": text, "pattern": text,
        "anyOf": several, "oneOf": several, "allOf": several, "not": one,
        "minimum": number, "maximum": number, "exclusiveMinimum": number, "exclusiveMaximum": number,
        "minLength": count, "maxLength": count, "minItems": count, "maxItems": count,
        "uniqueItems": flag, "examples": {"type": "array"},
    }  # fmt: skip
    return described(
        "JSON Schema",
        "A JSON Schema; with a default the field may be left out.",
        {
            "type": "object",
            "properties": properties,
            "not": {"required": ["$ref"]},
        },
    )
