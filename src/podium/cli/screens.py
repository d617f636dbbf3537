"""How a run in progress is shown: lines in a pipe, nothing when quiet. A terminal has ``live``."""

from __future__ import annotations

import logging
import time

from collections.abc import Callable
from typing import Any, Protocol, Self

from podium.cli import terminal
from podium.cli.failure import error_line
from podium.cli.folding import Line, Lines, NodeState
from podium.cli.waiting import Wait
from podium.journal.records import Status

EVERY_S = 2.0
"""How often a pipe is told about one map in progress."""
_ENDED_WITHOUT = ("skipped", "cancelled")
"""Ends of a node that are none of its step."""
WAITING_AFTER_S = 1.0
"""A wait that is over sooner is not worth a line."""


class Screen(Protocol):
    """Where progress is shown."""

    needs_steps: bool

    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def line(self, text: str) -> None:
        """Say something above what moves."""
        ...

    def update(self, lines: Lines, changed: list[Line], waits: list[Wait]) -> None:
        """Show how things stand."""
        ...

    def finish(self, lines: Lines) -> None:
        """Leave what shall be left to see."""
        ...


class Quiet:
    """Shows nothing."""

    needs_steps = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return

    def line(self, text: str) -> None:
        """Say nothing."""

    def update(self, lines: Lines, changed: list[Line], waits: list[Wait]) -> None:
        """Show nothing."""

    def finish(self, lines: Lines) -> None:
        """Leave nothing."""


class Plain:
    """Plain lines on standard error: each step and node when it ends, a map now and then."""

    needs_steps = True

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, str] = {}
        self._said_at: dict[str, float] = {}
        self._waits = ""
        self._waits_since = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return

    def line(self, text: str) -> None:
        """Say something."""
        terminal.talk(text)

    def update(self, lines: Lines, changed: list[Line], waits: list[Wait]) -> None:
        """Say what is new and worth a line."""
        now = self._clock()
        for line in changed:
            is_over = line.node is not None and not line.is_open
            if line.is_single or is_over or now - self._said_at.get(line.name, 0.0) >= EVERY_S:
                self._say(line, now)
        self._say_waits(waits, now)

    def finish(self, lines: Lines) -> None:
        """Say how it came out, where that was not said yet."""
        for line in lines.all():
            self._say(line, self._clock())

    def _say(self, line: Line, now: float) -> None:
        text = self._text(line)
        if text and self._said.get(line.name) != text:
            self._said[line.name] = text
            self._said_at[line.name] = now
            terminal.talk(f"  {text}")

    def _text(self, line: Line) -> str:
        label = terminal.clean(line.label)
        if line.is_within and line.failure is None:
            return ""
        if line.is_single:
            return self._single(line, label)
        if line.node is not None:
            return _of_node(line, line.node, label)
        parts = [f"{label} {line.tally} done"]
        if line.counts[Status.STARTED]:
            parts.append(f"{line.counts[Status.STARTED]} running")
        parts += [f"{count} {status}" for status, count in line.counts.items()
                  if count and status not in (Status.STARTED, Status.SUCCEEDED)]  # fmt: skip
        return ", ".join(parts)

    def _single(self, line: Line, label: str) -> str:
        step = line.step
        if line.node is not None and (not line.status_of or line.node.status in _ENDED_WITHOUT):
            return _of_node(line, line.node, label)
        if step.status == Status.STARTED and step.error is None:
            return ""
        error = "" if step.error is None else f": {error_line(step.error)}"
        if step.status == Status.STARTED:
            due = "" if step.next_at is None else f", next try {terminal.ago(step.next_at)}"
            return f"{label} failed at try {step.attempts}{due}{error}"
        duration = line.duration_s(terminal.now())
        took = "" if duration is None else f", {terminal.took(duration)}"
        tries = f" at try {step.attempts}" if step.attempts > 1 else ""
        word = "done" if step.status == Status.SUCCEEDED else step.status
        return f"{label} {word}{tries}{took}{error}"

    def _say_waits(self, waits: list[Wait], now: float) -> None:
        text = ", ".join(wait.what for wait in waits[:3])
        if text != self._waits:
            self._waits, self._waits_since = text, now
        elif text and self._waits_since and now - self._waits_since >= WAITING_AFTER_S:
            self._waits_since = 0.0
            terminal.talk(f"  waits for {text}")


def _of_node(line: Line, node: NodeState, label: str) -> str:
    """Say how a node stands that is more than one step, or none."""
    if node.status == "running":
        return f"{label} {node.tally}" if node.tally else ""
    duration = line.duration_s(terminal.now())
    took = "" if duration is None else f", {terminal.took(duration)}"
    tally = f", {node.tally}" if node.tally else ""
    why = f": {terminal.clean(node.remark)}" if node.remark else ""
    word = "done" if node.status == "ok" else node.status
    return f"{label} {word}{tally}{took}{why}"


class LogLines(logging.Handler):
    """Shows Podium's own warnings, but not twice what is said of a run at its end."""

    def __init__(self, say: Callable[[str], None], run_id: str = "") -> None:
        super().__init__()
        self._say = say
        self._run_id = run_id

    def emit(self, record: logging.LogRecord) -> None:
        """Show one."""
        given: Any = record.args
        if self._run_id and isinstance(given, tuple) and self._run_id in given:
            return
        text = terminal.clean(record.getMessage().removeprefix("podium: "), lines=True)
        self._say(f"{record.levelname.lower()}: {text}")
