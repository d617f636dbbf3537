"""The functions of the language: those of CEL, and of its extension for strings as far as listed."""

from __future__ import annotations

import functools
import math
import re
import string

from collections.abc import Callable
from typing import Any, Final

from podium.flow.expression import pattern
from podium.flow.expression.errors import ExpressionError
from podium.flow.expression.operators import OPERATORS
from podium.flow.expression.overloads import Function, function, overload
from podium.flow.expression.times import (
    Duration,
    Timestamp,
    field_of_duration,
    field_of_timestamp,
    from_seconds,
    read_duration,
    read_timestamp,
    seconds_of,
)
from podium.flow.expression.values import (
    KINDS,
    Kind,
    Meter,
    describe,
    whole,
    widen,
)

_INT, _DOUBLE, _BOOL, _STRING = Kind.INT, Kind.DOUBLE, Kind.BOOL, Kind.STRING
_LIST, _MAP, _STAMP, _SPAN = Kind.LIST, Kind.MAP, Kind.TIMESTAMP, Kind.DURATION

_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_UPPER: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CALENDAR: Final = 10
"""Steps of what reads or writes a date."""
_TRUTH: Final = {
    **dict.fromkeys(("1", "t", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "false", "FALSE", "False"), False),
}


# --- texts


def _size(_: Meter, value: Any) -> int:
    return len(value)


def _contains(meter: Meter, text: str, part: str) -> bool:
    meter.search(text, part)
    return part in text


def _starts_with(meter: Meter, text: str, part: str) -> bool:
    meter.spend(len(part) >> 6)
    return text.startswith(part)


def _ends_with(meter: Meter, text: str, part: str) -> bool:
    meter.spend(len(part) >> 6)
    return text.endswith(part)


def _lower(meter: Meter, text: str) -> str:
    meter.write(text)
    return text.translate(_LOWER)


def _upper(meter: Meter, text: str) -> str:
    meter.write(text)
    return text.translate(_UPPER)


def _trim(meter: Meter, text: str) -> str:
    meter.write(text)
    return text.strip(_BLANK)


_BLANK: Final = "".join(
    chr(code)
    for code in (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029)
) + "\u202f\u205f\u3000"  # fmt: skip


def _split(meter: Meter, text: str, separator: str, limit: int = -1) -> list[str]:
    """Cut a text into at most so many parts; all for a negative limit."""
    if limit == 0:
        return []
    meter.search(text, separator)
    if not separator:
        return _split_chars(meter, text, limit)
    found = text.count(separator) + 1
    count = found if limit < 0 else min(found, limit)
    meter.listed(count)
    meter.build(64 * count)
    meter.write(text)
    return text.split(separator, count - 1)


def _split_chars(meter: Meter, text: str, limit: int) -> list[str]:
    count = len(text) if limit < 0 else min(len(text), limit)
    meter.listed(count)
    meter.build(80 * count)
    return [*text[: count - 1], text[count - 1 :]] if count else [""]


def _join(meter: Meter, items: list[Any], separator: str = "") -> str:
    meter.spend(len(items))
    for each in items:
        if type(each) is not str:
            raise ExpressionError(
                "no-overload",
                f"only strings can be joined, and {describe(each)} is in the list",
                hint="Write 'list.map(x, string(x)).join(…)'.",
            )
        meter.write(each)
    meter.write(separator, max(len(items) - 1, 0))
    return separator.join(items)


def _replace(meter: Meter, text: str, old: str, new: str, limit: int = -1) -> str:
    """Replace the first so many places; all for a negative limit."""
    meter.search(text, old)
    found = text.count(old)
    places = found if limit < 0 else min(found, limit)
    meter.spend(places)
    meter.write(text)
    meter.write(new, places)
    return text.replace(old, new, places)


