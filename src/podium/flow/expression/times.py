"""Timestamps and durations: nanoseconds in an integer, read from text and written as text.

There is no clock here and no table of time zones: both differ between two machines.
"""

from __future__ import annotations

import datetime as dt
import re

from dataclasses import dataclass
from typing import Final

from podium.flow.expression.errors import ExpressionError

_SECOND: Final = 1_000_000_000
_DAY_S: Final = 86_400
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_EARLIEST: Final = (dt.date.min.toordinal() - _EPOCH) * _DAY_S * _SECOND
_LATEST: Final = (dt.date.max.toordinal() - _EPOCH + 1) * _DAY_S * _SECOND - 1
_LONGEST: Final = (
    315_576_000_000 * _SECOND + _SECOND - 1
)  # as protocol buffers have it: 10,000 years

_STAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_OFFSET: Final = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|ms|s|m|h)")
_DIGITS: Final = 18
"""Digits behind the point that count while a duration is read."""
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3_600 * _SECOND,
}


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A point in time: nanoseconds since 1970 in UTC, from the year 1 to 9999."""

    nanos: int

    def __post_init__(self) -> None:
        if not _EARLIEST <= self.nanos <= _LATEST:
            raise ExpressionError("overflow", "a timestamp lies between the years 1 and 9999")

    def __str__(self) -> str:
        day, clock = divmod(self.nanos // _SECOND, _DAY_S)
        date = dt.date.fromordinal(_EPOCH + day)
        hour, rest = divmod(clock, 3600)
        nanos = _fraction(self.nanos % _SECOND)
        return f"{date.isoformat()}T{hour:02}:{rest // 60:02}:{rest % 60:02}{nanos}Z"


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in nanoseconds, at most 10,000 years, also negative."""

    nanos: int

    def __post_init__(self) -> None:
        if not -_LONGEST <= self.nanos <= _LONGEST:
            raise ExpressionError("overflow", "a duration is at most 10,000 years")

    def __str__(self) -> str:
        sign, size = ("-" if self.nanos < 0 else ""), abs(self.nanos)
        return f"{sign}{size // _SECOND}{_fraction(size % _SECOND)}s"


def _fraction(nanos: int) -> str:
    """Write a part of a second with 0, 3, 6 or 9 digits."""
    digits = f"{nanos:09}"
    for size in (0, 3, 6):
        if not digits[size:].strip("0"):
            return f".{digits[:size]}" if size else ""
    return f".{digits}"


def read_timestamp(text: str) -> Timestamp:
    """Read RFC 3339, such as ``2026-01-31T12:00:00Z``.

    Raises:
        ExpressionError: ``bad-text``: it is nothing of that kind.
    """
    found = _STAMP.fullmatch(text)
    if found is None:
        raise _unreadable(text, "a timestamp", "Write it as '2026-01-31T12:00:00Z'.")
    year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
    shift_hour, shift_minute = int(found[9] or 0), int(found[10] or 0)
    if hour > 23 or minute > 59 or second > 59 or shift_hour > 23 or shift_minute > 59:
        raise _unreadable(text, "a timestamp", "There is no such time of day.")
    try:
        days = dt.date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        raise _unreadable(text, "a timestamp", "There is no such day.") from None
    shift = (shift_hour * 60 + shift_minute) * 60 * (-1 if found[8] == "-" else 1)
    seconds = days * _DAY_S + hour * 3600 + minute * 60 + second - shift
    return Timestamp(seconds * _SECOND + int((found[7] or "").ljust(9, "0")))


def read_duration(text: str) -> Duration:
    """Read a duration such as ``1h30m``, ``1.5s`` or ``-250ms``.

    Raises:
        ExpressionError: ``bad-text``: it is nothing of that kind.
    """
    body = text[1:] if text[:1] in {"+", "-"} else text
    total, end = 0, 0
    for part in _PART.finditer(body[:100]):
        if part.start() != end or not (part[1] or part[2]):
            break
        digits = (part[1] or "0") + (part[2] or "")[:_DIGITS].ljust(_DIGITS, "0")
        total += int(digits) * _UNITS[part[3]]
        end = part.end()
    total //= 10**_DIGITS
    if body == "0" or (body and end == len(body)):
        return Duration(-total if text.startswith("-") else total)
    raise _unreadable(text, "a duration", "Write it as '1h30m', '45s' or '250ms'.")


def _unreadable(text: str, what: str, hint: str) -> ExpressionError:
    return ExpressionError("bad-text", f"{text[:40]!r} is not {what}", hint=hint)


def from_seconds(seconds: int) -> Timestamp:
    """Return the timestamp that lies so many seconds after 1970."""
    return Timestamp(seconds * _SECOND)


def seconds_of(stamp: Timestamp) -> int:
    """Return the whole seconds since 1970."""
    return stamp.nanos // _SECOND


def field_of_timestamp(stamp: Timestamp, name: str, zone: str = "UTC") -> int:
    """Return a part of the date or time of day, such as ``getHours``, in a zone with a fixed offset."""
    nanos = stamp.nanos + _offset(zone)
    days, clock = divmod(nanos // _SECOND, _DAY_S)
    ordinal = _EPOCH + days
    if not 1 <= ordinal <= dt.date.max.toordinal():
        raise ExpressionError("overflow", "in that zone the day lies outside the years 1 to 9999")
    date = dt.date.fromordinal(ordinal)
    parts = {
        "getFullYear": date.year,
        "getMonth": date.month - 1,
        "getDate": date.day,
        "getDayOfMonth": date.day - 1,
        "getDayOfWeek": date.isoweekday() % 7,
        "getDayOfYear": ordinal - dt.date(date.year, 1, 1).toordinal(),
        "getHours": clock // 3600,
        "getMinutes": clock // 60 % 60,
        "getSeconds": clock % 60,
        "getMilliseconds": nanos // 1_000_000 % 1000,
    }
    return parts[name]


def field_of_duration(length: Duration, name: str) -> int:
    """Return a duration in whole hours, minutes or seconds, or the milliseconds within its second."""
    size, sign = abs(length.nanos), -1 if length.nanos < 0 else 1
    parts = {
        "getHours": size // (3600 * _SECOND),
        "getMinutes": size // (60 * _SECOND),
        "getSeconds": size // _SECOND,
        "getMilliseconds": size // 1_000_000 % 1000,
    }
    return sign * parts[name]


def _offset(zone: str) -> int:
    """Return how far a zone is ahead of UTC, in nanoseconds."""
    if zone == "UTC":
        return 0
    found = _OFFSET.fullmatch(zone)
    if found is None or int(found[2]) > 23 or int(found[3]) > 59:
        raise _unreadable(
            zone, "an offset", "Write it as '+02:00' or 'UTC'; names of zones are not known."
        )
    minutes = int(found[2]) * 60 + int(found[3])
    return (-minutes if found[1] == "-" else minutes) * 60 * _SECOND
