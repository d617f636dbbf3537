"""What a JSON Schema expects, in words that a model and a person understand."""

from __future__ import annotations

import json

from collections.abc import Iterable, Mapping
from typing import Any, Final

_DEPTH_MAX: Final = 3
_VALUES_MAX: Final = 20
_TEXT_CHARS_MAX: Final = 200
_KINDS: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_AT_LEAST: Final = {"minLength": "characters", "minItems": "items", "minProperties": "fields"}
_AT_MOST: Final = {"maxLength": "characters", "maxItems": "items", "maxProperties": "fields"}


def shown(value: Any) -> str:
    """Return a value as JSON, without the middle of a long one."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr, skipkeys=True)
    except (
        RecursionError,
        ValueError,
    ):  # nested too deep, or in itself, or a number of many digits
        return f"a {type(value).__name__} that has no JSON form"
    text = text.encode(errors="replace").decode()
    if len(text) <= _TEXT_CHARS_MAX:
        return text
    half = _TEXT_CHARS_MAX // 2
    return f"{text[:half]} … {text[-half:]}"


def written(path: Iterable[str | int]) -> str:
    """Return a path as people write it: ``lines[0].count``."""
    text = ""
    for one in path:
        text += f"[{one}]" if isinstance(one, int) else f".{one}" if text else one
    return text or "the arguments"


def part(schema: Any, place: tuple[str | int, ...]) -> Any:
    """Return the part of a schema at a place; None where there is none."""
    for step in place:
        try:
            schema = schema[step if isinstance(schema, Mapping) else int(step)]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return schema


def target(reference: Any) -> tuple[str | int, ...] | None:
    """Return the place that ``#/$defs/Parcel`` refers to; None for other references."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    steps = reference[2:].split("/") if len(reference) > 1 else []
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)


def resolved(root: Mapping[str, Any], schema: Any) -> Any:
    """Follow the references of a schema to where it says something itself."""
    for _ in range(_DEPTH_MAX * 4):
        if not isinstance(schema, Mapping) or "$ref" not in schema:
            return schema
        place = target(schema["$ref"])
        schema = None if place is None else part(root, place)
    return None


def expected(root: Mapping[str, Any], schema: Any, depth: int = 0) -> str:
    """Say what fits a part of a schema."""
    schema = resolved(root, schema)
    if schema is False:
        return "nothing at all"
    if not isinstance(schema, Mapping) or depth > _DEPTH_MAX:
        return "another value"
    if "const" in schema:
        return shown(schema["const"])
    if isinstance(schema.get("enum"), list):
        values = [shown(one) for one in schema["enum"][:_VALUES_MAX]]
        more = ", …" if len(schema["enum"]) > _VALUES_MAX else ""
        return f"one of {', '.join(values)}{more}" if len(values) != 1 else values[0]
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            parts = [expected(root, one, depth + 1) for one in schema[word]]
            return " or ".join(dict.fromkeys(parts))
    kinds = schema.get("type")
    if kinds is None:
        kinds = "object" if "properties" in schema else "array" if "items" in schema else None
    if kinds is None:
        return "another value" if not schema else f"a value that fits {shown(schema)}"
    each = kinds if isinstance(kinds, list) else [kinds]
    return " or ".join(_one_kind(root, schema, one, depth) for one in each)


def _one_kind(root: Mapping[str, Any], schema: Mapping[str, Any], kind: Any, depth: int) -> str:
    text = _KINDS.get(kind, f"a value of type {kind!r}")
    if kind == "array" and schema.get("items") not in (None, True, {}):
        text = f"a list, each item {expected(root, schema['items'], depth + 1)}"
    if kind == "object" and schema.get("properties"):
        text = f"an object with {', '.join(map(str, schema['properties']))}"
    return f"{text}{_limits(schema, kind)}"


def _limits(schema: Mapping[str, Any], kind: str) -> str:
    """Say what else a value must be, as far as that is about its kind."""
    found: list[str] = []
    if kind in ("integer", "number"):
        for word, text in (
            ("minimum", "at least"), ("exclusiveMinimum", "above"), ("maximum", "at most"),
            ("exclusiveMaximum", "below"), ("multipleOf", "a multiple of"),
        ):  # fmt: skip
            if word in schema:
                found.append(f"{text} {schema[word]}")
    unit = {"string": "characters", "array": "items", "object": "fields"}.get(kind)
    for words, text in ((_AT_LEAST, "at least"), (_AT_MOST, "at most")):
        found += [
            f"{text} {schema[word]} {unit}"
            for word in words
            if words[word] == unit and word in schema
        ]
    if kind == "string":
        found += [f"matching {schema['pattern']}"] if "pattern" in schema else []
        found += [f"a {schema['format']}"] if "format" in schema else []
    return f" ({', '.join(found)})" if found else ""
