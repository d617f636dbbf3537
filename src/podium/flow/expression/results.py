"""How a value leaves an expression: as JSON of bounded size, or as text within a text."""

from __future__ import annotations

import math

from collections.abc import Callable
from typing import Any, Final

import msgspec

from podium.flow.expression.errors import ExpressionError
from podium.flow.expression.functions import double_text
from podium.flow.expression.limits import RESULT_BYTES_MAX, VALUE_DEPTH_MAX
from podium.flow.expression.syntax import Call, ListOf, Loop, MapOf, Node, walk
from podium.flow.expression.times import Duration, Timestamp
from podium.flow.expression.values import INT_MAX, INT_MIN, KINDS, Kind, Widened, describe, too_deep

_EXACT: Final = 2**53
"""Up to here each whole double is exactly one integer."""


def can_build(node: Node) -> bool:
    """Say whether an expression may give a list or map that is not just a part of its data."""
    return any(_builds(one) for one, _ in walk(node))


def _builds(node: Node) -> bool:
    match node:
        case ListOf() | MapOf() | Loop(macro="map"):
            return True
        case Call(function=function):
            return function in {"+", "split"}
        case _:
            return False


def leave(value: Any, *, is_built: bool) -> Any:
    """Return a value as JSON: times as text, whole numbers that were widened as integers.

    Data that was merely passed on is returned as it is. What an expression built is measured first.

    Raises:
        ExpressionError: ``not-json``: a number is infinite or none; ``too-large``, ``too-deep``.
    """
    change = _SCALARS.get(type(value))
    if change is not None:
        return change(value)
    if is_built and type(value) in {list, dict}:
        return _Leaving().change(value)
    return value


def text_of(value: Any) -> str:
    """Write a value within a text: null as nothing, lists and maps as JSON.

    Raises:
        ExpressionError: ``no-overload``: it is a foreign object; ``too-large``, ``too-deep``.
    """
    match KINDS.get(type(value)):
        case Kind.STRING:
            return str(value)
        case Kind.NULL:
            return ""
        case Kind.BOOL:
            return "true" if value else "false"
        case Kind.INT if INT_MIN <= value <= INT_MAX:
            return str(value)
        case Kind.DOUBLE:
            return double_text(value)
        case Kind.LIST | Kind.MAP:
            return msgspec.json.encode(_Leaving(takes_foreign=False).change(value)).decode()
        case _:
            raise ExpressionError("no-overload", f"{describe(value)} cannot be written as text")


def _float(value: float) -> float:
    if math.isnan(value) or math.isinf(value):
        raise ExpressionError(
            "not-json", f"the result is {double_text(value)}, which is no JSON", hint="Test before."
        )
    return value


def _widened(value: Widened) -> int | float:
    if value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return _float(float(value))


_SCALARS: Final[dict[type, Callable[[Any], Any]]] = {
    float: _float,
    Widened: _widened,
    Timestamp: str,
    Duration: str,
}


class _Leaving:
    """One walk over a result. What is shared within it is walked once and counted each time."""

    def __init__(self, *, takes_foreign: bool = True) -> None:
        self._sizes: dict[int, tuple[Any, int]] = {}
        self._takes_foreign = takes_foreign

    def change(self, value: Any) -> Any:
        """Return the value as it leaves."""
        return self._visit(value, 0)[0]

    def _visit(self, value: Any, depth: int) -> tuple[Any, int]:
        kind = type(value)
        if kind is str:
            return value, 2 + (len(value) if value.isascii() else 3 * len(value))
        if kind is list or kind is dict:
            return self._container(value, depth)
        change = _SCALARS.get(kind)
        if change is not None:
            return change(value), 24
        if not self._takes_foreign and kind not in {type(None), bool, int}:
            raise ExpressionError("no-overload", f"{describe(value)} cannot be written as text")
        return value, 8

    def _container(self, value: Any, depth: int) -> tuple[Any, int]:
        known = self._sizes.get(id(value))
        if known is None:
            if depth >= VALUE_DEPTH_MAX:
                raise too_deep()
            known = self._list(value, depth) if type(value) is list else self._map(value, depth)
            self._sizes[id(value)] = known
        if known[1] > RESULT_BYTES_MAX:
            raise ExpressionError(
                "too-large",
                f"the result is larger than {RESULT_BYTES_MAX:,} bytes",
                hint="Compute this in a task.",
            )
        return known

    def _list(self, items: list[Any], depth: int) -> tuple[list[Any], int]:
        visited = [self._visit(each, depth + 1) for each in items]
        size = 2 + len(items) + sum(each for _, each in visited)
        is_same = all(new is old for (new, _), old in zip(visited, items, strict=True))
        return items if is_same else [each for each, _ in visited], size

    def _map(self, entries: dict[str, Any], depth: int) -> tuple[dict[str, Any], int]:
        visited = {key: self._visit(each, depth + 1) for key, each in entries.items()}
        size = 2 + sum(4 + len(key) + each for key, (_, each) in visited.items())
        is_same = all(visited[key][0] is each for key, each in entries.items())
        return entries if is_same else {key: each for key, (each, _) in visited.items()}, size
