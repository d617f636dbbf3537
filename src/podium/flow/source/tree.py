"""A document as it was written: values with the places of their first and last characters.

Places are indices into the text; ``start`` is the first character of a value, ``end`` the one after
its last. A block ends where its last value does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from podium.flow.places import child

Style: TypeAlias = Literal["", '"', "'", "|", ">"]


@dataclass(slots=True)
class Scalar:
    """A text, a number, true, false or null; ``style`` is the sign it was quoted with, if any."""

    data: Any
    start: int
    end: int
    style: Style = ""


@dataclass(slots=True)
class Alias:
    """``*name``: what stands elsewhere."""

    target: Scalar | Sequence | Mapping
    start: int
    end: int

    @property
    def data(self) -> Any:
        """The value that is meant: the same object as there."""
        return self.target.data


@dataclass(slots=True)
class Sequence:
    """A list; ``is_flow``: in brackets."""

    start: int
    end: int
    is_flow: bool
    data: list[Any] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    def children(self) -> dict[str, tuple[int, Node]]:
        """Return for the end of a path, such as ``[3]``, where a value begins and what it is."""
        return {child("", number): (item.start, item) for number, item in enumerate(self.items)}


@dataclass
class Mapping:
    """Fields with their keys; ``is_flow``: in braces."""

    start: int
    end: int
    is_flow: bool
    data: dict[str, Any] = field(default_factory=dict)
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)

    def children(self) -> dict[str, tuple[int, Node]]:
        """Return for the end of a path, such as ``.args``, where its key begins and its value."""
        return self._children

    @cached_property
    def _children(self) -> dict[str, tuple[int, Node]]:
        return {child("", name): (key.start, node) for name, (key, node) in self.entries.items()}


Node: TypeAlias = Scalar | Sequence | Mapping | Alias
