"""What is wrong with a document, shown like a compiler does: place, word, line with a marker, remedy."""

from __future__ import annotations

import re
import textwrap

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from podium.cli import terminal
from podium.flow.findings import Finding
from podium.flow.source import SourceError
from podium.flow.source.text import Text

_COLOURS = {"error": "red", "warning": "yellow"}
_LINE_CHARS = 160
"""So much of a long line is shown where there is no terminal."""
_INDENT = "  "
_MARKED = re.compile(r"\"[^\"]*\"|'[^']*'|[\w.?-]*")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found in one file.

    Attributes:
        file: Its path, as it was given.
        findings: All of it, in the order of the text.
    """

    file: str
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        """How many findings forbid to run it."""
        return sum(one.is_error for one in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "file": self.file, "ok": not self.errors,
            "findings": [one.to_dict() for one in self.findings],
        }  # fmt: skip

    def summary(self) -> str:
        """Say how much was found."""
        if not self.findings:
            return f"{self.file} is sound"
        return f"{self.file} has {counted(self.findings)}"

    def lines(self, stream: IO[str]) -> Iterator[str]:
        """Say every finding, for the stream it is said on."""
        text = _text_of(self.file)
        width = terminal.width_of(stream) if terminal.is_terminal(stream) else None
        for one in self.findings:
            yield from _shown(self.file, one, text, width)


def counted(findings: Sequence[Finding]) -> str:
    """Say how many errors and warnings there are."""
    parts = []
    for severity in ("error", "warning"):
        count = sum(one.severity == severity for one in findings)
        if count:
            parts.append(f"{count} {severity}" if count == 1 else f"{count} {severity}s")
    return " and ".join(parts) or "no errors"


def unreadable(error: SourceError) -> Finding:
    """Return the finding that a text is no document."""
    return Finding(
        error.code, "$", error.message, error.hint, line=error.line, column=error.column
    )  # fmt: skip


def _text_of(file: str) -> Text | None:
    try:
        return Text(Path(file).read_bytes(), file)
    except (OSError, SourceError):
        return None


def _shown(file: str, finding: Finding, text: Text | None, width: int | None) -> Iterator[str]:
    """Say one finding; without a width a line may be as long as it is."""
    place = (
        f"{terminal.clean(file)}:{finding.line}:{finding.column}: " if finding.line else f"{file}: "
    )
    colour = _COLOURS[finding.severity]
    word = terminal.styled(f"{finding.severity}[{finding.code}]", fg=colour, bold=True)
    message = terminal.clean(finding.message, lines=True)
    yield f"{terminal.styled(place, bold=True)}{word}"
    yield from _wrapped(message, width)
    if finding.line and text is not None:
        yield from _marked(text.line(finding.line), finding, colour, width or _LINE_CHARS)
    if finding.hint:
        yield from _wrapped(f"hint: {terminal.clean(finding.hint)}", width)
    if finding.path != "$":
        yield terminal.styled(f"  at {terminal.clean(finding.path)}", dim=True)
    yield ""


def _marked(line: str, finding: Finding, colour: str, width: int) -> Iterator[str]:
    """Show a line with a marker under the place; of a long one the part around it."""
    number = str(finding.line)
    room = width - len(number) - 6
    at = min(finding.column - 1, len(line))
    start = 0 if len(line) <= room else max(0, min(at - room // 2, len(line) - room))
    part = line[start : start + room]
    before, end = ("…" if start else ""), ("…" if start + room < len(line) else "")
    part = f"{before}{part[len(before) : len(part) - len(end) or None]}{end}"
    length = max(1, len(_MARKED.match(line, at)[0]))  # type: ignore[index]  # it matches nothing too
    pad = " " * terminal.columns(terminal.clean(part[: at - start]))
    marker = "^" + "~" * (min(length, room - (at - start)) - 1)
    gutter = terminal.styled(f"  {number} |", dim=True)
    empty = terminal.styled(f"  {' ' * len(number)} |", dim=True)
    yield f"{gutter} {terminal.clean(part)}".rstrip()
    yield f"{empty} {pad}{terminal.styled(marker, fg=colour, bold=True)}"


def _wrapped(text: str, width: int | None) -> Iterator[str]:
    """Break sentences for a terminal; in a pipe a line is a line."""
    for line in text.splitlines():
        if width is None:
            yield f"{_INDENT}{line}"
        else:
            yield from textwrap.wrap(
                line, width, initial_indent=_INDENT, subsequent_indent=_INDENT,
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
