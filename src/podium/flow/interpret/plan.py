"""A body prepared for running: who needs whom, who reads whom. Made once for each document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from podium.core.validation import Validator
from podium.flow.expression import Expression, Template
from podium.flow.gates import Verify
from podium.flow.model import (
    Ask,
    Body,
    Call,
    Fail,
    ForEach,
    Loop,
    Node,
    Policy,
    Set,
    SubFlow,
    Switch,
    WaitFor,
    WaitSignal,
    WaitUntil,
)

_LATER: Final = frozenset({"key", "condition", "next", "undo"})
"""Roles that are evaluated within a body, or at its end."""
VARIABLES: Final = frozenset({"input", "env", "loop", "item"})
"""Names that are no nodes, wherever they stand."""


@dataclass(frozen=True, slots=True)
class Reads:
    """An expression or template with what it reads, by how a missing value is taken.

    Attributes:
        source: The expression or template.
        plain: Names that need a value.
        marked: Names that are null without a value.
        outcomes: Nodes whose outcome it asks for.
    """

    source: Template | Expression
    plain: tuple[str, ...]
    marked: tuple[str, ...]
    outcomes: tuple[str, ...]

    @classmethod
    def of(cls, source: Template | Expression) -> Reads:
        """Sort the references of an expression."""
        references = source.references
        plain = {one.root for one in references if not (one.is_optional or one.is_outcome)}
        marked = {one.root for one in references if one.is_optional} - plain
        outcomes = {one.node for one in references if one.is_outcome}
        return cls(source, tuple(sorted(plain)), tuple(sorted(marked)), tuple(sorted(outcomes)))


class NodePlan:
    """A node prepared for running.

    Attributes:
        needs: The nodes it waits for.
        firm: Those of them in ``after`` that must end ``ok``.
        handles: The nodes whose failure starts it; empty for most.
        waits: All nodes that it waits for: ``needs`` and ``handles``.
        readers: Nodes beside it that need it, or have something within that does.
        is_kept: Whether the owner of the body reads it, so that no join calls it off.
        is_bare: Whether the document says nothing about how often, how long, and how to undo.
        when: Its condition.
        reads: What else it evaluates, by role (``args``, ``items``, ``case 0``, ``next`` …).
        heads: Those of them that it evaluates as it starts.
        accepts: What its signal or answer is held against; None where anything will do.
        verifies: Names that its gates need a value of, besides its own.
        bodies: Its bodies, prepared.
    """

    __slots__ = (
        "accepts", "bodies", "firm", "handles", "heads", "id", "is_bare", "is_kept", "needs", "node", "readers", "reads", "verifies", "waits", "when",
    )  # fmt: skip

    def __init__(self, node: Node, variables: frozenset[str]) -> None:
        self.node = node
        self.id = node.id
        references = sorted(node.own_references(), key=lambda one: one.node)
        names = [one.node for one in references if one.node not in variables]
        self.needs = tuple(dict.fromkeys([*names, *(after.node for after in node.after)]))
        takes_any_end = node.join.takes_any_end
        self.firm = tuple(
            after.node for after in node.after if not (after.is_optional or takes_any_end)
        )
        self.handles: tuple[str, ...] = ()
        self.waits = self.needs
        self.readers: list[str] = []
        self.is_kept = False
        self.is_bare = node.policy == Policy()
        self.when = Reads.of(node.when) if node.when is not None else None
        self.reads = {role: Reads.of(source) for role, source in _roles(node)}
        self.reads |= {role: Reads.of(source) for role, source in node.policy.heads()}
        undo = node.policy.compensate
        if undo is not None and undo.args is not None:
            self.reads["undo"] = Reads.of(undo.args)
        self.accepts = _accepts(node)
        self.heads = tuple((role, one) for role, one in self.reads.items() if role not in _LATER)
        self.verifies: tuple[str, ...] = ()
        if node.policy.verify is not None:
            self._read_gates(node.policy.verify)
        if isinstance(node.work, ForEach):
            variables |= {node.work.item}
        self.bodies = tuple(BodyPlan(body, variables) for body in node.bodies())
        for body in self.bodies:
            body.keep(self.reads.get(role) for role in ("condition", "next"))

    def _read_gates(self, verify: Verify) -> None:
        """Take note of what gates evaluate once the value is there."""
        found = {role: Reads.of(source) for role, _, source in verify.reads()}
        self.reads |= found
        plain = {name for one in found.values() for name in one.plain}
        self.verifies = tuple(sorted(plain - {self.id}))

    @property
    def reads_within(self) -> set[str]:
        """Return the nodes around it that it, or anything within it, needs."""
        return set(self.needs).union(*(body.outside for body in self.bodies))


class BodyPlan:
    """A body prepared for running.

    Attributes:
        nodes: Its nodes, in the order of the document.
        outside: Nodes around it that something within reads.
        output: What it gives, or None.
    """

    __slots__ = ("body", "nodes", "output", "outside")

    def __init__(self, body: Body, variables: frozenset[str] = VARIABLES) -> None:
        self.body = body
        self.nodes = {name: NodePlan(node, variables) for name, node in body.nodes.items()}
        self.output = Reads.of(body.output) if body.output is not None else None
        self.outside: set[str] = set()
        for name, plan in self.nodes.items():
            for need in plan.reads_within:
                if need in self.nodes:
                    self.nodes[need].readers.append(name)
                else:
                    self.outside.add(need)
            handler = self.nodes.get(plan.node.handler or "")
            if handler is not None:
                handler.handles = (*handler.handles, name)
                handler.waits = tuple(dict.fromkeys([*handler.waits, name]))
        self.keep([self.output])

    def keep(self, many: Iterator[Reads | None] | list[Reads | None]) -> None:
        """Take note that the owner of the body reads these nodes."""
        for reads in many:
            if reads is not None:
                for name in (*reads.plain, *reads.marked, *reads.outcomes):
                    if name in self.nodes:
                        self.nodes[name].is_kept = True


def _accepts(node: Node) -> Validator | None:
    match node.work:
        case WaitSignal(schema=schema) if schema is not None:
            return Validator(schema)
        case Ask(form=form) if form is not None:
            return Validator(form.schema)
        case _:
            return None


def _roles(node: Node) -> Iterator[tuple[str, Template | Expression]]:
    match node.work:
        case Call(args=args) | SubFlow(args=args):
            yield "args", args
        case Switch(cases=cases):
            for index, case in enumerate(cases):
                if case.when is not None:
                    yield f"case {index}", case.when
        case ForEach(items=items, key=key):
            yield "items", items
            if key is not None:
                yield "key", key
        case Loop(condition=condition, state=state, next=following):
            yield "state", state
            yield "condition", condition
            if following is not None:
                yield "next", following
        case Ask(question=question, on_timeout=on_timeout):
            yield "question", question
            if on_timeout is not None:
                yield "on_timeout", on_timeout
        case (
            WaitFor(duration=value) | WaitUntil(time=value) | Set(value=value) | Fail(message=value)
        ):
            yield "value", value
        case _:
            return
