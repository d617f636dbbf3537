"""Types of Python as the types that documents have: ``string``, ``[integer]``, a JSON Schema."""

from __future__ import annotations

import dataclasses
import types
import typing

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from podium.core.codec import describe
from podium.core.errors import InvalidOption
from podium.core.file import File
from podium.core.schema import type_schema
from podium.flow.builder.values import plain
from podium.flow.schema.tasks import inlined

_WORDS: Final[Mapping[Any, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    Any: "any",
    object: "any",
    File: "file",
}
_NO_VALUE: Final = {type(None)}
_PROSE: Final = frozenset({"title", "description"})
_VALUES: Final = frozenset({"default", "const", "enum", "examples"})


def fields_of(kind: Any) -> dict[str, Any]:
    """Return the fields of a dataclass, TypedDict, struct or model, as ``input`` has them.

    Raises:
        InvalidOption: It is no such class, or a field has no form as JSON.
    """
    hints = _hints(kind)
    optional: frozenset[str] = getattr(kind, "__optional_keys__", frozenset())
    defaults = _defaults(kind)
    found: dict[str, Any] = {}
    for name, hint in hints.items():
        if name in optional:
            found[name] = _or_null(hint)
        elif defaults.get(name) is not None:
            found[name] = {**_schema(hint), "default": defaults[name]}
        else:
            found[name] = type_of(hint)
    return found


def type_of(kind: Any) -> Any:
    """Return a type as a document has it: a word, a list with one, or a JSON Schema.

    Raises:
        InvalidOption: Its values have no form as JSON.
    """
    kind = _bare(kind)
    word = _word(kind)
    if word:
        return word
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType} and _NO_VALUE & {*arguments}:
        rest = tuple(each for each in arguments if each not in _NO_VALUE)
        return _or_null(typing.Union[rest])  # noqa: UP007 - made of a tuple
    if origin is list and len(arguments) == 1:
        return [type_of(arguments[0])]
    return _schema(kind)


def _word(kind: Any) -> str:
    try:
        return _WORDS.get(kind, "")
    except TypeError:  # an unhashable annotation
        return ""


def _or_null(kind: Any) -> Any:
    """Return the type of a field that may be null or left out."""
    given = type_of(kind)
    if isinstance(given, str):
        return given if given.endswith("?") else f"{given}?"
    schema = _schema(kind)
    if {"type": "null"} in schema.get("anyOf", []):
        return {**schema, "default": None}
    return {"anyOf": [schema, {"type": "null"}], "default": None}


def _schema(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type that has no word of its own."""
    schema = _without_prose(inlined(type_schema(_bare(kind))))
    if not schema:
        raise InvalidOption(f"{describe(kind)} has no JSON Schema; take Any where anything fits.")
    return dict(schema)


def _without_prose(schema: Any) -> Any:
    """Leave out what the libraries make of the names of classes and of their docstrings."""
    if isinstance(schema, list):
        return [_without_prose(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        word: {name: _without_prose(one) for name, one in value.items()}
        if word == "properties"
        else value
        if word in _VALUES
        else _without_prose(value)
        for word, value in schema.items()
        if word not in _PROSE
    }


def _bare(kind: Any) -> Any:
    """Return a type without what only says whether its field is there."""
    while typing.get_origin(kind) in {typing.Required, typing.NotRequired}:
        kind = typing.get_args(kind)[0]
    return kind


def _hints(kind: Any) -> dict[str, Any]:
    is_record = isinstance(kind, type) and (
        dataclasses.is_dataclass(kind)
        or typing.is_typeddict(kind)
        or hasattr(kind, "__struct_fields__")
        or hasattr(kind, "model_fields")
    )
    if not is_record:
        raise InvalidOption(
            f"{describe(kind)} has no fields: expected a dataclass, a TypedDict, a struct or a "
            "pydantic model."
        )
    hints = typing.get_type_hints(kind, include_extras=True)
    names = getattr(kind, "model_fields", None) or getattr(kind, "__struct_fields__", None)
    wanted = {*names} if names is not None else {*hints}
    if dataclasses.is_dataclass(kind):
        wanted = {one.name for one in dataclasses.fields(kind)}
    return {name: hint for name, hint in hints.items() if name in wanted}


def _defaults(kind: Any) -> dict[str, Any]:
    """Return the fields that may be left out, and what they are then."""
    found: dict[str, Any] = {}
    if dataclasses.is_dataclass(kind):
        for one in dataclasses.fields(kind):
            if one.default is not dataclasses.MISSING:
                found[one.name] = one.default
            elif one.default_factory is not dataclasses.MISSING:
                found[one.name] = one.default_factory()
    elif hasattr(kind, "__struct_fields__"):
        for info in msgspec.structs.fields(kind):
            if info.default is not msgspec.NODEFAULT:
                found[info.name] = info.default
            elif info.default_factory is not msgspec.NODEFAULT:
                found[info.name] = info.default_factory()
    else:
        for name, info in getattr(kind, "model_fields", {}).items():
            if not info.is_required():
                found[name] = info.get_default(call_default_factory=True)
    return {
        name: plain(value, f"the default of {name}", keep=type(None))
        for name, value in found.items()
    }
