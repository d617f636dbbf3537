"""What is said while the body of a task runs: warnings and lines of its log, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

LINES_MAX = 100
"""Lines that are kept of one attempt: the first half and the last."""
CHARS_MAX = 20_000
"""Characters of all lines of one attempt."""
LINE_CHARS_MAX = 2_000
"""Characters of one line."""
NOTHING = 1_000
"""A level that no record of a log has."""
WARNING = "warning"
"""Level of what ``podium.warn`` says; a line of a log has that of its record, as ``WARNING``."""


class Line(msgspec.Struct, omit_defaults=True, frozen=True):
    """One thing that was said.

    Attributes:
        l: Its level: ``warning`` for ``podium.warn`` and for Podium's own remarks, else the
            record's, such as ``WARNING`` or ``INFO``.
        c: The code of a warning, or the name of the logger.
        t: The text.
    """

    l: str = ""  # noqa: E741 - short because it is in the journal
    c: str = ""
    t: str = ""


class Notes:
    """What one attempt has said, and the secrets it has resolved. Any thread may add to it."""

    __slots__ = ("_chars", "_first", "_last", "_last_chars", "cut", "relay", "secrets")

    def __init__(self) -> None:
        self._first: list[Line] = []
        self._last: deque[Line] = deque()
        self._chars = 0
        self._last_chars = 0
        self.cut = 0
        """How many lines were dropped from the middle."""
        self.secrets: dict[str, str] = {}
        """Value → reference."""
        self.relay: Callable[[Line], Any] | None = None
        """Takes each line instead: in a process whose parent keeps them."""

    def add(self, level: str, code: str, text: str) -> None:
        """Keep a line; what is too much falls out of the middle."""
        if len(text) > LINE_CHARS_MAX:
            text = f"{text[:LINE_CHARS_MAX]}… ({len(text):,} characters)"
        self.keep(Line(level, code[:200], text))

    def keep(self, line: Line) -> None:
        """Keep a line that is bounded already."""
        if self.relay is not None:
            self.relay(line)
            return
        size = len(line.t)
        if len(self._first) < LINES_MAX // 2 and self._chars + size <= CHARS_MAX // 2:
            self._first.append(line)
            self._chars += size
            return
        last = self._last
        last.append(line)
        self._last_chars += size
        while len(last) > LINES_MAX // 2 or self._last_chars > CHARS_MAX // 2:
            try:
                dropped = last.popleft()
            except IndexError:  # another thread was first
                return
            self._last_chars -= len(dropped.t)
            self.cut += 1

    def take(self) -> list[Line]:
        """Return what has been said since this was last asked; what was cut is said in its place."""
        if not self._first and not self._last:
            return []
        lines, last, cut = self._first, self._last, self.cut
        self._first, self._last, self._chars, self._last_chars, self.cut = [], deque(), 0, 0, 0
        if cut:
            text = f"{cut:,} lines in between were not kept: at most {LINES_MAX} lines and {CHARS_MAX:,} characters are"
            lines.append(Line(WARNING, "notes-cut", text))
        lines.extend(last)
        return lines
