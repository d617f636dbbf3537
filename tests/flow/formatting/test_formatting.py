"""The one layout of documents."""

from __future__ import annotations

import copy
import json

from collections import Counter
from typing import Any

import pytest
import yaml

from hypothesis import given
from hypothesis import strategies as st

from podium.flow.formatting import format_document
from podium.flow.formatting.comments import find_comments
from podium.flow.source import SourceError, read
from podium.flow.source.text import Text
from tests.flow.formatting.scribbles import DOCUMENTS, VALUES, scribbles


def exactly(value: Any) -> str:
    """A value such that 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)


def comments_of(text: str) -> list[str]:
    """The comments that a scanner of YAML would skip."""
    return [each.text for each in find_comments(Text(text, "f"), read(text, "f").tree)]


@pytest.mark.long
@given(scribbles())
def test_nothing_is_lost(scribble: tuple[str, Any, list[str]]) -> None:
    """A document says the same in the layout, has all its comments, and is laid out once and for all."""
    text, value, comments = scribble
    assert exactly(read(text, "f").data) == exactly(value)

    once = format_document(text, "f")

    assert exactly(read(once, "f").data) == exactly(value)
    assert Counter(comments_of(once)) == Counter(comments)
    assert format_document(once, "f") == once


@pytest.mark.long
@given(VALUES)
def test_every_value(value: Any) -> None:
    """Any value, in a mapping and in a list, is written such that it is read back."""
    value = {"a": value, "b": [copy.deepcopy(value)]}
    text = format_document(yaml.safe_dump(value, default_style='"'), "f")

    assert exactly(read(text, "f").data) == exactly(value)
    assert format_document(text, "f") == text


@pytest.mark.long
@given(DOCUMENTS, st.integers(0, 4))
def test_json_stays_json(value: Any, indent: int) -> None:
    """JSON is indented by two, says the same, and stays as it is the second time."""
    once = format_document(json.dumps(value, indent=indent), "f.json")

    assert exactly(json.loads(once)) == exactly(value)
    assert format_document(once, "f.json") == once


def test_json_in_order() -> None:
    """JSON has the same order of keys."""
    text = '{"nodes": {"b": {"args": {"z": 1, "a": 2}, "call": "é"}, "a": {}}, "podium": 1}'

    assert format_document(text, "f") == (
        '{\n  "podium": 1,\n  "nodes": {\n    "b": {\n      "call": "é",\n      "args": {\n'
        '        "z": 1,\n        "a": 2\n      }\n    },\n    "a": {}\n  }\n}\n'
    )


CASES = {
    "keys of the document and of nodes are in order; what is unknown comes last": (
        """
output: x
nodes:
  b: {args: {b: 1, a: 2}, call: y, retry: 3, after: a, breaker: z}
  a: {set: 1}
unknown: 1
name: n
podium: 1
""",
        """
podium: 1
name: n
nodes:
  b: {after: a, call: y, args: {b: 1, a: 2}, breaker: z, retry: 3}
  a: {set: 1}
output: x
unknown: 1
""",
    ),
    "data that looks like nodes is data": (
        """
nodes:
  a: {call: x, args: {nodes: {b: {args: 1, call: 2}}, name: 1, flow: {output: 1, name: 2}}}
""",
        """
nodes:
  a: {call: x, args: {nodes: {b: {args: 1, call: 2}}, name: 1, flow: {output: 1, name: 2}}}
""",
    ),
    "what has nodes of its own is a block, however short": (
        """
nodes: {r: {switch: [{nodes: {a: {set: 1}}, when: x}, {nodes: {}, else: true}]}, f: {flow: {nodes: {a: {set: 1}}, name: x}}}
""",
        """
nodes:
  r:
    switch:
      - when: x
        nodes:
          a: {set: 1}
      - {else: true, nodes: {}}
  f:
    flow:
      name: x
      nodes:
        a: {set: 1}
""",
    ),
    "what fits on a line of 100 columns is on one, and no more": (
        f"""
nodes:
  a:
    call: x
    args:
      a: {"x" * 73}
  b: {{call: x, args: {{a: {"x" * 74}}}}}
input:
- a
- b
""",
        f"""
input: [a, b]
nodes:
  a: {{call: x, args: {{a: {"x" * 73}}}}}
  b:
    call: x
    args: {{a: {"x" * 74}}}
""",
    ),
    "texts are quoted where they must be, and where they have expressions": (
        """
a: 'plain, ok: no'
b: '${x}'
c: a ${x} b
d: 'true'
e: "it's"
f: "say \\"x\\""
g: {a: 'a, b', b: 'x ? y', c: "a"}
h: ''
i: 'a:b'
j: has(a.b) && !c
k: "tab\\tnl\\u2028é"
'1': 1
"a b": 1
""",
        """
a: "plain, ok: no"
b: "${x}"
c: "a ${x} b"
d: "true"
e: it's
f: say "x"
g: {a: "a, b", b: "x ? y", c: a}
h: ""
i: a:b
j: has(a.b) && !c
k: "tab\\tnl\\u2028é"
"1": 1
a b: 1
""",
    ),
    "numbers stay as they were written; null is null": (
        """
