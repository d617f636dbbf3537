"""JSON with expressions in its texts: ``{"to": "${order.email}", "text": "Hello ${input.name}!"}``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from podium.flow.expression.check import Schemas
from podium.flow.expression.errors import ExpressionError, Problem
from podium.flow.expression.expression import Expression
from podium.flow.expression.facts import NONE, Facts
from podium.flow.expression.limits import BUILT_BYTES_MAX, VALUE_DEPTH_MAX
from podium.flow.expression.references import Reference
from podium.flow.expression.results import text_of
from podium.flow.expression.shapes import OF_KIND, Shape, list_of, map_of, shape_of
from podium.flow.expression.tokens import tokens
from podium.flow.expression.values import KINDS, Kind, too_deep

_OPENING: Final = "${"
_ESCAPED: Final = "$${"


class Template:
    """JSON with expressions in its texts.

    A text that is exactly one ``${…}`` becomes the value with its type; in any other text the values
    are written out. ``$${`` stands for a plain ``${``. Keys are taken as they are.

    Attributes:
        source: The JSON as it was given.
        references: Everything from outside that its expressions read.
    """

    def __init__(self, source: Any, part: _Part) -> None:
        self.source = source
        self.references: frozenset[Reference] = frozenset(
            reference for each in part.expressions() for reference in each.references
        )
        self._part = part

    @classmethod
    def parse(cls, source: Any, *, at: str | None = None) -> Template:
        """Read a JSON value; ``at`` is where it stands in its document, for messages.

        Raises:
            ExpressionError: An expression in it is none, or a key has one.
        """
        return cls(source, _read(source, at, 0))

    @classmethod
    def constant(cls, source: Any) -> Template:
        """Return JSON in which nothing is an expression, whatever it looks like."""
        return cls(source, _Constant(source))

    @classmethod
    def of_parts(cls, parts: Mapping[str, Template]) -> Template:
        """Return the map of some templates."""
        source = {name: each.source for name, each in parts.items()}
        known = {name: each._part for name, each in parts.items()}  # noqa: SLF001 - of this class
        return cls(source, _Map(known))

    @property
    def is_constant(self) -> bool:
        """Whether no expression is in it."""
        return next(self.expressions(), None) is None

    def expressions(self) -> Iterator[Expression]:
        """Give the expressions in it, in the order of the text."""
        return self._part.expressions()

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Return the JSON with every expression replaced by its value.

        Raises:
            ExpressionError: An expression has no result.
        """
        return self._part.evaluate(variables)

    def check(
        self, schemas: Schemas, *, facts: Facts = NONE
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Return the JSON Schema of the result, and all that cannot work, in the order of the text."""
        problems: list[Problem] = []
        shape = self._part.check(schemas, facts, problems)
        return shape.schema(), problems

    def __repr__(self) -> str:
        return f"Template({self.source!r})"


class _Part:
    """A part of a template."""

    __slots__ = ()

    @abstractmethod
    def expressions(self) -> Iterator[Expression]:
        """Give the expressions in it."""

    @abstractmethod
    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Return its value."""

    @abstractmethod
    def check(self, schemas: Schemas, facts: Facts, problems: list[Problem]) -> Shape:
        """Return its shape, and add what cannot work."""


@dataclass(frozen=True, slots=True)
class _Constant(_Part):
    """Null, a bool, a number, or a text without expressions."""

    value: Any

    def expressions(self) -> Iterator[Expression]:
        return iter(())

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        return self.value

    def check(self, schemas: Schemas, facts: Facts, problems: list[Problem]) -> Shape:
        return OF_KIND[KINDS[type(self.value)]]


@dataclass(frozen=True, slots=True)
class _Value(_Part):
    """A text that is exactly one expression."""

    expression: Expression

    def expressions(self) -> Iterator[Expression]:
        yield self.expression

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        return self.expression.evaluate(variables)

    def check(self, schemas: Schemas, facts: Facts, problems: list[Problem]) -> Shape:
        schema, found = self.expression.check(schemas, facts=facts)
        problems.extend(found)
        return shape_of(schema)


@dataclass(frozen=True, slots=True)
class _Text(_Part):
    """A text with expressions in it."""

    pieces: tuple[str | Expression, ...]
    at: str | None

    def expressions(self) -> Iterator[Expression]:
        return (piece for piece in self.pieces if isinstance(piece, Expression))

    def evaluate(self, variables: Mapping[str, Any]) -> str:
        texts: list[str] = []
        room = BUILT_BYTES_MAX
        for piece in self.pieces:
            text = piece if isinstance(piece, str) else self._written(piece, variables)
            room -= len(text)
            if room < 0:
                message = f"the text is longer than {BUILT_BYTES_MAX:,} characters"
                raise ExpressionError("too-large", message, at=self.at)
            texts.append(text)
        return "".join(texts)

    def _written(self, expression: Expression, variables: Mapping[str, Any]) -> str:
        value = expression.evaluate(variables)
        try:
            return text_of(value)
        except ExpressionError as error:
            raise expression.placed(error) from None

    def check(self, schemas: Schemas, facts: Facts, problems: list[Problem]) -> Shape:
        for each in self.expressions():
            schema, found = each.check(schemas, facts=facts)
            problems.extend(found)
            if Kind.NULL in shape_of(schema).kinds:
                problems.append(_maybe_empty(each))
        return OF_KIND[Kind.STRING]


def _maybe_empty(expression: Expression) -> Problem:
    return Problem(
        "maybe-null",
        f"'${{{expression.source}}}' may be null, which writes nothing",
        expression.column,
        "Write '… ?? \"-\"' to say what stands there then.",
        "warning",
        expression.at,
    )


@dataclass(frozen=True, slots=True)
class _List(_Part):
    """A list of parts."""

    items: tuple[_Part, ...]

    def expressions(self) -> Iterator[Expression]:
        return (found for each in self.items for found in each.expressions())

    def evaluate(self, variables: Mapping[str, Any]) -> list[Any]:
        return [each.evaluate(variables) for each in self.items]

    def check(self, schemas: Schemas, facts: Facts, problems: list[Problem]) -> Shape:
        return list_of([each.check(schemas, facts, problems) for each in self.items])


@dataclass(frozen=True, slots=True)
class _Map(_Part):
    """A map of parts."""

    entries: Mapping[str, _Part]

    def expressions(self) -> Iterator[Expression]:
        return (found for each in self.entries.values() for found in each.expressions())

    def evaluate(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        return {key: each.evaluate(variables) for key, each in self.entries.items()}

    def check(self, schemas: Schemas, facts: Facts, problems: list[Problem]) -> Shape:
        return map_of(
            {key: each.check(schemas, facts, problems) for key, each in self.entries.items()}
        )


def _read(source: Any, at: str | None, depth: int) -> _Part:
    if depth > VALUE_DEPTH_MAX:
        raise too_deep()
    match source:
        case str():
            return _read_text(source, at)
        case list():
            parts = (_read(each, _below(at, f"[{i}]"), depth + 1) for i, each in enumerate(source))
            return _List(tuple(parts))
        case dict():
            return _Map(
                {
                    _key(key, at): _read(each, _below(at, f".{key}"), depth + 1)
                    for key, each in source.items()
                }
            )
        case _ if type(source) in _PLAIN:
            return _Constant(source)
        case _:
            message = f"a {type(source).__name__} is no JSON"
            raise ExpressionError("not-json", message, at=at)


_PLAIN: Final = frozenset({type(None), bool, int, float})


def _below(at: str | None, step: str) -> str | None:
    return None if at is None else f"{at}{step}"


def _key(key: Any, at: str | None) -> str:
    if not isinstance(key, str):
        raise ExpressionError("not-json", f"the key {key!r} is no string", at=at)
    if _OPENING in key:
        raise ExpressionError(
            "syntax",
            f"the key {key[:40]!r} has an expression in it",
            at=at,
            hint="Make the whole map with one: '${{name: value}}'.",
        )
    return key


def _read_text(source: str, at: str | None) -> _Part:
    pieces = list(_pieces(source, at))
    match pieces:
        case []:
            return _Constant("")
        case [str() as text]:
            return _Constant(text)
        case [Expression() as expression]:
            return _Value(expression)
        case _:
            return _Text(tuple(pieces), at)


def _pieces(source: str, at: str | None) -> Iterator[str | Expression]:
    """Cut a text into what is written as it is, and expressions."""
    plain: list[str] = []
    position = 0
    while (start := source.find(_OPENING, position)) >= 0:
        if start > position and source.startswith(_ESCAPED, start - 1):
            plain.append(source[position : start - 1] + _OPENING)
            position = start + len(_OPENING)
            continue
        plain.append(source[position:start])
        if text := "".join(plain):
            yield text
        plain.clear()
        begin = start + len(_OPENING)
        end = _end_of(source, begin, at)
        yield Expression.parse(source[begin:end], at=at, before=begin)
        position = end + 1
    plain.append(source[position:])
    if text := "".join(plain):
        yield text


def _end_of(source: str, begin: int, at: str | None) -> int:
    """Find the brace that closes an expression: not one of a map in it, nor one in a string."""
    depth = 0
    try:
        for token in tokens(source, begin):
            if token.sort == "sign" and token.value in {"{", "}"}:
                depth += 1 if token.value == "{" else -1
                if depth < 0:
                    return token.start
    except ExpressionError as error:
        error.at = at
        raise
    raise ExpressionError("syntax", "'${' is not closed", begin - 1, "Write '}'.", at)
