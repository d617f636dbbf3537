"""JSON found in what a model wrote: alone, in a fence, or in the middle of a text."""

from __future__ import annotations

import json
import re

from collections.abc import Iterator
from typing import Any, Final

import msgspec

_FENCE: Final = re.compile(r"```[\w-]*[ \t]*\n?(.*?)```", re.DOTALL)
_LOOKS_MAX: Final = 100
"""How many places of a text are tried."""


def json_in(text: str) -> Any:
    """Return the JSON value that a text is, or that stands in it.

    The whole text comes first, then what stands in a fence, then the first object or list.

    Raises:
        ValueError: There is none; the message says why the text is not JSON.
    """
    try:
        return msgspec.json.decode(text.strip())
    except RecursionError:
        reason = "it is nested too deep"
    except (msgspec.DecodeError, UnicodeError) as problem:
        reason = str(problem)
    for part in _FENCE.findall(text):
        try:
            return msgspec.json.decode(part.strip())
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
    for value in _parts(text):
        return value
    raise ValueError(reason if text.strip() else "it is empty")


def _parts(text: str) -> Iterator[Any]:
    """Yield the objects and lists that begin somewhere in a text."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    at = 0
    for _ in range(_LOOKS_MAX):
        found = re.compile(r"[{\[]").search(text, at)
        if found is None:
            return
        try:
            value, _ = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            at = found.end()
            continue
        yield value
        return


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
