"""A picture as SVG: one file with all in it, for light and dark pages, readable without colours.

It has no script, no link and no font of its own, and names its parts for screen readers. Colours come
from a style sheet with plain values, so that programs which know no variables draw it too.
"""

from __future__ import annotations

import math

from html import escape
from typing import Final

from podium.flow.render.layout import Layout, Point, Rect, Spacing, Wire, lay_out
from podium.flow.render.picture import Edge, Group, Picture, State, Tree, Vertex, fold
from podium.flow.render.spots import Size
from podium.flow.render.words import KINDS, clean, cut, description, pixels, tally

_SPACING: Final = Spacing(
    box_gap=26, line_gap=16, track_gap=10, channel_min=34, channel_top=14, channel_bottom=24, side=18,
    top=42, bottom=18, corner=14,
)  # fmt: skip
_MARGIN: Final = 28
_TITLE: Final = 34
_BOX_HEIGHT: Final = 48
_BOX_MIN: Final = 112
_TEXT_MAX: Final = 216
_LABEL_MAX: Final = 168
_ROUND: Final = 9
"""Radius of a line's corners."""
_HEAD: Final = 7
"""Length of an arrow head."""

_MARKS: Final[dict[State, str]] = {
    "waiting": '<circle r="5.2" class="open"/><path d="M0-2.6V0.4L2 1.6" class="open"/>',
    "running": '<circle r="5.2" class="open"/><path d="M0-5.2A5.2 5.2 0 0 1 0 5.2Z" class="full"/>',
    "ok": '<circle r="6" class="full"/><path d="M-2.7 0.2L-0.8 2.2L2.8-1.8" class="cut"/>',
    "skipped": '<circle r="5.2" class="open"/><path d="M-2.4 0H2.4" class="open"/>',
    "failed": '<circle r="6" class="full"/><path d="M-2-2L2 2M2-2L-2 2" class="cut"/>',
    "cancelled": '<circle r="5.2" class="open"/><path d="M-3.6 3.6L3.6-3.6" class="open"/>',
}

# By what it colours: line and mark, background of a box; in the light, in the dark.
_COLOURS: Final = {
    "plain": ("#57606a", "#ffffff", "#9aa7b5", "#1b222b"),
    "waiting": ("#7a6400", "#fffdf3", "#d9b84a", "#242113"),
    "running": ("#0969da", "#f1f8ff", "#58a6ff", "#13233a"),
    "ok": ("#1a7f37", "#f3fbf5", "#56d364", "#12261a"),
    "skipped": ("#6e7781", "#f7f8fa", "#8b98a6", "#191f27"),
    "failed": ("#cf222e", "#fff4f3", "#ff7b72", "#331a1c"),
    "cancelled": ("#8250df", "#faf6ff", "#c29bff", "#241c36"),
}
_STYLE: Final = """
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif;fill:#1f2328}
.page{fill:#ffffff}
.title{font-size:17px;font-weight:600}
.name{font-size:13px;font-weight:600}
.more,.tag{font-size:11px;fill:#59636e}
.tag{font-weight:600}
.halo{paint-order:stroke;stroke:#ffffff;stroke-opacity:.85;stroke-width:5px;stroke-linejoin:round}
.label{font-size:11px;fill:#424a53}
.plate{fill:#ffffff;fill-opacity:.92}
.box{fill:#ffffff;stroke:#c3cad2;stroke-width:1.2}
.frame{fill:#64748b;fill-opacity:.055;stroke:#b4bec9;stroke-width:1.2}
.alternative{stroke-dasharray:5 4}
.wire{fill:none;stroke:#8793a1;stroke-width:1.5}
.head{fill:#8793a1}
.order .wire{stroke-dasharray:1.5 4;stroke-linecap:round;stroke-width:1.8}
.optional .wire{stroke-dasharray:7 4}
.error .wire{stroke:#cf222e;stroke-dasharray:7 3 1.5 3}
.error .head{fill:#cf222e}
.taken .wire{stroke:#3d4752;stroke-width:1.8}
.taken .head{fill:#3d4752}
.untaken{opacity:.5}
.label.untaken{opacity:.75}
.untaken .wire{stroke-dasharray:3 4}
.box.dim{stroke-dasharray:4 3}
.open{fill:none;stroke-width:1.5;stroke-linecap:round}
.cut{fill:none;stroke:#ffffff;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
"""
_DARK: Final = """
text{fill:#e6edf3}
.page{fill:#0f141a}
.more{fill:#9aa6b2}
.label{fill:#b6c2cf}
.plate{fill:#0f141a}
.halo{stroke:#0f141a}
.box{fill:#1b222b;stroke:#3d4854}
.frame{fill:#94a3b8;fill-opacity:.06;stroke:#414d5a}
.wire{stroke:#76838f}
.head{fill:#76838f}
.error .wire{stroke:#ff7b72}
.error .head{fill:#ff7b72}
.taken .wire{stroke:#c2ccd6}
.taken .head{fill:#c2ccd6}
.cut{stroke:#0f141a}
"""


