"""A picture as boxes and lines in a terminal, where it is small enough for that."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from podium.flow.render.canvas import Canvas
from podium.flow.render.layout import Layout, Rect, Spacing, Wire, lay_out
from podium.flow.render.marks import BOLD, FAINT, STYLES, mark, wire_style
from podium.flow.render.picture import Group, Tree, Vertex
from podium.flow.render.spots import Size
from podium.flow.render.words import cells, clean, cut, description

BOXES_MAX: Final = 30
"""More than these are a listing: nobody follows lines over many screens."""
_SPACING: Final = Spacing(
    box_gap=3, line_gap=1, track_gap=1, channel_min=1, channel_top=0, channel_bottom=2, side=2, top=1,
    bottom=1, corner=2,
)  # fmt: skip
_TEXT_MAX: Final = 34
_LABEL_MAX: Final = 26


def diagram(tree: Tree, width: int, *, color: bool, ascii: bool) -> list[str] | None:
    """Return the lines of the drawing, or None if it is too large for the width."""
    if not tree.vertices or len(tree.vertices) > BOXES_MAX:
        return None
    for layer_max in (width, width * 3 // 4, width // 2):
        layout = lay_out(
            tree,
            _SPACING,
            size=lambda id_: _size(tree, id_),
            label_size=_label_size,
            width_max=layer_max,
        )
        if layout.size.width <= width:
            return _Sheet(tree, layout, ascii=ascii).rows(color=color)
    return None


class _Sheet:
    def __init__(self, tree: Tree, layout: Layout, *, ascii: bool) -> None:
        self._ascii = ascii
        self._canvas = Canvas(layout.size.width + 1, layout.size.height + 1, ascii=ascii)
        for id_, rect in layout.frames.items():
            is_solid = tree.groups[id_].kind != "case"
            self._canvas.frame(*rect, FAINT, is_solid=is_solid)
        for id_, rect in layout.boxes.items():
            self._outline(tree.vertices[id_], rect)
        for wire in sorted(layout.wires, key=lambda wire: wire.edge.is_taken is not False):
            self._wire(wire)
        for wire in layout.wires:
            self._label(wire)
        for id_, rect in layout.frames.items():
            self._title(tree.groups[id_], rect)
        for id_, rect in layout.boxes.items():
            self._words(tree.vertices[id_], rect)

    def rows(self, *, color: bool) -> list[str]:
        """Return the lines of text."""
        rows = self._canvas.rows(color=color)
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def _outline(self, vertex: Vertex, rect: Rect) -> None:
        is_solid = vertex.state not in ("skipped", "cancelled")
        self._canvas.frame(*rect, STYLES[vertex.state], is_solid=is_solid)

    def _words(self, vertex: Vertex, rect: Rect) -> None:
        left, y = rect.x + 2, rect.y + 1
        colour = STYLES[vertex.state]
        state = vertex.state or ""
        if vertex.state is not None:
            self._canvas.write(left, y, mark(vertex.state, ascii=self._ascii), colour)
            self._canvas.write(rect.right - 2 - cells(state), y, state, colour)
            left += 2
        room = rect.right - 2 - left - (cells(state) + 2 if state else 0)
        self._canvas.write(left, y, cut(clean(vertex.label), room, cells), BOLD)
        more = cut(clean(description(vertex)), rect.width - 4, cells)
        if more:
            self._canvas.write(rect.x + 2, y + 1, more, FAINT)

    def _title(self, group: Group, rect: Rect) -> None:
        """Write on the upper border of a frame: mark, name, what it is, and at the right its state."""
        x, room = rect.x + 2, rect.width - 4
        state = f" {group.state} " if group.state else ""
        if group.state:
            self._canvas.write(rect.right - 2 - cells(state), rect.y, state, STYLES[group.state])
        sign = f" {mark(group.state, ascii=self._ascii)} " if group.state else " "
        self._canvas.write(x, rect.y, sign, STYLES[group.state])
        room -= cells(state) + cells(sign) + 1
        name = cut(clean(group.label), room, cells) + " "
        self._canvas.write(x + cells(sign), rect.y, name, BOLD)
        more = cut(clean(description(group)), room - cells(name), cells)
        if more:
            self._canvas.write(x + cells(sign) + cells(name), rect.y, more + " ", FAINT)

    def _wire(self, wire: Wire) -> None:
        style, is_solid = (
            wire_style(wire.edge),
            wire.edge.is_taken is not False and wire.edge.kind == "data",
        )
        first, last = wire.points[0], wire.points[-1]
        is_up = first.y > last.y
        tip = last if is_up else last._replace(y=last.y - 1)
        start = () if is_up else (first._replace(y=first.y - 1),)
        points = (*start, *wire.points[:-1], tip)
        for one, other in pairwise(points):
            self._canvas.line(one.x, one.y, other.x, other.y, style, is_solid=is_solid)
        arrow = ("^" if self._ascii else "▲") if is_up else ("v" if self._ascii else "▼")
        self._canvas.write(*tip, arrow, style)

    def _label(self, wire: Wire) -> None:
        if wire.label is not None:
            text = cut(clean(wire.edge.label), _LABEL_MAX, cells)
            style = STYLES["skipped"] if wire.edge.is_taken is False else ""
            self._canvas.write(
                wire.label.x + (wire.label.width - cells(text)) // 2, wire.label.y, text, style
            )


def _size(tree: Tree, id_: str) -> Size:
    part = tree.vertices.get(id_) or tree.groups[id_]
    name, more = cells(clean(part.label)), cells(clean(description(part)))
    state = cells(part.state) + 4 if part.state else 0
    if isinstance(part, Group):
        return Size(min(name + more + 2, 2 * _TEXT_MAX) + state + 7, 0)
    return Size(max(5, min(max(name + state, more), _TEXT_MAX)) + 4, 4 if more else 3)


def _label_size(label: str) -> Size:
    return Size(min(cells(clean(label)), _LABEL_MAX) + 2, 1)
