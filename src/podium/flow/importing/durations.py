"""Durations of the source, in our words."""

from __future__ import annotations

import re

from decimal import Decimal
from typing import Any, Final

_UNITS_MS: Final = {
    "days": 86_400_000,
    "hours": 3_600_000,
    "minutes": 60_000,
    "seconds": 1_000,
    "milliseconds": 1,
}
_NUMBER: Final = r"(\d{1,9}(?:\.\d{1,9})?)"
_ISO: Final = re.compile(
    rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?", re.ASCII
)
_ISO_MS: Final = (7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1_000)
_WORDS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


def duration_ms(data: Any) -> int | None:
    """Return a duration in milliseconds; None where it is none, or has years or months."""
    if isinstance(data, dict):
        parts = [_part(unit, value) for unit, value in data.items()]
        return None if not parts or None in parts else sum(part for part in parts if part)
    if isinstance(data, str) and (match := _ISO.fullmatch(data.strip())) and any(match.groups()):
        total = sum(
            Decimal(number) * unit
            for number, unit in zip(match.groups(), _ISO_MS, strict=True)
            if number
        )
        return int(total)
    return None


def _part(unit: str, value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
    return value * _UNITS_MS[unit] if is_count and unit in _UNITS_MS else None


def duration_text(milliseconds: int) -> str:
    """Say milliseconds as ``1h30m``."""
    words: list[str] = []
    for word, size in _WORDS:
        count, milliseconds = divmod(milliseconds, size)
        if count:
            words.append(f"{count}{word}")
    return "".join(words) or "0s"
