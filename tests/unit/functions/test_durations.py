"""Durations: what is read, and what is refused by name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from podium import InvalidOption
from podium.core.durations import Duration, seconds


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("250ms", 0.25),
        ("1h30m", 5400),
        ("PT5M", 300),
        ("36525d", 36525 * 86400),
        (timedelta(hours=2), 7200),
    ],
)
def test_what_is_a_duration(duration: Duration, expected: float) -> None:
    """Units, several of them, ISO 8601, and up to a hundred years."""
    assert seconds(duration) == expected


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (5, "no unit"), ("5", "expected"), ("-1s", "expected"), (timedelta(seconds=-1), "negative"),
        ("36526d", "100 years"), ("9" * 400 + "d", "100 years"), (timedelta.max, "100 years"),
    ],
)  # fmt: skip
def test_what_is_none(duration: Duration, said: str) -> None:
    """Neither what has no unit nor what no clock can hold."""
    with pytest.raises(InvalidOption, match=said):
        seconds(duration)
