"""Tasks with parameters of many types."""

from __future__ import annotations

import enum

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from podium.core.spec import TaskOptions, TaskSpec


class Channel(enum.Enum):
    """Where a reply goes."""

    MAIL = "mail"
    CHAT = "chat"


@dataclass
class Line:
    """A line of an order."""

    sku: str
    count: int = 1


@dataclass
class Tree:
    """A type within itself."""

    name: str
    children: list[Tree] = field(default_factory=list)


def search(query: str, limit: int = 5, *, exact: bool = False) -> list[str]:
    """Search the knowledge base.

    More about it, which stands nowhere.
    """
    return [query][:limit] if exact else []


def book(
    lines: list[Line],
    when: datetime,
    channel: Channel,
    mode: Literal["fast", "slow"] = "fast",
    note: Annotated[str, msgspec.Meta(min_length=2)] | None = None,
) -> Line | None:
    """Book an order."""


def gather(*parts: int, **rest: Any) -> None:
    """Take whatever comes."""


def plant(tree: Tree, odd: Callable[[], None]) -> Tree:
    """Plant a tree."""
    return tree


def bare(thing, other=None):  # type: ignore[no-untyped-def]
    return thing, other


TASKS: Mapping[str, TaskSpec] = {
    each.__name__: TaskSpec(each, each.__name__, TaskOptions())
    for each in (search, book, gather, plant, bare)
}
