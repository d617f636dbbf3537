"""The text of a document: characters with lines and columns."""

from __future__ import annotations

import codecs
import re

from bisect import bisect_right
from functools import cached_property
from typing import Final

from podium.flow.source.errors import SourceError
from podium.flow.source.limits import TEXT_BYTES_MAX

_NEWLINE: Final = re.compile(r"\r\n?")


class Text:
    """A text and its name; lines end with a newline, whatever they ended with.

    Args:
        given: What was read; bytes are UTF-8, or UTF-16 with its mark.
        name: The file, for errors.

    Raises:
        SourceError: It is too large, or these are not the bytes of a text.
    """

    def __init__(self, given: str | bytes, name: str) -> None:
        self.name = name
        self.chars = ""
        raw = given if isinstance(given, bytes) else given.encode("utf-8", "surrogatepass")
        if len(raw) > TEXT_BYTES_MAX:
            message = f"the document has {len(raw):,} bytes; the limit is {TEXT_BYTES_MAX:,}."
            raise self.error(0, message, "Make parts of it flows of their own.")
        self.chars = _NEWLINE.sub("\n", self._decode(raw)).removeprefix("\ufeff")

    def _decode(self, raw: bytes) -> str:
        is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        try:
            return raw.decode("utf-16" if is_utf16 else "utf-8")
        except UnicodeDecodeError as error:
            self.chars = _NEWLINE.sub("\n", raw[: error.start].decode(error.encoding, "replace"))
            message = f"byte {raw[error.start]:#04x} is not part of a text in {error.encoding}."
            hint = "Save the file as UTF-8."
            raise self.error(len(self.chars), message, hint) from None

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.chars))]

    def place(self, index: int) -> tuple[int, int]:
        """Return line and column, both from 1, of a character."""
        line = bisect_right(self._line_starts, index)
        return line, index - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return a line by its number, from 1, without its end; an empty one beyond the last."""
        if number > len(self._line_starts):
            return ""
        start = self._line_starts[number - 1]
        end = self.chars.find("\n", start)
        return self.chars[start:] if end < 0 else self.chars[start:end]

    def error(self, index: int, message: str, hint: str = "") -> SourceError:
        """Return the error that something is wrong at this character."""
        return SourceError(self.name, *self.place(index), message, hint)
