"""JSON Schema as a grammar that always comes to an end.

llama.cpp itself turns a schema into a grammar, but leaves white space, digits, texts and lists
without end, so that a small model may fill its tokens with them and be cut off in mid-value; and
what it cannot turn it leaves out without a word. Here everything has an end: what the schema does
not bound is bounded by how many tokens there are, and a keyword that cannot be kept is refused.
So whatever a model chooses, the value is whole and fits the schema.
"""

from __future__ import annotations

import json
import re

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from podium.models.local.errors import SchemaNotHeld
from podium.models.local.ranges import Bounds, NumberRange

_CHAR_BYTES: Final = 4
"""The most bytes of a character: a token has at least one."""
_GRAMMAR_MAX: Final = 200_000
"""Characters of a grammar; llama.cpp takes long for more."""
_DAY: Final = '[12] [0-9]{3} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])'
_CLOCK: Final = '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] "Z"'
_HEX: Final = "[0-9a-f]"
_FORMATS: Final = {
    "date": (_DAY, 10),
    "time": (_CLOCK, 9),
    "date-time": (f'{_DAY} "T" {_CLOCK}', 20),
    "uuid": (f'{_HEX}{{8}} "-" {_HEX}{{4}} "-4" {_HEX}{{3}} "-" [89ab] {_HEX}{{3}} "-" {_HEX}{{12}}', 36),
    "email": ('[a-z] [a-z0-9.]{0,20} [a-z0-9] "@" [a-z] [a-z0-9]{0,20} "." [a-z]{2,6}', 51),
}  # fmt: skip
_SAID: Final = frozenset({
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
    "$schema", "$id", "$comment", "$defs", "definitions", "discriminator", "contentMediaType",
})  # fmt: skip
"""Keywords that forbid nothing."""
_KEPT: Final = frozenset({
    "type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "properties", "required",
    "additionalProperties", "minProperties", "maxProperties", "items", "prefixItems", "minItems",
    "maxItems", "uniqueItems", "minLength", "maxLength", "format", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
})  # fmt: skip
_SIZES: Final = (
    (400, 16, 4),
    (200, 10, 3),
    (100, 6, 3),
    (60, 4, 2),
    (30, 3, 2),
    (12, 2, 1),
    (6, 1, 1),
)
"""What is not bounded by the schema: characters of a text, items of a list, turns of a recursion."""
_PARTS: Final = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*|[A-Za-z0-9-]+|[\s\S]')
"""Texts, sets of characters, comments, names, and all else, a character each."""
_COMMA: Final = '", " '
_BASE: Final = r"""
char ::= [^"\\\x00-\x1F\x7F] | "\\" ["\\/bfnrt]
"""


class Grammar(NamedTuple):
    """A grammar in GBNF, and the most tokens that a text of it can have."""

    text: str
    tokens_max: int


class _Piece(NamedTuple):
    """A part of a rule, and the most bytes of what it stands for."""

    text: str
    bytes_max: int


def grammar_of(schema: Mapping[str, Any] | bool, tokens: int) -> Grammar:
    """Return a grammar of which every text is a value of a schema.

    Args:
        schema: JSON Schema.
        tokens: The most tokens that the value may have.

    Raises:
        SchemaNotHeld: It says what a grammar cannot, or its smallest value has more tokens.
    """
    smallest = 0
    for text, items, depth in _SIZES:
        work = _Work(schema, text, items, depth)
        root = work.value(schema, "", 0)
        if root is None:
            raise SchemaNotHeld.at("", "has no value that ends")
        smallest = root.bytes_max + 1
        rules = "\n".join(f"{name} ::= {rule}" for name, rule in work.rules.items())
        whole = f"root ::= {root.text}\n{rules}{_BASE}"
        if smallest <= tokens and len(whole) <= _GRAMMAR_MAX:
            return Grammar(whole, smallest)
    raise SchemaNotHeld.at("", f"may need {smallest:,} tokens, and there are {tokens:,}")


def label_grammar(labels: Sequence[str]) -> str:
    """Return a grammar of which every text is one of some labels."""
    return "root ::= " + " | ".join(literal(label) for label in labels)


def led_by(before: str, grammar: str) -> str:
    """Return a grammar of the same texts with something before them."""
    parts = ("answer-of-root" if part == "root" else part for part in _PARTS.findall(grammar))
    return f"root ::= {literal(before)} answer-of-root\n{''.join(parts)}"


def literal(text: str) -> str:
    """Return a text as GBNF writes it."""
    escaped = (
        text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").replace("\r", r"\r")
    )
    return f'"{escaped}"'


