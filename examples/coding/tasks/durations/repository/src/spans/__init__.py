"""Durations as people write them."""

from spans.errors import NotASpan
from spans.spelling import UNITS, spell

__all__ = ["UNITS", "NotASpan", "spell"]
