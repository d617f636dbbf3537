"""Data that did not come as a text: whether it could have (a program or a model may give anything)."""

from __future__ import annotations

import math

from typing import Any, Final, NamedTuple

from podium.flow.findings import Finding
from podium.flow.places import child
from podium.flow.source.limits import DEPTH_MAX, NUMBER_CHARS_MAX, TEXT_BYTES_MAX, VALUES_MAX

_CODE: Final = "not-json"
_FINDINGS_MAX: Final = 20
_INTEGER_BEYOND: Final = 10**NUMBER_CHARS_MAX
_PLAIN: Final = (str, bool, int, float, type(None))


class _Place(NamedTuple):
    """A value with its way down; paths are put together only where something is wrong."""

    value: Any
    depth: int = 0
    parent: _Place | None = None
    key: str | int = ""

    def path(self) -> str:
        keys: list[str | int] = []
        place = self
        while place.parent is not None:
            keys.append(place.key)
            place = place.parent
        path = "$"
        for key in reversed(keys):
            path = child(
                path, key.encode(errors="replace").decode() if isinstance(key, str) else key
            )
        return path


def faults_of(data: Any) -> list[Finding]:
    """Return where data is no JSON, or deeper or larger than the text of a document may be.

    The first 20 places; what is too large or too deep ends the search.
    """
    found: list[Finding] = []
    values = size = 0
    waiting = [_Place(data)]
    while waiting and len(found) < _FINDINGS_MAX:
        place = waiting.pop()
        value = place.value
        values += 1
        if isinstance(value, _PLAIN):
            problem = _problem(value)
            size += len(value) if isinstance(value, str) else 0
        elif isinstance(value, dict):
            problem = next(filter(None, map(_key_problem, value)), "")
            size += sum(len(key) for key in value if isinstance(key, str))
        else:
            problem = "" if isinstance(value, list) else f"a {type(value).__name__} is no JSON."
        if problem:
            found.append(Finding(_CODE, place.path(), problem))
        elif isinstance(value, list | dict) and value:
            if place.depth == DEPTH_MAX:
                problem = f"lists and mappings are nested deeper than {DEPTH_MAX}."
                return [*found, Finding(_CODE, place.path(), problem)]
            if values + len(waiting) + len(value) > VALUES_MAX:
                return [*found, _too_large(f"{VALUES_MAX:,} values")]
            waiting.extend(_inside(place))
        if size > TEXT_BYTES_MAX:
            return [*found, _too_large(f"{TEXT_BYTES_MAX:,} characters in its texts")]
    return found


def _inside(place: _Place) -> list[_Place]:
    """Return the values within, the last one first."""
    value, depth = place.value, place.depth + 1
    many = value.items() if isinstance(value, dict) else enumerate(value)
    return [_Place(one, depth, place, key) for key, one in many][::-1]


def _problem(value: Any) -> str:
    if isinstance(value, str):
        return "" if _is_whole(value) else f"{_HALF}: {value!r:.80}."
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{value} is no number that JSON has."
    if isinstance(value, int) and not -_INTEGER_BEYOND < value < _INTEGER_BEYOND:
        return f"a number has more than {NUMBER_CHARS_MAX:,} digits."
    return ""


_HALF: Final = "this text has half of a character (a lone surrogate)"


def _key_problem(key: Any) -> str:
    if not isinstance(key, str):
        return f"the key {key!r:.80} is no text; put it in quotes."
    return "" if _is_whole(key) else f"{_HALF} as a key: {key!r:.80}."


def _is_whole(text: str) -> bool:
    """Whether a text has no half of a character, and so can be written as UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _too_large(limit: str) -> Finding:
    return Finding(
        _CODE, "$", f"the document has more than {limit}.", "Give large data to the run as input."
    )
