"""What is known about values where a part of an expression is evaluated: ``has(a.b) && a.b > 3``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from podium.flow.expression.syntax import Call, Constant, Has, Logic, Node, path_of

Path = tuple[str, ...]


class Facts:
    """Which fields are known to be there, and which not to be null.

    Obtained from a condition (:attr:`Expression.facts`) and given to the check of what runs only when
    it holds.
    """

    __slots__ = ("_present", "_valued")

    def __init__(self, present: Iterable[Path] = (), valued: Iterable[Path] = ()) -> None:
        # What has a field has a value, and so has all that it is a part of.
        grown = {path[:size] for path in present for size in range(1, len(path))}
        grown |= {path[:size] for path in valued for size in range(1, len(path) + 1)}
        self._valued = frozenset(grown)
        self._present = frozenset(present) | self._valued

    def __or__(self, other: Facts) -> Facts:
        if not other._present:
            return self
        return Facts(self._present | other._present, self._valued | other._valued)

    def is_present(self, path: Path | None) -> bool:
        """Say whether the field is known to be there, be it null."""
        return path in self._present

    def has_value(self, path: Path | None) -> bool:
        """Say whether the value is known not to be null."""
        return path in self._valued


NONE: Final = Facts()


def facts_of(node: Node, *, holds: bool = True) -> Facts:
    """Return what is known when a condition holds, or when it does not."""
    match node:
        case Logic(operator=operator, operands=operands):
            if (operator == "&&") is holds:
                return _all(facts_of(each, holds=holds) for each in operands)
            return NONE
        case Call(function="!", arguments=(operand,)):
            return facts_of(operand, holds=not holds)
        case Has(target=target) if holds:
            path = path_of(target)
            return Facts(present=[path]) if path else NONE
        case Call(function="==" | "!=" | "<" | "<=" | ">" | ">=" as sign, arguments=(left, right)):
            return _of_comparison(sign, left, right, holds=holds)
        case _:
            return NONE


def _all(each: Iterator[Facts]) -> Facts:
    found = NONE
    for one in each:
        found = found | one
    return found


def _of_comparison(sign: str, left: Node, right: Node, *, holds: bool) -> Facts:
    """Whatever was compared with something that is not null, and equal or in order, is not null."""
    if isinstance(left, Constant) and not isinstance(right, Constant):
        left, right = right, left
    path = path_of(left)
    if path is None or not isinstance(right, Constant):
        return NONE
    is_equal = (sign == "==") is holds if sign in {"==", "!="} else holds
    if sign not in {"==", "!="} and not holds:
        return NONE
    return Facts(valued=[path]) if is_equal is not (right.value is None) else NONE
