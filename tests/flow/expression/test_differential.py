"""Ours beside Google's: on the common subset both give the same value, or both fail."""

from __future__ import annotations

import os
import re

from typing import Any

import pytest

from hypothesis import example, given, settings
from hypothesis import strategies as st

from podium.flow.expression import Expression, ExpressionError
from tests.flow.expression.programs import DATA, expressions, has_no_json, same

pytestmark = pytest.mark.long

google = pytest.importorskip("tests.flow.expression.google")

ENVIRONMENT = google.environment(DATA)
IS_FULL = os.environ.get("PODIUM_PROOF") == "full"
EXAMPLES = 20_000 if IS_FULL else 600


def ours(source: str, data: dict[str, Any]) -> Any:
    """Return the value or the error."""
    try:
        return Expression.parse(source).evaluate(data)
    except ExpressionError as error:
        return error


def agree(source: str, other: str, data: dict[str, Any], env: Any) -> None:
    """Both give the same value, or both fail; a result that is no JSON is our own error."""
    theirs, found = google.evaluate(env, other, data), ours(source, data)
    if theirs is google.FAILED:
        assert isinstance(found, ExpressionError), f"{source}: ours gives {found!r}, Google fails"
    elif has_no_json(theirs):
        assert getattr(found, "code", "") == "not-json", f"{source}: {found!r}"
    else:
        assert same(found, theirs), f"{source}: ours gives {found!r}, Google {theirs!r}"


@settings(max_examples=EXAMPLES)
@given(expressions())
def test_expressions(pair: tuple[str, str]) -> None:
    """Whatever is written in the common subset means what it means to Google's implementation."""
    agree(*pair, DATA, ENVIRONMENT)


NUMBERS = st.sampled_from([0, 1, -1, 3, 7, 2**53 + 1, 2**62, -(2**63), 2**63 - 1])
DOUBLES = st.sampled_from([0.0, 0.5, -1.5, 2.0, 3.0, 1e300, 2.0**53])


@given(NUMBERS, DOUBLES, st.sampled_from("+-*/"), st.booleans())
def test_mixed_numbers_are_widened(i: int, d: float, sign: str, is_first: bool) -> None:
    """An integer beside a double counts as the double next to it."""
    env = google.environment({"i": 0, "d": 0})
    source = f"i {sign} d" if is_first else f"d {sign} i"

    agree(source, source.replace("i", "double(i)"), {"i": i, "d": d}, env)


@given(NUMBERS, DOUBLES, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_mixed_comparisons(i: int, d: float, sign: str) -> None:
    """Integers and doubles compare as Google compares them."""
    env = google.environment({"i": 0, "d": 0})

    agree(f"i {sign} d", f"i {sign} d", {"i": i, "d": d}, env)
    agree(f"d {sign} i", f"d {sign} i", {"i": i, "d": d}, env)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 1.5]) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)  # fmt: skip


@given(VALUES, VALUES)
def test_equality(a: Any, b: Any) -> None:
    """Values of any kind are equal when Google's are."""
    env = google.environment({"a": 0, "b": 0})

    for source in ("a == b", "a != b", "a in [b]", "a in b", "a == a"):
        agree(source, source, {"a": a, "b": b}, env)


PIECES = st.sampled_from(
    ["a", "b", "é", ".", "\\d", "\\w", "\\W", "\\s", "[a-c]", "[^a]", "[é-z]", "^", "$", "\\b", "\\B", "(a|b)", "(?:ab)", "(?i:B)", "(?i)", "(?s:.)", "(?m:^b$)", "x*", "a+?", "b?", "(ab){2}", "a{1,2}", "a{0}", "[[:alpha:]]", "\\pL", "\\p{Lu}", "\\PN", "\\.", "\\x41", "\\x{e9}", "\\n", "|", "(", ")", "[", "]", "*", "{", "}", "{1}", "-", "[]a]", "[a-]", "[\\d-]", "(?P<n>a)", "\\1", "(?=a)", "\\Q", "\\z", "\\A", "\\C", "a**", "(?", "\\", "[z-a]"]
)  # fmt: skip
TEXTS = st.text(st.sampled_from("aAbBcé1 _\n-].K\u212a"), max_size=8)


@settings(max_examples=EXAMPLES)
@given(st.lists(PIECES, max_size=6).map("".join), TEXTS)
@example("(?i)k", "\u212a")
@example("a{2,1}", "a")
@example("a{1001}", "a")
@example("(?i)[^a-b]", "B")
@example("((a|b)*c)+$", "abacabc")
def test_patterns(pattern: str, text: str) -> None:
    """A regular expression matches what RE2 matches, or neither takes it."""
    env = google.environment({"p": 0, "t": 0})
    if re.search(r"\\[QC]|\(\?i\)[*+?{]", pattern):
        return  # we take less here: no quotes, no bytes, no repetition of what is no part
    if "\\B" in pattern and not text.isascii():
        return  # theirs looks between the bytes of one character

    agree("t.matches(p)", "t.matches(p)", {"p": pattern, "t": text}, env)


@given(st.text(max_size=30))
def test_texts_are_read_alike(text: str) -> None:
    """Numbers, bools, times and lengths of time are read from the same texts, as far as we read them."""
    env = google.environment({"t": 0})
    for function in ("int", "double", "bool"):
        found = ours(f"{function}(t)", {"t": text})
        if not isinstance(found, ExpressionError):
            agree(f"{function}(t)", f"{function}(t)", {"t": text}, env)


DIGITS = st.integers(0, 99).map(lambda n: f"{n:02}")
STAMPS = st.builds(
    "{}{}-{}-{}T{}:{}:{}{}{}".format,
    *[DIGITS] * 7,
    st.sampled_from(["", ".5", ".123456789", ".", ".000001"]),
    st.sampled_from(["Z", "z", "+01:00", "-23:59", "+24:00", "", "+1:00"]),
)


@given(STAMPS | st.just("2024-02-29T12:00:00Z") | st.just("1900-02-29T12:00:00Z"))
def test_timestamps(text: str) -> None:
    """A timestamp is read and written as Google does it; a leap second is none here."""
    env = google.environment({"t": 0})
    if text[17:19] == "60":
        return

    agree("string(timestamp(t))", "string(timestamp(t))", {"t": text}, env)
    for part in ("getDayOfWeek", "getDayOfYear", "getMilliseconds", "getFullYear"):
        agree(f"timestamp(t).{part}()", f"timestamp(t).{part}()", {"t": text}, env)


AMOUNTS = st.sampled_from(["1", "1.5", "90", ".5", "1.", "0", "-1", "", "000001", "1.123", "1e3"])
UNITS = st.sampled_from(["h", "m", "s", "ms", "us", "ns", "d", ""])


@given(st.lists(st.tuples(AMOUNTS, UNITS).map("".join), max_size=3).map("".join))
def test_durations(text: str) -> None:
    """A duration is read and written as Google does it, but for parts of a nanosecond."""
    env = google.environment({"t": 0})

    for source in (
        "string(duration(t))",
        "duration(t).getMilliseconds()",
        "duration(t).getHours()",
    ):
        agree(source, source, {"t": text}, env)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_are_written_exactly(d: float) -> None:
    """A double that was written as text reads back as itself, here and there."""
    env = google.environment({"t": 0})
    text = ours("string(d)", {"d": d})

    assert google.evaluate(env, "double(t)", {"t": text}) == d
    assert ours("double(string(d)) == d", {"d": d}) is True
