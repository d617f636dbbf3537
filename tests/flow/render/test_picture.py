"""Pictures: what is refused, and what is left when groups are folded."""

import pytest

from hypothesis import given

from podium.flow.render import Edge, Group, Picture, Vertex
from podium.flow.render.picture import fold
from tests.flow.render.pictures import pictures, triage


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"vertices": (Vertex("a", "a"), Vertex("a", "b"))}, "have one id"),
        ({"vertices": (Vertex("a", "a", group="g"),)}, "'g', which is no group"),
        ({"vertices": (Vertex("a", "a"),), "edges": (Edge("a", "b"),)}, "'b' is not drawn"),
        ({"groups": (Group("g", "g", "case", "h"),)}, "'h', which is no group"),
        (
            {"groups": (Group("g", "g", "case", "h"), Group("h", "h", "case", "g"))},
            "stands in itself",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(parts: dict, said: str) -> None:
    """A picture that contradicts itself is refused with the id that is wrong."""
    with pytest.raises(ValueError, match=said):
        Picture("x", **parts)


def test_a_folded_group_is_a_box() -> None:
    """What is in a folded group is gone, and its arrows lead to the group."""
    tree = fold(triage())
    pages = tree.vertices["pages"]

    assert (pages.kind, pages.state, pages.detail) == (
        "for_each",
        "running",
        "8,912 of 10,000 done, 3 failed",
    )
    assert "pages/get" not in tree.vertices
    assert "pages" not in tree.groups
    assert Edge("pages", "draft") in tree.picture.edges


def test_arrows_that_become_one_are_drawn_once() -> None:
    """Two arrows into a folded group are one: taken if one is, optional if both are."""
    picture = Picture(
        "x",
        (Vertex("a", "a"), Vertex("g/b", "b", group="g"), Vertex("g/c", "c", group="g")),
        (
            Edge("a", "g/b", is_optional=True, is_taken=False),
            Edge("a", "g/c", is_taken=True),
            Edge("g/b", "g/c"),
            Edge("a", "g/b", kind="order"),
        ),
        (Group("g", "g", "for_each", is_folded=True),),
    )

    assert fold(picture).picture.edges == (
        Edge("a", "g", is_taken=True),
        Edge("a", "g", kind="order"),
    )


def test_a_group_and_what_is_in_it_need_no_arrow() -> None:
    """The frame says it."""
    picture = Picture(
        "x",
        (Vertex("g/b", "b", group="g"),),
        (Edge("g", "g/b"), Edge("g/b", "g")),
        (Group("g", "g", "case"),),
    )

    assert fold(picture).picture.edges == ()


@pytest.mark.long
@given(pictures())
def test_everything_seen_stands_somewhere_once(picture: Picture) -> None:
    """The tree has each visible part once, in the order of the document within its group."""
    tree = fold(picture)
    seen = [id for id, _ in tree.depth_first()]
    order = {vertex.id: place for place, vertex in enumerate(picture.vertices)}

    assert sorted(seen) == sorted(tree.parents)
    for children in tree.children.values():
        places = [order[child] for child in children if child in order]
        assert places == sorted(places)
