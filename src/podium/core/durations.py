"""Durations: ``"500ms"``, ``"30s"``, ``"1h30m"``, ``"2d"``, ``"PT5M"``, or a timedelta."""

from __future__ import annotations

import re

from datetime import timedelta

from podium.core.errors import InvalidOption

type_name = "a duration such as '500ms', '30s', '1h30m', '2d', 'PT5M', or a datetime.timedelta"
Duration = str | timedelta

_UNIT_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
DURATION_S_MAX = 100 * 365.25 * 86400
"""A hundred years: what is longer was meant otherwise, and would not fit where times are kept."""
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)")
_ISO = re.compile(
    r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)


def seconds(duration: Duration, *, what: str = "duration") -> float:
    """Return a duration in seconds.

    Raises:
        InvalidOption: It has no unit, is negative, is longer than 100 years, or cannot be read.
    """
    if isinstance(duration, timedelta):
        value = duration.total_seconds()
    elif isinstance(duration, str):
        value = _parse(duration.strip(), what)
    else:
        raise InvalidOption(
            f"{what} is {duration!r}, which has no unit; expected {type_name}. "
            f"Write '{duration}s' if seconds were meant."
        )
    if value < 0:
        raise InvalidOption(f"{what} is {duration!r}; a duration cannot be negative.")
    if not value <= DURATION_S_MAX:
        raise InvalidOption(
            f"{what} is {str(duration)[:60]!r}; at most 100 years can be waited for."
        )
    return value


def some_seconds(duration: Duration, *, what: str) -> float:
    """Return a duration in seconds that is longer than nothing.

    Raises:
        InvalidOption: It is not, or it is none.
    """
    value_s = seconds(duration, what=what)
    if value_s <= 0:
        raise InvalidOption(f"{what} is {duration!r}; it must be longer than nothing.")
    return value_s


def _parse(text: str, what: str) -> float:
    if text.startswith("P") and (iso := _ISO.fullmatch(text)) and any(iso.groups()):
        weeks, days, hours, minutes, secs = (float(part or 0) for part in iso.groups())
        return weeks * 604800 + days * 86400 + hours * 3600 + minutes * 60 + secs
    total, end = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != end:
            break
        total += float(part[1]) * _UNIT_S[part[2]]
        end = part.end()
    if not text or end != len(text):
        raise InvalidOption(f"{what} is {text!r}; expected {type_name}.")
    return total


def text(value_s: float) -> str:
    """Say seconds the way a person would: ``"1h30m"``, ``"250ms"``."""
    if value_s < 1:
        return f"{value_s * 1000:.0f}ms"
    if value_s < 60:
        return f"{value_s:.3g}s"
    parts, rest = [], int(value_s)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if rest >= size:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return "".join(parts[:2])
