"""Conditions under which a node has a value: what is the same, what is the opposite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from podium.flow.check.layout import Scope
from podium.flow.expression import Expression, Facts
from podium.flow.expression.tokens import Token, tokens

KEPT_MAX: Final = 32
"""So many conditions are kept of a node; more than any that has a meaning."""
_LOOSE: Final = frozenset({"&&", "||", "?", ":"})
_OPPOSITE: Final = {"!=": "==", ">=": "<", "<=": ">"}
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_TERMS_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that has to be so for a node to have a value.

    Attributes:
        key: What it is; two with the same key are the same, or opposites.
        holds: Whether it has to be so, or must not be so.
        why: Why there is no value otherwise: ``is skipped where 'has(a.b)' does not hold``.
        names: What the facts are about.
        facts: What is known of values where it holds.
    """

    key: int
    holds: bool
    why: str = field(compare=False)
    names: frozenset[str] = field(default=frozenset(), compare=False)
    facts: Facts | None = field(default=None, compare=False)

    @property
    def opposite(self) -> Condition:
        """The same, the other way round."""
        return Condition(self.key, not self.holds, self.why)


class Keys:
    """Gives each thing that can be so a number."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def of(self, thing: Any) -> int:
        """Return the number of a thing: the same for equal ones."""
        return self._numbers.setdefault(thing, len(self._numbers))


def conditions_of(expression: Expression, scope: Scope, keys: Keys) -> list[Condition]:
    """Return what has to be so for a condition to hold: the parts of a chain of ``&&``."""
    parts = [part for part in _conjuncts(list(tokens(expression.source))[:-1]) if part]
    roots = tuple(sorted((one.root, _home(one.root, scope)) for one in expression.references))
    why = f"is skipped where {short(expression.source)!r} does not hold"
    names = frozenset(one.root for one in expression.references)
    facts = None if "loop" in names else expression.facts
    found: list[Condition] = []
    for part in parts:
        words, holds = _canonical(part)
        own = tuple(pair for pair in roots if pair[0] in words)
        found.append(Condition(keys.of((words, own)), holds, why, names, facts))
    return found


def short(text: str) -> str:
    """Return a text, cut where it is long."""
    return text if len(text) <= 60 else f"{text[:57]}…"


def all_of_any(terms: Iterable[frozenset[Condition]]) -> frozenset[Condition] | None:
    """Return what has to be so for one of several terms to be so, or None where that is no such list.

    ``{x, y}`` or ``{x, not y}`` is ``{x}``.
    """
    left = list(dict.fromkeys(terms))
    if len(left) > _TERMS_MAX:
        return frozenset() if frozenset() in left else None
    while True:
        left = [one for one in left if not any(other < one for other in left)]
        merged = next(_merged(left), None)
        if merged is None:
            return left[0] if len(left) == 1 else None
        left = [one for one in left if not merged < one]
        left.append(merged)


def _merged(terms: list[frozenset[Condition]]) -> Iterator[frozenset[Condition]]:
    for one in terms:
        for condition in one:
            rest = one - {condition}
            if rest | {condition.opposite} in terms:
                yield rest


def _home(name: str, scope: Scope) -> int:
    """Return a number for what a name means here."""
    found = scope.loop() if name == "loop" else scope.find(name)
    return id(found) if found is not None else 0


def _conjuncts(words: list[Token]) -> list[list[Token]]:
    """Cut an expression at each ``&&`` that is not within something else."""
    words = _without_brackets(words)
    depths = _depths(words)
    if any(depth == 0 and word.value in {"||", "?"} for word, depth in depths):
        return [words]
    parts: list[list[Token]] = [[]]
    for word, depth in depths:
        if depth == 0 and word.sort == "sign" and word.value == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    if len(parts) == 1:
        return parts
    return [one for part in parts for one in _conjuncts(part)]


def _depths(words: list[Token]) -> list[tuple[Token, int]]:
    found: list[tuple[Token, int]] = []
    depth = 0
    for word in words:
        if word.sort == "sign" and word.value in {")", "]", "}"}:
            depth -= 1
        found.append((word, depth))
        if word.sort == "sign" and word.value in {"(", "[", "{"}:
            depth += 1
    return found


def _without_brackets(words: list[Token]) -> list[Token]:
    """Leave out brackets around the whole."""
    while len(words) > 2 and words[0].value == "(" and words[-1].value == ")":
        inner = _depths(words)
        if any(depth == 0 for _, depth in inner[1:-1]):
            return words
        words = words[1:-1]
    return words


def _canonical(words: list[Token]) -> tuple[tuple[Any, ...], bool]:
    """Return a condition in a form that it shares with its opposite, and which of both it is."""
    holds = True
    words = _without_brackets(words)
    while words and words[0].sort == "sign" and words[0].value == "!" and _is_unary(words):
        holds = not holds
        words = _without_brackets(words[1:])
    signs = [
        (index, word.value)
        for index, (word, depth) in enumerate(_depths(words))
        if depth == 0
        and (word.value in _COMPARISONS or word.value in _LOOSE)
        and word.sort != "string"
    ]
    values = [word.value for word in words]
    if len(signs) == 1 and signs[0][1] in _OPPOSITE:
        index, sign = signs[0]
        values[index] = _OPPOSITE[sign]
        holds = not holds
    sorts = tuple(word.sort for word in words)
    return (*values, sorts), holds


def _is_unary(words: list[Token]) -> bool:
    """Whether the ``!`` at the front is about all that follows."""
    rest = _depths(words)[1:]
    return not any(
        depth == 0
        and (
            (word.sort == "sign" and word.value not in {".", "(", ")", "[", "]"})
            or word.value == "in"
        )
        for word, depth in rest
    )
