"""Expressions as the builder writes them: their text, and where what they name stands."""

from __future__ import annotations

import math
import re

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from podium.core.errors import UsageError
from podium.flow.builder.scopes import Scope, Use
from podium.flow.expression.errors import ExpressionError
from podium.flow.expression.names import KEYWORDS
from podium.flow.expression.tokens import tokens

_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED: Final = re.compile(r"[a-zA-Z0-9_.\-/ ]+")
_WORDS: Final = frozenset({*KEYWORDS, "in"})
"""What no field behind a point can be called."""
_ESCAPED: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INT_MAX: Final = 2**63 - 1


class Level(IntEnum):
    """How tightly an operator binds (docs/expressions.md)."""

    CHOICE = 0
    OR = 1
    AND = 2
    COMPARISON = 3
    COALESCE = 4
    SUM = 5
    PRODUCT = 6
    SIGN = 7
    MEMBER = 8


_FLAT: Final = frozenset({Level.OR, Level.AND, Level.COALESCE})
"""Chains of these mean the same with and without brackets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """An expression.

    Attributes:
        source: Its text.
        level: How tightly its outermost operator binds.
        uses: The names in it.
        root: The name that it starts from, if it is a path; else empty.
        is_marked: Whether that name is marked: ``order?``.
        owner: What its last field is a field of; None where it has no such.
        field: Its last field.
    """

    source: str
    level: Level = Level.MEMBER
    uses: tuple[Use, ...] = ()
    root: str = ""
    is_marked: bool = False
    owner: Term | None = None
    field: str = ""

    def at(self, level: Level) -> str:
        """Return the text, in brackets where it binds less than that."""
        return self.source if self.level >= level else f"({self.source})"

    @property
    def node(self) -> str:
        """The node whose value it is as a whole; empty where it is anything else."""
        is_whole = self.source.removesuffix("?") == self.root
        return self.root if is_whole and self.uses and self.uses[0].is_node else ""


def name_of(scope: Scope, name: str) -> Term:
    """Return what a name stands for."""
    return Term(source=name, root=name, uses=(Use(scope, name),))


def field_of(owner: Term, name: str) -> Term:
    """Return a field: ``order.total``."""
    if _FIELD.fullmatch(name) and name not in _WORDS:
        step = f".{name}"
    elif _QUOTED.fullmatch(name) and name not in _WORDS:
        step = f".`{name}`"
    else:
        return element_of(owner, literal(name))
    return Term(
        source=owner.at(Level.MEMBER) + step,
        uses=owner.uses,
        root=owner.root,
        is_marked=owner.is_marked,
        owner=owner,
        field=name,
    )


def element_of(owner: Term, key: Term) -> Term:
    """Return an element: ``order.lines[0]``."""
    start = owner.at(Level.MEMBER)
    start = f"({start})" if start.endswith("?") else start
    return Term(
        source=f"{start}[{key.source}]",
        uses=owner.uses + key.uses,
        root=owner.root,
        is_marked=owner.is_marked,
    )


def infix(left: Term, operator: str, right: Term, level: Level) -> Term:
    """Return two terms with an operator between them."""
    tighter = Level(level + 1)
    first = level if level in _FLAT or level in {Level.SUM, Level.PRODUCT} else tighter
    second = level if level in _FLAT else tighter
    return Term(
        source=f"{left.at(first)} {operator} {right.at(second)}",
        level=level,
        uses=left.uses + right.uses,
    )


def prefix(operator: str, operand: Term) -> Term:
    """Return a term with a sign before it."""
    return Term(source=f"{operator}{operand.at(Level.MEMBER)}", level=Level.SIGN, uses=operand.uses)


def function(name: str, *arguments: Term) -> Term:
    """Return a call of a function of the expression language."""
    listed = ", ".join(each.source for each in arguments)
    return Term(source=f"{name}({listed})", uses=all_uses(arguments))


def method(owner: Term, name: str, *arguments: Term) -> Term:
    """Return a call of a method of the expression language."""
    listed = ", ".join(each.source for each in arguments)
    source = f"{owner.at(Level.MEMBER)}.{name}({listed})"
    return Term(source=source, uses=all_uses((owner, *arguments)))


def choice(condition: Term, then: Term, otherwise: Term) -> Term:
    """Return ``condition ? then : otherwise``."""
    inner = Level.OR
    parts = condition.at(inner), then.at(inner), otherwise.at(Level.CHOICE)
    return Term(
        source=f"{parts[0]} ? {parts[1]} : {parts[2]}",
        level=Level.CHOICE,
        uses=all_uses((condition, then, otherwise)),
    )


def marked(term: Term) -> Term:
    """Return a path with the mark behind the node's name: ``order?.total``.

    Raises:
        UsageError: It is no path that starts from a node.
    """
    if not term.root or term.is_marked or not term.uses[0].is_node:
        raise UsageError(
            f"maybe({term.source}): only the value of a node, or a field of it, can be marked, and "
            "once; mark it before you compute with it."
        )
    if term.owner is not None:
        return field_of(marked(term.owner), term.field)
    root, rest = f"{term.root}?", term.source.removeprefix(term.root)
    source = f"({root}){rest}" if rest.startswith("[") else f"{root}{rest}"
    return Term(source=source, uses=term.uses, root=term.root, is_marked=True)


def all_uses(terms: Iterable[Term]) -> tuple[Use, ...]:
    """Return the names in several terms."""
    return tuple(use for term in terms for use in term.uses)


# constants --------------------------------------------------------------------------------


def literal(value: Any) -> Term:
    """Return JSON as an expression.

    Raises:
        UsageError: An integer has more than 64 bits, or a number is not finite.
    """
    match value:
        case None | True | False:
            return Term(source={None: "null", True: "true", False: "false"}[value])
        case str():
            return Term(source=_quoted(value))
        case int() | float():
            return _number(value)
        case list():
            return Term(source=f"[{', '.join(literal(each).source for each in value)}]")
        case _:
            entries = (f"{_quoted(key)}: {literal(each).source}" for key, each in value.items())
            return Term(source=f"{{{', '.join(entries)}}}")


def _number(value: float) -> Term:
    is_too_large = isinstance(value, int) and not -_INT_MAX - 1 <= value <= _INT_MAX
    if is_too_large or not math.isfinite(value):
        raise UsageError(f"{value!r} cannot stand in an expression: no number of 64 bits.")
    return Term(source=repr(value), level=Level.SIGN if value < 0 else Level.MEMBER)


def _quoted(text: str) -> str:
    written = "".join(
        _ESCAPED.get(char, char if char.isprintable() else f"\\U{ord(char):08x}") for char in text
    )
    return f"'{written}'"


# texts ------------------------------------------------------------------------------------


def bare(text: str) -> str:
    """Return a text with each ``${…}`` in it replaced by what stands between the braces.

    Raises:
        UsageError: A ``${`` is not closed.
    """
    parts: list[str] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        parts.append(text[position:start])
        end = _closing(text, start + 2)
        inner = text[start + 2 : end].strip()
        parts.append(inner if is_path(inner) else f"({inner})")
        position = end + 1
    return "".join([*parts, text[position:]]).strip()


def _closing(text: str, begin: int) -> int:
    depth = 0
    try:
        for token in tokens(text, begin):
            if token.sort == "sign" and token.value in {"{", "}"}:
                depth += 1 if token.value == "{" else -1
                if depth < 0:
                    return token.start
    except ExpressionError as problem:
        raise UsageError(f"raw({text!r}): {problem}") from problem
    raise UsageError(f"raw({text!r}): '${{' is not closed.")


def is_path(source: str) -> bool:
    """Say whether a text is one path or one constant, which needs no brackets."""
    return re.fullmatch(r"\w+(\??\.\w+|\[\w+\])*", source) is not None
