"""Types of fields: ``string``, ``integer?``, ``[string]``, or a JSON Schema (F-06, F-07)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.core.validation import Validator
from podium.flow.expression.errors import near
from podium.flow.model import Fields
from podium.flow.parse.words import Reading
from podium.flow.places import child

FILE_SCHEMA: Final[Mapping[str, Any]] = {
    "title": "File",
    "type": "object",
    "properties": {
        "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "size": {"type": "integer", "minimum": 0},
        "name": {"type": "string"},
        "media_type": {"type": "string"},
    },
    "required": ["digest", "size", "name"],
}
"""How a :class:`podium.File` looks as JSON."""
TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    **{word: {"type": word} for word in ("string", "integer", "number", "boolean")},
    **{word: {"type": word} for word in ("object", "array")},
    "any": {},
    "file": FILE_SCHEMA,
}
_SCHEMA_WORDS: Final = frozenset(
    [
        "type",
        "enum",
        "const",
        "anyOf",
        "oneOf",
        "allOf",
        "properties",
        "items",
        "format",
        "default",
        "description",
        "title",
        "pattern",
        "minimum",
        "maximum",
        "additionalProperties",
        "examples",
    ]
)
_BY_NAME: Final = frozenset(
    ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"]
)
"""Words of JSON Schema where schemas stand under names of the author's."""
_DATA: Final = frozenset(["default", "const", "enum", "examples"])
"""Words of JSON Schema where values stand, and no schemas."""


def read_fields(reading: Reading, data: Any, at: str) -> Fields:
    """Read named values with their types."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    defaults: dict[str, Any] = {}
    for name, given in reading.mapping(data, at, "the fields and their types").items():
        place = child(at, name)
        schema = read_type(reading, given, place)
        if isinstance(given, str) and given.endswith("?"):
            defaults[name] = None
        elif "default" in schema:
            defaults[name] = schema["default"]
            _check_default(reading, schema, place)
        else:
            required.append(name)
        properties[name] = schema
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return Fields({**schema, "required": required} if required else schema, defaults)


def read_type(reading: Reading, given: Any, at: str) -> Mapping[str, Any]:
    """Read one type; what is none is taken as ``any``, and found fault with."""
    match given:
        case str() if given.endswith("?") and not given.endswith("??"):
            return {"anyOf": [read_type(reading, given[:-1], at), {"type": "null"}]}
        case str() if given in TYPES:
            return TYPES[given]
        case str():
            hint = near(given, TYPES) or f"Types are {', '.join(TYPES)}."
            reading.fault("unknown-type", at, f"{given!r} is no type.", hint)
        case [one]:
            return {"type": "array", "items": read_type(reading, one, child(at, 0))}
        case dict():
            return _read_schema(reading, given, at)
        case _:
            expected = "a type such as string, a list with one type, or a JSON Schema"
            reading.fault("wrong-type", at, f"expected {expected}; got {given!r:.80}.")
    return {}


def _read_schema(reading: Reading, given: dict[str, Any], at: str) -> Mapping[str, Any]:
    if given and not _SCHEMA_WORDS & given.keys():
        hint = "For an object with fields write {type: object, properties: {…}}."
        reading.fault("bad-schema", at, f"{given!r:.80} has no word of JSON Schema.", hint)
        return {}
    if _refers(given):
        reading.fault("bad-schema", at, "'$ref' is not followed here.", "Write the schema itself.")
        return {}
    try:
        Validator(given)
    except ValueError as problem:
        text = str(problem).splitlines()[0]
        reading.fault("bad-schema", at, f"this is no JSON Schema: {text}.")
        return {}
    return given


def _refers(schema: Any) -> bool:
    """Whether a schema, or one within it, refers to another one."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            if not {"$ref", "$dynamicRef"}.isdisjoint(one):
                return True
            for word, value in one.items():
                if word in _BY_NAME and isinstance(value, dict):
                    waiting.extend(value.values())
                elif word not in _DATA:
                    waiting.append(value)
    return False


def _check_default(reading: Reading, schema: Mapping[str, Any], at: str) -> None:
    default = schema["default"]
    if any(Validator(schema).faults(default)):
        place = child(at, "default")
        reading.fault("wrong-type", place, f"the default {default!r:.80} does not fit its schema.")
