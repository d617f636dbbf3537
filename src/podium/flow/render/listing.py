"""A picture as lines of text, one a node, in the order in which they run; what is in a group is indented."""

from __future__ import annotations

import heapq

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from podium.flow.render.canvas import plain
from podium.flow.render.layers import Link, backward
from podium.flow.render.marks import BOLD, FAINT, STYLES, mark, styled
from podium.flow.render.picture import Edge, Group, State, Tree
from podium.flow.render.words import EDGES, cells, clean, cut, description, wrapped

NARROW: Final = 64
"""Below this width, what a node waits for stands on a line of its own."""
_GAP: Final = 2
_FOLDED: Final = frozenset({"for_each", "while", "until", "switch"})


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is said of one node."""

    depth: int
    sign: str
    name: str
    state: State | None
    what: str
    waits: str

    @property
    def lead(self) -> int:
        """The cells before and with its name."""
        return 2 + 2 * self.depth + (2 if self.sign else 0) + cells(self.name)


def listing(tree: Tree, width: int, *, color: bool, ascii: bool) -> list[str]:
    """Return the lines, none wider than ``width`` (40 and more)."""
    waits: dict[str, list[Edge]] = {}
    for edge in tree.picture.edges:
        waits.setdefault(edge.target, []).append(edge)
    pairs = _pairs(tree)
    entries = [
        _entry(tree, id_, depth, waits.get(id_, []))
        for id_, depth in _in_order(tree, pairs, None, 0)
    ]
    writer = _Writer(entries, width, color=color, ascii=ascii)
    return [line for entry in entries for line in writer.lines(entry)]


_Pairs = dict[str | None, list[tuple[str, str]]]


def _pairs(tree: Tree) -> _Pairs:
    """Return, by the group that has both, the pairs of parts of which the second waits for the first."""
    pairs: _Pairs = {}
    for edge in tree.picture.edges:
        up, down = tree.apart(edge)
        pairs.setdefault(tree.parents[up[-1]], []).append((up[-1], down[-1]))
    return pairs


def _in_order(
    tree: Tree, pairs: _Pairs, group: str | None, depth: int
) -> Iterator[tuple[str, int]]:
    """Yield the parts of a group so that each comes after what it waits for, else as in the document."""
    for child in _sorted(tree.children[group], pairs.get(group, [])):
        yield child, depth
        if child in tree.groups:
            yield from _in_order(tree, pairs, child, depth + 1)


def _sorted(children: list[str], pairs: list[tuple[str, str]]) -> list[str]:
    numbers = {child: number for number, child in enumerate(children)}
    links = [Link(numbers[source], numbers[target]) for source, target in pairs]
    back = backward(len(children), links)
    after: list[list[int]] = [[] for _ in children]
    missing = [0] * len(children)
    for number, link in enumerate(links):
        if number not in back:
            after[link.source].append(link.target)
            missing[link.target] += 1
    ready = [number for number, count in enumerate(missing) if not count]
    ordered: list[str] = []
    while ready:
        number = heapq.heappop(ready)
        ordered.append(children[number])
        for target in after[number]:
            missing[target] -= 1
            if not missing[target]:
                heapq.heappush(ready, target)
    return ordered


def _entry(tree: Tree, id_: str, depth: int, edges: list[Edge]) -> _Entry:
    part = tree.vertices.get(id_) or tree.groups[id_]
    around = tree.parents[id_]
    name, label = clean(_near(id_, around)), clean(part.label)
    what = clean(description(part))
    if label != name:
        what = f"{label} · {what}" if what else label
    sign = "▾" if isinstance(part, Group) else "▸" if part.kind in _FOLDED else ""
    return _Entry(depth, sign, name, part.state, what, _waits(edges, around))


def _near(id_: str, around: str | None) -> str:
    """Return an id as it is seen from within a group."""
    return id_.removeprefix(f"{around}/") if around else id_


def _waits(edges: list[Edge], around: str | None) -> str:
    """Return what a part waits for: ``← intent, kb? · after audit``."""
    texts: list[str] = []
    for kind, word in EDGES.items():
        names = [_wait(edge, around) for edge in edges if edge.kind == kind]
        if names:
            texts.append(f"{word or '←'} {', '.join(names)}")
    return " · ".join(texts)


def _wait(edge: Edge, around: str | None) -> str:
    name = clean(_near(edge.source, around)) + ("?" if edge.is_optional else "")
    notes = [clean(edge.label)] if edge.label else []
    notes += ["not taken"] if edge.is_taken is False else []
    return f"{name} ({', '.join(notes)})" if notes else name


class _Writer:
    """Writes entries in columns: mark and name, state, what it is, what it waits for."""

    def __init__(self, entries: list[_Entry], width: int, *, color: bool, ascii: bool) -> None:
        self._color = color
        self._ascii = ascii
        self._width = max(width, 24)
        self._state = max((cells(entry.state) for entry in entries if entry.state), default=-_GAP)
        lead = max((entry.lead for entry in entries), default=0)
        self._is_narrow = width < NARROW
        if self._is_narrow:
            self._lead = min(lead, self._width - max(0, self._state) - _GAP)
            return
        self._lead = min(lead, self._width * 2 // 5)
        rest = self._width - self._lead - self._state - 2 * _GAP
        whats = max((cells(entry.what) for entry in entries), default=0)
        waits = max((cells(entry.waits) for entry in entries), default=0)
        self._what = min(whats, max(12, rest * 2 // 5, rest - _GAP - waits))
        self._waits = rest - self._what - _GAP

    def lines(self, entry: _Entry) -> Iterator[str]:
        """Yield the lines of one entry."""
        first = self._first(entry)
        if self._is_narrow:
            yield first.rstrip()
            indent = 2 * entry.depth + 4
            for text in (entry.what, *wrapped(entry.waits, self._width - indent)):
                short = cut(text, self._width - indent, cells)
                if short:
                    yield " " * indent + self._text(short, FAINT)
            return
        what = cut(entry.what, self._what, cells)
        waits = wrapped(entry.waits, self._waits, further=2)
        gap = " " * (self._what - cells(what) + _GAP)
        yield from self._end(
            first
            + self._text(what, FAINT if not entry.sign else "")
            + gap
            + self._text(waits[0] if waits else "", "")
        )
        for text in waits[1:]:
            yield " " * (self._lead + self._state + self._what + 3 * _GAP + 2) + self._text(
                text, ""
            )

    def _first(self, entry: _Entry) -> str:
        """Return mark, name and state, filled up to the next column."""
        colour = STYLES[entry.state]
        indent = "  " * entry.depth
        sign = f"{entry.sign} " if entry.sign else ""
        room = self._lead - 2 - cells(indent) - cells(sign)
        name = cut(entry.name, room, cells)
        used = 2 + cells(indent) + cells(sign) + cells(name)
        state = entry.state or ""
        parts = [
            indent, self._text(mark(entry.state, ascii=self._ascii), colour), " ", self._text(sign, ""),
            self._text(name, BOLD), " " * (self._lead - used + _GAP),
            self._text(state, colour), " " * (self._state - cells(state) + _GAP),
        ]  # fmt: skip
        return "".join(parts)

    def _text(self, text: str, style: str) -> str:
        return styled(_ascii(text) if self._ascii else text, style, color=self._color)

    @staticmethod
    def _end(line: str) -> Iterator[str]:
        yield line.rstrip(" ")


def _ascii(text: str) -> str:
    return plain(text.replace("▾", "v").replace("▸", ">"))