@dataclass
class _Work:
    """One attempt: a schema with the sizes of what it leaves open."""

    schema: Mapping[str, Any] | bool
    text_max: int
    items_max: int
    depth_max: int
    rules: dict[str, str] = field(default_factory=dict)

    def value(self, schema: Any, place: str, depth: int) -> _Piece | None:
        """Return what stands for a value; None: none that ends within the depth."""
        if schema is True or schema == {}:
            return self._anything()
        if not isinstance(schema, Mapping):
            raise SchemaNotHeld.at(place, f"is {json.dumps(schema)}, which no value fits")
        unknown = schema.keys() - _SAID - _KEPT
        if unknown:
            raise SchemaNotHeld.at(place, f"has {', '.join(sorted(unknown))}")
        if "$ref" in schema:
            return self._reference(schema, place, depth)
        if "allOf" in schema:
            return self.value(_merged(schema, place), place, depth)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self._one_of(schema, word, place, depth)
        if "const" in schema:
            return _exactly([schema["const"]])
        if "enum" in schema:
            return _exactly(schema["enum"])
        kinds = schema.get("type", _guessed(schema))
        if isinstance(kinds, str):
            return self._of_type(kinds, schema, place, depth)
        return _either([self._of_type(kind, schema, place, depth) for kind in kinds])

    def _of_type(self, kind: str, schema: Mapping[str, Any], place: str, depth: int) -> _Piece | None:  # fmt: skip
        match kind:
            case "string":
                return self._text(schema, place)
            case "integer" | "number":
                return _number(schema, place, is_whole=kind == "integer")
            case "boolean":
                return _exactly([True, False])
            case "null":
                return _exactly([None])
            case "array":
                return self._list(schema, place, depth)
            case "object" if schema.get("properties"):
                return self._object(schema, place, depth)
            case "object":
                return self._map(schema, place, depth)
            case _:
                raise SchemaNotHeld.at(place, f"has the type {kind!r}")

    def _anything(self) -> _Piece | None:
        scalar = ["string", "number", "boolean", "null"]
        return _either([self._of_type(kind, {}, "", 0) for kind in scalar])

    def _text(self, schema: Mapping[str, Any], place: str) -> _Piece:
        low, high = schema.get("minLength", 0), schema.get("maxLength")
        wanted = schema.get("format")
        if wanted in _FORMATS and not low and high is None:
            inner, most = _FORMATS[wanted]
            return _Piece(rf'"\"" {inner} "\""', most + 2)
        if wanted is not None and wanted not in ("password", "binary"):
            raise SchemaNotHeld.at(place, f"has the format {wanted!r} (with these lengths)")
        most = max(low, min(high if high is not None else self.text_max, self.text_max))
        if high is not None and most > high:
            raise SchemaNotHeld.at(place, f"has {low} characters at least and {high} at most")
        return _Piece(rf'"\"" char{{{low},{most}}} "\""', most * _CHAR_BYTES + 2)

    def _list(self, schema: Mapping[str, Any], place: str, depth: int) -> _Piece | None:
        first = [
            self.value(one, f"{place}/prefixItems/{at}", depth)
            for at, one in enumerate(schema.get("prefixItems", ()))
        ]
        low, high = schema.get("minItems", 0), schema.get("maxItems", max(self.items_max, len(first)))  # fmt: skip
        high = max(low, min(high, max(self.items_max, len(first))))
        if schema.get("uniqueItems"):
            if low > 1:
                raise SchemaNotHeld.at(place, f"has {low} items at least, each another one")
            high = min(high, 1)
        rest = None
        if schema.get("items", True) is not False and high > len(first):
            rest = self.value(schema.get("items", True), f"{place}/items", depth)
        items = [*first, *[rest] * (high - len(first))][:high]
        if None in items:
            items = items[: items.index(None)]
        if len(items) < low:
            return None
        text, most = "", 0
        for at in reversed(range(len(items))):
            one = items[at]
            assert one is not None
            inner = f"{_COMMA if at else ''}{one.text} {text}"
            text = self._rule(inner if at < low else f"({inner})?")
            most += one.bytes_max + 2
        return _Piece(f'"[" {text} "]"' if text else '"[]"', most + 2)

    def _object(self, schema: Mapping[str, Any], place: str, depth: int) -> _Piece | None:
        required = set(schema.get("required", ()))
        properties: Mapping[str, Any] = schema["properties"]
        if missing := sorted(required - properties.keys()):
            raise SchemaNotHeld.at(
                place, f"requires {', '.join(missing)} and does not say what it is"
            )
        if schema.get("minProperties", 0) > len(required) or schema.get(
            "maxProperties", len(properties)
        ) < len(properties):
            raise SchemaNotHeld.at(place, "says how many of its properties there are")
        members: list[tuple[str, _Piece, bool]] = []
        for name, one in properties.items():
            piece = self.value(one, f"{place}/{name}", depth)
            if piece is not None:
                members.append((name, piece, name in required))
            elif name in required:
                return None
        return self._members(members)

    def _members(self, members: list[tuple[str, _Piece, bool]]) -> _Piece:
        """Return an object of members in their order, those that are not required being optional."""
        most = 2
        bare = follows = ""
        for name, value, is_required in reversed(members):
            pair = f"{literal(json.dumps(name) + ': ')} {value.text}"
            after = f" {follows}" if follows else ""
            with_comma, alone = f"{_COMMA}{pair}{after}", f"{pair}{after}"
            if is_required:
                bare, follows = self._rule(alone), self._rule(with_comma)
            else:
                bare = self._rule(f"{alone} | {bare}" if bare else f"({alone})?")
                follows = self._rule(f"{with_comma} | {follows}" if follows else f"({with_comma})?")
            most += len(json.dumps(name)) + 4 + value.bytes_max
        return _Piece(f'"{{" {bare} "}}"' if bare else '"{}"', most)

    def _map(self, schema: Mapping[str, Any], place: str, depth: int) -> _Piece | None:
        low = max(schema.get("minProperties", 0), len(schema.get("required", ())))
        if schema.get("required"):
            raise SchemaNotHeld.at(place, "requires properties and does not say what they are")
        inner = schema.get("additionalProperties", True)
        value = None if inner is False else self.value(inner, f"{place}/*", depth)
        high = min(schema.get("maxProperties", self.items_max), max(self.items_max, low), 20)
        if value is None or not high:
            return _Piece('"{}"', 2) if not low else None
        if high < low:
            raise SchemaNotHeld.at(place, f"has {low} members at least")
        text = ""
        for at in reversed(range(high)):
            key = rf'"\"" [{chr(ord("a") + at)}-z] [a-z_]{{0,20}} "\": "'
            if low > 1:
                key = rf'"\"{chr(ord("a") + at)}" [a-z_]{{0,20}} "\": "'
            pair = f"{_COMMA if at else ''}{key} {value.text} {text}"
            text = self._rule(pair if at < low else f"({pair})?")
        return _Piece(f'"{{" {text} "}}"', 2 + high * (27 + value.bytes_max))

    def _one_of(self, schema: Mapping[str, Any], word: str, place: str, depth: int) -> _Piece | None:  # fmt: skip
        around = {name: one for name, one in schema.items() if name != word and name not in _SAID}
        options = [
            self.value({**around, **one} if around else one, f"{place}/{word}/{at}", depth)
            for at, one in enumerate(schema[word])
        ]
        return _either(options)

    def _reference(self, schema: Mapping[str, Any], place: str, depth: int) -> _Piece | None:
        target: Any = self.schema
        name = schema["$ref"]
        for step in name.removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if key and (not isinstance(target, Mapping) or key not in target):
                raise SchemaNotHeld.at(place, f"refers to {name!r}, which is not in it")
            target = target[key] if key else target
        others = {key: one for key, one in schema.items() if key != "$ref" and key not in _SAID}
        if others:
            raise SchemaNotHeld.at(place, f"has {', '.join(sorted(others))} beside a $ref")
        return self.value(target, place, depth + 1) if depth < self.depth_max * 2 else None

    def _rule(self, text: str) -> str:
        """Return the name of a rule, the same one for the same text."""
        for name, one in self.rules.items():
            if one == text:
                return name
        name = f"r{len(self.rules)}"
        self.rules[name] = text
        return name


