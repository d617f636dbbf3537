"""Texts that are no documents: where they go wrong, what it is, what to do."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

import podium.flow.source.yaml

from podium.core.errors import PodiumError
from podium.flow.source import SourceError, read

MISTAKES: list[tuple[str | bytes, int, int, str, str]] = [
    ("a:\n\tb: 1", 2, 1, "indented with a tab", "spaces"),
    ("a: 1\n\tb: 1", 2, 1, "indented with a tab", "spaces"),
    ("a: 1\nb: 2\na: 3", 3, 1, "'a' is there twice; it is in line 1", "Rename"),
    ('{"a": 1,\n "a": 2}', 2, 2, "'a' is there twice; it is in line 1", "Rename"),
    ('{"a": {"b": 1,\n\n "b": 2}}', 3, 2, "'b' is there twice; it is in line 1", "Rename"),
    ("{a: ${b}}", 1, 6, "takes '${' for a mapping", '"${…}"'),
    ("a: [x, ${b}]", 1, 9, "takes '${' for a mapping", '"${…}"'),
    ('{"a": ${b}}', 1, 7, "no JSON: expecting value", '"${…}"'),
    ("a: ${x ? 1 : 2}", 1, 12, "': ' cannot stand here", "quotes"),
    ("a: 1\n---\nb: 1", 2, 1, "second document", "file of its own"),
    ("<<: {a: 1}", 1, 1, "merge key '<<'", "Write the fields out"),
    ("a: !has(x)", 1, 4, "'!has(x)' is none that is known", "quotes"),
    ("a: !local [1]", 1, 4, "'!local' is none", "quotes"),
    ("a: !!python/name:os.system ''", 1, 4, "none that is known", ""),
    ("a: !!int x", 1, 4, "'x' is no !!int", ""),
    ("a: !!timestamp 2024-01-01", 1, 4, "none that is known", ""),
    ("a: *x", 1, 4, "nothing is called &x", "quotes"),
    ("a: &x [*x]", 1, 8, "stands within what it names", ""),
    ("a: @x", 1, 4, "cannot begin with '@'", "quotes"),
    ("a: && b", 1, 5, "no YAML", "quotes"),
    ('a: "x" == y', 1, 8, "'=' stands behind a quotation", "quotes, in '"),
    ("a: 'it's'", 1, 8, "'s' stands behind a quotation", 'quotes, in "'),
    ('a: "x\nb: 1', 1, 4, "never closed", "Close it"),
    ("a: {b: 1\nc: 2", 2, 2, "cannot stand here within brackets", "in line 1"),
    ("a: 1\n  b: 2", 2, 4, "': ' cannot stand here", "indentation"),
    ("- 1\nb: 2", 2, 1, "does not fit into the block that begins in line 1", "Indent"),
    ("a: - b", 1, 4, "'- ' cannot stand here", "new line"),
    ("{", 1, 2, "a value is expected here, and not the end", ""),
    ("1: x", 1, 1, "'1' is none", "quotes"),
    ("yes: x\ntrue: x", 2, 1, "'true' is none", "quotes"),
    ("{[a]: 1}", 1, 2, "this is a list", "quotes"),
    ("a: .inf", 1, 4, ".inf is no number that JSON has", "quotes"),
    ("a: .NaN", 1, 4, ".NaN is no number that JSON has", "quotes"),
    ("a: 1e999", 1, 4, "1e999 is larger", "quotes"),
    ('{"a": NaN}', 1, 7, "NaN is no number", "quotes"),
    ('{"a": [1, -Infinity]}', 1, 11, "-Infinity is no number", "quotes"),
    ('{"a": 1e999}', 1, 7, "1e999 is larger", "quotes"),
    ('{"a": "\\ud800"}', 1, 7, "half of a character", "both halves"),
    ('{"a" 1}', 1, 6, "no JSON: expecting ':' delimiter", ""),
    ("a: 1\x00", 1, 5, "U+0000 cannot stand in YAML", '"\\u0000"'),
    ("a\u2028b", 1, 2, "U+2028 cannot stand in YAML", '"\\u2028"'),
    (b"a: 1\nb: \xff", 2, 4, "byte 0xff", "UTF-8"),
    ("a: \ud800", 1, 4, "byte 0xed", "UTF-8"),
]


@pytest.mark.parametrize(("text", "line", "column", "message", "hint"), MISTAKES)
def test_mistakes(text: str | bytes, line: int, column: int, message: str, hint: str) -> None:
    """A common mistake is named at its place, with what to write instead."""
    with pytest.raises(SourceError) as caught:
        read(text, "flow.yaml")

    error = caught.value
    assert (error.line, error.column) == (line, column)
    assert message in error.message
    assert hint in error.hint
    assert str(error).startswith(f"flow.yaml:{line}:{column}: {error.message}")
    assert error.code == "document-unreadable"
    assert isinstance(error, PodiumError)


@pytest.mark.parametrize("text", [text for text, *_ in MISTAKES])
def test_without_libyaml(monkeypatch: pytest.MonkeyPatch, text: Any) -> None:
    """The parser in Python refuses the same texts."""
    monkeypatch.setattr(podium.flow.source.yaml, "_LOADER", yaml.SafeLoader)

    with pytest.raises(SourceError):
        read(text, "flow.yaml")


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\UFFFFFFFF"', '"\\U00110000"'])
def test_escapes_without_libyaml(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """An escape of no character is refused by both parsers."""
    with pytest.raises(SourceError):
        read(text, "f")
    monkeypatch.setattr(podium.flow.source.yaml, "_LOADER", yaml.SafeLoader)
    with pytest.raises(SourceError):
        read(text, "f")


@pytest.mark.parametrize(
    ("name", "word"), [("f.json", "no JSON"), ("f.yaml", "brackets"), ("f", "brackets")]
)
def test_whose_error(name: str, word: str) -> None:
    """What is neither is judged as JSON in a file of JSON, else as YAML."""
    with pytest.raises(SourceError, match=word):
        read("{a: 1 b: 2}", name)
