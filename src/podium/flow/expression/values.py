"""The values that expressions calculate with, and how they compare.

Data is JSON as it was decoded: ``None``, ``bool``, ``int``, ``float``, ``str``, ``list``, ``dict``, and
nothing of a subclass. What is none of these (a foreign object) can be passed on, never looked into.
"""

from __future__ import annotations

import enum

from collections.abc import Callable, Mapping
from typing import Any, Final

from podium.flow.expression.errors import ExpressionError
from podium.flow.expression.limits import BUILT_BYTES_MAX, STEPS_MAX, VALUE_DEPTH_MAX
from podium.flow.expression.times import Duration, Timestamp

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1


class Kind(enum.Enum):
    """What kind of value something is, in the words of CEL."""

    NULL = "null"
    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    STRING = "string"
    LIST = "list"
    MAP = "map"
    TIMESTAMP = "timestamp"
    DURATION = "duration"

    __hash__ = object.__hash__  # the one of Enum is slow, and the check asks for it all the time


class Widened(float):
    """A double that came from mixing integers and doubles: whole, it leaves as an integer."""

    __slots__ = ()


TYPES: Final[Mapping[Kind, tuple[type, ...]]] = {
    Kind.NULL: (type(None),),
    Kind.BOOL: (bool,),
    Kind.INT: (int,),
    Kind.DOUBLE: (float, Widened),
    Kind.STRING: (str,),
    Kind.LIST: (list,),
    Kind.MAP: (dict,),
    Kind.TIMESTAMP: (Timestamp,),
    Kind.DURATION: (Duration,),
}
KINDS: Final[Mapping[type, Kind]] = {each: kind for kind, types in TYPES.items() for each in types}


class Meter:
    """What one evaluation may still use up."""

    __slots__ = ("bytes_left", "steps_left")

    def __init__(self) -> None:
        self.steps_left = STEPS_MAX
        self.bytes_left = BUILT_BYTES_MAX

    def spend(self, steps: int) -> None:
        """Count steps.

        Raises:
            ExpressionError: ``budget``: none are left.
        """
        self.steps_left -= steps
        if self.steps_left < 0:
            raise ExpressionError(
                "budget",
                f"the expression needs more than {STEPS_MAX:,} steps",
                hint="Compute this in a task.",
            )

    def build(self, size: int) -> None:
        """Count bytes of a value that is about to be built.

        Raises:
            ExpressionError: ``too-large``: the expression builds too much.
        """
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise ExpressionError(
                "too-large",
                f"the expression builds more than {BUILT_BYTES_MAX:,} bytes",
                hint="Compute this in a task.",
            )

    def write(self, text: str, times: int = 1) -> None:
        """Count a text that is about to be built of this one."""
        size = len(text) * times
        self.spend(size >> 6)
        self.build(64 + (size if text.isascii() else 4 * size))

    def listed(self, length: int) -> None:
        """Count a list that is about to be built."""
        self.spend(length)
        self.build(64 + 8 * length)

    def search(self, text: str, part: str) -> None:
        """Count a search, with the cost that the worst part of a text has."""
        self.spend((len(text) >> 6) + (min(len(text), 30_000) * min(len(part), 1_000) >> 10))


def describe(value: Any) -> str:
    """Say what a value is in a few words, for a message: ``the string 'abc'``."""
    kind = KINDS.get(type(value))
    match kind:
        case None:
            return f"a {type(value).__name__}"
        case Kind.NULL:
            return "null"
        case Kind.BOOL:
            return "true" if value else "false"
        case Kind.LIST | Kind.MAP:
            return f"a {kind.value} of {len(value)}"
        case Kind.STRING:
            return f"the string {value!r}" if len(value) <= 40 else f"the string {value[:40]!r}…"
        case Kind.INT if not INT_MIN <= value <= INT_MAX:
            return "an integer beyond 64 bits"
        case Kind.INT | Kind.DOUBLE:
            return f"the {kind.value} {value!r}"
        case _:
            return f"the {kind.value} {value}"


def whole(value: int) -> int:
    """Return an integer that fits 64 bits.

    Raises:
        ExpressionError: ``overflow``: it does not.
    """
    if INT_MIN <= value <= INT_MAX:
        return value
    raise ExpressionError("overflow", "the result does not fit an integer of 64 bits")


def widen(value: int) -> float:
    """Return the double next to an integer."""
    try:
        return float(value)
    except OverflowError:
        raise ExpressionError("overflow", f"{describe(value)} does not fit a double") from None


def equal(meter: Meter, left: Any, right: Any, depth: int = 0) -> bool:
    """Say whether two values are equal as CEL sees it: numbers by value, other kinds never mix."""
    compare = _EQUAL.get((type(left), type(right)))
    if compare is not None:
        return compare(meter, left, right, depth)
    for value in (left, right):
        if type(value) not in KINDS:
            raise ExpressionError("no-overload", f"{describe(value)} cannot be compared")
    return False


def _same(_: Meter, left: Any, right: Any, __: int) -> bool:
    return bool(left == right)


def _same_string(meter: Meter, left: str, right: str, _: int) -> bool:
    if len(left) != len(right):
        return False
    if len(left) > 64:
        meter.spend(len(left) >> 6)
    return left == right


def _same_mixed(_: Meter, left: float, right: float, __: int) -> bool:
    return widen(left) == widen(right)  # type: ignore[arg-type]  # one of them is an int


def _same_list(meter: Meter, left: list[Any], right: list[Any], depth: int) -> bool:
    if len(left) != len(right):
        return False
    _dive(depth)
    for one, other in zip(left, right, strict=True):
        meter.spend(1)
        if not equal(meter, one, other, depth + 1):
            return False
    return True


def _same_map(meter: Meter, left: dict[str, Any], right: dict[str, Any], depth: int) -> bool:
    if len(left) != len(right):
        return False
    _dive(depth)
    for key, one in left.items():
        meter.spend(1)
        if key not in right or not equal(meter, one, right[key], depth + 1):
            return False
    return True


def _dive(depth: int) -> None:
    if depth >= VALUE_DEPTH_MAX:
        raise too_deep()


def too_deep() -> ExpressionError:
    """Return the error about a value that is nested too deep."""
    return ExpressionError("too-deep", f"a value is nested deeper than {VALUE_DEPTH_MAX}")


_EQUAL: Final[dict[tuple[type, type], Callable[[Meter, Any, Any, int], bool]]] = {
    **{(each, each): _same for each in KINDS},
    (float, Widened): _same,
    (Widened, float): _same,
    **{pair: _same_mixed for one in TYPES[Kind.DOUBLE] for pair in ((one, int), (int, one))},
    (str, str): _same_string,
    (list, list): _same_list,
    (dict, dict): _same_map,
}
