"""Numbers between bounds: the grammar stands for exactly those that it should."""

import re

from fractions import Fraction

import pytest

from hypothesis import given
from hypothesis import strategies as st

from podium.models.local.ranges import Bounds, NumberRange


def pattern(found: NumberRange) -> re.Pattern[str]:
    """The grammar of a range as a regular expression: its texts have no marks of either language."""
    text = found.grammar().replace(".", r"\.")
    return re.compile(re.sub(r'[" ]', "", text))


def of(is_whole: bool = True, **schema: float) -> NumberRange:
    return NumberRange.of(Bounds.of(schema), is_whole=is_whole)


@given(st.integers(-2000, 2000), st.integers(0, 700), st.integers(-3000, 3000))
def test_whole_numbers(low: int, size: int, other: int) -> None:
    """A whole number is in the grammar exactly if it is between the bounds."""
    high = low + size
    accepts = pattern(of(minimum=low, maximum=high)).fullmatch

    assert accepts(str(low))
    assert accepts(str(high))
    assert bool(accepts(str(other))) is (low <= other <= high)
    assert not accepts(f"0{abs(low)}")


@given(st.integers(-3000, 3000), st.integers(1, 900), st.integers(-4000, 4000))
def test_numbers_with_a_point(low: int, size: int, other: int) -> None:
    """A number of two decimals is in the grammar exactly if it is between the bounds."""
    bounds = {"minimum": low / 100, "maximum": (low + size) / 100}
    accepts = pattern(of(is_whole=False, **bounds)).fullmatch

    assert bool(accepts(f"{other / 100:.2f}")) is (low <= other <= low + size)


@given(st.integers(-500, 500), st.integers(2, 60))
def test_bounds_that_are_not_among_the_numbers(low: int, size: int) -> None:
    """Exclusive bounds are left out, and nothing else."""
    accepts = pattern(of(exclusiveMinimum=low, exclusiveMaximum=low + size)).fullmatch

    assert [n for n in range(low - 2, low + size + 3) if accepts(str(n))] == [*range(low + 1, low + size)]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "is_whole", "values"),
    [
        ({"minimum": -4, "maximum": 7, "multipleOf": 3}, True, ["-3", "0", "3", "6"]),
        ({"minimum": 0, "maximum": 1, "multipleOf": 0.5}, False, ["0.00", "0.50", "1.00"]),
    ],
)
def test_multiples_are_written_out(
    schema: dict[str, float], is_whole: bool, values: list[str]
) -> None:
    """A step between few numbers gives a choice of them."""
    found = NumberRange.of(Bounds.of(schema), is_whole=is_whole)

    assert re.findall(r'"([^"]+)"', found.grammar()) == values


def test_no_number_is_longer_than_it_says() -> None:
    """What bounds are missing has an end all the same."""
    assert of().bytes_max >= len("-999999999999999")
    assert of(minimum=5).bytes_max >= 15
    assert not pattern(of()).fullmatch("1" * 16)


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"minimum": 3, "maximum": 2}, "no number"),
        ({"exclusiveMinimum": 3, "exclusiveMaximum": 4}, "no number"),
        ({"multipleOf": 7}, "more than 500 multiples"),
        ({"multipleOf": 0.25, "minimum": 0, "maximum": 9}, "multiples of 0.25"),
    ],
)
def test_what_cannot_be_written(schema: dict[str, float], complaint: str) -> None:
    """Bounds without a number between them, and multiples without end, are refused."""
    with pytest.raises(ValueError, match=complaint):
        of(**schema)


def test_bounds_are_exact() -> None:
    """A bound is the number that was written, not the float next to it."""
    assert Bounds.of({"minimum": 0.1}).low == Fraction(1, 10)
