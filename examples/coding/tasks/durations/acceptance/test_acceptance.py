"""What whoever asked for it will try."""

import pytest
import spans

from spans import NotASpan, spell


@pytest.mark.parametrize(
    "ms", [0, 1, 999, 1_000, 59_999, 61_001, 5_400_000, 86_400_000, -7, 10**12]
)
def test_what_is_written_can_be_read(ms: int) -> None:
    """Reading is the inverse of writing."""
    assert spans.read(spell(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"), [("90m", 5_400_000), ("-1h30m", -5_400_000), (" 2d ", 172_800_000)]
)
def test_what_people_write(text: str, ms: int) -> None:
    """Numbers larger than the next unit, a sign, blanks around it."""
    assert spans.read(text) == ms


@pytest.mark.parametrize(
    "text", ["", "-", "h", "10", "1.5h", "1h 30m", "1x", "--1h", "1h-30m", "1H"]
)
def test_what_is_no_duration(text: str) -> None:
    """It is refused, and the error quotes it."""
    with pytest.raises(NotASpan) as caught:
        spans.read(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["30m1h", "1h1h", "1ms1s"])
def test_units_in_order_and_once(text: str) -> None:
    """From the largest unit to the smallest, each at most once."""
    with pytest.raises(NotASpan):
        spans.read(text)
