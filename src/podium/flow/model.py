"""A flow document as it was read: nodes, and what they need (docs/flows.md says what each word means).

Plain values. ``parse`` makes them, ``check`` judges them, ``interpret`` carries them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from podium.core.budgets import Budget
from podium.core.effects import Effect
from podium.core.policies import Breaker, Cache, Concurrency, LastGood, Rate
from podium.core.retry import Retry
from podium.flow.expression import Expression, Reference, Template
from podium.flow.gates import Verify

LANGUAGE: Final = 1
"""The version of the language that this Podium reads."""
CONCURRENCY: Final = 100
"""Bodies of a ``for_each`` under way at once unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Named values with types: an input, or the form of an ask.

    Attributes:
        schema: JSON Schema of the whole object; it takes no other fields.
        defaults: What a field is that was left out.
    """

    schema: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)


class After(NamedTuple):
    """An entry of ``after``."""

    node: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """How a node's dependencies decide.

    Attributes:
        count: So many must be ``ok``; None: all must be settled.
        takes_any_end: ``settled``: entries of ``after`` count as marked.
        cancels_rest: Whether those left over are cancelled.
    """

    count: int | None = None
    takes_any_end: bool = False
    cancels_rest: bool = True


@dataclass(frozen=True, slots=True)
class Compensation:
    """How a node is undone: ``args`` is None where the node's own arguments are meant."""

    task: str
    args: Template | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """What a node holds while it works: a key with expressions in it, and how long it waits."""

    key: Template
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class OtherTask:
    """A fallback: another task; it is given the arguments of the first one unless it has its own."""

    task: str
    args: Template | None
    at: str


@dataclass(frozen=True, slots=True)
class FixedValue:
    """A fallback: a value that the document computes."""

    value: Template
    at: str


Fallback = OtherTask | FixedValue | LastGood


@dataclass(frozen=True, slots=True)
class Policy:
    """What a document says over the options of the task, or of a body; None says nothing."""

    retry: Retry | None = None
    timeout_s: float | None = None
    total_timeout_s: float | None = None
    effect: Effect | None = None
    compensate: Compensation | None = None
    queue_timeout_s: float | None = None
    heartbeat_timeout_s: float | None = None
    priority: int | None = None
    rate: Rate | None = None
    concurrency: Concurrency | None = None
    breaker: Breaker | None = None
    cache: Cache | None = None
    fallbacks: tuple[Fallback, ...] | None = None
    lock: Lock | None = None
    budget: Budget | None = None
    verify: Verify | None = None

    def heads(self) -> Iterator[tuple[str, Template]]:
        """Give what is evaluated as the node starts, by role."""
        if self.lock is not None:
            yield "lock", self.lock.key
        for index, fallback in enumerate(self.fallbacks or ()):
            match fallback:
                case OtherTask(args=Template() as source) | FixedValue(value=source):
                    yield f"fallback {index}", source
                case _:
                    continue


# kinds ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A task, or tool."""

    task: str
    args: Template


@dataclass(frozen=True, slots=True)
class SubFlow:
    """A child run: of a document that is part of this one, or of a workflow known by name.

    Attributes:
        file: The path of the document as it is written; empty for one in place.
        places: Where arguments stand that do not stand in ``args``: the argument, and its word.
        returns: JSON Schema of what it gives, where the document says so.
        module: What registers the workflow, where no ``uses`` has to name it.
        label: What it is, in pictures, where its name says too little.
    """

    name: str
    document: Document | None
    args: Template
    file: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    returns: Mapping[str, Any] | None = None
    module: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A case of a switch; ``when`` is None for ``else``."""

    when: Expression | None
    body: Body


@dataclass(frozen=True, slots=True)
class Switch:
    """The first case whose condition holds."""

    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class ForEach:
    """One body per item."""

    items: Template
    item: str
    key: Template | None
    concurrency: int
    is_partial: bool
    body: Body


@dataclass(frozen=True, slots=True)
class Loop:
    """A body that is repeated; ``is_until``: the condition ends it, and is asked after each pass."""

    condition: Expression
    is_until: bool
    passes_max: int
    every_s: float
    state: Template
    next: Template | None
    body: Body


@dataclass(frozen=True, slots=True)
class WaitFor:
    """A duration, such as ``10m``."""

    duration: Template


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """A time of the wall clock, as RFC 3339."""

    time: Template


@dataclass(frozen=True, slots=True)
class WaitSignal:
    """The next signal of a name; ``schema`` is a JSON Schema of its value, or None for any."""

    name: str
    schema: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to a person; ``on_timeout`` is None where running out of time is a failure."""

    question: Template
    form: Fields | None
    to: str
    on_timeout: Template | None


@dataclass(frozen=True, slots=True)
class Set:
    """Data from expressions."""

    value: Template


@dataclass(frozen=True, slots=True)
class Fail:
    """Stop with a message."""

    message: Template
    code: str


