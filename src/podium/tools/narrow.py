"""Whether there is room for words in what a JSON Schema allows.

Numbers, booleans, choices, dates and short patterns without spaces have none: who writes such a value
can choose it, and cannot say anything with it.
"""

from __future__ import annotations

import re

from collections.abc import Mapping
from typing import Any, Final

TEXT_CHARS_MAX: Final = 32
"""The longest text that a pattern may allow."""
ITEMS_MAX: Final = 20
"""The longest list: a longer one could spell a text."""
INTEGER_MAX: Final = 2**63
"""The largest number, to both sides: a larger one could spell a text."""
_FORMATS: Final = frozenset({"date", "date-time", "time", "duration", "uuid", "uuid4", "decimal"})
"""Formats that decoding holds texts against."""
_SCALARS: Final = frozenset({"null", "boolean", "integer", "number"})
_DEPTH_MAX: Final = 20


def room_for_text(schema: Any) -> str | None:
    """Return where a schema leaves room for words, and why; None where it does not.

    Args:
        schema: A JSON Schema whose references stay within it.
    """
    definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
    return _Reader(definitions).room(schema, "$", 0)


class _Reader:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def room(self, schema: Any, place: str, depth: int) -> str | None:
        if schema is False:
            return None
        if not isinstance(schema, Mapping) or not schema:
            return f"{place} may be anything"
        if depth > _DEPTH_MAX:
            return f"{place} may be nested without end"
        if "enum" in schema or "const" in schema:
            return None
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix("#/$defs/")
            return self.room(self._definitions.get(name, {}), place, depth + 1)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                rooms = (self.room(one, place, depth + 1) for one in schema[word])
                return next((one for one in rooms if one is not None), None)
        if "allOf" in schema:
            rooms = (self.room(one, place, depth + 1) for one in schema["allOf"])
            found = [one for one in rooms if one is not None]
            return found[0] if len(found) == len(schema["allOf"]) else None
        kinds = schema.get("type", [])
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            room = self._of_kind(kind, schema, place, depth)
            if room is not None:
                return room
        return None if kinds else f"{place} may be anything"

    def _of_kind(self, kind: str, schema: Mapping[str, Any], place: str, depth: int) -> str | None:
        if kind in _SCALARS:
            return None
        if kind == "string":
            return _room_in_text(schema, place)
        if kind == "array":
            return self._room_in_list(schema, place, depth)
        return self._room_in_object(schema, place, depth)

    def _room_in_list(self, schema: Mapping[str, Any], place: str, depth: int) -> str | None:
        first = schema.get("prefixItems", [])
        is_closed = schema.get("items", True) is False
        most = schema.get("maxItems", len(first) if is_closed else None)
        if most is None or most > ITEMS_MAX:
            return f"{place} may have more than {ITEMS_MAX} items"
        rest = [] if is_closed or len(first) >= most else [schema.get("items")]
        for number, one in enumerate([*first, *rest]):
            room = self.room(one, f"{place}[{number}]", depth + 1)
            if room is not None:
                return room
        return None

    def _room_in_object(self, schema: Mapping[str, Any], place: str, depth: int) -> str | None:
        if schema.get("additionalProperties", True) is not False or "patternProperties" in schema:
            return f"{place} may have fields of any name"
        for name, one in schema.get("properties", {}).items():
            room = self.room(one, f"{place}.{name}", depth + 1)
            if room is not None:
                return room
        return None


def _room_in_text(schema: Mapping[str, Any], place: str) -> str | None:
    if schema.get("format") in _FORMATS:
        return None
    pattern = schema.get("pattern")
    if not isinstance(pattern, str):
        return f"{place} is a text of any words"
    given = schema.get("maxLength")
    longest = longest_match(pattern)
    if longest is None:
        return f"{place} is a text whose pattern {pattern!r:.80} has room for words"
    if min(longest, given if isinstance(given, int) else longest) > TEXT_CHARS_MAX:
        return f"{place} is a text that may have more than {TEXT_CHARS_MAX} characters"
    return None


# patterns ---------------------------------------------------------------------------------------

_ATOM: Final = re.compile(
    r"""\\d | \\[^\w\s] | [A-Za-z0-9_\-:/@#%&=,;!<>~"'] | \[(?P<set>(?:[^\]\[\\^]|\\[d-])+)\]""",
    re.VERBOSE,
)
_TIMES: Final = re.compile(r"\{(\d{1,4})(?:(,)(\d{0,4}))?\}|[?*+]")
_RANGE: Final = re.compile(r"(\\[d-]|[^\\])(?:-([^\\]))?")
_FOR_EVER: Final = 10**6


def longest_match(pattern: str) -> int | None:
    r"""Return how many characters a text may have that fits a pattern; None where it may have spaces.

    Of patterns it knows what is needed for names and numbers: characters, ``[A-Z0-9-]``, ``\d``, groups
    with ``|``, and how often. Any other pattern counts as one with room for words.
    """
    if not (pattern.startswith("^") and pattern.endswith("$")):
        return None
    length, end = _branches(pattern, 1, 0)
    return length if end == len(pattern) - 1 else None


def _branches(text: str, at: int, depth: int) -> tuple[int | None, int]:
    """Read alternatives up to a closing bracket or the end; return (longest, where it ends)."""
    longest = 0
    while True:
        length, at = _sequence(text, at, depth)
        if length is None:
            return None, at
        longest = max(longest, length)
        if at >= len(text):
            return None, at  # what ends it is a character, not the end
        if text[at] != "|":
            return (longest if at == len(text) - 1 or depth else None), at
        if not depth:
            return None, at  # of `^a|b$` each end belongs to one branch only
        at += 1


def _sequence(text: str, at: int, depth: int) -> tuple[int | None, int]:
    total = 0
    while at < len(text) - 1 and text[at] not in "|)":
        if text[at] == "(":
            if depth > 10:
                return None, at
            opened = at + (3 if text.startswith("(?:", at) else 1)
            length, at = _branches(text, opened, depth + 1)
            if length is None or text[at] != ")":
                return None, at
            at += 1
        else:
            atom = _ATOM.match(text, at)
            if atom is None or not _is_tight(atom["set"]):
                return None, at
            length, at = 1, atom.end()
        times = _TIMES.match(text, at)
        if times is not None:
            length, at = length * _most(times), times.end()
        total += length
    return total, at


def _most(times: re.Match[str]) -> int:
    if times[0] == "?":
        return 1
    if times[1] is None:
        return _FOR_EVER
    if times[2] is None:
        return int(times[1])
    return int(times[3]) if times[3] else _FOR_EVER


def _is_tight(inner: str | None) -> bool:
    """Whether a set of characters, such as ``A-Z_``, is of ASCII and has no space."""
    if inner is None:
        return True
    for first, last in _RANGE.findall(inner):
        if first[0] != "\\" and not ("!" <= first <= (last or first) <= "~"):
            return False
    return True
