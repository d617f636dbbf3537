"""Durations are written in our notation."""

import pytest

from spans import spell


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (500, "500ms"), (5_400_000, "1h30m"), (-1_000, "-1s"), (608_400_001, "1w1h1ms")],
)
def test_spelling(ms: int, text: str) -> None:
    """As few parts as it takes, from the largest unit to the smallest."""
    assert spell(ms) == text
