"""A document laid out for the check: each node in its place, each expression with what it sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from podium.flow.expression import Expression, Template
from podium.flow.model import (
    Ask,
    Body,
    Call,
    Document,
    Fail,
    ForEach,
    Loop,
    Node,
    Set,
    SubFlow,
    Switch,
    WaitFor,
    WaitUntil,
    Work,
)

BUILT_IN: Final = frozenset({"input", "env", "loop", "outcome"})
"""Names that are no nodes and no items."""


@dataclass(slots=True, eq=False)
class Read:
    """An expression, or JSON with expressions, where it stands.

    Attributes:
        word: The word it stands at: ``args``, ``when``, ``output``.
        at: Where it stands.
        scope: What it sees.
        reader: The node that evaluates it; None for the output of the flow.
        position: Its place in the order of the document.
        is_within: Whether it is evaluated with a body's nodes, such as ``until`` and ``output``.
    """

    word: str
    value: Template | Expression
    at: str
    scope: Scope
    reader: Entry | None
    position: int
    is_within: bool = False

    @property
    def sees_own_value(self) -> bool:
        """Whether it is evaluated once the value of its node is there, and may read it."""
        return self.word == "compensate" or self.word.startswith("verify")


@dataclass(slots=True, eq=False)
class Entry:
    """A node in its place.

    Attributes:
        position: Its place in the order of the document.
        reads: What it evaluates, first that which it evaluates as it starts.
        scopes: The bodies within it.
        needs: What it waits for before it starts; true where it needs the value.
        waits: Nodes beside it that have to be settled before it can end, and the node (itself, or
            one within it) that makes it wait.
        handles: The nodes whose failure it handles.
        readers: The nodes beside it that refer to it, or have something within that does.
        is_kept: Whether its own body, or the flow, reads it.
    """

    node: Node
    scope: Scope
    position: int
    reads: list[Read] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    needs: dict[Entry, bool] = field(default_factory=dict)
    waits: dict[Entry, Entry] = field(default_factory=dict)
    handles: list[Entry] = field(default_factory=list)
    readers: set[Entry] = field(default_factory=set)
    is_kept: bool = False

    @property
    def id(self) -> str:
        """What it is called."""
        return self.node.id


@dataclass(slots=True, eq=False)
class Scope:
    """Names that are seen together: those of a body, or what a loop offers around its body.

    Attributes:
        at: Where it stands.
        parent: What is seen from here too.
        owner: The node whose body it is; None for the flow itself.
        item: What a ``for_each`` calls its item.
        repeats: The loop that offers ``loop`` here.
        entries: The nodes by id.
        order: The nodes such that each stands behind those it waits for.
    """

    at: str
    parent: Scope | None = None
    owner: Entry | None = None
    item: str = ""
    repeats: Loop | ForEach | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    order: list[Entry] = field(default_factory=list)

    def find(self, name: str) -> Entry | Scope | None:
        """Return the node of that name, or the scope whose item is called so."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.entries.get(name)
            if found is not None:
                return found
            if scope.item == name:
                return scope
            scope = scope.parent
        return None

    def loop(self) -> Scope | None:
        """Return the innermost scope that offers ``loop``."""
        scope: Scope | None = self
        while scope is not None and scope.repeats is None:
            scope = scope.parent
        return scope

    def names(self) -> Iterator[str]:
        """Give the names of nodes and items that are seen."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.entries
            if scope.item:
                yield scope.item
            scope = scope.parent

    def part_of(self, inner: Scope, reader: Entry | None) -> Entry | None:
        """Return the node here that something evaluated in an inner scope belongs to."""
        scope: Scope | None = inner
        while scope is not None and scope is not self:
            reader = scope.owner
            scope = scope.parent
        return reader if scope is self and (reader is None or reader.scope is self) else None


class Layout:
    """All nodes and expressions of one document, the flows it takes in left out."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.entries: list[Entry] = []
        self.reads: list[Read] = []
        self.scopes: list[Scope] = []
        self.by_id: dict[str, list[Entry]] = {}
        self.items: dict[str, Entry] = {}
        self._position = 0
        self.top: Scope = self._scope(document.body, None, None)

    def _next(self) -> int:
        self._position += 1
        return self._position

    def _scope(self, body: Body, parent: Scope | None, owner: Entry | None) -> Scope:
        scope = Scope(body.at, parent, owner)
        self.scopes.append(scope)
        for node in body.nodes.values():
            entry = Entry(node, scope, self._next())
            scope.entries[node.id] = entry
            self.entries.append(entry)
            self.by_id.setdefault(node.id, []).append(entry)
            self._lay_out(entry)
        if body.output is not None:
            self._read("output", body.output, f"{body.at}.output", scope, owner)
        return scope

    def _read(
        self, word: str, value: Template | Expression, at: str, scope: Scope, reader: Entry | None
    ) -> None:
        at = (value.at if isinstance(value, Expression) else None) or at
        is_within = reader is None or scope is not reader.scope
        position = self._next() if is_within or reader is None else reader.position
        read = Read(word, value, at, scope, reader, position, is_within)
        self.reads.append(read)
        if reader is not None:
            reader.reads.append(read)

    def _lay_out(self, entry: Entry) -> None:
        """Take note of what a node reads, and of the bodies within it."""
        node, scope = entry.node, entry.scope
        for word, value in _heads(node):
            self._read(word, value, f"{node.at}.{word}", scope, entry)
        for role, value in node.policy.heads():
            word = role.partition(" ")[0]
            self._read(word, value, f"{node.at}.{word}", scope, entry)
        undo = node.policy.compensate
        if undo is not None and undo.args is not None:
            self._read("compensate", undo.args, f"{node.at}.compensate.args", scope, entry)
        if node.policy.verify is not None:
            for _, at, value in node.policy.verify.reads():
                word = "verify.cel" if isinstance(value, Expression) else "verify"
                self._read(word, value, at or f"{node.at}.verify.about", scope, entry)
        match node.work:
            case Switch(cases=cases):
                entry.scopes.extend(self._scope(case.body, scope, entry) for case in cases)
            case ForEach() as work:
                frame = Scope(node.at, scope, entry, work.item, work)
                self.items.setdefault(work.item, entry)
                if work.key is not None:
                    self._read("key", work.key, f"{node.at}.key", frame, entry)
                entry.scopes.append(self._scope(work.body, frame, entry))
            case Loop() as work:
                self._lay_out_loop(entry, work)
            case _:
                return

    def _lay_out_loop(self, entry: Entry, work: Loop) -> None:
        at = entry.node.at
        frame = Scope(at, entry.scope, entry, repeats=work)
        if not work.is_until:
            self._read("while", work.condition, f"{at}.while", frame, entry)
        inner = self._scope(work.body, frame, entry)
        entry.scopes.append(inner)
        if work.is_until:
            self._read("until", work.condition, f"{at}.until", inner, entry)
        if work.next is not None:
            self._read("next", work.next, f"{at}.next", inner, entry)


def _heads(node: Node) -> Iterator[tuple[str, Template | Expression]]:
    """Give what a node evaluates as it starts, with the words it stands at."""
    if node.when is not None:
        yield "when", node.when
    work = node.work
    if isinstance(work, Switch):
        for number, case in enumerate(work.cases):
            if case.when is not None:
                yield f"switch[{number}].when", case.when
    elif isinstance(work, Ask):
        yield "ask", work.question
        if work.on_timeout is not None:
            yield "on_timeout", work.on_timeout
    else:
        yield from _of_kind(work)


def _of_kind(work: Work) -> Iterator[tuple[str, Template | Expression]]:
    match work:
        case Call(args=args) | SubFlow(args=args):
            yield "args", args
        case ForEach(items=items):
            yield "for_each", items
        case Loop(state=state):
            yield "state", state
        case WaitFor(duration=duration):
            yield "wait", duration
        case WaitUntil(time=time):
            yield "wait.until", time
        case Set(value=value):
            yield "set", value
        case Fail(message=message):
            yield "fail", message
        case _:
            return
