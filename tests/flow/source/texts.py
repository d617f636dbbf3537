"""JSON values, and the ways to write them as documents."""

from __future__ import annotations

import json

from typing import Any

import yaml

from hypothesis import strategies as st

KEYS = st.text(max_size=8) | st.sampled_from(
    ["nodes", "a b", "it's", "a-b", "1", "null", "<<", "'\\", "$"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(
        ["", "~", "${a}", "a: b", "a #b", "x\ny\n", " x\n", "\u2028", "\ufeff", "\x7f\x85"]
    )
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists and mappings of values."""
    return st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)


VALUES = st.recursive(SCALARS, containers, max_leaves=25)


@st.composite
def as_json(draw: st.DrawFn, value: Any) -> str:
    """A value as JSON, in some layout."""
    return json.dumps(
        value, indent=draw(st.sampled_from([None, 1, "\t"])), ensure_ascii=draw(st.booleans())
    )


@st.composite
def as_yaml(draw: st.DrawFn, value: Any, styles: str = "\"'|>") -> str:
    """A value as YAML, in some layout of another writer."""
    style = draw(st.sampled_from(styles))
    return str(
        yaml.safe_dump(
            value,
            default_style=style,
            default_flow_style=draw(st.sampled_from([True, False, None])),
            # deeper, that writer says the indentation of blocks wrongly
            indent=draw(st.sampled_from([2, 4, 7] if style in "\"'" else [2])),
            width=draw(st.sampled_from([20, 80, 10_000])),
            explicit_start=draw(st.booleans()),
        )
    )


def exactly(value: Any) -> str:
    """A value such that 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)
