"""Where everything stands: layered drawing, top to bottom, with nested frames.

The method is that of Sugiyama, Tagawa and Toda (*Methods for visual understanding of hierarchical system
structures*, 1981) in its usual four phases: layers (``layers``), order (``order``), columns (``place``), lines
(``channel``). Each frame is laid out for itself, from the inside out, and is one large box to what is around
it; so frames hold together and never overlap, whatever the arrows do. An arrow through a frame's border
passes a port, which stands in a layer of its own at the edge of what is in the frame, and where the port
came to stand is known to the layout outside.

All coordinates are integers, in the unit of the sizes given: pixels or cells of a terminal.
"""

from __future__ import annotations

import math

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from podium.flow.render.channel import Channel, route
from podium.flow.render.layers import Link, assign
from podium.flow.render.order import arrange
from podium.flow.render.picture import Edge, Tree
from podium.flow.render.pieces import Part, Piece, Place, Port, cut_up
from podium.flow.render.place import place
from podium.flow.render.spots import Arc, Size, Spots, spread

_SHAPE: Final = 1.7
"""How much wider than high a large drawing may become before layers are split."""


class Point(NamedTuple):
    """A place in the drawing; y grows downwards."""

    x: int
    y: int


class Rect(NamedTuple):
    """Room in the drawing; ``right`` and ``bottom`` are the first that are outside."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column right of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first line below it."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distances, in the drawing's unit.

    Attributes:
        box_gap: Between two boxes of a layer.
        line_gap: Between a line and what is beside it.
        track_gap: Between two tracks of a channel.
        channel_min: The least height of a channel.
        channel_top: From a layer to the first track below it.
        channel_bottom: From the last track to the boxes below it, with their arrow heads.
        side: From a frame's border to what is in it.
        top: From a frame's upper border to what is in it, with the words on the frame.
        bottom: From what is in a frame to its lower border.
        corner: What is kept free of lines at each end of a box's side.
    """

    box_gap: int
    line_gap: int
    track_gap: int
    channel_min: int
    channel_top: int
    channel_bottom: int
    side: int
    top: int
    bottom: int
    corner: int


