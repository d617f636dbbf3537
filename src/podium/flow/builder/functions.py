"""What Python has no operator for: ``has``, ``maybe``, ``coalesce`` and their like."""

from __future__ import annotations

from collections.abc import Container, Sized
from typing import Any, Literal, TypedDict, TypeVar, cast, overload

from podium.core.errors import UsageError
from podium.flow.builder import terms
from podium.flow.builder.references import Reference, term_of
from podium.flow.builder.terms import Level, Term

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


class NodeError(TypedDict):
    """Why a node failed: the error of the step where it began."""

    type: str
    code: str
    message: str
    path: str | None


class Outcome(TypedDict):
    """How a node ended."""

    status: Literal["ok", "skipped", "failed", "cancelled"]
    reason: str | None
    error: NodeError | None


def has(field: object) -> bool:
    """Say whether a field is there: ``has(order.total)``.

    Raises:
        UsageError: It is no field.
    """
    term = term_of(field)
    if term.owner is None:
        raise UsageError(
            f"has({term.source}): expected a field, such as order.total. Whether a node has a "
            "value says not_null(maybe(order)), or outcome(order)."
        )
    return cast("bool", Reference(terms.function("has", term)))


def is_null(value: object) -> bool:
    """Say whether a value is null."""
    return cast(
        "bool", Reference(terms.infix(term_of(value), "==", term_of(None), Level.COMPARISON))
    )


def not_null(value: object) -> bool:
    """Say whether a value is anything but null."""
    return cast(
        "bool", Reference(terms.infix(term_of(value), "!=", term_of(None), Level.COMPARISON))
    )


def not_(condition: bool) -> bool:
    """Turn a condition round."""
    return cast("bool", Reference(terms.prefix("!", term_of(condition))))


def sure(value: T | None) -> T:
    """Tell the type checker that a value is not null here; the document has no trace of it."""
    return value  # type: ignore[return-value] # that is its purpose


def maybe(value: T) -> T | None:
    """Take the value of a node, or a field of it, or null where it has none: ``order?``.

    Raises:
        UsageError: It is no value of a node.
    """
    return cast("T | None", Reference(terms.marked(term_of(value))))


@overload
def coalesce(first: A | None, second: B, /) -> A | B: ...
@overload
def coalesce(first: A | None, second: B | None, third: T, /) -> A | B | T: ...
def coalesce(*values: Any) -> Any:
    """Take the first that is not null: ``a ?? b``."""
    first, *others = map(term_of, values)
    for each in others:
        first = terms.infix(first, "??", each, Level.COALESCE)
    return Reference(first)


def outcome(node: object) -> Outcome:
    """Ask how a node ended: ``outcome(pay)["status"]``.

    Raises:
        UsageError: It is no node.
    """
    term = term_of(node)
    if not term.node:
        raise UsageError(f"outcome({term.source}): expected a node's value as a whole.")
    return cast("Outcome", Reference(Term(source=f"outcome.{term.node}", uses=term.uses)))


def size(value: Sized) -> int:
    """Count the characters of a text, the elements of a list, the keys of a map."""
    return cast("int", Reference(terms.function("size", term_of(value))))


def contains(container: Container[Any], item: object) -> bool:
    """Say whether a list has an element, or a map a key: ``item in container``."""
    return cast(
        "bool", Reference(terms.infix(term_of(item), "in", term_of(container), Level.COMPARISON))
    )


def choose(condition: bool, then: A, otherwise: B) -> A | B:
    """Take one of two: ``condition ? then : otherwise``."""
    return cast(
        "A | B", Reference(terms.choice(term_of(condition), term_of(then), term_of(otherwise)))
    )


@overload
def raw(text: str) -> Any: ...
@overload
def raw(text: str, *, type: type[T]) -> T: ...
def raw(text: str, *, type: Any = None) -> Any:  # noqa: ARG001 - for the type checker
    """Write an expression as a text, of a type that is taken on trust.

    References in it are given by name, or in an f-string: ``raw(f"{order.lines}.map(l, l.price)")``.

    Raises:
        UsageError: A ``${`` in it is not closed.
    """
    source = terms.bare(text)
    level = Level.MEMBER if terms.is_path(source) else Level.CHOICE
    return Reference(Term(source=source, level=level))
