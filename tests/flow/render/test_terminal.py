"""Drawings and listings in a terminal."""

import re

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from podium.flow.render import Edge, Picture, Vertex, terminal
from podium.flow.render.picture import STATES, fold
from podium.flow.render.words import cells
from tests.flow.render.pictures import pictures, stages, support, triage

COLOUR = re.compile("\x1b\\[[0-9;]*m")

DIAGRAM = """\
support

                  ╭──────────────╮
                  │ ✓ intent  ok │
                  │ parse_intent │
                  ╰───────┬──────╯
           ╭──────────────┤
           ▼              ┆
     ╭───────────╮        ┆
     │ ✓ kb   ok │        ┆
     │ search_kb │        ┆
     ╰─────┬─────╯  has(order_id)
           │              ▼
           │    ╭╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╮
           │    ┆ – order  skipped ┆
           │    ┆ order_status     ┆
           │    ╰╌╌╌╌╌╌╌╌╌┬╌╌╌╌╌╌╌╌╯
           ├╌╌╌╌╌╌╌╌╌╌╌╌╌╌╯
           ▼
 ╭──────────────────╮
 │ ◐ reply  running │
 │ format_response  │
 ╰─────────┬────────╯
           ▼
╭─────────────────────╮
│ ○ output    waiting │
│ output · reply.text │
╰─────────────────────╯

5 nodes: 1 waiting, 1 running, 2 ok, 1 skipped
"""

LISTING = """\
triage

✓ intent         ok         parse_intent
◐ ▸ pages        running    for each · 8,912 of 10,000 done, 3 failed
◐ ▾ route        running    switch
  ◐ ▾ refund     running    case · kind == 'refund'                    ← intent (kind == 'refund')
    ✗ pay        failed     refund_payment
  – ▾ else       skipped    case                                       ← intent (else, not taken)
    – hand_over  skipped    flow · human
◐ ▾ draft        running    until · pass 3 of at most 5                ← pages
  ✓ write        ok         revise
  ◐ judge        running    critique                                   ← intent, write
○ alert          waiting    page                                       on error of route/refund/pay
⊘ audit          cancelled  write_audit                                after intent
○ reply          waiting    format_response                            ← route?, draft
"""


def test_a_small_picture_is_drawn() -> None:
    """Boxes, lines, marks and words; what was not taken is dashed."""
    assert terminal(support(), 80, color=False) == DIAGRAM


def test_a_large_picture_is_listed() -> None:
    """One line a node: mark, name, state, what it is, what it waits for; loops and maps folded with counts."""
    listed = terminal(triage(), 120, color=False, is_listing=True)

    assert listed.startswith(LISTING)
    assert listed.endswith(
        "9 nodes: 2 waiting, 2 running, 2 ok, 1 skipped, 1 failed, 1 cancelled\n"
    )


@pytest.mark.parametrize("width", [40, 80, 120])
@settings(max_examples=25)
@given(picture=pictures(), color=st.booleans(), ascii=st.booleans(), is_listing=st.booleans())
def test_no_line_is_too_wide(
    width: int, picture: Picture, color: bool, ascii: bool, is_listing: bool
) -> None:
    """Whatever is drawn keeps to the width, and to ASCII where it must."""
    text = terminal(picture, width, color=color, ascii=ascii, is_listing=is_listing)
    lines = COLOUR.sub("", text).split("\n")

    assert text.endswith("\n")
    assert max(map(cells, lines)) <= width, lines
    assert "\x1b" not in COLOUR.sub("", text)
    assert not ascii or text.isascii()
    assert color or "\x1b" not in text


@pytest.mark.long
@settings(max_examples=25)
@given(pictures())
def test_colours_change_nothing_else(picture: Picture) -> None:
    """Without its colours, a coloured text is the plain one."""
    for is_listing in (False, True):
        plain = terminal(picture, 100, color=False, is_listing=is_listing)
        assert COLOUR.sub("", terminal(picture, 100, color=True, is_listing=is_listing)) == plain


@settings(max_examples=25)
@given(pictures(is_sound=True, is_folding=False))
def test_a_listing_is_in_the_order_of_the_arrows(picture: Picture) -> None:
    """Every node stands in one line, below what it waits for."""
    text = terminal(picture, 120, color=False, is_listing=True)
    ids = [id.rsplit("/", 1)[-1] for id in fold(picture).parents]
    places = {
        name: place
        for place, line in enumerate(text.split("\n"))
        for name in line.split()[:3]
        if name in ids
    }

    assert places.keys() == set(ids)
    for edge in fold(picture).picture.edges:
        assert places[edge.source.rsplit("/", 1)[-1]] < places[edge.target.rsplit("/", 1)[-1]]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_five_hundred_nodes(width: int) -> None:
    """Each has its place in the listing."""
    text = terminal(stages(501), width, color=False)

    assert all(vertex.label in text for vertex in stages(501).vertices)
    assert text.endswith("\n501 nodes\n")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("ascii", [False, True])
def test_each_state_has_a_word_and_a_mark(state: str, ascii: bool) -> None:
    """Colour is never the only sign of a state, in boxes and lists."""
    marks = set()
    for each in STATES:
        picture = Picture("x", (Vertex("a", "a", "call", each),))
        line = terminal(picture, 80, color=False, ascii=ascii, is_listing=True).split("\n")[2]
        marks.add(line[0])
        assert f" {each} " in line
        assert f" {each} " in terminal(picture, 80, color=False, ascii=ascii)

    assert len(marks) == len(STATES)


def test_names_of_people_and_terminals() -> None:
    """A control character is not passed on, a wide one takes its two cells."""
    text = terminal(Picture("x", (Vertex("a", "日本\x1b[31m"),)), 80, color=False)
    lines = text.split("\n")[2:5]

    assert "\x1b" not in text
    assert len({cells(line) for line in lines}) == 1


def test_a_name_longer_than_the_terminal() -> None:
    """It is cut, in the narrowest terminal too."""
    name = "n" * 200
    text = terminal(
        Picture(name, (Vertex(name, name), Vertex("b", "b")), (Edge(name, "b"),)), 40, color=False
    )

    assert max(map(cells, text.split("\n"))) <= 40
    assert "…" in text
