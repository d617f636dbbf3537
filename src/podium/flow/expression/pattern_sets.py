"""Sets of characters in regular expressions, such as ``[a-z]``, ``[[:alpha:]]`` and categories."""

from __future__ import annotations

import unicodedata

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from podium.flow.expression.errors import ExpressionError

Accepts = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Patterns:
    """The text of a pattern, and how its sets are to be read."""

    source: str
    ignores_case: bool
    bad: Callable[..., ExpressionError]


def ANY(_: str) -> bool:  # noqa: N802  # a constant that is a function
    """Accept any character."""
    return True


def LINE(char: str) -> bool:  # noqa: N802  # a constant that is a function
    """Accept any character but the end of a line."""
    return char != "\n"


def one(wanted: str) -> Accepts:
    """Accept one character."""
    return lambda char: char == wanted


def either_case(wanted: str) -> Accepts:
    """Accept one character in upper and lower case."""
    forms = _forms(wanted)
    return lambda char: char in forms


def _forms(char: str) -> frozenset[str]:
    """Return a character in all its cases; those that are two letters long do not count."""
    same = {char, char.lower(), char.upper(), char.upper().lower()}
    if char.lower() in {"k", "s"}:
        same |= {"\u212a"} if char.lower() == "k" else {"\u017f"}
    return frozenset(form for form in same if len(form) == 1)


def _span(low: str, high: str) -> Accepts:
    return lambda char: low <= char <= high


def _among(chars: str) -> Accepts:
    return lambda char: char in chars


def _none(accepts: Accepts) -> Accepts:
    return lambda char: not accepts(char)


def _any_of(parts: list[Accepts]) -> Accepts:
    return lambda char: any(accepts(char) for accepts in parts)


def _signed(patterns: Patterns, accepts: Accepts, *, negative: bool = False) -> Accepts:
    """Let a set take both cases where case is ignored, and turn it round after that."""
    both = _in_all_cases(accepts) if patterns.ignores_case else accepts
    return _none(both) if negative else both


def _in_all_cases(accepts: Accepts) -> Accepts:
    return lambda char: any(accepts(form) for form in _forms(char))


def _category(name: str) -> Accepts:
    return lambda char: unicodedata.category(char).startswith(name)


def _ascii(test: Callable[[str], bool]) -> Accepts:
    return lambda char: char.isascii() and test(char)


_DIGIT: Final = _span("0", "9")
_SPACE: Final = _among("\t\n\f\r ")
_WORD: Final = _ascii(lambda char: char.isalnum() or char == "_")
_CLASSES: Final = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
_NAMED: Final = {
    "alnum": _ascii(str.isalnum),
    "alpha": _ascii(str.isalpha),
    "ascii": _ascii(lambda _: True),
    "blank": _among("\t "),
    "cntrl": _ascii(lambda char: char < " " or char == "\x7f"),
    "digit": _DIGIT,
    "graph": _span("!", "~"),
    "lower": _span("a", "z"),
    "print": _span(" ", "~"),
    "punct": _ascii(lambda char: "!" <= char <= "~" and not char.isalnum()),
    "space": _among("\t\n\v\f\r "),
    "upper": _span("A", "Z"),
    "word": _WORD,
    "xdigit": _among("0123456789abcdefABCDEF"),
}
_CONTROLS: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_CATEGORIES: Final = frozenset(
    [
        "L",
        "Ll",
        "Lm",
        "Lo",
        "Lt",
        "Lu",
        "M",
        "Mc",
        "Me",
        "Mn",
        "N",
        "Nd",
        "Nl",
        "No",
        "P",
        "Pc",
        "Pd",
        "Pe",
        "Pf",
        "Pi",
        "Po",
        "Ps",
        "S",
        "Sc",
        "Sk",
        "Sm",
        "So",
        "Z",
        "Zl",
        "Zp",
        "Zs",
        "C",
        "Cc",
        "Cf",
        "Co",
        "Cs",
    ]
)


