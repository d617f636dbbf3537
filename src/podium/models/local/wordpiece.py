"""Texts as the pieces of words that BERT knows (WordPiece, lower case)."""

from __future__ import annotations

import unicodedata

from collections.abc import Iterator
from pathlib import Path
from typing import Final

WORD_CHARS_MAX: Final = 100
"""A longer word is an unknown one."""
_CJK: Final = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip
"""Characters that are words of their own."""


class WordPiece:
    """A vocabulary, and how it takes texts apart."""

    def __init__(self, vocabulary: Path) -> None:
        lines = vocabulary.read_text(encoding="utf-8").splitlines()
        self._number = {piece: number for number, piece in enumerate(lines)}
        self.first = self._number["[CLS]"]
        self.last = self._number["[SEP]"]
        self.unknown = self._number["[UNK]"]

    def numbers(self, text: str, most: int) -> list[int]:
        """Return the pieces of a text by their numbers, with the first and the last that BERT wants.

        Args:
            text: Any text.
            most: How many there are at most; what is beyond is left out.
        """
        found = [number for word in words(text) for number in self._pieces(word)]
        return [self.first, *found[: most - 2], self.last]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > WORD_CHARS_MAX:
            return [self.unknown]
        found: list[int] = []
        at = 0
        while at < len(word):
            for end in range(len(word), at, -1):
                number = self._number.get(("##" if at else "") + word[at:end])
                if number is not None:
                    found.append(number)
                    at = end
                    break
            else:
                return [self.unknown]
        return found


def words(text: str) -> Iterator[str]:
    """Take a text apart into words and marks, in lower case and without accents."""
    plain = unicodedata.normalize("NFD", "".join(map(_seen, text)).lower())
    word: list[str] = []
    for char in plain:
        kind = unicodedata.category(char)
        if kind == "Mn":
            continue
        is_mark = _is_mark(char, kind)
        if (is_mark or char == " ") and word:
            yield "".join(word)
            word = []
        if is_mark:
            yield char
        elif char != " ":
            word.append(char)
    if word:
        yield "".join(word)


def _seen(char: str) -> str:
    """Return what is left of a character: nothing of a control, a space for any white space."""
    if char in "\t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    if char in "\0\ufffd" or unicodedata.category(char).startswith("C"):
        return ""
    if any(first <= ord(char) <= last for first, last in _CJK):
        return f" {char} "
    return char


def _is_mark(char: str, kind: str) -> bool:
    code = ord(char)
    is_ascii = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return is_ascii or kind.startswith("P")
