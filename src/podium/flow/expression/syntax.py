"""What an expression is made of: a tree of nodes, each with its column in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

LOOPS: Final = frozenset({"all", "exists", "exists_one", "map", "filter"})
"""Macros that bind a variable: ``items.filter(i, i.price > 3)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of an expression."""

    column: int


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A literal: null, a bool, a number or a string."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A value that the expression is given: ``order``, or ``order?`` where it may be absent."""

    name: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Variable(Node):
    """The variable of a loop around it, by its number from the outside."""

    name: str
    slot: int


@dataclass(frozen=True, slots=True)
class Select(Node):
    """A field of a map: ``order.total``."""

    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """An element of a list or a map: ``items[0]``, ``prices['tea']``."""

    operand: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Has(Node):
    """Whether a field is there: ``has(order.total)``."""

    target: Select


@dataclass(frozen=True, slots=True)
class Call(Node):
    """An operator or a function with its arguments; the receiver of a method comes first."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """A chain of ``&&`` or of ``||``."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Coalesce(Node):
    """The first of several that is not null: ``a ?? b``."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """One of two: ``condition ? then : otherwise``."""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """A list: ``[1, 2]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf(Node):
    """A map: ``{'a': 1}``; keys and values by turns."""

    entries: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Loop(Node):
    """A macro over the elements of a list or the keys of a map.

    Attributes:
        macro: One of :data:`LOOPS`.
        source: What it goes over.
        variable: The name that holds the element.
        slot: The number of the variable, counted from the outside.
        body: What is evaluated for each element; the condition, where there is one.
        then: What ``map`` with a condition gives for an element that meets it.
    """

    macro: str
    source: Node
    variable: str
    slot: int
    body: Node
    then: Node | None = None


def children(node: Node) -> Iterator[Node]:
    """Give the parts directly below a node, from left to right."""
    for each in _FIELDS[type(node)]:
        value = getattr(node, each)
        if isinstance(value, Node):
            yield value
        elif value is not None:
            yield from value


_CHILDREN: Final = {"operand", "key", "target", "arguments", "operands", "items", "entries"} | {
    "condition",
    "then",
    "otherwise",
    "source",
    "body",
}
_FIELDS: Final = {
    each: [one.name for one in fields(each) if one.name in _CHILDREN]
    for each in Node.__subclasses__()
}


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """Give a node and everything below it, each with its depth, the node itself having 1."""
    waiting = [(node, 1)]
    while waiting:
        one, depth = waiting.pop()
        yield one, depth
        waiting.extend((child, depth + 1) for child in children(one))


def root_of(node: Node) -> Node:
    """Return what a chain of fields and indexes starts from."""
    while isinstance(node, Select | Index):
        node = node.operand
    return node


def path_of(node: Node) -> tuple[str, ...] | None:
    """Return a chain of fields from a name as its words, or None when it is anything else."""
    words: list[str] = []
    while not isinstance(node, Name | Variable):
        match node:
            case Select(field=field):
                words.append(field)
            case Index(key=Constant(value=str() as field)):
                words.append(field)
            case _:
                return None
        node = node.operand
    words.append(node.name if isinstance(node, Name) else f"{node.name}@{node.slot}")
    return tuple(reversed(words))