def read_escape(patterns: Patterns, position: int) -> tuple[Accepts | str, int]:
    """Read what follows a backslash: a set, or one character; and where it ends."""
    source = patterns.source
    char, position = source[position : position + 1], position + 1
    if char.lower() in _CLASSES:
        return _signed(patterns, _CLASSES[char.lower()], negative=char.isupper()), position
    if char and char in "pP":
        return _read_category(patterns, position, negative=char == "P")
    if char == "x":
        return _read_hex(patterns, position)
    if char in _CONTROLS:
        return _CONTROLS[char], position
    if char and char.isascii() and not char.isalnum():
        return char, position
    raise patterns.bad(
        f"'\\{char}' is not known at {position}",
        "Back-references would not be bounded in time." if char.isdigit() else "",
    )


def _read_category(patterns: Patterns, position: int, *, negative: bool) -> tuple[Accepts, int]:
    """Read ``L`` or ``{Lu}``: a general category of Unicode."""
    source = patterns.source
    name, end = source[position : position + 1], position + 1
    if name == "{":
        end = source.find("}", position) + 1
        name = source[position + 1 : end - 1] if end else ""
    if name.removeprefix("^") not in _CATEGORIES:
        raise patterns.bad(
            f"'\\p{name}' is not known at {position}", "Categories such as 'L', 'Lu' or 'N' are."
        )
    accepts = _category(name.removeprefix("^"))
    return _signed(patterns, accepts, negative=negative != name.startswith("^")), end


def _read_hex(patterns: Patterns, position: int) -> tuple[str, int]:
    """Read ``41`` or ``{1F600}``: a character by its number."""
    source = patterns.source
    digits, end = source[position : position + 2], position + 2
    if digits[:1] == "{":
        end = source.find("}", position) + 1
        digits = source[position + 1 : end - 1] if end else ""
    is_hex = 2 <= len(digits.zfill(2)) <= 8 and set(digits) <= set("0123456789abcdefABCDEF")
    if not digits or not is_hex or int(digits, 16) > 0x10FFFF:
        raise patterns.bad(f"'\\x' needs the number of a character at {position}")
    return chr(int(digits, 16)), end


def read_class(patterns: Patterns, position: int) -> tuple[Accepts, int]:
    """Read what follows ``[``; and where it ends."""
    source = patterns.source
    negative = source.startswith("^", position)
    position += negative
    parts: list[Accepts] = []
    while not (source.startswith("]", position) and parts):
        if position >= len(source):
            raise patterns.bad("a set is not closed", "Write ']' at its end.")
        part, position = _read_member(patterns, position)
        parts.append(part)
    accepts = _any_of(parts)
    return (_none(accepts) if negative else accepts), position + 1


def _read_member(patterns: Patterns, position: int) -> tuple[Accepts, int]:
    source = patterns.source
    if source.startswith("[:", position):
        return _read_named(patterns, position + 2)
    low, position = _read_char(patterns, position)
    if callable(low):
        return low, position
    if not source.startswith("-", position) or source[position + 1 : position + 2] in {"", "]"}:
        return _signed(patterns, one(low)), position
    high, position = _read_char(patterns, position + 1)
    if callable(high) or high < low:
        raise patterns.bad(f"a range ends before it begins at {position}")
    return _signed(patterns, _span(low, high)), position


def _read_char(patterns: Patterns, position: int) -> tuple[Accepts | str, int]:
    if patterns.source[position] == "\\":
        return read_escape(patterns, position + 1)
    return patterns.source[position], position + 1


def _read_named(patterns: Patterns, position: int) -> tuple[Accepts, int]:
    end = patterns.source.find(":]", position)
    name = patterns.source[position:end] if end > 0 else ""
    accepts = _NAMED.get(name.removeprefix("^"))
    if accepts is None:
        raise patterns.bad(f"'[:{name[:20]}:]' is not known at {position}")
    return _signed(patterns, accepts, negative=name.startswith("^")), end + 2
