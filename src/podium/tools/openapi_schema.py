"""Schemas of an OpenAPI document as JSON Schema (2020-12), each with all it refers to."""

from __future__ import annotations

import re

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from podium.core.validation import Validator
from podium.tools.openapi_document import Document, Unusable

_OPENAPI_ONLY: Final = frozenset(
    {
        "nullable", "discriminator", "xml", "externalDocs", "example", "readOnly", "writeOnly",
        "$recursiveAnchor",
    }
)  # fmt: skip
_OF_NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
_OF_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_UNIQUE: Final = frozenset({"required", "enum"})
_OF_ONE: Final = frozenset(
    {
        "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
        "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip


class Schemas:
    """Makes schemas of one document that share their definitions.

    Args:
        document: Whose they are.
        is_input: Whether they are of what is sent: then what is read only is left out, else what
            is write only.
    """

    def __init__(self, document: Document, *, is_input: bool) -> None:
        self._document = document
        self._unseen = "readOnly" if is_input else "writeOnly"
        self.definitions: dict[str, Any] = {}

    def of(self, schema: Any) -> Any:
        """Return a schema; its references are to ``$defs``.

        Raises:
            Unusable: A reference leads out of the document, or nowhere.
        """
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise Unusable(f"{schema!r:.80} is no schema")
        if "$ref" in schema:
            others = {} if self._document.is_30 else self._words(schema)
            found = {**others, "$ref": self._defined(str(schema["$ref"]))}
        else:
            found = self._words(schema)
            self._hide(found, schema)
            _number_limits(found)
        return _nullable(found) if schema.get("nullable") is True else found

    def whole(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Return a schema that stands on its own.

        Raises:
            Unusable: It is none.
        """
        found = {**schema, "$defs": self.definitions} if self.definitions else dict(schema)
        try:
            Validator(found)
        except ValueError as problem:
            raise Unusable(f"a schema is none: {str(problem)[:300]}") from None
        return found

    def _words(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in schema.items():
            if key in _OPENAPI_ONLY or key == "$ref" or key.startswith("x-"):
                continue
            if key == "pattern" and not _is_understood(str(value)):
                continue  # the service looks at it; ours takes linear time and looks nowhere around
            if key in _OF_NAMES and isinstance(value, Mapping):
                found[key] = {str(name): self.of(one) for name, one in value.items()}
            elif key in _OF_LISTS and isinstance(value, list):
                found[key] = [self.of(one) for one in value]
            elif key in _OF_ONE:
                found[key] = self.of(value)
            elif key in _UNIQUE and isinstance(value, list):  # often written with a name twice
                found[key] = [one for at, one in enumerate(value) if one not in value[:at]]
            else:
                found[key] = value
        return found

    def _hide(self, found: dict[str, Any], schema: Mapping[str, Any]) -> None:
        """Leave out what the other side alone may say."""
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return
        hidden = {name for name, one in properties.items() if self._is_unseen(one)}
        for name in hidden:
            found["properties"].pop(name, None)
        if hidden and isinstance(found.get("required"), list):
            found["required"] = [one for one in found["required"] if one not in hidden]

    def _is_unseen(self, schema: Any) -> bool:
        if not isinstance(schema, Mapping):
            return False
        whole = self._document.whole(schema) if self._document.is_30 else schema
        return isinstance(whole, Mapping) and whole.get(self._unseen) is True

    def _defined(self, reference: str) -> str:
        """Take what a reference leads to among the definitions."""
        target = self._document.at(reference)
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", reference.removeprefix("#/components/schemas/"))
        name = name.strip("_") or "document"
        if name not in self.definitions:
            self.definitions[name] = True  # a schema may refer to itself
            self.definitions[name] = self.of(target)
        return f"#/$defs/{name}"


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Say null as JSON Schema does."""
    kind = schema.get("type")
    if isinstance(kind, str) and not (_OF_LISTS | {"$ref"}) & schema.keys():
        found = {**schema, "type": [kind, "null"]}
        if None not in schema.get("enum", [None]):
            found["enum"] = [*schema["enum"], None]
        return found
    words: dict[str, Any] = {
        key: schema.pop(key) for key in ("description", "title", "default") if key in schema
    }
    return {**words, "anyOf": [schema, {"type": "null"}]}


def _number_limits(schema: dict[str, Any]) -> None:
    """Say exclusive limits as JSON Schema does."""
    for word, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        is_exclusive = schema.get(word)
        if isinstance(is_exclusive, bool):
            del schema[word]
            if is_exclusive and limit in schema:
                schema[word] = schema.pop(limit)


@lru_cache(maxsize=1024)
def _is_understood(pattern: str) -> bool:
    try:
        Validator({"pattern": pattern})
    except ValueError:
        return False
    return True
