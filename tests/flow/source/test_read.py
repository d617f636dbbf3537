"""Reading documents: what they say."""

from __future__ import annotations

import codecs

from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st

from podium.flow.source import read
from tests.flow.source.texts import VALUES, as_json, as_yaml, exactly


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: ${reply.text}", "${reply.text}"),
        ('{a: "${b}"}', "${b}"),
        ("a: intent.kind == 'refund' && !has(x)", "intent.kind == 'refund' && !has(x)"),
        ("a: yes", "yes"),
        ("a: on", "on"),
        ("a: 2024-01-01", "2024-01-01"),
        ("a: 12:30:00", "12:30:00"),
        ("a: 1_000", "1_000"),
        ("a: 0b1", "0b1"),
        ("a: true", True),
        ("a: FALSE", False),
        ("a: tRUE", "tRUE"),
        ("a: ~", None),
        ("a:", None),
        ("a: Null", None),
        ("a: 007", 7),
        ("a: -12", -12),
        ("a: 0o17", 15),
        ("a: 0x1F", 31),
        ("a: 1e3", 1000.0),
        ("a: .5", 0.5),
        ("a: 5.", 5.0),
        ("a:\n-", [None]),
        ("a: 1.2.3", "1.2.3"),
        ("a: '1'", "1"),
        ("a: ! 1", "1"),
        ("a: !!str 1", "1"),
        ("a: !!float 1", 1.0),
        ("a: !!int '7'", 7),
        ("a: !!map {}", {}),
        ("%TAG ! tag:yaml.org,2002:\n---\na: !str 1", "1"),
        ("a: |\n  x\n   y\n\n", "x\n y\n"),
        ("a: >-\n  x\n  y\n", "x y"),
        ("? a\n: b", "b"),
        ("b: &x [1]\na: *x", [1]),
        ('{"a": 1,}', 1),
        ("{a: 1} # said", 1),
        ('{"a": 1e2}', 100.0),
        ("a: 123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_values(text: str, wanted: Any) -> None:
    """Plain words are what YAML 1.2 says; what looks like JSON and is not is YAML."""
    found = read(text, "f").data["a"]

    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "---\n...\n", b"\xef\xbb\xbf"])
def test_nothing(text: str | bytes) -> None:
    """An empty document is null, and has a place."""
    source = read(text, "f")

    assert source.data is None
    assert source.place("$.nodes") == source.place("$") is not None


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": "\xc3\xa9"}',
        b"a: \xc3\xa9",
        codecs.BOM_UTF8 + b"a: \xc3\xa9",
        codecs.BOM_UTF8 + b'{"a": "\xc3\xa9"}',
        codecs.BOM_UTF16_LE + "a: é".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "a: é".encode("utf-16-be"),
        "\ufeffa: é",
        "a: é\r\n",
        "# c\ra: é\r",
    ],
)
def test_encodings(text: str | bytes) -> None:
    """UTF-8 with or without a mark, UTF-16 with one, and the line ends of any system."""
    assert read(text, "f").data == {"a": "é"}


@given(st.data())
def test_json_reads_back(data: st.DataObject) -> None:
    """Any value that is written as JSON is read as that value."""
    value = {"a": data.draw(VALUES)}

    source = read(data.draw(as_json(value)), "f")

    assert source.format == "json"
    assert exactly(source.data) == exactly(value)
    assert exactly(source.tree.data) == exactly(value)


@given(st.data())
def test_yaml_reads_back(data: st.DataObject) -> None:
    """Any value that is written as YAML is read as that value."""
    value = data.draw(VALUES)

    source = read(data.draw(as_yaml(value)), "f")

    assert exactly(source.data) == exactly(value)
