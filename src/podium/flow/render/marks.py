"""How states look in a terminal: a mark, a colour and a word, so that each can be missing."""

from __future__ import annotations

from typing import Final

from podium.flow.render.canvas import RESET
from podium.flow.render.picture import Edge, State

MARKS: Final[dict[State | None, str]] = {
    None: "•", "waiting": "○", "running": "◐", "ok": "✓", "skipped": "–", "failed": "✗", "cancelled": "⊘",
}  # fmt: skip
ASCII_MARKS: Final[dict[State | None, str]] = {
    None: "*", "waiting": ".", "running": ">", "ok": "+", "skipped": "-", "failed": "x", "cancelled": "!",
}  # fmt: skip
STYLES: Final[dict[State | None, str]] = {
    None: "", "waiting": "33", "running": "36", "ok": "32", "skipped": "90", "failed": "31", "cancelled": "35",
}  # fmt: skip
"""By state, the codes of its colour (SGR)."""
BOLD: Final = "1"
FAINT: Final = "2"


def mark(state: State | None, *, ascii: bool) -> str:
    """Return the one-cell sign of a state."""
    return (ASCII_MARKS if ascii else MARKS)[state]


def styled(text: str, style: str, *, color: bool) -> str:
    """Return a text in a style."""
    return f"\x1b[{style}m{text}{RESET}" if color and style and text else text


def wire_style(edge: Edge) -> str:
    """Return the style of an edge's line."""
    if edge.is_taken is False:
        return STYLES["skipped"]
    return STYLES["failed"] if edge.kind == "error" else ""
