"""Edges cut into pieces where they pass the borders of frames: one piece for each level they run through."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

from podium.flow.render.layers import Link, backward
from podium.flow.render.picture import Edge, Tree

Side = Literal["top", "bottom"]
Trunk = tuple[str, str, str]
"""Whether it fans out or gathers (``out``, ``in``), the part that all of it share, the kind of its edges."""


class Port(NamedTuple):
    """Where a trunk passes the border of a frame, as seen from within."""

    side: Side
    trunk: Trunk


Part = str | Port
"""What stands in a level: a vertex or group by its id, or a port."""


class Piece(NamedTuple):
    """The part of an edge that lies in one level; equal ones are drawn once.

    Attributes:
        source: Where it comes from.
        target: Where it leads.
        trunk: What it may share its line with.
        label: What is written on it.
        is_back: Whether it leads up, because the parts of its level wait for each other.
    """

    source: Part
    target: Part
    trunk: Trunk
    label: str
    is_back: bool


Place = tuple[str | None, Piece]
"""A piece and the group whose level it lies in."""


def cut_up(tree: Tree) -> list[list[Place]]:
    """Return the pieces of each edge, from its source to its target."""
    fan_out: dict[tuple[str, str], int] = {}
    fan_in: dict[tuple[str, str], int] = {}
    for edge in tree.picture.edges:
        fan_out[edge.source, edge.kind] = fan_out.get((edge.source, edge.kind), 0) + 1
        fan_in[edge.target, edge.kind] = fan_in.get((edge.target, edge.kind), 0) + 1
    up = _leading_up(tree)
    paths: list[list[Place]] = []
    for edge in tree.picture.edges:
        gathers = (
            fan_in[edge.target, edge.kind] > fan_out[edge.source, edge.kind] and not edge.label
        )
        trunk = ("in", edge.target, edge.kind) if gathers else ("out", edge.source, edge.kind)
        paths.append(_pieces(tree, edge, trunk, up))
    return paths


def _leading_up(tree: Tree) -> set[tuple[str, str]]:
    """Return the pairs of neighbours between which arrows lead up, so that in no level they form a cycle."""
    pairs: dict[str | None, dict[tuple[str, str], None]] = {}
    for edge in tree.picture.edges:
        outwards, inwards = tree.apart(edge)
        pairs.setdefault(tree.parents[outwards[-1]], {})[outwards[-1], inwards[-1]] = None
    found: set[tuple[str, str]] = set()
    for group, ends in pairs.items():
        numbers = {child: number for number, child in enumerate(tree.children[group])}
        links = [Link(numbers[source], numbers[target]) for source, target in ends]
        back = backward(len(numbers), links)
        found |= {pair for number, pair in enumerate(ends) if number in back}
    return found


def _pieces(tree: Tree, edge: Edge, trunk: Trunk, up: set[tuple[str, str]]) -> list[Place]:
    """Return the pieces of one edge; its label is where its line is its own, in the level of its target."""
    outwards, inwards = tree.apart(edge)
    is_back = (outwards[-1], inwards[-1]) in up
    leaves, enters = (
        (Port("top", trunk), Port("bottom", trunk))
        if is_back
        else (Port("bottom", trunk), Port("top", trunk))
    )
    label = edge.label if is_back or len(inwards) == 1 else ""
    path: list[Place] = [
        (group, Piece(inner, leaves, trunk, "", is_back)) for inner, group in pairwise(outwards)
    ]
    path.append(
        (tree.parents[outwards[-1]], Piece(outwards[-1], inwards[-1], trunk, label, is_back))
    )
    path += [
        (group, Piece(enters, inner, trunk, "", is_back))
        for group, inner in pairwise(reversed(inwards))
    ]
    if edge.label and not label:
        level, last = path.pop()
        path.append((level, last._replace(label=edge.label)))
    return path
