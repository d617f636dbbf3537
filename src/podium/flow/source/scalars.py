"""What a plain word of YAML is: the core schema of YAML 1.2, and nothing else.

``yes``, ``no``, ``on``, ``off`` and dates are texts.
"""

from __future__ import annotations

import math
import re

from typing import Any, Final

from podium.flow.source.limits import NUMBER_CHARS_MAX

_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_FIRST: Final = frozenset("+-.0123456789")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]++(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class BadNumberError(Exception):
    """A number that JSON does not have, or one too long; the text says why."""


def resolve(word: str) -> Any:
    """Return the value of a plain word: a text unless the core schema says otherwise.

    Raises:
        BadNumberError: It is a number that is not finite, or too long.
    """
    if word in _WORDS:
        return _WORDS[word]
    if word[0] not in _FIRST:
        return word
    if _INTEGER.fullmatch(word):
        return integer(word)
    if _FLOAT.fullmatch(word):
        return real(word)
    if _NO_NUMBER.fullmatch(word):
        raise BadNumberError(f"{word} is no number that JSON has.")
    return word


def integer(word: str) -> int:
    """Return the value of an integer of YAML or JSON."""
    _measure(word)
    base = {"0o": 8, "0x": 16}.get(word[:2], 10)
    return int(word, base)


def real(word: str) -> float:
    """Return the value of a number with a fraction or an exponent."""
    _measure(word)
    value = float(word)
    if math.isinf(value):
        raise BadNumberError(f"{word} is larger than a number can be.")
    return value


def _measure(word: str) -> None:
    if len(word) > NUMBER_CHARS_MAX:
        raise BadNumberError(
            f"a number has {len(word):,} characters; the limit is {NUMBER_CHARS_MAX:,}."
        )


_TAGS: Final = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:null": type(None),
}


def resolve_tagged(tag: str, word: str) -> Any:
    """Return the value of a word with an explicit tag, such as ``!!str 12``.

    Raises:
        KeyError: It is no tag of the core schema for such a value.
        ValueError: The word is no value of that tag.
        BadNumberError: It is a number that is not finite, or too long.
    """
    wanted = _TAGS[tag]
    if wanted is str:
        return word
    value = resolve(word)
    if wanted is float and type(value) is int:
        return real(word) if _FLOAT.fullmatch(word) else float(value)
    if type(value) is not wanted:
        raise ValueError
    return value
