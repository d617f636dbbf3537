"""What stands at a node, and in a body, as the document has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from podium.core.errors import UsageError
from podium.flow.builder.options import NodeOptions, before_kind, behind_kind
from podium.flow.builder.references import Reference, term_of
from podium.flow.builder.scopes import Scope
from podium.flow.builder.values import plain


@dataclass(slots=True)
class Said:
    """What the body of a loop says besides its nodes."""

    condition: dict[str, str] = field(default_factory=dict)
    next: dict[str, Any] = field(default_factory=dict)

    def condition_of(self, id: str) -> dict[str, str]:
        """Return ``while`` or ``until``.

        Raises:
            UsageError: The body said neither.
        """
        if not self.condition:
            raise UsageError(
                f"The body of {id!r} never says when it ends: call body.until(…) or "
                "body.while_(…) in it."
            )
        return self.condition


@contextmanager
def opened(scope: Scope, id: str, options: NodeOptions) -> Iterator[dict[str, Any]]:
    """Give a new node to be filled; it is there afterwards only if that succeeds.

    Raises:
        InvalidOption: The id is none, or taken, or an option makes no sense.
    """
    scope.check_id(id)
    node = before_kind(options, scope)
    scope.nodes[id] = node
    try:
        yield node
        node.update(behind_kind(options, lambda value, what: json_of(scope, value, what)))
    except BaseException:
        del scope.nodes[id]
        raise


def filled(scope: Scope, output: Any) -> dict[str, Any]:
    """Return the nodes of a body, and its output unless it is None."""
    words: dict[str, Any] = {"nodes": scope.nodes}
    if output is not None:
        words["output"] = json_of(scope, output, "output")
    return words


def json_of(scope: Scope, value: Any, what: str) -> Any:
    """Return a value as it stands in the document.

    Raises:
        UsageError: It has no form as JSON, or uses what is not known in this scope.
    """

    def write(reference: Any) -> str:
        scope.admit(term_of(reference).uses)
        return str(reference)

    return plain(value, what, keep=Reference, write=write)
