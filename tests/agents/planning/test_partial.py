"""Nodes of a plan are read as they come, whatever the pieces are."""

import json

from typing import Any

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from podium.agents.planning.partial import PartialPlan
from tests.agents.planning.world import GOOD

pytestmark = pytest.mark.long

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NODES = st.dictionaries(st.text(min_size=1, max_size=5), st.dictionaries(st.text(max_size=5), JSON))


def fed(text: str, cuts: list[int]) -> list[tuple[str, dict[str, Any]]]:
    """Return the nodes that come out of a text that is cut into pieces."""
    reader, found, begin = PartialPlan(), [], 0
    for end in [*sorted({one % (len(text) + 1) for one in cuts}), len(text)]:
        found += reader.feed(text[begin:end])
        begin = end
    return found


@settings(max_examples=40)
@given(
    NODES,
    st.dictionaries(st.text(max_size=5), JSON),
    st.lists(st.integers(0, 10_000)),
    st.booleans(),
)
def test_any_pieces_give_the_same_nodes(
    nodes: Any, more: Any, cuts: list[int], is_fenced: bool
) -> None:
    """In their order, each once, wherever the text is cut, and whatever stands around it."""
    more.pop("nodes", None)
    text = json.dumps({**more, "nodes": nodes, "output": more})
    if is_fenced:
        text = f"Here is the plan:\n```json\n{text}\n```\n"

    assert fed(text, cuts) == list(nodes.items())


@settings(max_examples=40)
@given(st.integers(0, 400))
def test_what_is_not_whole_is_not_given(end: int) -> None:
    """Of a text that breaks off, only the nodes before the end."""
    text = json.dumps(GOOD)
    found = fed(text[:end], [])

    assert found == list(GOOD["nodes"].items())[: len(found)]
    for name, node in found:
        assert f'"{name}": {json.dumps(node)}' in text[:end]


@settings(max_examples=40)
@given(st.text(alphabet='{}[]":,\\ nodesa1', max_size=200), st.lists(st.integers(0, 200)))
def test_garbage_does_no_harm(text: str, cuts: list[int]) -> None:
    """It gives what it gives, and never fails."""
    fed(text, cuts)
    fed('{"nodes": {' + text, cuts)
