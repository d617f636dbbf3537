"""Texts that documents have for values of Python."""

from __future__ import annotations

from typing import Final

_UNITS_US: Final = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}


def duration_text(value_s: float) -> str:
    """Return a duration as text: ``1h30m``."""
    rest, text = round(value_s * 1_000_000), ""
    for unit, size in _UNITS_US.items():
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
