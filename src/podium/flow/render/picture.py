"""What is drawn: boxes, arrows and frames, with words. It knows no flow document and no run.

A flow and a run are turned into a :class:`Picture`; the drawings are made of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

VertexKind = Literal[
    "call", "flow", "agent", "plan", "switch", "for_each", "while", "until", "wait", "ask", "set", "fail", "input",
    "output",
]  # fmt: skip
GroupKind = Literal["for_each", "while", "until", "switch", "case", "flow"]
EdgeKind = Literal["data", "order", "error"]
State = Literal["waiting", "running", "ok", "skipped", "failed", "cancelled"]

STATES: Final[tuple[State, ...]] = get_args(State)


@dataclass(frozen=True, slots=True)
class Vertex:
    """One box.

    Attributes:
        id: Its path, such as ``route/pay``: unique among the vertices and groups of the picture.
        label: What is written in it.
        kind: What the node does.
        state: How it stands in a run; None where a plain document is drawn.
        detail: A second, short line: the task, ``8 at once``, a condition, ``3/10 done``, why it was skipped.
        group: The id of the group it stands in; None at the top.
    """

    id: str
    label: str
    kind: VertexKind = "call"
    state: State | None = None
    detail: str = ""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow between two boxes or frames.

    Attributes:
        source: The id of the vertex or group it comes from.
        target: The id of the vertex or group it leads to.
        label: What is written on it, such as the condition of a case.
        kind: ``data``: the target reads the source; ``order``: it only starts later; ``error``: it handles its failure.
        is_optional: Whether the target starts without the source's value too.
        is_taken: Whether a run went this way; None in a plain document, or where that is still open.
    """

    source: str
    target: str
    label: str = ""
    kind: EdgeKind = "data"
    is_optional: bool = False
    is_taken: bool | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """One frame around boxes and other frames: the body of a loop, a case, a flow within a flow.

    Attributes:
        id: Its path, unique among the vertices and groups of the picture.
        label: What is written on it.
        kind: What the node does.
        parent: The id of the group it stands in; None at the top.
        state: How it stands in a run; None where a plain document is drawn.
        detail: Such as ``8,912 of 10,000 done, 3 failed`` or ``pass 3 of at most 5``.
        is_folded: Whether it is drawn as one box that hides what is in it.
    """

    id: str
    label: str
    kind: GroupKind
    parent: str | None = None
    state: State | None = None
    detail: str = ""
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A flow or a run, ready to be drawn. Vertices and groups are in the order of the document.

    Raises:
        ValueError: Two parts have one id, a part names one that is not there, or groups contain each other.
    """

    title: str
    vertices: tuple[Vertex, ...] = ()
    edges: tuple[Edge, ...] = ()
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        group_ids = {group.id for group in self.groups}
        ids = group_ids | {vertex.id for vertex in self.vertices}
        if len(ids) < len(self.vertices) + len(self.groups):
            raise ValueError(
                f"two parts of the picture {self.title!r} have one id; give each its own"
            )
        for vertex in self.vertices:
            if vertex.group is not None and vertex.group not in group_ids:
                raise ValueError(
                    f"vertex {vertex.id!r} stands in {vertex.group!r}, which is no group"
                )
        for edge in self.edges:
            for end in (edge.source, edge.target):
                if end not in ids:
                    raise ValueError(
                        f"edge {edge.source!r} to {edge.target!r}: {end!r} is not drawn"
                    )
        parents = {group.id: group.parent for group in self.groups}
        for group in self.groups:
            if group.parent is not None and group.parent not in group_ids:
                raise ValueError(
                    f"group {group.id!r} stands in {group.parent!r}, which is no group"
                )
            if len(list(_ancestors(group.id, parents))) > len(parents):
                raise ValueError(f"group {group.id!r} stands in itself")


@dataclass(frozen=True, slots=True)
class Tree:
    """A picture as it is seen: folded groups are boxes, and what is in them is gone.

    Attributes:
        picture: The visible vertices, edges and open groups.
        children: By group (None: the top), the ids of what stands right in it, in the document's order.
        parents: By vertex or group, the group it stands in.
        vertices: By id.
        groups: By id.
    """

    picture: Picture
    children: dict[str | None, list[str]]
    parents: dict[str, str | None]
    vertices: dict[str, Vertex]
    groups: dict[str, Group]

    def chain(self, id: str) -> list[str]:
        """Return a part and the groups around it, from the inside out."""
        return [id, *_ancestors(self.parents[id], self.parents)]

    def apart(self, edge: Edge) -> tuple[list[str], list[str]]:
        """Return the chains of an edge's source and target up to where they stand in one group."""
        source, target = self.chain(edge.source), self.chain(edge.target)
        while source and target and source[-1] == target[-1]:
            source.pop()
            target.pop()
        return source, target

    def depth_first(self, group: str | None = None, depth: int = 0) -> Iterator[tuple[str, int]]:
        """Yield what stands in a group and in the groups in it, each with its depth."""
        for id in self.children[group]:
            yield id, depth
            if id in self.groups:
                yield from self.depth_first(id, depth + 1)


