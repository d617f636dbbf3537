"""Words for what is drawn, and text made safe and short enough to be drawn."""

from __future__ import annotations

import unicodedata

from collections.abc import Callable, Iterable
from typing import Final

from podium.flow.render.picture import STATES, EdgeKind, Group, GroupKind, Vertex, VertexKind

KINDS: Final[dict[VertexKind | GroupKind, str]] = {
    "call": "call", "flow": "flow", "agent": "agent", "plan": "plan", "switch": "switch", "case": "case", "for_each": "for each",
    "while": "while", "until": "until", "wait": "wait", "ask": "ask", "set": "set", "fail": "fail",
    "input": "input", "output": "output",
}  # fmt: skip
"""By kind, how it is called in a drawing."""

EDGES: Final[dict[EdgeKind, str]] = {"data": "", "order": "after", "error": "on error of"}
"""By kind of edge, what stands before its source in a listing."""


def description(part: Vertex | Group) -> str:
    """Return the second line of a box, or what follows a frame's name: kind and detail."""
    if part.kind == "call" and part.detail:
        return part.detail
    kind = KINDS[part.kind]
    if not part.detail and kind == part.label:
        return ""
    return f"{kind} · {part.detail}" if part.detail else kind


def clean(text: str) -> str:
    """Return a text on one line, with nothing in it that cannot be drawn."""
    return " ".join("".join(_drawable(char) for char in text).split())


def _drawable(char: str) -> str:
    if char.isspace():
        return " "
    if unicodedata.category(char) in ("Cc", "Cs", "Cn", "Co") or char in _DIRECTIONS:
        return "\ufffd"
    return char


_DIRECTIONS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""They would turn round what stands beside them."""


def cut(text: str, width: float, measure: Callable[[str], float]) -> str:
    """Return a text no wider than ``width``, with ``…`` for what is left out."""
    if measure(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle].rstrip() + "…") <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low or measure("…") <= width else ""


def tally(vertices: Iterable[Vertex]) -> str:
    """Return how many nodes there are, and how many in each state."""
    states = [vertex.state for vertex in vertices]
    counts = [f"{states.count(state)} {state}" for state in STATES if state in states]
    nodes = "1 node" if len(states) == 1 else f"{len(states)} nodes"
    return f"{nodes}: {', '.join(counts)}" if counts else nodes


def wrapped(text: str, width: int, *, further: int = 0) -> list[str]:
    """Break a text between words; a word that is too long is cut. ``further`` lines are shorter by so much."""
    lines: list[str] = []
    for word in text.split():
        room = width - further if len(lines) > 1 else width
        if lines and cells(lines[-1]) + 1 + cells(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(cut(word, width - further if lines else width, cells))
    return lines


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(char) for char in text)


def _cells_of(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pixels(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return about how wide a text is in a sans serif font, rather too much than too little."""
    total = sum(_ems(char) for char in text)
    return total * size * (1.12 if is_bold else 1.0)


def _ems(char: str) -> float:
    if char in "iljI.,:;|!'`":
        return 0.32
    if char in 'ftr()[]{}/\\-" ':
        return 0.40
    if char in "mwMW@%…—":
        return 0.95
    if char.isascii():
        return 0.70 if char.isupper() else 0.61
    return 0.70 if _cells_of(char) == 1 else 1.1 * (_cells_of(char) // 2)
