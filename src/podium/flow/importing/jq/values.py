"""What a part of a jq program has become."""

from __future__ import annotations

import json
import re

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from podium.flow.expression.names import KEYWORDS, RESERVED
from podium.flow.importing.jq.errors import NotCarried

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Level(IntEnum):
    """How tightly an expression holds together."""

    CHOICE = 0
    OR = 1
    AND = 2
    COMPARISON = 3
    OTHERWISE = 4
    SUM = 5
    PRODUCT = 6
    UNARY = 7
    VALUE = 8


@dataclass(frozen=True, slots=True)
class One:
    """One value: an expression of ours.

    Attributes:
        path: The name and fields that it consists of; None if it is more than that.
        is_open: It may lead nowhere, where jq has null.
        entries: The fields of an object that is written out, each as an expression.
    """

    text: str
    level: Level = Level.VALUE
    path: tuple[str, ...] | None = None
    is_open: bool = False
    entries: Mapping[str, str] | None = None

    @classmethod
    def named(cls, path: str) -> One:
        """Return the value at a name, or at fields of it that are there: ``order.value``."""
        return cls(path, Level.VALUE, tuple(path.split(".")))

    def within(self, level: Level) -> str:
        """Return its text, in brackets where something tighter is needed."""
        return self.text if self.level >= level else f"({self.text})"


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is known now."""

    value: Any


@dataclass(frozen=True, slots=True)
class Record:
    """A value of which only the fields exist: ``$workflow``."""

    name: str
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of values: the elements of a list."""

    items: One


@dataclass(frozen=True, slots=True)
class Selected:
    """A value that is there only if a condition holds: what ``select`` leaves of one."""

    one: One
    condition: One


Value = One | Constant | Record | Many | Selected


def written(value: Any) -> str:
    """Write JSON as an expression.

    Raises:
        NotCarried: It has something that no expression can say.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) < 2**63:
            return str(value)
        case int() | float():
            return _double(float(value))
        case str():
            return quoted(value)
        case list():
            return f"[{', '.join(written(one) for one in value)}]"
        case dict():
            inside = ", ".join(f"{quoted(key)}: {written(one)}" for key, one in value.items())
            return f"{{{inside}}}"
        case _:
            raise NotCarried(f"{value!r:.60} is no JSON")


def _double(value: float) -> str:
    text = repr(value)
    if text in {"inf", "-inf", "nan"}:
        raise NotCarried(f"the number {text} is no JSON")
    return text if "." in text or "e" in text else f"{text}.0"


def quoted(text: str) -> str:
    """Write a text as an expression."""
    inner = json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{inner}'"


def object_of(entries: Mapping[str, str]) -> One:
    """Write an object with these fields, each an expression."""
    inside = ", ".join(f"{quoted(name)}: {text}" for name, text in entries.items())
    return One(f"{{{inside}}}", entries=entries)


def joined(base: str, field: str) -> str:
    """Write a field of something."""
    if _WORD.fullmatch(field) and field not in RESERVED and field not in KEYWORDS:
        return f"{base}.{field}"
    return f"{base}[{quoted(field)}]"
