"""SVG: one safe document, readable without colours."""

import re

from xml.etree import ElementTree as ET

import pytest

from hypothesis import given, settings

from podium.flow.render import Edge, Picture, Vertex, svg
from podium.flow.render.picture import STATES, fold
from tests.flow.render.pictures import pictures, stages, support, triage

NS = "{http://www.w3.org/2000/svg}"


def texts(document: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(document).iter(f"{NS}text")]


@pytest.mark.long
@settings(max_examples=40)
@given(pictures())
def test_any_picture_is_well_formed(picture: Picture) -> None:
    """Whatever the labels are, the document can be read, and has a box for each vertex and a line for each edge."""
    tree = fold(picture)
    root = ET.fromstring(svg(picture))
    classes = [element.get("class", "").split() for element in root.iter()]

    assert sum("box" in each for each in classes) == len(tree.vertices)
    assert sum("frame" in each for each in classes) == len(tree.groups)
    assert sum("wire" in each for each in classes) == len(tree.picture.edges)


def test_it_is_accessible() -> None:
    """It has a title, a description with the counts of the states, and a role."""
    root = ET.fromstring(svg(support()))

    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title desc"
    assert root.findtext(f"{NS}title") == "support"
    assert "5 nodes: 1 waiting, 1 running, 2 ok, 1 skipped" in (root.findtext(f"{NS}desc") or "")


def test_it_is_self_contained() -> None:
    """No script, link, image, font or address in it but the name of the format."""
    document = svg(triage()).replace("http://www.w3.org/2000/svg", "")

    assert not re.search(r"<script|href|<image|@import|@font-face|url\(|https?:", document)
    assert "prefers-color-scheme:dark" in document


def test_labels_are_text_only() -> None:
    """A label cannot become an element."""
    hostile = '</text><script>alert("1")</script>\x00\u202e'
    picture = Picture(
        hostile,
        (Vertex("a", hostile, detail=hostile), Vertex("b", "b")),
        (Edge("a", "b", hostile),),
    )
    root = ET.fromstring(svg(picture))

    assert not list(root.iter(f"{NS}script"))
    assert "\u202e" not in svg(picture)


def test_a_long_label_is_cut_and_kept_whole_in_its_title() -> None:
    """What does not fit ends in …; the whole is in the title."""
    label = "summarise_everything_that_was_ever_written_about_it"
    document = svg(Picture("x", (Vertex("a", label, detail=label),)))

    assert label not in texts(document)
    assert any(text.endswith("…") and label.startswith(text[:-1]) for text in texts(document))
    assert any(label in (title.text or "") for title in ET.fromstring(document).iter(f"{NS}title"))


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_a_word_and_a_mark(state: str) -> None:
    """Colour is never the only sign of a state."""
    document = svg(Picture("x", (Vertex("a", "a", "call", state),)))

    assert state in texts(document)
    assert f'<g class="{state}"><g transform=' in document


def test_what_was_not_taken_is_dimmed_and_below() -> None:
    """A branch that was not taken is dashed and drawn before those that were, with its label."""
    document = svg(support())

    assert document.index('class="data untaken"') < document.index('class="data taken"')
    assert re.search(r"\.untaken \.wire\{stroke-dasharray", document)
    assert "has(order_id)" in texts(document)


def test_five_hundred_nodes() -> None:
    """Large flows are drawn whole."""
    document = svg(stages(501))

    assert document.count('class="box') == 501


def test_an_empty_picture_is_drawn() -> None:
    """There is a page with a title."""
    assert texts(svg(Picture(""))) == ["flow"]
