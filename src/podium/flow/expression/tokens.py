"""The words of an expression: names, numbers, strings and signs, with their columns."""

from __future__ import annotations

import re

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from podium.flow.expression.errors import ExpressionError
from podium.flow.expression.limits import SOURCE_BYTES_MAX
from podium.flow.expression.values import INT_MAX, describe

_TOKEN: Final = re.compile(
    r"""
      (?P<blank> [\t\n\f\r ]+ | //[^\n]* )
    | (?P<double> [0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)? | \.[0-9]+(?:[eE][+-]?[0-9]+)?
                | [0-9]+[eE][+-]?[0-9]+ )
    | (?P<int> 0[xX][0-9a-fA-F]+ | [0-9]+ )
    | (?P<raw> [rR](?: \"{3}(?s:.*?)\"{3} | '{3}(?s:.*?)'{3} | "[^"\r\n]*" | '[^'\r\n]*' ) )
    | (?P<string> \"{3}(?s:\\.|[^\\])*?\"{3} | '{3}(?s:\\.|[^\\])*?'{3}
                | "(?:\\.|[^"\\\r\n])*" | '(?:\\.|[^'\\\r\n])*' )
    | (?P<name> [_a-zA-Z][_a-zA-Z0-9]* )
    | (?P<quoted> `[a-zA-Z0-9_.\-/ ]+` )
    | (?P<sign> && | \|\| | == | != | <= | >= | \?\? | [-+*/%<>!?:.,()\[\]{}] )
    """,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|)"
)
_PLAIN: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_INSTEAD: Final = {
    "=": "Write '==' to compare.",
    "&": "Write '&&' for and.",
    "|": "Write '||' for or.",
    "$": "Inside an expression, and in `when`, `while` and `until`, write it without '${' and '}'.",
    '"': "The string is not closed.",
    "'": "The string is not closed.",
    "#": "A comment begins with '//'.",
}


class Token(NamedTuple):
    """A word of an expression.

    Attributes:
        sort: ``int``, ``double``, ``string``, ``name``, ``quoted``, ``sign`` or ``end``.
        value: The number, the string without quotes, the name, or the sign.
        start: Where it begins in the text, counted from 0.
        end: Where it ends.
    """

    sort: str
    value: Any
    start: int
    end: int

    @property
    def column(self) -> int:
        """Where it begins, counted from 1."""
        return self.start + 1


def tokens(source: str, start: int = 0) -> Iterator[Token]:
    """Give the words of a text from a place on, and at last one of the sort ``end``.

    Raises:
        ExpressionError: ``syntax`` or ``too-long``.
    """
    position, latest = start, start + SOURCE_BYTES_MAX
    while position < len(source):
        if position >= latest:
            raise too_long()
        found = _TOKEN.match(source, position)
        if found is None:
            raise _unknown(source, position)
        sort, text = found.lastgroup or "", found[0]
        if sort != "blank":
            yield Token(_SORTS.get(sort, sort), _value(sort, text, position), position, found.end())
        position = found.end()
    yield Token("end", "", len(source), len(source))


_SORTS: Final = {"raw": "string"}


def too_long() -> ExpressionError:
    """Return the error about a text that is longer than an expression may be."""
    return ExpressionError(
        "too-long",
        f"an expression has at most {SOURCE_BYTES_MAX:,} bytes",
        hint="Compute parts of it in `set` nodes, or all of it in a task.",
    )


def _unknown(source: str, position: int) -> ExpressionError:
    char = source[position]
    return ExpressionError(
        "syntax", f"{char!r} has no meaning here", position + 1, _INSTEAD.get(char, "")
    )


def _value(sort: str, text: str, position: int) -> Any:
    match sort:
        case "int":
            return _integer(text, position)
        case "double":
            return float(text)
        case "raw":
            return _without_quotes(text[1:])
        case "string":
            return _string(text, position)
        case "quoted":
            return text[1:-1]
        case _:
            return text


def _integer(text: str, position: int) -> int:
    # One more than fits is allowed here, so that a minus before it can make it fit.
    digits, base = (text[2:], 16) if text[:2] in {"0x", "0X"} else (text, 10)
    value = int(digits, base) if len(digits.lstrip("0")) <= 19 else INT_MAX + 2
    if value > INT_MAX + 1:
        raise ExpressionError("syntax", "the integer does not fit 64 bits", position + 1)
    return value


def _without_quotes(text: str) -> str:
    size = 3 if text[:3] in {'"""', "'''"} and len(text) >= 6 else 1
    return text[size:-size]


def _string(text: str, position: int) -> str:
    def plain(found: re.Match[str]) -> str:
        kept, hex_2, hex_4, hex_8, octal = found.groups()
        if kept:
            return _PLAIN.get(kept, kept)
        number = int(hex_2 or hex_4 or hex_8 or "0", 16) if not octal else int(octal, 8)
        is_known = found[0] != "\\" and number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
        if not is_known:
            raise ExpressionError(
                "syntax",
                f"the escape in {describe(text)} means no character",
                position + quote + found.start() + 1,
                "Write '\\\\' for a backslash, or r'…' for a string without escapes.",
            )
        return chr(number)

    body = _without_quotes(text)
    quote = (len(text) - len(body)) // 2
    return _ESCAPE.sub(plain, body) if "\\" in body else body
