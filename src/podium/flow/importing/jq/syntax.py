"""The forms that a jq program can have, as far as they are read here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Identity:
    """``.``"""


@dataclass(frozen=True, slots=True)
class Field:
    """``.a``, ``."a b"``"""

    base: Node
    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """``.[key]``"""

    base: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Slice:
    """``.[low:high]``"""

    base: Node
    low: Node | None
    high: Node | None


@dataclass(frozen=True, slots=True)
class Each:
    """``.[]``"""

    base: Node


@dataclass(frozen=True, slots=True)
class Literal:
    """Null, a bool, a number, or a text without expressions."""

    value: Any


@dataclass(frozen=True, slots=True)
class Text:
    r"""``"Hello \\(.name)!"``"""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[…]``: everything that its inside gives."""

    inner: Node | None


@dataclass(frozen=True, slots=True)
class MapOf:
    """``{a: .b}``"""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """``$name``"""

    name: str


@dataclass(frozen=True, slots=True)
class Function:
    """``name``, ``name(a; b)``"""

    name: str
    arguments: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipe:
    """``a | b``"""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Comma:
    """``a, b``"""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and a sign: ``//``, ``or``, ``and``, comparisons, arithmetic."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negative:
    """``-a``"""

    operand: Node


@dataclass(frozen=True, slots=True)
class Choice:
    """``if a then b else c end``; without ``else`` it gives what it was given."""

    condition: Node
    then: Node
    other: Node | None


@dataclass(frozen=True, slots=True)
class Bind:
    """``a as $name | b``"""

    source: Node
    name: str
    body: Node


Node = (
    Identity
    | Field
    | Item
    | Slice
    | Each
    | Literal
    | Text
    | ListOf
    | MapOf
    | Variable
    | Function
    | Pipe
    | Comma
    | Binary
    | Negative
    | Choice
    | Bind
)