def svg(picture: Picture) -> str:
    """Return a picture as an SVG document."""
    return _Drawing(fold(picture)).document()


class _Drawing:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._layout: Layout = lay_out(tree, _SPACING, size=self._size, label_size=_label_size)

    def document(self) -> str:
        """Return all of it."""
        size = self._layout.size
        title = clean(self._tree.picture.title) or "flow"
        width = max(size.width, math.ceil(pixels(title, 17, is_bold=True))) + 2 * _MARGIN
        height = size.height + 2 * _MARGIN + _TITLE
        left = (width - size.width) // 2
        lines = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
                f'height="{height}" role="img" aria-labelledby="title desc">'
            ),
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(self._summary())}</desc>',
            f"<style>{_style()}</style>",
            f'<rect class="page" width="{width}" height="{height}"/>',
            f'<text class="title" x="{_MARGIN}" y="{_MARGIN + 8}">{escape(title)}</text>',
            f'<g transform="translate({left} {_MARGIN + _TITLE})">',
            *(self._frame(self._tree.groups[id], rect) for id, rect in self._layout.frames.items()),
            *(
                _wire(wire, self._names(wire.edge))
                for wire in sorted(self._layout.wires, key=_strength)
            ),
            *(_label(wire) for wire in self._layout.wires if wire.label is not None),
            *(self._words(self._tree.groups[id], rect) for id, rect in self._layout.frames.items()),
            *(_box(self._tree.vertices[id], rect) for id, rect in self._layout.boxes.items()),
            "</g>",
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _size(self, id: str) -> Size:
        vertex = self._tree.vertices.get(id)
        if vertex is None:
            return Size(math.ceil(_frame_words(self._tree.groups[id])) + 2 * _SPACING.side, 0)
        name = pixels(clean(vertex.label), 13, is_bold=True) + _tag_width(vertex)
        more = pixels(clean(description(vertex)), 11)
        return Size(math.ceil(max(_BOX_MIN, min(max(name, more), _TEXT_MAX) + 28)), _BOX_HEIGHT)

    def _summary(self) -> str:
        """Return what the drawing shows, in words."""
        nodes = tally(self._tree.picture.vertices)
        return f"A flow of {nodes}, drawn from top to bottom in the order in which it runs."

    def _names(self, edge: Edge) -> str:
        return f"{clean(edge.source)} → {clean(edge.target)}"

    def _frame(self, group: Group, rect: Rect) -> str:
        style = "frame alternative" if group.kind == "case" else "frame"
        dim = ' class="untaken"' if group.state == "skipped" else ""
        return (
            f'<g{dim}><rect class="{style}" x="{rect.x}" y="{rect.y}" width="{rect.width}" '
            f'height="{rect.height}" rx="12"/></g>'
        )

    def _words(self, group: Group, rect: Rect) -> str:
        """Draw the name of a frame; lines pass beneath it."""
        whole = f"{clean(group.label)}: {clean(description(group))}"
        room = rect.width - 2 * _SPACING.side - _tag_width(group)
        name = cut(clean(group.label), room, lambda text: pixels(text, 13, is_bold=True))
        name_width = pixels(name, 13, is_bold=True)
        more = cut(
            clean(description(group)), max(0, room - name_width - 10), lambda text: pixels(text, 11)
        )
        return "".join([
            f'<g><title>{escape(whole)}</title>',
            (f'<text class="name halo" x="{rect.x + 16}" y="{rect.y + 23}">{escape(name)}'
            f'<tspan class="more" font-weight="400" dx="8">{escape(more)}</tspan></text>'),
            _tag(group, rect.right - 14, rect.y + 19),
            "</g>",
        ])  # fmt: skip


def _style() -> str:
    light, dark = [_STYLE], [_DARK]
    for name, (line, back, dark_line, dark_back) in _COLOURS.items():
        for sheet, stroke, fill in ((light, line, back), (dark, dark_line, dark_back)):
            sheet.append(
                f".{name} .box{{stroke:{stroke};fill:{fill}}}.{name} .open{{stroke:{stroke}}}"
                f".{name} .full,.{name} .tag{{fill:{stroke}}}\n"
            )
    return "".join(light) + "@media (prefers-color-scheme:dark){" + "".join(dark) + "}"


def _label_size(label: str) -> Size:
    return Size(math.ceil(min(pixels(clean(label), 11), _LABEL_MAX)) + 12, 26)