Work = (
    Call | SubFlow | Switch | ForEach | Loop | WaitFor | WaitUntil | WaitSignal | Ask | Set | Fail
)


# nodes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Attributes:
        at: Where it stands: ``$.nodes.order``.
        kind: Its word: ``call``, ``for_each``, ``until`` and so on.
        work: What it does.
        on_error: ``fail``, ``continue``, or the id of the node that handles its failure.
    """

    id: str
    at: str
    kind: str
    work: Work
    description: str = ""
    when: Expression | None = None
    after: tuple[After, ...] = ()
    join: Join = Join()
    on_error: str = "fail"
    policy: Policy = Policy()

    @property
    def handler(self) -> str | None:
        """The node that handles its failure, if one does."""
        return None if self.on_error in ("fail", "continue") else self.on_error

    def own_references(self) -> frozenset[Reference]:
        """Return what the node waits for before it starts, whatever its bodies wait for within.

        That is what it computes as it starts, and what it reads of the nodes around it when a body
        of it has ended (``output``, ``until``, ``next``).
        """
        own: list[Template | Expression] = [self.when] if self.when else []
        own += _head(self.work)
        own += [source for _, source in self.policy.heads()]
        found = {reference for each in own for reference in each.references}
        for body in self.bodies():
            known = _known_within(self.work, body)
            for each in _tail(self.work, body):
                found |= {one for one in each.references if one.node not in known}
        if self.policy.verify is not None:
            for _, _, each in self.policy.verify.reads():
                found |= {one for one in each.references if one.node != self.id}
        return frozenset(found)

    def bodies(self) -> tuple[Body, ...]:
        """Return the bodies within it."""
        match self.work:
            case Switch(cases=cases):
                return tuple(case.body for case in cases)
            case ForEach(body=body) | Loop(body=body):
                return (body,)
            case _:
                return ()


@dataclass(frozen=True, slots=True)
class Body:
    """Nodes that see each other, and what they give together."""

    at: str
    nodes: Mapping[str, Node]
    output: Template | None = None

    def walk(self) -> Iterator[Node]:
        """Give every node, those of bodies within included, in the order of the document."""
        waiting = [*self.nodes.values()][::-1]
        while waiting:
            node = waiting.pop()
            yield node
            for body in reversed(node.bodies()):
                waiting.extend([*body.nodes.values()][::-1])


@dataclass(frozen=True, slots=True)
class Document:
    """A whole flow.

    Attributes:
        hash: Of its content, the flows it takes in included.
        content: The document as JSON, in a form of its own: what the run keeps.
    """

    name: str
    description: str
    uses: tuple[str, ...]
    input: Fields
    env: Mapping[str, str | None]
    body: Body
    hash: str
    content: Mapping[str, Any]
    budget: Budget | None = None

    @property
    def needs_gates(self) -> bool:
        """Whether a gate in it is asked by a workflow of its own."""
        many = (node.policy.verify for node in self.body.walk())
        return any(one is not None and one.needs_program for one in many)

    def taken_in(self) -> Iterator[tuple[Node, SubFlow, Document]]:
        """Give the documents that are part of this one, each with the node that it stands in."""
        for node in self.body.walk():
            work = node.work
            if isinstance(work, SubFlow) and work.document is not None:
                yield node, work, work.document

    def documents(self) -> Iterator[Document]:
        """Give the document and all those within, however deep."""
        waiting = [self]
        while waiting:
            document = waiting.pop()
            yield document
            waiting.extend(inner for _, _, inner in document.taken_in())


def _head(work: Work) -> Iterator[Template | Expression]:
    """Give the expressions that a node evaluates in the scope it stands in, as it starts."""
    match work:
        case Call(args=args) | SubFlow(args=args):
            yield args
        case Switch(cases=cases):
            yield from (case.when for case in cases if case.when is not None)
        case ForEach(items=items):
            yield items
        case Loop(state=state):
            yield state
        case WaitFor(duration=each) | WaitUntil(time=each) | Set(value=each) | Fail(message=each):
            yield each
        case Ask(question=question, on_timeout=on_timeout):
            yield question
            if on_timeout is not None:
                yield on_timeout
        case WaitSignal():
            return


def _tail(work: Work, body: Body) -> Iterator[Template | Expression]:
    """Give the expressions that a node evaluates within a body of it, before or after its nodes."""
    if body.output is not None:
        yield body.output
    match work:
        case ForEach(key=Template() as key):
            yield key
        case Loop(condition=condition, next=following):
            yield condition
            if following is not None:
                yield following
        case _:
            return


def _known_within(work: Work, body: Body) -> frozenset[str]:
    """Return the names that only mean something within a body."""
    match work:
        case ForEach(item=item):
            return frozenset([*body.nodes, item, "loop"])
        case Loop():
            return frozenset([*body.nodes, "loop"])
        case _:
            return frozenset(body.nodes)
