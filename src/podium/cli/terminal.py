"""Writing to people and to programs: results to standard output, talk to standard error.

Light on purpose: what draws live progress (rich) is imported by ``podium.cli.live`` alone.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Any

import click

from podium.core import durations
from podium.core.shown import screen_of_environment

CUT_MIN = 24
"""A last column that would get less room is written in full instead."""
_GAP = "  "
_REVEAL = "podium.reveal"


def prepare() -> None:
    """Let odd characters through; see that no file of ours can become standard output or error."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(fd)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether a stream is a terminal that understands more than plain lines."""
    try:
        return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # it is closed
        return False


def has_colour(stream: IO[str] | None) -> bool:
    """Whether colours are welcome there (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def speaks_unicode(stream: IO[str] | None) -> bool:
    """Whether a stream can take marks and lines beyond ASCII."""
    return (getattr(stream, "encoding", "") or "").lower().replace("-", "") in ("utf8", "utf16")


def width() -> int:
    """Return the columns of the terminal on standard output."""
    return width_of(sys.stdout)


def width_of(stream: IO[str]) -> int:
    """Return the columns of the terminal that a stream goes to."""
    try:
        return max(20, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError, AttributeError):
        return 80


def talk(text: str = "") -> None:
    """Say something on standard error. That nobody listens stops no work."""
    try:
        click.echo(text, err=True, color=has_colour(sys.stderr))
    except (OSError, ValueError):
        return


def complain(message: str) -> None:
    """Say an error on standard error."""
    talk(f"{styled('error:', fg='red', bold=True)} {clean(message, lines=True)}")


def out(text: str = "") -> None:
    """Write a line of a result to standard output."""
    click.echo(text, color=has_colour(sys.stdout))


def out_json(value: Any) -> None:
    """Write JSON to standard output: spread out for a terminal, one line elsewhere."""
    click.echo(as_json(value, spread=is_terminal(sys.stdout)))


def as_json(value: Any, *, spread: bool = False) -> str:
    """Return JSON that standard output can take."""
    plain = not speaks_unicode(sys.stdout)
    return json.dumps(value, ensure_ascii=plain, indent=2 if spread else None)


def styled(text: str, **style: Any) -> str:
    """Return text with colours; they are dropped where they are not welcome."""
    return click.style(text, **style)


def clean(text: str, *, lines: bool = False) -> str:
    """Make control characters visible: text of others must not steer the terminal."""
    return "".join(
        one if one.isprintable() or one == " " or (lines and one == "\n") else _visible(one)
        for one in text
    )


def shown(text: str, *, lines: bool = False, plain: bool = False) -> str:
    """Return a text of others for a screen, with what looks like a secret in it hidden.

    Args:
        text: The text.
        lines: Whether it may have several lines.
        plain: Whether control characters are left as they are: for programs.
    """
    text = text if _is_revealing() else screen_of_environment().text(text)
    return text if plain else clean(text, lines=lines)


def shown_value(value: Any) -> Any:
    """Return a value as JSON has it, with what looks like a secret in it hidden."""
    return value if _is_revealing() else screen_of_environment().value(value)


def reveal(context: click.Context, _option: click.Parameter, is_wished: bool) -> None:
    """Hide nothing in this command: what the option ``--reveal`` does."""
    context.find_root().meta[_REVEAL] = is_wished


def _is_revealing() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.find_root().meta.get(_REVEAL))


def _visible(one: str) -> str:
    return {"\n": "⏎", "\t": " "}.get(one) or one.encode("unicode_escape").decode()


def columns(text: str) -> int:
    """Return how many columns a text takes."""
    plain = click.unstyle(text)
    if plain.isascii():
        return len(plain)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in plain
    )


def cut(text: str, room: int) -> str:
    """Cut a text that is no name to the columns there are."""
    if columns(text) <= room:
        return text
    while text and columns(text) > room - 1:
        text = text[:-1]
    return f"{text}…"


class Table:
    """Rows in columns. Nothing is cut but the last column, and that only in a terminal.

    Args:
        heads: The names of the columns.
    """

    def __init__(self, *heads: str) -> None:
        self._rows: list[Sequence[str]] = [[styled(head, dim=True) for head in heads]]

    def add(self, *cells: str) -> None:
        """Add a row; cells may be styled, the last one must not."""
        self._rows.append(cells)

    def lines(self) -> Iterable[str]:
        """Lay the rows out."""
        count = len(self._rows[0])
        widths = [max(columns(row[index]) for row in self._rows) for index in range(count - 1)]
        room = width() - sum(widths) - len(_GAP) * (count - 1)
        is_cut = is_terminal(sys.stdout) and room >= CUT_MIN
        for number, row in enumerate(self._rows):
            last = cut(row[-1], room) if is_cut and number else row[-1]
            cells = [
                cell + " " * (size - columns(cell)) for cell, size in zip(row, widths, strict=False)
            ]
            yield _GAP.join([*cells, last]).rstrip()

    def show(self) -> None:
        """Write it to standard output."""
        for line in self.lines():
            out(line)


# times ------------------------------------------------------------------------------------


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def iso(when: datetime | None) -> str | None:
    """Return a time for programs."""
    return None if when is None else when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def clock(when: datetime) -> str:
    """Return a time for people; without the day if that is today."""
    text = f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    today = f"{now():%Y-%m-%d} "
    return f"{text.removeprefix(today)} UTC"


def ago(when: datetime) -> str:
    """Return how long ago a time was, for people."""
    seconds = (now() - when).total_seconds()
    if seconds < 0:
        return f"in {took(-seconds)}"
    return f"{took(seconds)} ago"


def took(seconds: float) -> str:
    """Return a duration for people."""
    if seconds < 0.001:
        return "0ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 59.95 else durations.text(round(seconds))