def _frame_words(group: Group) -> float:
    """Return how wide the words on a frame are, up to a limit."""
    words = (
        pixels(clean(group.label), 13, is_bold=True) + 10 + pixels(clean(description(group)), 11)
    )
    return min(words, 2 * _TEXT_MAX) + _tag_width(group)


def _tag_width(part: Vertex | Group) -> float:
    return 0 if part.state is None else pixels(part.state, 11, is_bold=True) + 30


def _tag(part: Vertex | Group, right: float, y: float) -> str:
    """Draw the state with its mark and its word, so that colour is never the only sign."""
    if part.state is None:
        return ""
    return (
        f'<g class="{part.state}"><g transform="translate({right - 6} {y})">{_MARKS[part.state]}</g>'
        f'<text class="tag" x="{right - 16}" y="{y + 4}" text-anchor="end">{part.state}</text></g>'
    )


def _box(vertex: Vertex, rect: Rect) -> str:
    label, more = clean(vertex.label), clean(description(vertex))
    room = rect.width - 28
    name = cut(label, room - _tag_width(vertex), lambda text: pixels(text, 13, is_bold=True))
    line = cut(more, room, lambda text: pixels(text, 11))
    state = vertex.state or "plain"
    whole = f"{clean(vertex.id)}: {label}, {KINDS[vertex.kind]} {clean(vertex.detail)}".strip()
    whole += f", {vertex.state}" if vertex.state else ""
    is_dim = vertex.state in ("skipped", "cancelled")
    rounding = rect.height // 2 if vertex.kind in ("input", "output") else 8
    name_y = rect.y + (21 if line else 29)
    return "".join([
        f'<g class="{state}"><title>{escape(whole)}</title>',
        (f'<rect class="box{" dim" if is_dim else ""}" x="{rect.x}" y="{rect.y}" width="{rect.width}" '
        f'height="{rect.height}" rx="{rounding}"/>'),
        f'<text class="name" x="{rect.x + 14}" y="{name_y}">{escape(name)}</text>',
        f'<text class="more" x="{rect.x + 14}" y="{rect.y + 37}">{escape(line)}</text>' if line else "",
        _tag(vertex, rect.right - 12, name_y - 4),
        "</g>",
    ])  # fmt: skip


def _strength(wire: Wire) -> int:
    """Return what is drawn first: what was taken lies above what was not."""
    return {False: 0, None: 1, True: 2}[wire.edge.is_taken]


def _classes(edge: Edge) -> str:
    classes: list[str] = [edge.kind]
    classes += ["optional"] if edge.is_optional else []
    classes += {True: ["taken"], False: ["untaken"], None: []}[edge.is_taken]
    return " ".join(classes)


def _wire(wire: Wire, names: str) -> str:
    """Draw a line with rounded corners and its arrow head."""
    before, end = wire.points[-2], wire.points[-1]
    up = -1 if before.y > end.y else 1
    tip = f"M{end.x} {end.y - up}l-4.5 {-up * _HEAD}h9z"
    shaft = (*wire.points[:-1], Point(end.x, end.y - up * (_HEAD - 1)))
    return (
        f'<g class="{_classes(wire.edge)}"><title>{escape(names)}</title><path class="wire" d="{_path(shaft)}"/>'
        f'<path class="head" d="{tip}"/></g>'
    )


def _path(points: tuple[Point, ...]) -> str:
    parts = [f"M{points[0].x} {points[0].y}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_ROUND, _length(before, corner) // 2, _length(corner, after) // 2)
        start, end = _towards(corner, before, radius), _towards(corner, after, radius)
        parts.append(f"L{start.x} {start.y}Q{corner.x} {corner.y} {end.x} {end.y}")
    parts.append(f"L{points[-1].x} {points[-1].y}")
    return "".join(parts)


def _length(one: Point, other: Point) -> int:
    return abs(one.x - other.x) + abs(one.y - other.y)


def _towards(start: Point, end: Point, distance: int) -> Point:
    """Return the point some way along a horizontal or vertical piece."""
    length = _length(start, end) or 1
    return Point(
        start.x + (end.x - start.x) * distance // length,
        start.y + (end.y - start.y) * distance // length,
    )


def _label(wire: Wire) -> str:
    rect = wire.label
    assert rect is not None
    whole = clean(wire.edge.label)
    text = cut(whole, _LABEL_MAX, lambda text: pixels(text, 11))
    dim = " untaken" if wire.edge.is_taken is False else ""
    middle = rect.x + rect.width // 2
    return (
        f'<g><title>{escape(whole)}</title><rect class="plate" x="{rect.x}" y="{rect.y + 4}" '
        f'width="{rect.width}" height="18" rx="4"/><text class="label{dim}" x="{middle}" y="{rect.y + 17}" '
        f'text-anchor="middle">{escape(text)}</text></g>'
    )
