"""Arguments that are described by a JSON Schema and not by a signature: of flows, of foreign tools."""

from __future__ import annotations

import inspect
import sys

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from podium.core.codec import codec_for, decode_any, encode_message
from podium.core.errors import InputInvalid
from podium.core.validation import Validator

_FAULTS_MAX = 20
_ANY = codec_for(Any)


class SchemaParameter(NamedTuple):
    """A parameter that a schema describes, as signatures have them.

    Attributes:
        name: Any text.
        default: What it is where it is left out; ``empty`` where nothing says so.
    """

    name: str
    default: Any
    kind: Any = inspect.Parameter.KEYWORD_ONLY
    empty: Any = inspect.Parameter.empty


class SchemaBinder:
    """Checks arguments against a JSON Schema; stands where a function has its signature.

    Args:
        schema: Of an object.
        of: Whose arguments they are, as errors say it.
        noun: What they are called there.
        defaults: What an argument is that was left out, where the callee does not know.

    Raises:
        ValueError: The schema is none, or refers to something outside of itself.
    """

    def __init__(
        self, schema: Mapping[str, Any], of: str, *, noun: str = "arguments",
        defaults: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._of = of
        self._noun = noun
        self._defaults = dict(defaults or {})
        self._validator = Validator(schema)
        self.parameters: Mapping[str, SchemaParameter] = {
            name: SchemaParameter(name, _default(part))
            for name, part in schema.get("properties", {}).items()
        }

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of ``callee(city="Rome")``.

        Raises:
            InputInvalid: They do not fit.
        """
        if args:
            names = ", ".join(self.parameters) or "none"
            raise InputInvalid(f"{self._of} takes its {self._noun} by name: {names}.")
        return self.from_mapping(kwargs)

    def from_mapping(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments, with what was left out.

        Raises:
            InputInvalid: They do not fit; the faults are named.
        """
        what = f"the {self._noun} of {self._of}"
        plain = decode_any(encode_message(dict(given), what, sys.maxsize))  # measured in `copy`
        faults = [
            one.text(self._noun) for one in islice(self._validator.faults(plain), _FAULTS_MAX)
        ]
        if faults:
            verb = "do" if self._noun.endswith("s") else "does"
            raise InputInvalid(f"T{what[1:]} {verb} not fit: {'; '.join(faults)}.")
        return {**self._defaults, **plain}

    from_json = from_mapping

    def copy(self, bound: dict[str, Any], limit_bytes: int) -> tuple[bytes, dict[str, Any]]:
        """Encode the arguments; return (JSON bytes, the copy the callee receives)."""
        return _ANY.copy(bound, f"the {self._noun} of {self._of}", limit_bytes)

    def decode(self, encoded: bytes) -> dict[str, Any]:
        """Return recorded arguments."""
        value: dict[str, Any] = decode_any(encoded)
        return value

    def call(self, function: Callable[..., Any], bound: dict[str, Any]) -> Any:
        """Call the callee with its arguments, as one dict."""
        return function(bound)

    def fingerprinted(self, bound: dict[str, Any]) -> dict[str, Any]:
        """Return what the fingerprint covers."""
        return bound


def _default(schema: Any) -> Any:
    has_one = isinstance(schema, Mapping) and "default" in schema
    return schema["default"] if has_one else inspect.Parameter.empty
