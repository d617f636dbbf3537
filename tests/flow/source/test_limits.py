"""Hostile texts: each comes to an end, with a document or an error."""

from __future__ import annotations

from typing import Any

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from podium.flow.source import SourceError, read
from podium.flow.source.limits import DEPTH_MAX, TEXT_BYTES_MAX, VALUES_MAX

pytestmark = pytest.mark.long

NINE = ", ".join(["{}"] * 9)


def laughs(levels: int) -> str:
    """The billion laughs: each list holds the one before nine times."""
    lists = [f"a0: &a0 [{NINE}]\n"]
    for level in range(1, levels):
        inner = ", ".join([f"*a{level - 1}"] * 9)
        lists.append(f"a{level}: &a{level} [{inner}]\n")
    return "".join(lists)


def nested(depth: int) -> str:
    """Anchored lists, each around the one before."""
    return "".join(
        f"a{level}: &a{level} [*a{level - 1}]\n" if level else "a0: &a0 []\n"
        for level in range(depth)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested deeper than 100"),
        ("{" * 100_000, "nested deeper than 100"),
        ('{"a":' * 100_000, "nested deeper than 100"),
        ("- " * 100_000, "nested deeper than 100"),
        ("[a: " * 100_000, "nested deeper than 100"),
        ("".join(" " * depth + "a:\n" for depth in range(500)), "nested deeper than 100"),
        (nested(200), "nested deeper than 100"),
        (laughs(12), "more than 200,000 values"),
        (
            "a: &a " + "x" * 1_000_000 + "\nb: [*a, *a, *a, *a, *a]",
            "more than 4,194,304 characters",
        ),
        ("[" + "1," * VALUES_MAX + "]", "more than 200,000 values"),
        ('{"a": [' + "1," * VALUES_MAX + "1]}", "more than 200,000 values"),
        ("x" * (TEXT_BYTES_MAX + 1), "has 4,194,305 bytes"),
        ("é" * (TEXT_BYTES_MAX // 2 + 1), "has 4,194,306 bytes"),
        ("a: " + "1" * 1_001, "1,001 characters"),
        ("a: 0x" + "f" * 100_000, "100,002 characters"),
        ("a: 1." + "1" * 100_000, "100,002 characters"),
        ('{"a": ' + "1" * 100_000 + "}", "100,000 characters"),
        ('{"' + '\\"' * 1_000_000, "no JSON"),
        ("'" * 4_000_001, "never closed"),
        ("? " * 100_000, "a key is a text"),
        ("&a " * 100_000, ""),
        ("a: " * 100_000, ""),
        ("!" * 100_000, ""),
        ("--- a\n" * 100_000, "second document"),
        ("a" * 2_000 + ": 1", ""),
    ],
)
def test_refused(text: str, message: str) -> None:
    """What is too deep or too much is refused before it is built."""
    with pytest.raises(SourceError) as caught:
        read(text, "f")

    assert message in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEPTH_MAX + "]" * DEPTH_MAX,
        '{"a":' * DEPTH_MAX + "1" + "}" * DEPTH_MAX,
        laughs(5),
        nested(DEPTH_MAX - 1),
        "\n" * TEXT_BYTES_MAX,
        "#" * TEXT_BYTES_MAX,
        "a" * TEXT_BYTES_MAX,
        "|\n" + " a\n" * 1_000_000,
        '{"a": [' + ",".join(["[]", "{ }"] * (VALUES_MAX // 2 - 4)) + "]}",
        "a: " + "1" * 1_000,
    ],
    ids=len,
)
def test_within_limits(text: str) -> None:
    """What is just within the limits is read."""
    read(text, "f")


def outcome(text: Any) -> None:
    """Read a text, and find a place in it, whatever it is."""
    try:
        place = read(text, "f").place("$.a[0]['b c'].d")
    except SourceError as error:
        place = (error.line, error.column)
    assert place is not None
    assert min(place) >= 1


@given(st.binary(max_size=200))
@example(b"\xff\xfe\x00\xd8")
def test_any_bytes(text: bytes) -> None:
    """Any bytes are a document or an error with a place."""
    outcome(text)


@given(st.text(st.sampled_from("{}[]:,-?&*!|>'\"%@`#~$ \n\tab1.\\u\u2028\r"), max_size=60))
@example('{"a": 1, "a\\ud800": 1}')
@example("[a: {b: *x}]")
def test_any_signs(text: str) -> None:
    """Any text of the signs of YAML and JSON is a document or an error with a place."""
    outcome(text)
    outcome('{"' + text)