def _substring(meter: Meter, text: str, start: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    if not 0 <= start <= end <= len(text):
        raise ExpressionError(
            "out-of-range",
            f"a string of {len(text)} characters has no part from {start} to {end}",
            hint="Compare with 'size(text)' before.",
        )
    cut = text[start:end]
    meter.write(cut)
    return cut


def _char_at(_: Meter, text: str, position: int) -> str:
    if not 0 <= position <= len(text):
        raise ExpressionError(
            "out-of-range", f"a string of {len(text)} characters has no position {position}"
        )
    return text[position : position + 1]


def _index_of(meter: Meter, text: str, part: str, start: int = 0) -> int:
    meter.search(text, part)
    if not 0 <= start <= len(text):
        raise ExpressionError(
            "out-of-range", f"a string of {len(text)} characters has no position {start}"
        )
    return text.find(part, start)


# --- conversions


def _same(_: Meter, value: Any) -> Any:
    return value


def _int_of_double(_: Meter, value: float) -> int:
    # The largest double below 2**63 is the last that fits; CEL leaves out -2**63 as well.
    if not -float(2**63) < value < float(2**63):
        raise ExpressionError("overflow", f"{describe(value)} does not fit an integer of 64 bits")
    return int(value)


def _int_of_bool(_: Meter, value: bool) -> int:
    return int(value)


def _int_of_string(_: Meter, text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise _unreadable(text, "an integer")
    return whole(int(text))


def _double_of_string(meter: Meter, text: str) -> float:
    meter.spend(len(text) >> 4)
    if _NUMBER.fullmatch(text) is None:
        raise _unreadable(text, "a number")
    return float(text)


def _bool_of_string(_: Meter, text: str) -> bool:
    if text not in _TRUTH:
        raise _unreadable(text, "a bool")
    return _TRUTH[text]


def _unreadable(text: str, what: str) -> ExpressionError:
    return ExpressionError("bad-text", f"{describe(text)} is not {what}")


def _string_of_bool(_: Meter, value: bool) -> str:
    return "true" if value else "false"


def _string_of_int(_: Meter, value: int) -> str:
    return str(whole(value))


def _string_of_double(_: Meter, value: float) -> str:
    return double_text(value)


def double_text(value: float) -> str:
    """Write a double with as few digits as read back as the same; a whole one without a point."""
    if math.isnan(value) or math.isinf(value):
        return str(float(value))
    return float.__repr__(value).removesuffix(".0")


def _string_of_time(meter: Meter, value: Timestamp | Duration) -> str:
    meter.spend(_CALENDAR)
    return str(value)


def _double(_: Meter, value: float) -> float:
    return float(value)


def _widen(_: Meter, value: int) -> float:
    return widen(value)


def _timestamp(meter: Meter, text: str) -> Timestamp:
    meter.spend(_CALENDAR)
    return read_timestamp(text)


def _timestamp_of_int(_: Meter, seconds: int) -> Timestamp:
    return from_seconds(seconds)


def _duration(meter: Meter, text: str) -> Duration:
    meter.spend(_CALENDAR)
    return read_duration(text)


def _seconds(_: Meter, stamp: Timestamp) -> int:
    return seconds_of(stamp)


# --- the least and the greatest


def _extreme(name: str, sign: str) -> Callable[[Meter, list[Any]], Any]:
    less = OPERATORS[sign].dispatch

    def run(meter: Meter, items: list[Any]) -> Any:
        if not items:
            raise ExpressionError("out-of-range", f"{name} of an empty list", hint="Test its size.")
        found = items[0]
        for each in items:
            meter.spend(1)
            compare = less.get((type(each), type(found)))
            if compare is None or KINDS[type(each)] is _BOOL:
                raise ExpressionError(
                    "no-overload", f"{name} cannot compare {describe(each)} and {describe(found)}"
                )
            if compare(meter, each, found):
                found = each
        return found

    return run


# --- the table


def _timestamp_field(name: str) -> Callable[..., int]:
    def run(meter: Meter, stamp: Timestamp, zone: str = "UTC") -> int:
        meter.spend(_CALENDAR)
        return field_of_timestamp(stamp, name, zone)

    return run


def _duration_field(name: str) -> Callable[..., int]:
    return lambda _, length: field_of_duration(length, name)


def _field(name: str, *, of_durations: bool = False) -> Function:
    run = _timestamp_field(name)
    overloads = [overload(run, _INT, _STAMP), overload(run, _INT, _STAMP, _STRING)]
    if of_durations:
        overloads.append(overload(_duration_field(name), _INT, _SPAN))
    return function(name, "method", overloads)


def _method(name: str, run: Callable[..., Any], gives: Kind, *takes: Kind) -> Function:
    return function(name, "method", [overload(run, gives, *takes)])


def _with_limit(name: str, run: Callable[..., Any], gives: Kind, *takes: Kind) -> Function:
    """Describe a method that may have one more argument, an integer."""
    overloads = [overload(run, gives, *takes), overload(run, gives, *takes, _INT)]
    return function(name, "method", overloads)


_TEXT: Final = (
    function("size", "function method", [overload(_size, _INT, frozenset({_STRING, _LIST, _MAP}))]),
    _method("contains", _contains, _BOOL, _STRING, _STRING),
    _method("startsWith", _starts_with, _BOOL, _STRING, _STRING),
    _method("endsWith", _ends_with, _BOOL, _STRING, _STRING),
    function("matches", "function method", [overload(pattern.matches, _BOOL, _STRING, _STRING)]),
    _method("lowerAscii", _lower, _STRING, _STRING),
    _method("upperAscii", _upper, _STRING, _STRING),
    _method("trim", _trim, _STRING, _STRING),
    _with_limit("split", _split, _LIST, _STRING, _STRING),
    function(
        "join",
        "method",
        [overload(_join, _STRING, _LIST), overload(_join, _STRING, _LIST, _STRING)],
    ),
    _with_limit("replace", _replace, _STRING, _STRING, _STRING, _STRING),
    _with_limit("substring", _substring, _STRING, _STRING, _INT),
    _method("charAt", _char_at, _STRING, _STRING, _INT),
    _with_limit("indexOf", _index_of, _INT, _STRING, _STRING),
)
_CONVERSIONS: Final = (
    function(
        "int",
        "function",
        [
            overload(_same, _INT, _INT),
            overload(_int_of_bool, _INT, _BOOL),
            overload(_int_of_double, _INT, _DOUBLE),
            overload(_int_of_string, _INT, _STRING),
            overload(_seconds, _INT, _STAMP),
        ],
    ),
    function(
        "double",
        "function",
        [
            overload(_double, _DOUBLE, _DOUBLE),
            overload(_widen, _DOUBLE, _INT),
            overload(_double_of_string, _DOUBLE, _STRING),
        ],
    ),
    function(
        "string",
        "function",
        [
            overload(_same, _STRING, _STRING),
            overload(_string_of_bool, _STRING, _BOOL),
            overload(_string_of_int, _STRING, _INT),
            overload(_string_of_double, _STRING, _DOUBLE),
            overload(_string_of_time, _STRING, frozenset({_STAMP, _SPAN})),
        ],
    ),
    function(
        "bool",
        "function",
        [overload(_same, _BOOL, _BOOL), overload(_bool_of_string, _BOOL, _STRING)],
    ),
    function(
        "timestamp",
        "function",
        [
            overload(_same, _STAMP, _STAMP),
            overload(_timestamp, _STAMP, _STRING),
            overload(_timestamp_of_int, _STAMP, _INT),
        ],
    ),
    function(
        "duration",
        "function",
        [overload(_same, _SPAN, _SPAN), overload(_duration, _SPAN, _STRING)],
    ),
)
_TIMES: Final = (
    *map(_field, ("getFullYear", "getMonth", "getDate", "getDayOfMonth")),
    *map(_field, ("getDayOfWeek", "getDayOfYear")),
    *map(
        functools.partial(_field, of_durations=True),
        ("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    ),
)
ANY_NUMBER_OF: Final = frozenset({"min", "max"})
"""Functions that take one list, or its elements as arguments: ``max(a, b)`` is ``max([a, b])``."""
_EXTREMES: Final = (
    function("min", "function", [overload(_extreme("min", "<"), _INT, _LIST)]),
    function("max", "function", [overload(_extreme("max", ">"), _INT, _LIST)]),
)

FUNCTIONS: Final = {each.name: each for each in (*_TEXT, *_CONVERSIONS, *_TIMES, *_EXTREMES)}
"""Every function by its name."""
TABLE: Final = {**OPERATORS, **FUNCTIONS}
"""Every operator and function."""
