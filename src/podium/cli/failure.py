"""A recorded error for people: what failed, where, and what it came from."""

from __future__ import annotations

import re

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podium.cli.terminal import clean, shown
from podium.core.errors import ErrorInfo

_WHERE = {"StepFailed": "step", "NodeFailed": "node"}
"""Errors that say where the one below them came up, and nothing more."""
_OURS = str(Path(__file__).parents[1])
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')


def error_lines(error: ErrorInfo) -> Iterator[str]:
    """Say an error and its causes, a line each."""
    level: ErrorInfo | None = error
    word = ""
    while level is not None:
        if level.type in _WHERE and level.cause is not None:
            yield f"{word}{_WHERE[level.type]} {clean(level.path or '')} failed"
        else:
            text = shown(level.message, lines=True).strip() + _given_up(level)
            yield (
                f"{word}{level.type}: {text}{_place(level)}"
                if text
                else f"{word}{level.type}{_place(level)}"
            )
        level, word = level.cause, "because "


def error_line(error: ErrorInfo) -> str:
    """Say in one line what lies at the bottom of an error."""
    while error.type in _WHERE and error.cause is not None:
        error = error.cause
    text = " ".join(shown(error.message, lines=True).split())
    return (f"{error.type}: {text}" if text else error.type) + _given_up(error)


def deepest_traceback(error: ErrorInfo) -> str | None:
    """Return the traceback nearest to the cause."""
    found, level = None, error
    while True:
        found = level.traceback or found
        if level.cause is None:
            return found
        level = level.cause


def error_dict(error: ErrorInfo | None) -> dict[str, Any] | None:
    """Return an error for programs."""
    if error is None:
        return None
    return {
        "type": error.type, "message": shown(error.message, plain=True), "code": error.code, "path": error.path,
        "status": error.status, "gave_up": error.gave_up or None, "cause": error_dict(error.cause),
    }  # fmt: skip


def _given_up(error: ErrorInfo) -> str:
    return f" [gave up: {clean(error.gave_up)}]" if error.gave_up else ""


def _place(error: ErrorInfo) -> str:
    """Say where in the user's code it was; nothing where only Podium's own is known."""
    frames = _FRAME.findall(error.traceback or "")
    theirs = [frame for frame in frames if not frame[0].startswith(_OURS)]
    if not theirs:
        return ""
    file, line, function = theirs[-1]
    return f"  ({clean(file)}:{line} in {clean(function)})"
