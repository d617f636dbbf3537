"""A text that is no document, and where it goes wrong."""

from __future__ import annotations

from podium.core.errors import PodiumError


class SourceError(PodiumError):
    """A text cannot be read as a document.

    Attributes:
        name: The file, or whatever the text was called.
        line: Line of the place where it goes wrong, from 1.
        column: Column in that line, from 1.
        message: What is wrong, with the value.
        hint: What to write instead, or an empty text.
    """

    code = "document-unreadable"

    def __init__(self, name: str, line: int, column: int, message: str, hint: str = "") -> None:
        text = f"{name}:{line}:{column}: {message}"
        super().__init__(f"{text} {hint}" if hint else text)
        self.name = name
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint
