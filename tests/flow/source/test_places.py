"""Where something stands in a document."""

from __future__ import annotations

import json

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from hypothesis import given
from hypothesis import strategies as st

from podium.flow.source import child, read
from podium.flow.source.tree import Mapping, Node, Sequence
from tests.flow.source.texts import VALUES, as_json, as_yaml, exactly

DOCUMENT = """\
# a comment
podium: 1
nodes:
  order: {call: get, args: {order_id: "${input.id}"}}
  route:
    switch:
      - when: a
        nodes: {}
      -
        else: true
  my key: [1, {b c: "é", d: 2}]
other: &x
  y: 1
again: *x
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("$", (2, 1), (2, 1)),
        ("$.podium", (2, 9), (2, 1)),
        ("$.nodes", (4, 3), (3, 1)),
        ("$.nodes.order", (4, 10), (4, 3)),
        ("$.nodes.order.args.order_id", (4, 39), (4, 29)),
        ("$.nodes.route.switch", (7, 7), (6, 5)),
        ("$.nodes.route.switch[0]", (7, 9), (7, 9)),
        ("$.nodes.route.switch[0].when", (7, 15), (7, 9)),
        ("$.nodes.route.switch[1].else", (10, 15), (10, 9)),
        ("$.nodes['my key'][1]['b c']", (11, 21), (11, 16)),
        ("$.nodes['my key'][1].d", (11, 29), (11, 26)),
        ("$.nodes.order.when", (4, 10), (4, 3)),
        ("$.nodes.route.switch[7].when", (7, 7), (6, 5)),
        ("$.podium.x", (2, 9), (2, 1)),
        ("$.nope.more", (2, 1), (2, 1)),
        ("$.again", (14, 8), (14, 1)),
        ("$.again.y", (13, 6), (13, 3)),
        ("$ not a path", (2, 1), (2, 1)),
    ],
)
def test_place(path: str, value: tuple[int, int], key: tuple[int, int]) -> None:
    """A path leads to its value or its key; one that is not there to the nearest that is."""
    source = read(DOCUMENT, "f")

    assert source.place(path) == value
    assert source.place(path, key=True) == key


def test_no_path() -> None:
    """What does not begin with $ is nowhere."""
    assert read("a: 1", "f").place("a") is None


def test_place_in_json() -> None:
    """JSON has places too."""
    source = read('{\n  "a": [1, {"b\\u0020c": "\\""}],\n  "d": {}}', "f")

    assert source.place("$.a") == (2, 8)
    assert source.place("$.a[1]['b c']") == (2, 25)
    assert source.place("$.a[1]['b c']", key=True) == (2, 13)
    assert source.place("$.d") == (3, 8)
    assert source.place("$.d.e") == (3, 8)


def every(node: Node, path: str = "$") -> Iterator[tuple[str, Node, str | None]]:
    """All values with their paths and keys."""
    if isinstance(node, Sequence):
        for number, item in enumerate(node.items):
            yield child(path, number), item, None
            yield from every(item, child(path, number))
    if isinstance(node, Mapping):
        for key, (_, value) in node.entries.items():
            yield child(path, key), value, key
            yield from every(value, child(path, key))


def at(text: str, place: tuple[int, int] | None) -> int:
    """The index of a line and column."""
    assert place
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: place[0] - 1]) + place[1] - 1


@given(st.data())
def test_json_places(data: st.DataObject) -> None:
    """What begins at the place of a path, in JSON, is its value, and before it its key."""
    text = data.draw(as_json({"a": data.draw(VALUES)}))
    source = read(text, "f")
    decoder = json.JSONDecoder()

    for path, node, key in every(source.tree):
        value, end = decoder.raw_decode(text, at(text, source.place(path)))
        assert exactly(value) == exactly(node.data)
        assert end == node.end
        if key is not None:
            assert decoder.raw_decode(text, at(text, source.place(path, key=True)))[0] == key


@pytest.mark.long
@given(st.data())
def test_yaml_places(data: st.DataObject) -> None:
    """What stands at the place of a path, in YAML, says its value, and before it its key."""
    text = data.draw(as_yaml(data.draw(VALUES), styles="\"'"))
    source = read(text, "f")

    for path, node, key in every(source.tree):
        start = at(text, source.place(path))
        assert exactly(value_of(text, start, node)) == exactly(node.data)
        if key is not None:
            again = value_of(text, at(text, source.place(path, key=True)), None)
            assert again == key


def value_of(text: str, start: int, node: Node | None) -> Any:
    """What a part of a text says on its own, with the indentation that it has."""
    column: Any = start - text.rfind("\n", 0, start) - 1
    if node is not None:
        return read(" " * column + text[start : node.end], "f").data
    _, end = next(token for token in tokens(text) if token[0] == start)
    return read(text[start:end], "f").data


def tokens(text: str) -> list[tuple[int, int]]:
    """Where the parser's texts begin and end."""
    loader: Any = yaml.SafeLoader
    found = yaml.parse(text, Loader=loader)
    texts: list[Any] = [each for each in found if isinstance(each, yaml.ScalarEvent)]
    return [(each.start_mark.index, each.end_mark.index) for each in texts]
