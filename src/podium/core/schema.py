"""JSON Schemas of tasks and workflows, made of the type hints of their functions.

What is not annotated, and what has no schema, says nothing: ``{}``. Nothing here raises, and the
schemas that are returned are shared: they are read, never changed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import sys

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from podium.core.codec import type_hints
from podium.core.spec import TaskSpec, WorkflowSpec

_Spec = TaskSpec | WorkflowSpec
_Mode = Literal["validation", "serialization"]
_REFERENCE: Final = "#/$defs/{name}"
_REST: Final = frozenset({inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL})
_WORDS_ABOUT: Final = frozenset({"title", "description", "examples"})
"""Words of a schema that say nothing about which values fit."""


@lru_cache(maxsize=4096)
def parameters_schema(spec: _Spec) -> dict[str, Any]:
    """Return the JSON Schema of an object with the arguments by name."""
    if spec.schemas is not None:
        return spec.schemas[0]
    parts = _Parts("validation")
    hints = type_hints(spec.fn)
    schema: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
    required: list[str] = []
    for name, parameter in _parameters(spec.fn).items():
        if name in spec.unseen:
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            schema["additionalProperties"] = True
            continue
        one = parts.of(hints.get(name, Any))
        if parameter.kind is parameter.VAR_POSITIONAL:
            one = {"type": "array", "items": one} if one else {"type": "array"}
        elif parameter.default is parameter.empty:
            required.append(name)
        else:
            one = _with_default(one, parameter.default)
        schema["properties"][name] = one
    return parts.whole({**schema, "required": required})


@lru_cache(maxsize=4096)
def returns_schema(spec: _Spec) -> dict[str, Any]:
    """Return the JSON Schema of the result."""
    if spec.schemas is not None:
        return spec.schemas[1]
    return result_schema(type_hints(spec.fn).get("return", Any))


def result_schema(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema of what a result of a declared type is as JSON, after decoding.

    Objects have the fields that are declared and no others.
    """
    parts = _Parts("serialization")
    whole = parts.whole(parts.of(kind))
    _close(whole)
    if whole.keys() == {"$ref", "$defs"}:
        whole = {**whole["$defs"][whole["$ref"].removeprefix("#/$defs/")], "$defs": whole["$defs"]}
    return whole


def type_schema(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema of a declared type; an empty one where it cannot be said."""
    parts = _Parts("validation")
    return parts.whole(parts.of(kind))


@lru_cache(maxsize=4096)
def schema_hash(spec: _Spec) -> str:
    """Return a hash of parameters and result: another one means that other values fit."""
    bare = [_without_prose(one) for one in (parameters_schema(spec), returns_schema(spec))]
    encoded = json.dumps(bare, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(encoded, digest_size=12).hexdigest()


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # a callable without a signature, such as some of C
        return {"arguments": inspect.Parameter("arguments", inspect.Parameter.VAR_KEYWORD)}


def _with_default(schema: dict[str, Any], default: Any) -> dict[str, Any]:
    """Say what an argument is that was left out, if JSON can say it."""
    try:
        plain = msgspec.json.decode(msgspec.json.encode(default))
    except (TypeError, ValueError, NotImplementedError, RecursionError):
        return schema
    return {**schema, "default": plain}


class _Parts:
    """The schemas of several types that share their definitions."""

    def __init__(self, mode: _Mode) -> None:
        self._mode: _Mode = mode
        self._definitions: dict[str, Any] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type, which refers to the definitions."""
        if kind is Any or kind is object or isinstance(kind, str):
            return {}
        if any(type(one).__name__ == "FieldInfo" for one in getattr(kind, "__metadata__", ())):
            found = self._by_pydantic(kind)  # limits that msgspec does not see
            if found:
                return found
        try:
            return self._by_msgspec(kind)
        except Exception:  # noqa: BLE001 - a type that msgspec does not know, or a hook of the user's
            return self._by_pydantic(kind)

    def whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return a schema that stands on its own."""
        definitions = self._definitions
        return {**schema, "$defs": definitions} if definitions else dict(schema)

    def _by_msgspec(self, kind: Any) -> dict[str, Any]:
        nested: dict[str, Any] = {}

        def hook(one: type) -> dict[str, Any]:
            if one is object:
                return {"description": "Any value."}  # an empty one would count as none
            make = getattr(one, "model_json_schema", None)
            if make is None:
                raise NotImplementedError
            is_input = self._mode == "validation"
            schema = make(by_alias=is_input, ref_template="#/$defs/{model}", mode=self._mode)
            nested.update(schema.pop("$defs", {}))
            return dict(schema)

        (schema,), components = msgspec.json.schema_components(
            [kind], schema_hook=hook, ref_template=_REFERENCE
        )
        if self._mode == "serialization":
            for one in _dataclasses(kind):
                _require_all(components.get(one.__name__))
        self._definitions.update(nested)
        self._definitions.update(components)
        return dict(schema)

    def _by_pydantic(self, kind: Any) -> dict[str, Any]:
        pydantic = sys.modules.get("pydantic")
        if pydantic is None:
            return {}
        try:
            schema = pydantic.TypeAdapter(kind).json_schema(
                ref_template="#/$defs/{model}", mode=self._mode
            )
        except Exception:  # noqa: BLE001 - a type neither library knows says nothing
            return {}
        self._definitions.update(schema.pop("$defs", {}))
        return dict(schema)


def _dataclasses(kind: Any) -> set[type]:
    """Return the dataclasses that a type is made of."""
    found: set[type] = set()
    seen: set[int] = set()
    waiting = [kind]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        waiting.extend(getattr(one, "__args__", ()))
        if isinstance(one, type) and dataclasses.is_dataclass(one):
            found.add(one)
            waiting.extend(type_hints(one).values())
    return found


def _require_all(schema: Any) -> None:
    """Say that every field is there: an object is written with all of them, at a default or not."""
    if isinstance(schema, dict) and "properties" in schema:
        schema["required"] = list(schema["properties"])


def _close(schema: dict[str, Any]) -> None:
    """Exclude fields that are not declared, wherever nothing is said about others."""
    waiting: list[Any] = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            is_object = isinstance(one.get("properties"), dict)
            if (
                is_object
                and not {"additionalProperties", "allOf", "patternProperties"} & one.keys()
            ):
                one["additionalProperties"] = False
            waiting.extend(_below(one))


def _below(schema: dict[str, Any]) -> list[Any]:
    """Return the schemas within a schema, and none of the values that stand in it."""
    found: list[Any] = [
        schema[word]
        for word in ("items", "prefixItems", "additionalProperties", "anyOf", "oneOf", "allOf")
        if word in schema
    ]
    for word in ("properties", "$defs"):
        if isinstance(schema.get(word), dict):
            found.extend(schema[word].values())
    return found


def _without_prose(schema: Any) -> Any:
    """Return a schema without its titles, descriptions and examples."""
    if isinstance(schema, list):
        return [_without_prose(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    bare: dict[str, Any] = {}
    for word, value in schema.items():
        if word in {"properties", "$defs"} and isinstance(value, dict):
            bare[word] = {name: _without_prose(one) for name, one in value.items()}
        elif word in {"default", "enum", "const"}:
            bare[word] = value
        elif word not in _WORDS_ABOUT:
            bare[word] = _without_prose(value)
    return bare