@dataclass(frozen=True, slots=True)
class Wire:
    """The line of one edge, from its source to its target.

    Attributes:
        edge: What it stands for.
        points: Its corners; every piece is horizontal or vertical.
        label: The room for its label; None if it has none.
    """

    edge: Edge
    points: tuple[Point, ...]
    label: Rect | None


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture with its places.

    Attributes:
        size: Of the whole.
        boxes: By vertex.
        frames: By group, outer ones first.
        wires: In the order of the edges.
    """

    size: Size
    boxes: dict[str, Rect]
    frames: dict[str, Rect]
    wires: tuple[Wire, ...]


def lay_out(
    tree: Tree, spacing: Spacing, *, size: Callable[[str], Size], label_size: Callable[[str], Size],
    width_max: int | None = None,
) -> Layout:  # fmt: skip
    """Give every visible part of a picture its place.

    Args:
        tree: What is seen.
        spacing: The distances.
        size: The size of a vertex; of a group, what the words on its frame need at least.
        label_size: The size of a label.
        width_max: Layers are split rather than made wider; None chooses by the number of boxes.
    """
    paths = cut_up(tree)
    levels: dict[str | None, dict[Piece, None]] = {None: {}, **{id: {} for id in tree.groups}}
    for group, piece in (each for path in paths for each in path):
        levels[group][piece] = None
    blocks: dict[str | None, _Block] = {}
    groups = [id for id, _ in tree.depth_first() if id in tree.groups]
    for group in [*reversed(groups), None]:
        inner = (
            None if width_max is None else width_max - 2 * spacing.side * len(_around(tree, group))
        )
        level = _Level(tree.children[group], list(levels[group]), spacing, label_size)
        blocks[group] = level.lay_out(
            lambda part: blocks[part].frame if part in blocks else size(part), blocks, inner
        )
        if group is not None:
            blocks[group].fit(size(group), spacing)
    return _assemble(tree, groups, blocks, paths, spacing)


def _around(tree: Tree, group: str | None) -> list[str]:
    return [] if group is None else tree.chain(group)


@dataclass(slots=True)
class _Block:
    """What is in one frame, laid out, from its own upper left.

    Attributes:
        size: Of what is in it.
        places: By part.
        lines: By piece, the points from source to target.
        labels: By piece.
        frame: The size of the frame.
        shift: How far to the right what is in it begins.
    """

    size: Size
    places: dict[Part, Rect] = field(default_factory=dict)
    lines: dict[Piece, list[Point]] = field(default_factory=dict)
    labels: dict[Piece, Rect] = field(default_factory=dict)
    frame: Size = field(default_factory=lambda: Size(0, 0))
    shift: int = 0

    def fit(self, words: Size, spacing: Spacing) -> None:
        """Make a frame around, wide enough for the words on it."""
        width = max(self.size.width + 2 * spacing.side, words.width)
        self.frame = Size(width, self.size.height + spacing.top + spacing.bottom)
        self.shift = (width - self.size.width) // 2

    def port(self, part: Part) -> int:
        """Return where on the frame a port is, from the middle of the frame to the right."""
        rect = self.places[part]
        return self.shift + rect.x + rect.width // 2 - self.frame.width // 2


class _Level:
    """What stands in one frame, or at the top, while it is laid out."""

    def __init__(
        self,
        children: list[str],
        pieces: list[Piece],
        spacing: Spacing,
        label_size: Callable[[str], Size],
    ) -> None:
        self._spacing = spacing
        self._label_size = label_size
        self._pieces = pieces
        ends = (end for piece in pieces for end in (piece.source, piece.target))
        ports = dict.fromkeys(end for end in ends if isinstance(end, Port))
        self._parts: list[Part] = [*children, *ports]
        self._numbers = {part: number for number, part in enumerate(self._parts)}
        self._inner = len(children)

    def lay_out(
        self, size: Callable[[str], Size], blocks: dict[str | None, _Block], width_max: int | None
    ) -> _Block:
        """Run the four phases."""
        sizes = [size(part) if isinstance(part, str) else Size(1, 0) for part in self._parts]
        links = [self._link(piece) for piece in self._pieces]
        layers = self._layers(sizes, links, width_max)
        arcs = [
            self._arc(piece, link, sizes, blocks)
            for piece, link in zip(self._pieces, links, strict=True)
        ]
        spots = spread(sizes, layers, arcs, 1)
        arrange(spots)
        columns = place(spots, lambda left, right: self._gap(spots, left, right))
        return self._draw(spots, columns)

    def _link(self, piece: Piece) -> Link:
        """Return a piece pointed down."""
        source, target = self._numbers[piece.source], self._numbers[piece.target]
        if piece.is_back:
            source, target = target, source
        return Link(source, target, 2 if piece.label else 1)

    def _layers(self, sizes: list[Size], links: list[Link], width_max: int | None) -> list[int]:
        """Return the layers, with those that enter above all others and those that leave below."""
        inner = self._inner
        gap = self._spacing.box_gap
        widths = [size.width + gap for size in sizes[:inner]]
        if width_max is None:
            height = sum(
                size.height + 3 * self._spacing.channel_min for size in sizes[:inner]
            ) / max(1, inner)
            width_max = int(
                max(math.sqrt(_SHAPE * sum(widths) * height), 6 * max(widths, default=0))
            )
        between = [link for link in links if link.source < inner and link.target < inner]
        layers = assign(widths, between, width_max=width_max + gap)
        sides = [part.side for part in self._parts if isinstance(part, Port)]
        has_labels = any(link.source >= inner and link.span > 1 for link in links)
        first = 2 if has_labels else 1 if "top" in sides else 0
        last = first + max(layers, default=-1) + 1
        return [
            *(layer + first for layer in layers),
            *(0 if side == "top" else last for side in sides),
        ]

    def _arc(
        self, piece: Piece, link: Link, sizes: list[Size], blocks: dict[str | None, _Block]
    ) -> Arc:
        lower, upper = (
            (piece.source, piece.target) if piece.is_back else (piece.target, piece.source)
        )
        upper_at, upper_room = self._end(upper, Port("bottom", piece.trunk), sizes, blocks)
        lower_at, lower_room = self._end(lower, Port("top", piece.trunk), sizes, blocks)
        return Arc(
            link.source, link.target, (piece.trunk, piece) if piece.is_back else piece.trunk,
            upper_at, lower_at, upper_room, lower_room,
            self._label_size(piece.label) if piece.label else None,
        )  # fmt: skip

    def _end(
        self, part: Part, port: Port, sizes: list[Size], blocks: dict[str | None, _Block]
    ) -> tuple[int, int]:
        """Return where an arrow meets a part, from its middle, and how far it may be moved.

        It meets a frame at its port, if it goes on inside; else it meets the middle.
        """
        if isinstance(part, Port):
            return 0, 0
        block = blocks.get(part)
        if block is not None and port in block.places:
            return block.port(port), 0
        return 0, sizes[self._numbers[part]].width // 2 - self._spacing.corner

    def _gap(self, spots: Spots, left: int, right: int) -> int:
        """Return how far two spots are apart; an item that is no port is a box."""
        boxes = sum(spot < self._inner for spot in (left, right))
        return self._spacing.box_gap if boxes == 2 else self._spacing.line_gap

    def _draw(self, spots: Spots, columns: list[int]) -> _Block:
        channels = self._channels(spots, columns)
        tops = self._tops(spots, channels)
        layer_of = {spot: layer for layer, row in enumerate(spots.rows) for spot in row}
        height = 0
        places: dict[Part, Rect] = {}
        for spot, part in enumerate(self._parts):
            size = spots.sizes[spot]
            places[part] = Rect(
                columns[spot] - size.width // 2, tops[layer_of[spot]], size.width, size.height
            )
            height = max(height, places[part].bottom)
        block = _Block(Size(0, height), places)
        for piece, way in zip(self._pieces, spots.ways, strict=True):
            points: list[Point] = []
            for at in way:
                joint = spots.joints[at]
                layer = layer_of[joint.upper]
                points += self._bend(spots, channels[layer], at, tops, layer)
                if spots.kinds[joint.lower] == "label":
                    size = spots.sizes[joint.lower]
                    left = columns[joint.lower] - size.width // 2
                    bottom = tops[layer + 1] + self._height(spots, layer + 1)
                    block.labels[piece] = Rect(left, bottom - size.height, size.width, size.height)
            block.lines[piece] = points[::-1] if piece.is_back else points
        block.size = Size(_right(spots, columns), height)
        return block

    def _channels(self, spots: Spots, columns: list[int]) -> list[Channel]:
        below: list[list[int]] = [[] for _ in spots.rows]
        layer_of = {spot: layer for layer, row in enumerate(spots.rows) for spot in row}
        for number, joint in enumerate(spots.joints):
            below[layer_of[joint.upper]].append(number)
        return [
            route({at: spots.joints[at] for at in numbers}, columns, self._spacing.track_gap)
            for numbers in below
        ]

    def _height(self, spots: Spots, layer: int) -> int:
        return max((spots.sizes[spot].height for spot in spots.rows[layer]), default=0)

    def _tops(self, spots: Spots, channels: list[Channel]) -> list[int]:
        """Return where each layer begins."""
        spacing = self._spacing
        tops: list[int] = []
        y = 0
        for layer, row in enumerate(spots.rows):
            if layer:
                tracks = channels[layer - 1].tracks
                has_boxes = any(spot < self._inner for spot in row)
                lead = spacing.channel_bottom if has_boxes else spacing.track_gap
                used = (
                    spacing.channel_top + (tracks - 1) * spacing.track_gap + lead if tracks else 0
                )
                y += max(used, spacing.channel_min if has_boxes else 0)
            tops.append(y)
            y += self._height(spots, layer)
        return tops

    def _bend(
        self, spots: Spots, channel: Channel, number: int, tops: list[int], layer: int
    ) -> Iterable[Point]:
        """Return the points of one joint."""
        joint = spots.joints[number]
        top, bottom = channel.ends[number]
        floor = tops[layer] + self._height(spots, layer)
        start = (
            tops[layer] + spots.sizes[joint.upper].height
            if spots.kinds[joint.upper] == "item"
            else floor
        )
        yield Point(top, start)
        if top != bottom:
            track = (
                floor
                + self._spacing.channel_top
                + channel.runs[joint.trunk].track * self._spacing.track_gap
            )
            yield Point(top, track)
            yield Point(bottom, track)
        yield Point(bottom, tops[layer + 1])


def _right(spots: Spots, columns: list[int]) -> int:
    """Return the first column right of everything in a level."""
    widths = (
        column - size.width // 2 + size.width
        for column, size in zip(columns, spots.sizes, strict=True)
    )
    return max(widths, default=0)


def _assemble(
    tree: Tree, groups: list[str], blocks: dict[str | None, _Block],
    paths: list[list[Place]], spacing: Spacing,
) -> Layout:  # fmt: skip
    """Put the blocks into each other, and the pieces of each edge together."""
    origins: dict[str | None, Point] = {None: Point(0, 0)}
    frames: dict[str, Rect] = {}
    boxes: dict[str, Rect] = {}
    for group in [None, *groups]:
        origin, block = origins[group], blocks[group]
        for id in tree.children[group]:
            rect = _moved(block.places[id], origin)
            if id in tree.groups:
                frames[id] = rect
                origins[id] = Point(rect.x + blocks[id].shift, rect.y + spacing.top)
            else:
                boxes[id] = rect
    wires: list[Wire] = []
    for edge, path in zip(tree.picture.edges, paths, strict=True):
        points: list[Point] = []
        label: Rect | None = None
        for level, piece in path:
            block, origin = blocks[level], origins[level]
            points += [Point(x + origin.x, y + origin.y) for x, y in block.lines[piece]]
            if piece in block.labels:
                label = _moved(block.labels[piece], origin)
        wires.append(Wire(edge, _corners(points), label))
    return Layout(blocks[None].size, boxes, frames, tuple(wires))


def _moved(rect: Rect, origin: Point) -> Rect:
    return Rect(rect.x + origin.x, rect.y + origin.y, rect.width, rect.height)


def _corners(points: list[Point]) -> tuple[Point, ...]:
    """Return the ends and the points where the direction changes."""
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and (
            kept[-2].x == kept[-1].x == point.x or kept[-2].y == kept[-1].y == point.y
        ):
            kept[-1] = point
        else:
            kept.append(point)
    return tuple(kept)
