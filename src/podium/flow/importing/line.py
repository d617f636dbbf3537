"""A body of the flow while it is written: nodes in a row, and where the data is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from podium.flow.expression import Expression, ExpressionError, Template
from podium.flow.expression.shapes import shape_of, union
from podium.flow.importing.graph import End, Target
from podium.flow.importing.jq import Value
from podium.flow.parse.nodes import DEPTH_MAX

NODES_MAX: Final = 5_000
SCHEMA_MAX: Final = 8_000
"""Characters of a schema beyond which nothing is claimed of a value."""


class TooLarge(Exception):
    """The flow would be larger than Podium reads."""


@dataclass
class Pool:
    """What all bodies of one flow share.

    Attributes:
        schemas: What is known of the value of each node.
        count: How many nodes there are.
    """

    schemas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    count: int = 0


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a part of the source can go on.

    Attributes:
        reached: All targets that it can reach; none if it always fails.
        to: An expression that names the one that was reached; None if there are not two.
    """

    reached: frozenset[Target]
    to: str | None = None


NEXT: Final = Ends(frozenset([End.EXIT]))
"""A task that is always over when it is done."""
NEVER: Final = Ends(frozenset())
"""A task that always fails."""


@dataclass
class Line:
    """One body, written from its first node to its last.

    Attributes:
        value: What the next task is given: a name, or fields of one.
        context: What ``$context`` is, likewise.
        variables: What else the source calls by a name: items, indexes, errors.
        nodes: What has been written.
        last: The node that the next one comes after.
        depth: How many bodies are around it.
        edges: Where each node starts after, for those that do not refer to it.
    """

    pool: Pool
    value: str
    context: str
    variables: dict[str, Value] = field(default_factory=dict)
    nodes: dict[str, Any] = field(default_factory=dict)
    last: tuple[str, ...] = ()
    depth: int = 0

    def add(self, name: str, node: dict[str, Any]) -> str:
        """Write a node behind the last one; return its id."""
        self.pool.count += 1
        if self.pool.count > NODES_MAX:
            raise TooLarge(f"the flow would have more than {NODES_MAX:,} nodes")
        if self.depth > DEPTH_MAX:
            raise TooLarge(f"the flow would have more than {DEPTH_MAX} bodies within bodies")
        missing = [last for last in self.last if last not in needs_of(node)]
        if missing:
            node["after"] = missing[0] if len(missing) == 1 else missing
        self.nodes[name] = node
        self.last = (name,)
        schema = self.schema_of(node["set"]) if "set" in node else {}
        self.pool.schemas.setdefault(name, schema)
        return name

    def schema_of(self, template: Any) -> Mapping[str, Any]:
        """Return what is known of a template's value."""
        try:
            return Template.parse(template).check(self.pool.schemas)[0]
        except ExpressionError:
            return {}

    def inner(self) -> Line:
        """Begin a body within this one, with the same data."""
        return Line(self.pool, self.value, self.context, dict(self.variables), depth=self.depth + 1)

    def beside(self) -> Line:
        """Begin another row of nodes in the same body, from the same point."""
        return Line(
            self.pool, self.value, self.context, dict(self.variables), self.nodes, self.last,
            self.depth,
        )  # fmt: skip


def needs_of(node: Mapping[str, Any]) -> set[str]:
    """Return the nodes that a node waits for: those that its own expressions refer to."""
    found: set[str] = set()
    for word in ("args", "set", "wait", "for_each", "state"):
        found |= _roots(node.get(word))
    failure = node.get("fail")
    found |= _roots(failure.get("message") if isinstance(failure, dict) else failure)
    conditions = [case["when"] for case in node.get("switch", []) if "when" in case]
    if "when" in node:
        conditions.append(node["when"])
    for condition in conditions:
        found |= _names(Expression.parse(condition))
    return found


def _roots(template: Any) -> set[str]:
    return set() if template is None else _names(Template.parse(template))


def _names(source: Template | Expression) -> set[str]:
    return {one.node for one in source.references}


# what bodies give --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Way:
    """One of several bodies that a node can go through.

    Attributes:
        when: The condition, or None for all other cases.
        labels: How targets are called in the value of ``to``.
    """

    when: str | None
    line: Line
    ends: Ends


def label(target: Target) -> str:
    """Return how a target is called in the flow."""
    return target.value if isinstance(target, End) else f"task {target + 1}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What several bodies give together: a value, and with it the context and where to go on."""

    has_context: bool
    has_target: bool

    @classmethod
    def of(cls, line: Line, ways: list[Way]) -> Shape:
        """Return what is needed to go on behind these bodies."""
        reached = {target for way in ways for target in way.ends.reached}
        return cls(
            has_context=any(way.line.context != line.context for way in ways),
            has_target=len(reached) > 1,
        )

    @property
    def is_plain(self) -> bool:
        """Whether the value is all there is."""
        return not (self.has_context or self.has_target)

    def output(self, line: Line, ends: Ends) -> Any:
        """Return what a body gives."""
        value = f"${{{line.value}}}"
        if self.is_plain:
            return value
        found = {"value": value}
        if self.has_context:
            found["context"] = f"${{{line.context}}}"
        if self.has_target:
            target = next(iter(ends.reached), End.EXIT)
            found["to"] = f"${{{ends.to}}}" if ends.to else label(target)
        return found

    def follow(
        self, line: Line, name: str, reached: frozenset[Target], schema: Mapping[str, Any]
    ) -> Ends:
        """Go on behind a node that gives this."""
        line.pool.schemas[name] = schema
        line.value = name if self.is_plain else f"{name}.value"
        if self.has_context:
            line.context = f"{name}.context"
        return Ends(reached, f"{name}.to" if self.has_target else None)


def branch(line: Line, name: str, ways: list[Way], **policies: Any) -> Ends:
    """Write a node that goes one of several ways; return where it can go on."""
    shape = Shape.of(line, ways)
    cases: list[dict[str, Any]] = []
    schemas: list[Mapping[str, Any]] = []
    for way in ways:
        case: dict[str, Any] = {"else": True} if way.when is None else {"when": way.when}
        if way.line.nodes:
            case["nodes"] = way.line.nodes
        if way.ends.reached:
            case["output"] = shape.output(way.line, way.ends)
            schemas.append(line.schema_of(case["output"]))
        cases.append(case)
    line.add(name, {"switch": cases, **policies})
    reached = frozenset(target for way in ways for target in way.ends.reached)
    if not reached:
        return Ends(reached)
    return shape.follow(line, name, reached, either(schemas))


def either(schemas: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what is known of a value that is one of several."""
    found = union(shape_of(schema) for schema in schemas).schema()
    return found if len(repr(found)) < SCHEMA_MAX else {}
