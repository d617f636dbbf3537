"""Where names are known: the flow, and each body within it."""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from podium.core.errors import InvalidOption, UsageError
from podium.flow.expression.names import FORBIDDEN_IDS

_ID: Final = re.compile(r"[a-z][a-z0-9_]*")
LOOP: Final = "loop"
"""The name of what a repeated body knows about its pass."""


@dataclass(frozen=True, slots=True)
class Use:
    """A name that an expression uses.

    Attributes:
        scope: Where the name is known.
        name: What it is called there: a node, ``input``, ``env``, an item, or ``loop``.
    """

    scope: Scope
    name: str

    @property
    def is_node(self) -> bool:
        """Whether it is the value of a node."""
        return self.name in self.scope.nodes


@dataclass(eq=False, slots=True)
class Scope:
    """A flow, or a body within one.

    Attributes:
        owner: The flow's name, or the node whose body it is.
        parent: What is around it; None for a flow.
        item: What the item of a ``for_each`` is called; else empty.
        is_repeated: Whether it has a ``loop`` of its own.
        nodes: Its nodes, by id, as the document has them.
    """

    owner: str
    parent: Scope | None = None
    item: str = ""
    is_repeated: bool = False
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def outwards(self) -> Iterator[Scope]:
        """Give it and what is around it, from within."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    @property
    def flow(self) -> Scope:
        """The flow that it is part of."""
        return [*self.outwards()][-1]

    def admit(self, uses: Iterable[Use]) -> None:
        """Check that names can be used here.

        Raises:
            UsageError: One is of another flow or body, or of a loop that is hidden here.
        """
        around = [*self.outwards()]
        for use in uses:
            if use.scope.flow is not around[-1]:
                raise UsageError(
                    f"{use.name!r} belongs to the flow {use.scope.flow.owner!r} and is used in the "
                    f"flow {around[-1].owner!r}. Hand it over as an argument of the inner flow."
                )
            if use.scope not in around:
                raise UsageError(
                    f"{use.name!r} stands in a body of {use.scope.owner!r} and is used outside of "
                    f"it, in {self.owner!r}. Return it from the body: what the body returns is "
                    f"what {use.scope.owner!r} gives."
                )
            if use.name == LOOP:
                self._admit_loop(use, around)

    def _admit_loop(self, use: Use, around: list[Scope]) -> None:
        innermost = next(scope for scope in around if scope.is_repeated)
        if use.scope is not innermost:
            raise UsageError(
                f"The loop of {use.scope.owner!r} is hidden within {innermost.owner!r}, which has "
                f"its own. Put the value into a node of {use.scope.owner!r} with set(…), and use "
                "that."
            )

    def check_id(self, name: str) -> None:
        """Check that a node or an item can be called so.

        Raises:
            InvalidOption: It is no id, or known here already.
        """
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise InvalidOption(
                f"{name!r} is no id: small letters, digits and '_', beginning with a letter."
            )
        if name in FORBIDDEN_IDS:
            raise InvalidOption(f"{name!r} means something in expressions already; choose another.")
        for scope in self.outwards():
            if name in scope.nodes or name == scope.item:
                raise InvalidOption(
                    f"{name!r} is known in {scope.owner!r} already; choose another id."
                )
