"""Values held against JSON Schema: of an input, a form, a signal, the arguments of a tool.

Schemas come from anywhere, so nothing is fetched for them, and patterns take time that grows with
the text and not faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import jsonschema_rs

_MESSAGE_CHARS_MAX: Final = 300
_CLOSED: Final = frozenset({"additionalProperties", "unevaluatedProperties"})
_WHOLE: Final = "urn:podium:schema#"


class Fault(NamedTuple):
    """One thing about a value that its schema does not allow.

    Attributes:
        path: Where it is in the value: names of fields and numbers of items from the outside.
        message: What is wrong there, with the value.
        rule: Where the word of the schema stands that does not allow it, references followed.
        found: The value there.
        unexpected: The fields that there may not be, where that is what is wrong.
        missing: The field that there must be, where that is what is wrong.
    """

    path: tuple[str | int, ...]
    message: str
    rule: tuple[str | int, ...] = ()
    found: Any = None
    unexpected: tuple[str, ...] = ()
    missing: str | None = None

    def text(self, whole: str) -> str:
        """Return place and message; ``whole`` is what the value itself is called."""
        return f"{'.'.join(map(str, self.path)) or whole}: {self.message}"


class Validator:
    """Holds values against one schema, of draft 2020-12 whatever ``$schema`` says.

    Raises:
        ValueError: It is no JSON Schema; or it refers to something outside of itself; or a pattern
            looks around or back, which no pattern of bounded time can.
    """

    __slots__ = ("_schema", "_validator")

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = dict(schema)
        self._validator = jsonschema_rs.Draft202012Validator(
            self._schema, retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions()
        )

    def fits(self, value: Any) -> bool:
        """Whether nothing is wrong with a value made of JSON."""
        return self._validator.is_valid(value)

    def faults(self, value: Any) -> Iterator[Fault]:
        """Give all that is wrong with a value made of JSON; nothing if it fits."""
        for error in self._validator.iter_errors(value):
            kind: Any = error.kind
            yield Fault(
                tuple(error.instance_path),
                _short(error.message),
                tuple(error.schema_path),
                error.instance,
                tuple(getattr(kind, "unexpected", ())) if kind.name in _CLOSED else (),
                kind.property if kind.name == "required" else None,
            )

    def within(self, place: tuple[str | int, ...]) -> Validator:
        """Return what holds values against a part of the schema, at its place in the whole."""
        part = object.__new__(Validator)
        part._schema = {"$ref": _WHOLE + "".join(map(_step, place))}
        part._validator = jsonschema_rs.Draft202012Validator(
            part._schema,
            retriever=_refuse,
            registry=jsonschema_rs.Registry(
                [(_WHOLE[:-1], self._schema)], draft=jsonschema_rs.Draft202012, retriever=_refuse
            ),
            pattern_options=jsonschema_rs.RegexOptions(),
        )
        return part


def _step(part: str | int) -> str:
    """Return one step of a JSON Pointer in a URI."""
    return "/" + quote(str(part).replace("~", "~0").replace("/", "~1"))


def _refuse(address: str) -> Any:
    raise ValueError(f"nothing is fetched, and so not {address}")


def _short(message: str) -> str:
    """Return a message without the middle of a long value in it."""
    if len(message) <= _MESSAGE_CHARS_MAX:
        return message
    half = _MESSAGE_CHARS_MAX // 2
    return f"{message[:half]} … {message[-half:]}"
