"""What an expression refers to: this is what the edges of a flow are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from podium.flow.expression.errors import ExpressionError
from podium.flow.expression.syntax import Constant, Index, Name, Node, Select, children


@dataclass(frozen=True, slots=True)
class Reference:
    """One value from outside that an expression reads.

    Attributes:
        root: The name: a node, ``input``, ``env``, ``loop``, ``item``, or ``outcome``.
        path: The fields that are read of it, as far as they are fixed: ``a.b[i].c`` gives ``("b",)``.
        is_optional: Written ``order?``: null where there is no value.
        column: Where it stands first; not part of its identity.
    """

    root: str
    path: tuple[str, ...] = ()
    is_optional: bool = False
    column: int = field(default=0, compare=False)

    @property
    def is_outcome(self) -> bool:
        """Whether it asks how a node ended (``outcome.order``), which never skips its reader."""
        return self.root == "outcome"

    @property
    def node(self) -> str:
        """The name that it is about: ``order`` of ``order.total`` and of ``outcome.order``."""
        return self.path[0] if self.is_outcome else self.root


def references_of(node: Node) -> frozenset[Reference]:
    """Return everything from outside that an expression reads.

    Raises:
        ExpressionError: ``syntax``: ``outcome`` without a node.
    """
    return frozenset(_references(node))


def _references(node: Node) -> Iterator[Reference]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        chain = _chain(one)
        if chain is None:
            waiting.extend(children(one))
            continue
        name, path, rest = chain
        if name.name == "outcome" and (not path or name.is_optional):
            raise ExpressionError(
                "syntax",
                "'outcome' is followed by the name of a node",
                name.column,
                "Write 'outcome.order'.",
            )
        yield Reference(name.name, path, name.is_optional, name.column)
        waiting.extend(rest)


def _chain(node: Node) -> tuple[Name, tuple[str, ...], list[Node]] | None:
    """Take a chain of fields and indexes that starts from a name: name, fixed path, computed keys."""
    words: list[str | None] = []
    keys: list[Node] = []
    while isinstance(node, Select | Index):
        if isinstance(node, Select):
            words.append(node.field)
        elif isinstance(node.key, Constant) and isinstance(node.key.value, str):
            words.append(node.key.value)
        else:
            words.append(None)
            keys.append(node.key)
        node = node.operand
    if not isinstance(node, Name):
        return None
    words.reverse()
    fixed = words[: words.index(None)] if None in words else words
    return node, tuple(word for word in fixed if word is not None), keys
