"""What a task takes and gives, as JSON Schema, and what may stand there in a document."""

from __future__ import annotations

import inspect
import json

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from podium.core.schema import parameters_schema, returns_schema
from podium.core.spec import TaskSpec

Schema = dict[str, Any]

TEMPLATE: Final = r"\$\{"
"""A text with an expression in it."""
_SCALARS: Final = frozenset({"integer", "number", "boolean", "null"})


@dataclass(frozen=True, slots=True)
class Signature:
    """A task as a document sees it.

    Attributes:
        description: The first paragraph of its docstring.
        parameters: JSON Schema of each parameter, without references out of it.
        required: Parameters without a default.
        is_open: Whether it takes arguments of any name.
        result: JSON Schema of what it gives.
    """

    name: str
    description: str
    effect: str
    parameters: Mapping[str, Schema]
    required: tuple[str, ...]
    is_open: bool
    result: Schema

    def line(self) -> str:
        """Return it on one line: ``search_kb(query: string, limit: integer = 5) -> [string]``."""
        parts = [self._parameter(name) for name in self.parameters]
        return f"{self.name}({', '.join(parts)}) -> {type_text(self.result)}"

    def about(self, name: str) -> str:
        """Say what a parameter takes: ``integer; 5 unless given``."""
        schema = self.parameters[name]
        if name in self.required:
            return type_text(schema)
        rest = (
            f"{_short(schema['default'])} unless given"
            if "default" in schema
            else "may be left out"
        )
        return f"{type_text(schema)}; {rest}"

    def _parameter(self, name: str) -> str:
        schema = self.parameters[name]
        text = f"{name}: {type_text(schema)}"
        if name in self.required:
            return text
        return f"{text} = {_short(schema['default'])}" if "default" in schema else f"{text}?"


def signature(spec: TaskSpec) -> Signature:
    """Return a task as a document sees it."""
    taken = inlined(parameters_schema(spec))
    return Signature(
        spec.name, _summary(spec), spec.effect.value, taken["properties"], tuple(taken["required"]),
        bool(taken["additionalProperties"]), inlined(returns_schema(spec)),
    )  # fmt: skip


def type_text(schema: Mapping[str, Any]) -> str:
    """Say a schema in few words: ``string``, ``[integer]``, ``{id: string, note?: string}``."""
    match schema:
        case {"const": value}:
            return json.dumps(value, ensure_ascii=False)
        case {"enum": [*values]}:
            return "|".join(json.dumps(value, ensure_ascii=False) for value in values)
        case {"anyOf": [*branches]}:
            return "|".join(dict.fromkeys(type_text(branch) for branch in branches))
        case {"type": "array", "items": dict() as items}:
            return f"[{type_text(items)}]"
        case {"type": "object", "properties": dict() as fields}:
            required = schema.get("required", ())
            parts = [
                f"{name}{'' if name in required else '?'}: {type_text(field)}"
                for name, field in fields.items()
            ]
            return f"{{{', '.join(parts)}}}"
        case {"type": [*names]}:
            return "|".join(names)
        case {"type": str() as name}:
            return name
        case _:
            return "any"


def relaxed(schema: Mapping[str, Any]) -> Schema:
    """Return a schema that also takes expressions, wherever in the value they stand.

    What only a computed value can show (``not``, ``uniqueItems``, …) is left out.
    """
    if any(word in schema for word in ("anyOf", "oneOf")):
        branches = [relaxed(each) for word in ("anyOf", "oneOf") for each in schema.get(word, ())]
        return _texts(schema) | {"anyOf": branches}
    if "enum" in schema or "const" in schema:
        plain = {word: schema[word] for word in ("enum", "const") if word in schema}
        return _texts(schema) | {"anyOf": [plain, _expression()]}
    names = _types(schema)
    if not names:
        return _texts(schema)
    if "string" in names:
        kept = {
            word: schema[word]
            for word in ("minLength", "maxLength", "pattern", "format")
            if word in schema
        }
        if kept and len(names) == 1:
            return _texts(schema) | {"anyOf": [{"type": "string", **kept}, _expression()]}
        return _texts(schema) | {"type": _one(names), **_inner(schema)}
    bounds = {word: schema[word] for word in _BOUNDS if word in schema}
    made = {"type": [*names, "string"], "pattern": TEMPLATE, **bounds, **_inner(schema)}
    return _texts(schema) | made | {"patternErrorMessage": _expected(names)}


_BOUNDS: Final = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
    "minProperties", "maxProperties", "required",
)  # fmt: skip


def _inner(schema: Mapping[str, Any]) -> Schema:
    """What the fields and items of a value are, relaxed."""
    made: Schema = {}
    if isinstance(fields := schema.get("properties"), dict):
        made["properties"] = {name: relaxed(field) for name, field in fields.items()}
    for word in ("items", "additionalProperties"):
        if word in schema:
            value = schema[word]
            made[word] = relaxed(value) if isinstance(value, dict) else value
    if isinstance(prefix := schema.get("prefixItems"), list):
        made["items"] = [relaxed(each) for each in prefix]
    return made


def _types(schema: Mapping[str, Any]) -> list[str]:
    given = schema.get("type", [])
    return [given] if isinstance(given, str) else [*given]


def _one(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names


def _expected(names: list[str]) -> str:
    return f"Expected {' or '.join(names)}, or an expression such as ${{order.id}}."


def _expression() -> Schema:
    return {
        "type": "string", "pattern": TEMPLATE,
        "patternErrorMessage": "Expected one of the values, or an expression such as ${order.id}.",
    }  # fmt: skip


def _texts(schema: Mapping[str, Any]) -> Schema:
    words = ("title", "description", "default", "examples")
    return {word: schema[word] for word in words if word in schema}


def inlined(schema: Mapping[str, Any]) -> Schema:
    """Return a schema without references; a type within itself is open from there on."""
    bare = {word: value for word, value in schema.items() if word != "$defs"}
    return dict(_inline(bare, schema.get("$defs", {}), ()))


def _inline(schema: Any, definitions: Mapping[str, Any], above: tuple[str, ...]) -> Any:
    if isinstance(schema, list):
        return [_inline(each, definitions, above) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if not isinstance(target := schema.get("$ref"), str):
        return {word: _inline(value, definitions, above) for word, value in schema.items()}
    name = target.removeprefix("#/$defs/")
    if name in above or name not in definitions:
        return {}
    return _inline(definitions[name], definitions, (*above, name))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else "…"


def _summary(spec: TaskSpec) -> str:
    return " ".join((inspect.getdoc(spec.fn) or "").partition("\n\n")[0].split())
