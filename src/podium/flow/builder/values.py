"""Values of Python as JSON, with the references in them left alone or written out."""

from __future__ import annotations

import dataclasses
import math

from collections.abc import Callable
from typing import Any

import msgspec

from podium.core.codec import decode_any, encode, short
from podium.core.errors import UsageError


def plain(
    value: Any, what: str, *, keep: type, write: Callable[[Any], Any] = lambda one: one
) -> Any:
    """Return a value as JSON: null, bools, numbers, texts, lists and maps.

    Args:
        value: What it is made of: JSON, dataclasses, enums, datetimes, models.
        what: What it is for, for messages.
        keep: The type of what stays as it is.
        write: What is put in the place of such.

    Raises:
        UsageError: Something in it has no form as JSON.
    """
    match value:
        case _ if isinstance(value, keep):
            return write(value)
        case None | True | False:
            return value
        case float() if not math.isfinite(value):
            raise UsageError(f"{what} has {value!r}, which JSON does not have. Use None.")
        case dict():
            return {
                _key(key, what): plain(each, f"{what}.{key}", keep=keep, write=write)
                for key, each in value.items()
            }
        case list() | tuple():
            return [
                plain(each, f"{what}[{index}]", keep=keep, write=write)
                for index, each in enumerate(value)
            ]
        case _ if type(value) in {str, int, float}:
            return value
        case bytes() | bytearray() | set() | frozenset():
            raise UsageError(f"{what} is {short(value)}, which JSON does not have. Use a list.")
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
            return plain(fields, what, keep=keep, write=write)
        case msgspec.Struct():
            return plain(_fields_of(value), what, keep=keep, write=write)
        case _:
            return _encoded(value, what)


def _fields_of(value: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a struct under the names that they have in JSON."""
    names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
    fields = {encoded: getattr(value, name) for name, encoded in names}
    config = value.__struct_config__
    return fields if config.tag is None else {str(config.tag_field): config.tag, **fields}


def _key(key: Any, what: str) -> str:
    if type(key) is not str:
        raise UsageError(f"{what} has the key {key!r}, and keys of JSON are texts.")
    return key


def _encoded(value: Any, what: str) -> Any:
    try:
        return decode_any(encode(value, what))
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