def _exactly(values: Sequence[Any]) -> _Piece:
    written = [json.dumps(value, ensure_ascii=False) for value in values]
    text = " | ".join(literal(one) for one in written)
    return _Piece(f"({text})", max(len(one.encode()) for one in written))


def _either(options: Sequence[_Piece | None]) -> _Piece | None:
    there = [one for one in options if one is not None]
    if not there:
        return None
    text = " | ".join(dict.fromkeys(one.text for one in there))
    return _Piece(f"({text})", max(one.bytes_max for one in there))


def _number(schema: Mapping[str, Any], place: str, *, is_whole: bool) -> _Piece:
    try:
        found = NumberRange.of(Bounds.of(schema), is_whole=is_whole)
    except ValueError as problem:
        raise SchemaNotHeld.at(place, str(problem)) from None
    return _Piece(found.grammar(), found.bytes_max)


def _merged(schema: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return a schema with what its ``allOf`` says; what is said twice is refused."""
    whole = {name: one for name, one in schema.items() if name != "allOf"}
    for part in schema["allOf"]:
        for name, one in part.items():
            if name == "properties":
                whole["properties"] = {**whole.get("properties", {}), **one}
            elif name == "required":
                whole["required"] = [*dict.fromkeys([*whole.get("required", ()), *one])]
            elif name in whole and whole[name] != one and name not in _SAID:
                raise SchemaNotHeld.at(place, f"has an allOf that says {name} twice")
            else:
                whole[name] = one
    return whole


def _guessed(schema: Mapping[str, Any]) -> str | list[str]:
    """Return the type of a schema that does not say it."""
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if schema.keys() & {"minLength", "maxLength", "format"}:
        return "string"
    if schema.keys() & {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}:
        return "number"
    return ["string", "number", "boolean", "null"]