def fold(picture: Picture) -> Tree:
    """Make a box of each folded group, lead the arrows of what it hides to it, and merge what is twice.

    Arrows between a group and what stands in it are left out: the frame says it.
    """
    parents = {group.id: group.parent for group in picture.groups}
    folded = {group.id for group in picture.groups if group.is_folded}
    shown_as: dict[str, str] = {}
    for id, around in [
        *parents.items(),
        *((vertex.id, vertex.group) for vertex in picture.vertices),
    ]:
        hiding = [each for each in (id, *_ancestors(around, parents)) if each in folded]
        shown_as[id] = hiding[-1] if hiding else id
    groups = tuple(
        group for group in picture.groups if shown_as[group.id] == group.id and not group.is_folded
    )
    boxes = [
        Vertex(group.id, group.label, _box_kind(group), group.state, group.detail, group.parent)
        for group in picture.groups
        if group.is_folded and shown_as[group.id] == group.id
    ]
    vertices = _in_order(picture, boxes, shown_as)
    within = {vertex.id: vertex.group for vertex in vertices} | {
        group.id: group.parent for group in groups
    }
    edges = _lead(picture.edges, shown_as, within)
    return Tree(
        Picture(picture.title, vertices, edges, groups),
        _children(vertices, groups), within,
        {vertex.id: vertex for vertex in vertices}, {group.id: group for group in groups},
    )  # fmt: skip


def _ancestors(group: str | None, parents: dict[str, str | None]) -> Iterator[str]:
    """Yield a group and those around it; one more than there are if they contain each other."""
    for _ in range(len(parents) + 1):
        if group is None:
            return
        yield group
        group = parents[group]


def _box_kind(group: Group) -> VertexKind:
    return "set" if group.kind == "case" else group.kind


def _in_order(
    picture: Picture, boxes: list[Vertex], shown_as: dict[str, str]
) -> tuple[Vertex, ...]:
    """Put each box of a folded group where the first vertex that it hides stood."""
    waiting = {box.id: box for box in boxes}
    vertices: list[Vertex] = []
    for vertex in picture.vertices:
        seen = shown_as[vertex.id]
        if seen == vertex.id:
            vertices.append(vertex)
        elif seen in waiting:
            vertices.append(waiting.pop(seen))
    return (*vertices, *waiting.values())


def _lead(
    edges: tuple[Edge, ...], shown_as: dict[str, str], parents: dict[str, str | None]
) -> tuple[Edge, ...]:
    """Return the edges between what is seen, each once."""
    led: dict[tuple[str, str, str, str], Edge] = {}
    for edge in edges:
        source, target = shown_as[edge.source], shown_as[edge.target]
        if source in (target, *_ancestors(parents[target], parents)):
            continue
        if target in _ancestors(parents[source], parents):
            continue
        key = (source, target, edge.kind, edge.label)
        known = led.get(key)
        edge = replace(edge, source=source, target=target)
        led[key] = edge if known is None else _merged(known, edge)
    return tuple(led.values())


def _merged(one: Edge, other: Edge) -> Edge:
    """Return an edge for two: taken if one of them was, optional if both are."""
    ways = (one.is_taken, other.is_taken)
    is_taken = True if True in ways else None if None in ways else False
    return replace(one, is_taken=is_taken, is_optional=one.is_optional and other.is_optional)


def _children(
    vertices: tuple[Vertex, ...], groups: tuple[Group, ...]
) -> dict[str | None, list[str]]:
    """Return what stands right in each group; a group stands where its first vertex does."""
    parents = {group.id: group.parent for group in groups}
    children: dict[str | None, list[str]] = {None: [], **{group.id: [] for group in groups}}
    placed: set[str] = set()

    def place(group: str) -> None:
        if group not in placed:
            placed.add(group)
            around = parents[group]
            if around is not None:
                place(around)
            children[around].append(group)

    for vertex in vertices:
        if vertex.group is not None:
            place(vertex.group)
        children[vertex.group].append(vertex.id)
    for group in groups:
        place(group.id)
    return children
