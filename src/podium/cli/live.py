"""A run in progress in a terminal: a few lines that move, and what is worth keeping above them."""

from __future__ import annotations

import time

from collections.abc import Iterator
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from podium.cli import terminal
from podium.cli.failure import error_line
from podium.cli.folding import SKIPPED, Line, Lines
from podium.cli.waiting import Wait
from podium.journal.records import Status

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_MARKS = {
    Status.SUCCEEDED: ("✓", "+", "green"),
    Status.FAILED: ("✗", "x", "red"),
    Status.CANCELLED: ("–", "-", "dim"),
    SKIPPED: ("–", "-", "dim"),
    Status.UNKNOWN: ("?", "?", "magenta"),
    Status.UNUSABLE: ("✗", "x", "red"),
    Status.LATE: ("!", "!", "yellow"),
}
_USUAL = (Status.SUCCEEDED, SKIPPED)
_LABEL_MIN = 16
_TOOK = 7
_KEPT = 20
"""Lines that are left to see at the end."""


class LiveScreen:
    """Draws on standard error, at most ten times a second, in the thread that runs the engine.

    Args:
        title: What is running.
    """

    needs_steps = True

    def __init__(self, title: str) -> None:
        self._console = Console(stderr=True, highlight=False, emoji=False)
        self._is_plain = not terminal.speaks_unicode(self._console.file)
        self._title = title
        self._began = time.monotonic()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def line(self, text: str) -> None:
        """Print a line above what moves."""
        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def update(self, lines: Lines, changed: list[Line], waits: list[Wait]) -> None:
        """Draw how things stand."""
        room = max(3, self._console.height - 6)
        shown, hidden = _choose(lines.all(), room)
        rows = list(self._rows(shown, hidden))
        rows += [self._waiting(wait) for wait in waits[:3]]
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(f"{self._spinner()} ", style="cyan")
        head.append(self._title, style="bold")
        head.append(f"  {terminal.took(time.monotonic() - self._began)}", style="dim")
        self._live.update(Group(head, *rows), refresh=True)

    def finish(self, lines: Lines) -> None:
        """Take away what moves; leave the steps."""
        self._live.update(Group(), refresh=True)
        self._live.stop()
        shown, hidden = _choose(lines.all(), _KEPT)
        for row in self._rows(shown, hidden, whole=True):
            self._console.print(row, soft_wrap=True)

    def _rows(self, lines: list[Line], hidden: int, *, whole: bool = False) -> Iterator[Text]:
        if hidden:
            yield Text(f"  {self._mark_of(Status.SUCCEEDED)} {hidden} earlier", style="dim")
        widest = max((cell_len(terminal.clean(line.label)) for line in lines), default=0)
        tally = max((len(line.tally) for line in lines), default=0)
        room = self._console.width - tally - _TOOK - 10
        widths = (min(max(widest, _LABEL_MIN), max(_LABEL_MIN, room)), tally)
        for line in lines:
            yield self._row(line, widths, whole=whole)

    def _row(self, line: Line, widths: tuple[int, int], *, whole: bool) -> Text:
        width, tally = widths
        name = terminal.clean(line.label)
        if cell_len(name) > width and not whole:
            name = f"…{name[-(width - 1) :]}"
        row = Text(no_wrap=True, overflow="fold" if whole else "ellipsis")
        mark, style = self._mark(line, moves=not whole)
        row.append(f"  {mark} ", style=style)
        row.append(set_cell_size(name, max(width, cell_len(name))))
        if tally:
            row.append(f"  {line.tally:>{tally}}", style="bold" if line.is_open else "")
        duration = line.duration_s(terminal.now())
        row.append(f"  {'' if duration is None else terminal.took(duration):>{_TOOK}}", style="dim")
        remark, remark_style = _remark(line)
        if remark:
            room = max(terminal.CUT_MIN, self._console.width - row.cell_len - 2)
            row.append(f"  {terminal.cut(remark, room)}", style=remark_style)
        row.rstrip()
        return row

    def _mark(self, line: Line, *, moves: bool) -> tuple[str, str]:
        if line.is_open:
            if line.step.next_at is not None and line.is_single:
                return ("~" if self._is_plain else "↻"), "yellow"
            if not moves or line.step.task in ("ask", "child"):
                return ("*" if self._is_plain else "…"), "yellow"
            return self._spinner(), "cyan"
        return self._mark_of(line.worst), _MARKS[line.worst][2]

    def _mark_of(self, status: str) -> str:
        return _MARKS[status][self._is_plain]

    def _spinner(self) -> str:
        if self._is_plain:
            return "*"
        return _FRAMES[int(time.monotonic() * 10) % len(_FRAMES)]

    def _waiting(self, wait: Wait) -> Text:
        row = Text(no_wrap=True, overflow="ellipsis")
        row.append("  * " if self._is_plain else "  … ", style="yellow")
        row.append(f"waits for {wait.what}")
        row.append(
            f" for {terminal.took((terminal.now() - wait.since).total_seconds())}", style="dim"
        )
        return row


def _choose(lines: list[Line], room: int) -> tuple[list[Line], int]:
    """Choose what is shown: all that is open or went wrong, then the newest; count the rest."""
    if len(lines) <= room:
        return lines, 0
    matters = [line for line in lines if line.is_open or line.worst not in _USUAL]
    kept = {id(line) for line in matters[-(room - 1) :]}
    for line in reversed(lines):
        if len(kept) >= room - 1:
            break
        kept.add(id(line))
    shown = [line for line in lines if id(line) in kept]
    return shown, len(lines) - len(shown)


def _remark(line: Line) -> tuple[str, str]:
    """Say what is out of the ordinary, with its style."""
    parts = []
    step = line.step
    if line.is_single:
        if step.next_at is not None and step.ended_at is None:
            parts.append(f"next try {terminal.ago(step.next_at)}")
        elif step.attempts > 1:
            parts.append(f"try {step.attempts}")
    elif line.node is None:
        parts += [
            f"{line.counts[status]} {status}"
            for status in (Status.FAILED, Status.UNKNOWN, Status.UNUSABLE, Status.CANCELLED)
            if line.counts[status]
        ]
        if not line.total and line.counts[Status.STARTED]:
            parts.append(f"{line.counts[Status.STARTED]} running")
    if line.remark:
        word = "" if line.node is None or line.node.status == "failed" else f"{line.node.status}: "
        parts.append(f"{word}{' '.join(terminal.clean(line.remark, lines=True).split())}")
    if line.failure is not None and line.failure.error is not None:
        parts.append(error_line(line.failure.error))
        return ", ".join(parts), "red" if not line.is_open else "yellow"
    return ", ".join(parts), "dim"
