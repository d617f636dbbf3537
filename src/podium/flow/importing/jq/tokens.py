"""Cutting a jq program into words, signs and texts."""

from __future__ import annotations

import json
import re

from dataclasses import dataclass
from typing import Any, Final

from podium.flow.importing.jq.errors import NotCarried

DEPTH_MAX: Final = 40
_TOKEN: Final = re.compile(
    r"""(?P<blank>(?:\s+|\#[^\n]*)+)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<field>\.[A-Za-z_]\w*)
    | (?P<variable>\$[A-Za-z_]\w*)
    | (?P<format>@\w+)
    | (?P<word>[A-Za-z_]\w*(?:::\w+)*)
    | (?P<text>")
    | (?P<sign>\?//=?|//=|\|=|\+=|-=|\*=|/=|%=|==|!=|<=|>=|//|\.\.|[.\[\]{}()|,:;=<>+\-*/%?])""",
    re.VERBOSE | re.ASCII,
)
_ESCAPE: Final = re.compile(r'\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4}))')


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a program.

    Attributes:
        sort: number, field, variable, format, word, text, sign, or end.
        value: What it says; of a text its parts, where a list is the tokens of an expression in it.
    """

    sort: str
    value: Any
    start: int

    def says(self, *signs: str) -> bool:
        """Whether it is one of these signs or words."""
        return self.sort in {"sign", "word"} and self.value in signs


def wrong(source: str, position: int, what: str) -> NotCarried:
    """Return the error of a text that is no jq."""
    near = source[position : position + 20] or "the end"
    return NotCarried(f"{what} at {near!r}", "Correct the expression.", "jq-syntax")


def tokens(source: str) -> list[Token]:
    """Return the tokens of a program, the last of them ``end``.

    Raises:
        NotCarried: It is no jq.
    """
    found, position = _lex(source, 0, 0)
    if position < len(source):
        raise wrong(source, position, "')' that was never opened")
    return found


def _lex(source: str, position: int, depth: int) -> tuple[list[Token], int]:
    """Read up to the end, or up to a bracket that closes what was not opened here."""
    if depth > DEPTH_MAX:
        raise NotCarried("texts within texts are too deep", code="jq-syntax")
    found: list[Token] = []
    opened = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise wrong(source, position, "unknown sign")
        sort, word = match.lastgroup or "", match[0]
        if word == ")" and opened == 0:
            break
        opened += {"(": 1, ")": -1}.get(word, 0) if sort == "sign" else 0
        start, position = position, match.end()
        match sort:
            case "blank":
                continue
            case "text":
                parts, position = _text(source, position, depth)
                found.append(Token("text", parts, start))
            case "number":
                found.append(Token(sort, _number(word), start))
            case _:
                value = word[1:] if sort in {"field", "variable", "format"} else word
                found.append(Token(sort, value, start))
    found.append(Token("end", "", position))
    return found, position


def _number(word: str) -> int | float:
    return int(word) if word.isdigit() and len(word) < 19 else float(word)


def _text(source: str, position: int, depth: int) -> tuple[list[str | list[Token]], int]:
    parts: list[str | list[Token]] = []
    plain = ""
    while True:
        if position >= len(source):
            raise wrong(source, position, "a text that is not closed")
        sign = source[position]
        if sign == '"':
            return ([*parts, plain] if plain or not parts else parts), position + 1
        if source.startswith("\\(", position):
            inner, position = _lex(source, position + 2, depth + 1)
            if position >= len(source):
                raise wrong(source, position, "'\\(' that is not closed")
            parts += [plain, inner] if plain else [inner]
            plain = ""
            position += 1
        elif sign == "\\":
            escape = _ESCAPE.match(source, position)
            if escape is None:
                raise wrong(source, position, "unknown escape")
            plain += json.loads(f'"{escape[0]}"')
            position = escape.end()
        else:
            plain += sign
            position += 1
