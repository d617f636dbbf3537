"""Data that comes from a program or a model: what a run could not keep is found before it runs."""

from __future__ import annotations

import json
import math

from typing import Any

import pytest

from podium import Flow, FlowInvalid
from podium.flow.parse import encoded
from podium.flow.source.limits import DEPTH_MAX, VALUES_MAX


def flow(**words: Any) -> Flow:
    """A flow with more words."""
    return Flow.from_dict({"podium": 1, "name": "x", "nodes": {}, **words})


def wrong(**words: Any) -> list[tuple[str, str, str]]:
    """What is wrong with it: code, place, the first words of the message."""
    return [(one.code, one.path, one.message.split(":")[0]) for one in flow(**words).check()]


def nested(depth: int) -> Any:
    """Lists within lists."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


HALF = "this text has half of a character (a lone surrogate)"


@pytest.mark.parametrize(
    ("value", "place", "message"),
    [
        (math.nan, "", "nan is no number that JSON has."),
        ([1, -math.inf], "[1]", "-inf is no number that JSON has."),
        ({"b": ["a\ud800"]}, ".b[0]", HALF),
        ({"\udfff": 1}, "", f"{HALF} as a key"),
        ({1: 2}, "", "the key 1 is no text; put it in quotes."),
        ([(1, 2)], "[0]", "a tuple is no JSON."),
        (b"a", "", "a bytes is no JSON."),
        (10**1_000, "", "a number has more than 1,000 digits."),
    ],
)
def test_what_is_no_json(value: Any, place: str, message: str) -> None:
    """It is a finding like others, wherever it stands: no error of Python's, no run that fails."""
    node = {"set": value}

    assert wrong(nodes={"a": node}) == [("not-json", f"$.nodes.a.set{place}", message)]
    assert wrong(input={"a": {"default": value}})[0][:2] == (
        "not-json", f"$.input.a.default{place}",
    )  # fmt: skip
    assert wrong(nodes={"sub": {"flow": {"nodes": {"a": node}}}})[0][:2] == (
        "not-json", f"$.nodes.sub.flow.nodes.a.set{place}",
    )  # fmt: skip
    with pytest.raises(FlowInvalid):
        flow(nodes={"a": node}).to_dict()


def test_all_of_it_is_named() -> None:
    """In the order of the document."""
    found = wrong(nodes={"a": {"set": [math.nan, {"b": b""}]}}, output="\ud800")

    assert [place for _, place, _ in found] == [
        "$.nodes.a.set[0]",
        "$.nodes.a.set[1].b",
        "$.output",
    ]


def test_what_is_too_much() -> None:
    """Depth, number of values and length of texts have the limits that texts have; circles have no end."""
    circle: list[Any] = []
    circle.append(circle)
    tens: list[Any] = ["x"] * 10
    for _ in range(12):
        tens = [tens] * 10
    limit = f"lists and mappings are nested deeper than {DEPTH_MAX}."

    assert wrong(output=nested(DEPTH_MAX - 1)) == []
    assert wrong(output=nested(DEPTH_MAX + 1))[0][2] == limit
    assert wrong(output=circle)[0][2] == limit
    assert wrong(output=tens)[0][2] == f"the document has more than {VALUES_MAX:,} values."
    assert wrong(output=["x" * 1024 * 1024] * 5)[0][2].startswith("the document has more than 4,")


def test_what_was_kept_may_be_deeper_than_a_document() -> None:
    """A flow that is taken in is measured on its own; a row of flows is not endless."""
    inner = flow(output=nested(DEPTH_MAX - 1)).to_dict()
    whole = {"nodes": {"a": {"flow": "./x.yaml"}}, "flows": {"./x.yaml": inner}}
    circle: dict[str, Any] = {"podium": 1, "name": "x", "nodes": {"a": {"flow": "./x.yaml"}}}
    circle["flows"] = {"./x.yaml": circle}

    assert wrong(**whole) == []
    assert (
        wrong(**(whole | {"flows": {"./x.yaml": inner | {"output": math.nan}}}))[0][0] == "not-json"
    )
    assert [code for code, _, _ in wrong(**circle)] == ["too-deep"]


def test_content_is_json_that_comes_back() -> None:
    """Whatever is accepted is kept as JSON that reads as the same document."""
    found = flow(output={"é\U0001f600": [1e308, -0.0, 10**999, None, True]})

    content = json.loads(encoded(found.to_dict()))

    assert Flow.from_dict(content).hash == found.hash
    assert content["output"] == found.to_dict()["output"]
