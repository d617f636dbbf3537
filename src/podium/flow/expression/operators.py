"""The operators of CEL: arithmetic of 64 bits and of doubles, texts and lists joined, comparisons."""

from __future__ import annotations

import math
import operator

from collections.abc import Callable, Iterable
from typing import Any, Final

from podium.flow.expression.errors import ExpressionError
from podium.flow.expression.overloads import ANY, Overload, function, overload
from podium.flow.expression.times import Duration, Timestamp
from podium.flow.expression.values import Kind, Meter, equal, whole

_INT, _DOUBLE, _BOOL, _STRING = Kind.INT, Kind.DOUBLE, Kind.BOOL, Kind.STRING
_LIST, _MAP, _STAMP, _SPAN = Kind.LIST, Kind.MAP, Kind.TIMESTAMP, Kind.DURATION
_KEYS: Final = frozenset({_STRING, _INT, _DOUBLE, _BOOL})


def _add(_: Meter, left: int, right: int) -> int:
    return whole(left + right)


def _subtract(_: Meter, left: int, right: int) -> int:
    return whole(left - right)


def _multiply(_: Meter, left: int, right: int) -> int:
    return whole(left * right)


def _divide(_: Meter, left: int, right: int) -> int:
    """Divide towards zero."""
    if right == 0:
        raise ExpressionError("division-by-zero", "an integer is divided by 0")
    size = abs(left) // abs(right)
    return whole(size if (left < 0) == (right < 0) else -size)


def _remainder(meter: Meter, left: int, right: int) -> int:
    """Return what a division towards zero leaves: it has the sign of the left side."""
    return whole(left - right * _divide(meter, left, right))


def _negate(_: Meter, value: int) -> int:
    return whole(-value)


def _divide_double(_: Meter, left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _join(meter: Meter, left: str, right: str) -> str:
    meter.write(left)
    meter.write(right)
    return left + right


def _append(meter: Meter, left: list[Any], right: list[Any]) -> list[Any]:
    meter.listed(len(left) + len(right))
    return left + right


def _later(_: Meter, stamp: Timestamp, length: Duration) -> Timestamp:
    return Timestamp(stamp.nanos + length.nanos)


def _later_by(_: Meter, length: Duration, stamp: Timestamp) -> Timestamp:
    return Timestamp(stamp.nanos + length.nanos)


def _earlier(_: Meter, stamp: Timestamp, length: Duration) -> Timestamp:
    return Timestamp(stamp.nanos - length.nanos)


def _between(_: Meter, left: Timestamp, right: Timestamp) -> Duration:
    return Duration(whole(left.nanos - right.nanos))  # so at most 292 years, as CEL has it


def _longer(_: Meter, left: Duration, right: Duration) -> Duration:
    return Duration(left.nanos + right.nanos)


def _shorter(_: Meter, left: Duration, right: Duration) -> Duration:
    return Duration(left.nanos - right.nanos)


def _differ(meter: Meter, left: Any, right: Any) -> bool:
    return not equal(meter, left, right)


def _in_list(meter: Meter, wanted: Any, items: list[Any]) -> bool:
    for each in items:
        meter.spend(1)
        if equal(meter, wanted, each):
            return True
    return False


def _in_map(_: Meter, wanted: Any, entries: dict[str, Any]) -> bool:
    return type(wanted) is str and wanted in entries


def _not(_: Meter, value: bool) -> bool:
    return not value


def _plain(run: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of Python's into one that is handed the meter and needs none."""
    return lambda _, *arguments: run(*arguments)


def _order(run: Callable[[Any, Any], bool]) -> Iterable[Overload]:
    """Give the overloads of a comparison."""

    def of_strings(meter: Meter, left: str, right: str) -> bool:
        meter.spend(min(len(left), len(right)) >> 6)
        return run(left, right)

    yield overload(of_strings, _BOOL, _STRING, _STRING)
    for kind in (_INT, _DOUBLE, _BOOL, _STAMP, _SPAN):
        yield overload(_plain(run), _BOOL, kind, kind)


_ALL: Final = (
    function(
        "+",
        "operator",
        (
            overload(_add, _INT, _INT, _INT),
            overload(_plain(operator.add), _DOUBLE, _DOUBLE, _DOUBLE),
            overload(_join, _STRING, _STRING, _STRING),
            overload(_append, _LIST, _LIST, _LIST),
            overload(_later, _STAMP, _STAMP, _SPAN),
            overload(_later_by, _STAMP, _SPAN, _STAMP),
            overload(_longer, _SPAN, _SPAN, _SPAN),
        ),
    ),
    function(
        "-",
        "operator",
        (
            overload(_subtract, _INT, _INT, _INT),
            overload(_plain(operator.sub), _DOUBLE, _DOUBLE, _DOUBLE),
            overload(_earlier, _STAMP, _STAMP, _SPAN),
            overload(_between, _SPAN, _STAMP, _STAMP),
            overload(_shorter, _SPAN, _SPAN, _SPAN),
        ),
    ),
    function(
        "*",
        "operator",
        (
            overload(_multiply, _INT, _INT, _INT),
            overload(_plain(operator.mul), _DOUBLE, _DOUBLE, _DOUBLE),
        ),
    ),
    function(
        "/",
        "operator",
        (
            overload(_divide, _INT, _INT, _INT),
            overload(_divide_double, _DOUBLE, _DOUBLE, _DOUBLE),
        ),
    ),
    function("%", "operator", (overload(_remainder, _INT, _INT, _INT),)),
    function(
        "-x",
        "operator",
        (
            overload(_negate, _INT, _INT),
            overload(_plain(operator.neg), _DOUBLE, _DOUBLE),
        ),
    ),
    function("!", "operator", (overload(_not, _BOOL, _BOOL),)),
    function("<", "operator", _order(operator.lt)),
    function("<=", "operator", _order(operator.le)),
    function(">", "operator", _order(operator.gt)),
    function(">=", "operator", _order(operator.ge)),
    function("==", "operator", (overload(equal, _BOOL, ANY, ANY),)),
    function("!=", "operator", (overload(_differ, _BOOL, ANY, ANY),)),
    function(
        "in",
        "operator",
        (overload(_in_list, _BOOL, ANY, _LIST), overload(_in_map, _BOOL, _KEYS, _MAP)),
    ),
)

OPERATORS: Final = {each.name: each for each in _ALL}
"""Every operator by its sign, but ``&&``, ``||``, ``?:`` and ``??``, which need not evaluate all."""
