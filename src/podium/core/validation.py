"""Values held against JSON Schema: of an input, a form, a signal, the arguments of a tool.

Schemas come from anywhere, so nothing is fetched for them, and patterns take time that grows with
the text and not faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import jsonschema_rs

_MESSAGE_CHARS_MAX: Final = 300


class Fault(NamedTuple):
    """One thing about a value that its schema does not allow.

    Attributes:
        path: Where it is in the value: names of fields and numbers of items from the outside.
        message: What is wrong there, with the value.
    """

    path: tuple[str | int, ...]
    message: str

    def text(self, whole: str) -> str:
        """Return place and message; ``whole`` is what the value itself is called."""
        return f"{'.'.join(map(str, self.path)) or whole}: {self.message}"


class Validator:
    """Holds values against one schema, of draft 2020-12 whatever ``$schema`` says.

    Raises:
        ValueError: It is no JSON Schema; or it refers to something outside of itself; or a pattern
            looks around or back, which no pattern of bounded time can.
    """

    __slots__ = ("_validator",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = jsonschema_rs.Draft202012Validator(
            dict(schema), retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions()
        )

    def faults(self, value: Any) -> Iterator[Fault]:
        """Give all that is wrong with a value made of JSON; nothing if it fits."""
        for error in self._validator.iter_errors(value):
            yield Fault(tuple(error.instance_path), _short(error.message))


def _refuse(address: str) -> Any:
    raise ValueError(f"nothing is fetched, and so not {address}")


def _short(message: str) -> str:
    """Return a message without the middle of a long value in it."""
    if len(message) <= _MESSAGE_CHARS_MAX:
        return message
    half = _MESSAGE_CHARS_MAX // 2
    return f"{message[:half]} … {message[-half:]}"
