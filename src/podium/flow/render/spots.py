"""The layered graph with nothing left out: what takes room in each layer, and the joints between neighbours.

An arrow that spans several layers passes each one between as a *line*; a labelled arrow has its label as
a *label* in the layer above its target. Arrows with one source (or one target) share their lines as a
trunk, which keeps both the drawing and the work small where one node feeds many.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

SpotKind = Literal["item", "label", "line"]


@dataclass(frozen=True, slots=True)
class Size:
    """How much room something takes."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Arc:
    """An arrow between two items of one level, by number, pointed down.

    Attributes:
        upper: The item above.
        lower: The item below.
        trunk: Arrows of one trunk share their lines; all have one ``upper``, or all have one ``lower``.
        upper_at: Where it leaves, from the middle of the upper item to the right.
        lower_at: Where it arrives, from the middle of the lower item to the right.
        upper_room: How far from the middle of the upper item it may leave; 0 if just where it does.
        lower_room: How far from the middle of the lower item it may arrive; 0 if just where it does.
        label: The room its label takes; None if it has none.
    """

    upper: int
    lower: int
    trunk: Hashable
    upper_at: int = 0
    lower_at: int = 0
    upper_room: int = 0
    lower_room: int = 0
    label: Size | None = None


@dataclass(frozen=True, slots=True)
class Joint:
    """A piece of a line between two spots in neighbouring layers; its attributes are those of an arc."""

    upper: int
    lower: int
    upper_at: int
    lower_at: int
    upper_room: int
    lower_room: int
    trunk: int
    weight: int


@dataclass(slots=True)
class Spots:
    """All that takes room, by number; items come first and keep theirs.

    Attributes:
        sizes: By spot.
        kinds: By spot.
        rows: The spots of each layer, from the left.
        joints: All pieces of lines.
        ways: By arc, its joints from the top.
    """

    sizes: list[Size]
    kinds: list[SpotKind]
    rows: list[list[int]]
    joints: list[Joint] = field(default_factory=list)
    ways: list[list[int]] = field(default_factory=list)


def spread(
    sizes: Sequence[Size], layers: Sequence[int], arcs: Sequence[Arc], line_width: int
) -> Spots:
    """Return items, labels and lines in their layers, not ordered yet."""
    builder = _Builder(sizes, layers, line_width)
    for number, arc in enumerate(arcs):
        builder.add(number, arc)
    return builder.spots


class _Builder:
    def __init__(self, sizes: Sequence[Size], layers: Sequence[int], line_width: int) -> None:
        rows: list[list[int]] = [[] for _ in range(max(layers, default=-1) + 1)]
        for item, layer in enumerate(layers):
            rows[layer].append(item)
        self.spots = Spots(list(sizes), ["item"] * len(sizes), rows)
        self._layers = layers
        self._line = Size(line_width, 0)
        self._lines: dict[tuple[Hashable, int], int] = {}
        self._joints: dict[tuple[int, int, int, int, Hashable], int] = {}
        self._trunks: dict[Hashable, int] = {}

    def add(self, number: int, arc: Arc) -> None:
        """Lead one arrow through the layers between its ends."""
        first, last = self._layers[arc.upper], self._layers[arc.lower]
        between = range(first + 1, last if arc.label is None else last - 1)
        path = [arc.upper, *(self._line_at(arc.trunk, layer) for layer in between)]
        trunks: list[Hashable] = [arc.trunk] * len(path)
        if arc.label is not None:
            path.append(self._new("label", arc.label, last - 1))
            trunks.append((arc.trunk, number))
        path.append(arc.lower)
        self.spots.ways.append([
            self._joint(arc, upper, lower, trunk)
            for upper, lower, trunk in zip(path, path[1:], trunks, strict=False)
        ])  # fmt: skip

    def _line_at(self, trunk: Hashable, layer: int) -> int:
        spot = self._lines.get((trunk, layer))
        if spot is None:
            spot = self._lines[trunk, layer] = self._new("line", self._line, layer)
        return spot

    def _new(self, kind: SpotKind, size: Size, layer: int) -> int:
        spots = self.spots
        spots.sizes.append(size)
        spots.kinds.append(kind)
        spots.rows[layer].append(len(spots.kinds) - 1)
        return len(spots.kinds) - 1

    def _joint(self, arc: Arc, upper: int, lower: int, trunk: Hashable) -> int:
        upper_at, upper_room = (arc.upper_at, arc.upper_room) if upper == arc.upper else (0, 0)
        lower_at, lower_room = (arc.lower_at, arc.lower_room) if lower == arc.lower else (0, 0)
        key = (upper, lower, upper_at, lower_at, trunk)
        joint = self._joints.get(key)
        if joint is None:
            joint = self._joints[key] = len(self.spots.joints)
            number = self._trunks.setdefault(trunk, len(self._trunks))
            weight = _weight(self.spots.kinds[upper], self.spots.kinds[lower])
            self.spots.joints.append(
                Joint(upper, lower, upper_at, lower_at, upper_room, lower_room, number, weight)
            )
        return joint


def _weight(upper: SpotKind, lower: SpotKind) -> int:
    """Return how much straighter a joint wants to be than one between two items."""
    if upper == lower == "line":
        return 8
    if "label" in (upper, lower):
        return 4
    return 2 if "line" in (upper, lower) else 1