a: [0x1F, 1.50, 1e3, 007, ~, , True, !!float 1]
b:
""".replace(", ,", ","),
        """
a: [0x1F, 1.50, 1e3, 007, null, true, 1.0]
b: null
""",
    ),
    "texts of several lines are blocks; long texts that were folded stay so": (
        f"""
a: "x\\n\\n  y\\n"
b: ["p\\nq"]
c: >-
      {("word " * 30).strip()}
      end
d: >
  short
e: "x \\ny"
f: >
  a

  b
""",
        f"""
a: |
  x

    y
b:
  - |-
    p
    q
c: >-
  {("word " * 19).strip()}
  {("word " * 11).strip()} end
d: >
  short
e: "x \\ny"
f: >
  a

  b
""",
    ),
    "the comment at the top stays there; others stay before what they stood before": (
        """
# The document.
# (c)

# its output
output: x
# its nodes

# really
nodes:
  # a
  a:
    # what
    set: 1
    # when
    when: x
  # none
# the version
podium: 1
# end
""",
        """
# The document.
# (c)

# the version
podium: 1
# its nodes

# really
nodes:
  # a
  a:
    # when
    when: x
    # what
    set: 1
  # none

# its output
output: x
# end
""",
    ),
    "comments at the end of a line stay there": (
        """
nodes: # nodes
  a: {set: 1}   # a
  b: # b
    call: x #x
    args: {c: 1, # c
           d: [1, 2]} # d
  t: |    # text
    x
  l:
    - # first
      a: {b: 1, c: 2} # abc
    - [ # open
        1]
    - 2 # two
""",
        """
nodes:  # nodes
  a: {set: 1}  # a
  b:  # b
    call: x  #x
    args:  # d
      c: 1  # c
      d: [1, 2]
  t: |  # text
    x
  l:
    # first
    - a: {b: 1, c: 2}  # abc
    - [1]  # open
    - 2  # two
""",
    ),
    "a comment at the beginning of an item stands before it, and the item is on a line if it fits": (
        """
a: [[
# one
    1]]
b:
- {
    # two
    c: 1}
""",
        """
a:
  # one
  - [1]
b:
  # two
  - {c: 1}
""",
    ),
    "comments keep their order, and end the block they are indented as": (
        """
nodes:
  a:
    call: x
    after:
      - b
    # of a
      # too
  # of nodes
# of output
  # too
output: x
input: {b: 1 # b
  # of input
  }
""",
        """
input:
  b: 1  # b
  # of input
nodes:
  a:
    after: [b]
    call: x
    # of a
    # too
  # of nodes
# of output
# too
output: x
""",
    ),
    "one empty line between sections and between nodes stays, others go": (
        """


podium: 1



name: x
nodes:

  a:

    call: x

    args: {}


  # b

  b: {set: |

    x}

  c: {}
""".replace("{set: |\n\n    x}", "{set: x}"),
        """
podium: 1

name: x
nodes:
  a: {call: x, args: {}}

  # b

  b: {set: x}

  c: {}
""",
    ),
    "marks of documents and tags go": (
        """
%YAML 1.2
--- # begin
# a
a: !!str 1
...
# end
""",
        """
# begin
# a
a: "1"
# end
""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_layout(case: str) -> None:
    """The layout, rule by rule."""
    before, after = CASES[case]

    assert format_document(before.lstrip("\n"), "f") == after.lstrip("\n")
    assert format_document(after.lstrip("\n"), "f") == after.lstrip("\n")


def test_long_width() -> None:
    """The longest line that a node is put on has 100 columns, its comment not counted."""
    room = 100 - len("  a: {set: }")

    fits = format_document(f"nodes:\n  a: {{set: {'x' * room}}} # c\n", "f")
    wide = format_document(f"nodes:\n  a: {{set: {'x' * (room + 1)}}} # c\n", "f")

    assert fits == f"nodes:\n  a: {{set: {'x' * room}}}  # c\n"
    assert wide == f"nodes:\n  a:  # c\n    set: {'x' * (room + 1)}\n"


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x", "a: &x 1", "a: &x [1]\nb: 1", "&x {a: 1}"])
def test_anchors_are_refused(text: str) -> None:
    """A document with anchors is not formatted, and the first of them is named."""
    with pytest.raises(SourceError, match="cannot be formatted") as caught:
        format_document(text, "f")

    assert (caught.value.line, caught.value.column) == (1, text.index("&") + 1)


@pytest.mark.parametrize("text", ["a: [", '{"a": 1, "a": 2}'])
def test_unreadable(text: str) -> None:
    """What cannot be read is not formatted."""
    with pytest.raises(SourceError):
        format_document(text, "f")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("# a\n\n# b", "# a\n\n# b\n"),
        ("{} # a", "{}\n# a\n"),
        ("- 1\n- a: 1", "- 1\n- {a: 1}\n"),
        ("x # a", "x\n# a\n"),
        ("--- >\n x\n y\n", ">\n  x y\n"),
    ],
)
def test_no_flow(text: str, wanted: str) -> None:
    """What is no flow is laid out too."""
    assert format_document(text, "f") == wanted
