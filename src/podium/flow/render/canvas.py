"""A sheet of terminal cells on which lines join by themselves, turned into lines of text."""

from __future__ import annotations

import itertools

from typing import Final

from podium.flow.render.words import cells

NORTH, EAST, SOUTH, WEST = 1, 2, 4, 8
"""The directions in which a line leaves a cell; they add up."""

_LINES: Final = " ╵╶╰╷│╭├╴╯─┴╮┤┬┼"
_DASHED: Final = {NORTH + SOUTH: "┆", EAST + WEST: "╌"}
_ASCII: Final = " |-+||++-+-++++++"
_ASCII_DASHED: Final = {NORTH + SOUTH: ":", EAST + WEST: "."}
_REPLACED: Final = str.maketrans({"…": "~", "·": "-", "←": "<", "→": ">"})

RESET: Final = "\x1b[0m"


class Canvas:
    """Cells, each with a character or with the lines through it, and a style (the codes of SGR, or none)."""

    def __init__(self, width: int, height: int, *, ascii: bool) -> None:
        self._ascii = ascii
        self._texts: list[list[str | None]] = [[None] * width for _ in range(height)]
        self._lines = [[0] * width for _ in range(height)]
        self._solid = [[False] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]

    def write(self, x: int, y: int, text: str, style: str = "") -> None:
        """Write a text from a cell to the right; a wide character takes two."""
        text = plain(text) if self._ascii else text
        row = self._texts[y]
        for char in text:
            width = cells(char)
            if not width:
                before = row[x - 1] if x else None
                row[x - 1] = (before or "") + char
                continue
            row[x], self._styles[y][x] = char, style
            if width == 2:
                row[x + 1] = ""
            x += width

    def line(
        self, x: int, y: int, to_x: int, to_y: int, style: str = "", *, is_solid: bool = True
    ) -> None:
        """Draw a horizontal or vertical line from the middle of one cell to that of another."""
        step_x, step_y = (to_x > x) - (to_x < x), (to_y > y) - (to_y < y)
        forth, back = {(1, 0): (EAST, WEST), (-1, 0): (WEST, EAST), (0, 1): (SOUTH, NORTH)}.get(
            (step_x, step_y), (NORTH, SOUTH)
        )
        while (x, y) != (to_x, to_y):
            self._leave(x, y, forth, style, is_solid)
            x, y = x + step_x, y + step_y
            self._leave(x, y, back, style, is_solid)

    def frame(
        self, x: int, y: int, width: int, height: int, style: str = "", *, is_solid: bool = True
    ) -> None:
        """Draw the outline of a rectangle."""
        right, bottom = x + width - 1, y + height - 1
        corners = [(x, y), (right, y), (right, bottom), (x, bottom), (x, y)]
        for (from_x, from_y), (to_x, to_y) in itertools.pairwise(corners):
            self.line(from_x, from_y, to_x, to_y, style, is_solid=is_solid)

    def clear(self, x: int, y: int, width: int, height: int) -> None:
        """Wipe out what is in a rectangle."""
        for row in range(y, y + height):
            for column in range(x, x + width):
                self._texts[row][column], self._lines[row][column] = None, 0
                self._solid[row][column], self._styles[row][column] = False, ""

    def rows(self, *, color: bool) -> list[str]:
        """Return the lines of text, without blanks at their ends."""
        return [self._row(y, color=color) for y in range(len(self._texts))]

    def _leave(self, x: int, y: int, direction: int, style: str, is_solid: bool) -> None:
        self._lines[y][x] |= direction
        self._solid[y][x] |= is_solid
        self._styles[y][x] = style

    def _row(self, y: int, *, color: bool) -> str:
        parts: list[str] = []
        now = ""
        chars = [self._char(x, y) for x in range(len(self._texts[y]))]
        while chars and chars[-1] == " ":
            chars.pop()
        for x, char in enumerate(chars):
            style = self._styles[y][x] if char not in ("", " ") else now
            if color and style != now:
                parts.append((RESET if now else "") + (f"\x1b[{style}m" if style else ""))
                now = style
            parts.append(char)
        return "".join(parts) + (RESET if now else "")

    def _char(self, x: int, y: int) -> str:
        text = self._texts[y][x]
        if text is not None:
            return text
        lines = self._lines[y][x]
        if not self._solid[y][x]:
            dashed = (_ASCII_DASHED if self._ascii else _DASHED).get(lines)
            if dashed:
                return dashed
        return (_ASCII if self._ascii else _LINES)[lines]


def plain(text: str) -> str:
    """Return a text in ASCII, as long as it was in cells."""
    return "".join(
        char if char.isascii() else "?" * cells(char) for char in text.translate(_REPLACED)
    )
