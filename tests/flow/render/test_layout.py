"""Where things stand, for every picture."""

import os
import subprocess
import sys

from itertools import combinations, pairwise

import pytest

from hypothesis import given, settings

from podium.flow.render import Edge, Group, Picture, Vertex, svg
from podium.flow.render.layout import Layout, Rect, Spacing, lay_out
from podium.flow.render.picture import Tree, fold
from podium.flow.render.spots import Size
from tests.flow.render.pictures import pictures, stages, support, triage

PIXELS = Spacing(26, 16, 10, 34, 14, 24, 18, 42, 18, 14)
CELLS = Spacing(3, 1, 1, 1, 0, 2, 2, 1, 1, 2)


def placed(
    picture: Picture, spacing: Spacing = PIXELS, width_max: int | None = None
) -> tuple[Tree, Layout]:
    """Lay a picture out with boxes of different widths."""
    tree = fold(picture)
    unit = 8 if spacing is PIXELS else 1

    def size(id: str) -> Size:
        return Size(unit * (5 + 3 * (sum(map(ord, id)) % 5)), 0 if id in tree.groups else 4 * unit)

    def label_size(label: str) -> Size:
        return Size(unit * (2 + min(10, len(label))), unit)

    return tree, lay_out(tree, spacing, size=size, label_size=label_size, width_max=width_max)


def overlap(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.right
        and other.x < one.right
        and one.y < other.bottom
        and other.y < one.bottom
    )


def contains(outer: Rect, inner: Rect) -> bool:
    return (
        outer.x < inner.x
        and inner.right < outer.right
        and outer.y < inner.y
        and inner.bottom < outer.bottom
    )


def check_places(tree: Tree, layout: Layout) -> None:
    """Siblings are apart, children are inside their frame, and all is inside the drawing."""
    rects = layout.boxes | layout.frames

    assert rects.keys() == tree.parents.keys()
    for group, children in tree.children.items():
        for one, other in combinations(children, 2):
            assert not overlap(rects[one], rects[other]), (one, other)
        for child in children:
            assert group is None or contains(rects[group], rects[child]), (group, child)
            assert rects[child].x >= 0
            assert rects[child].y >= 0
            assert rects[child].right <= layout.size.width
            assert rects[child].bottom <= layout.size.height


def check_wires(tree: Tree, layout: Layout) -> None:
    """Lines begin and end at their boxes, are straight pieces, and run through no box and no foreign frame."""
    rects = layout.boxes | layout.frames

    assert tuple(wire.edge for wire in layout.wires) == tree.picture.edges
    for wire in layout.wires:
        source, target = rects[wire.edge.source], rects[wire.edge.target]
        first, last = wire.points[0], wire.points[-1]
        assert source.x < first.x < source.right
        assert target.x < last.x < target.right
        assert (first.y, last.y) in ((source.bottom, target.y), (source.y, target.bottom))
        around = {*tree.chain(wire.edge.source)[1:], *tree.chain(wire.edge.target)[1:]}
        for one, other in pairwise(wire.points):
            assert (one.x == other.x) != (one.y == other.y)
            for id, rect in rects.items():
                if id not in around:
                    assert not crosses(one, other, rect), (wire.edge, id)


def crosses(one, other, rect: Rect) -> bool:
    """Whether a piece of a line runs through the inside of a rectangle."""
    left, right = sorted((one.x, other.x))
    top, bottom = sorted((one.y, other.y))
    inside_x = (
        rect.x < left < rect.right - 1
        if left == right
        else left < rect.right - 1 and rect.x < right
    )
    return inside_x and top < rect.bottom and rect.y < bottom


@pytest.mark.long
@settings(max_examples=60)
@given(pictures())
def test_boxes_and_frames_are_where_they_belong(picture: Picture) -> None:
    """No two boxes overlap, frames hold what is in them and nothing else."""
    check_places(*placed(picture))
    check_places(*placed(picture, CELLS, 60))


@pytest.mark.long
@settings(max_examples=60)
@given(pictures())
def test_lines_go_from_box_to_box_around_all_others(picture: Picture) -> None:
    """Every line starts and ends at its boxes and runs through no other."""
    check_wires(*placed(picture))
    check_wires(*placed(picture, CELLS, 60))


@pytest.mark.long
@settings(max_examples=60)
@given(pictures(is_sound=True))
def test_lines_lead_down(picture: Picture) -> None:
    """Where arrows form no cycle, each one leads down, and never up on its way."""
    _, layout = placed(picture)

    for wire in layout.wires:
        assert all(one.y <= other.y for one, other in pairwise(wire.points)), wire


@pytest.mark.long
@settings(max_examples=60)
@given(pictures(is_sound=True, is_folding=False))
def test_labels_have_room(picture: Picture) -> None:
    """A label covers no box and no other label, and lies on its line."""
    _, layout = placed(picture)
    labels = [wire.label for wire in layout.wires if wire.label is not None]

    assert len(labels) == sum(bool(wire.edge.label) for wire in layout.wires)
    for label in labels:
        assert not any(overlap(label, box) for box in layout.boxes.values())
    for one, other in combinations(labels, 2):
        assert not overlap(one, other)
    for wire in layout.wires:
        if wire.label is not None:
            middle = wire.label.x + wire.label.width // 2
            assert any(one.x == other.x == middle for one, other in pairwise(wire.points))


@pytest.mark.long
@settings(max_examples=30)
@given(pictures())
def test_the_same_picture_is_drawn_the_same(picture: Picture) -> None:
    """Drawing twice gives the same text."""
    assert svg(picture) == svg(picture)


@pytest.mark.long
def test_the_same_in_each_process() -> None:
    """The order of sets does not show: another seed of hashes draws the same."""
    program = (
        "import hashlib; from podium.flow.render import svg; from tests.flow.render.pictures import *; "
        "print(hashlib.sha256((svg(triage()) + svg(stages(60))).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(seen) == 1


def test_a_chain_is_a_straight_line() -> None:
    """What follows one after the other stands one below the other."""
    vertices = tuple(Vertex(f"n{number}", "n") for number in range(6))
    edges = tuple(Edge(one.id, other.id) for one, other in pairwise(vertices))
    _, layout = placed(Picture("chain", vertices, edges))

    assert all(len(wire.points) == 2 for wire in layout.wires)


def test_few_lines_cross() -> None:
    """Parallel chains that can be drawn without a crossing are drawn without one."""
    vertices = tuple(Vertex(f"c{chain}_{place}", "n") for place in range(4) for chain in range(5))
    edges = tuple(
        Edge(f"c{chain}_{place}", f"c{(chain * 2) % 5}_{place + 1}")
        for place in range(3)
        for chain in range(5)
    )
    _, layout = placed(Picture("chains", vertices, edges))

    assert all(len(wire.points) == 2 for wire in layout.wires)


def test_wide_layers_are_split() -> None:
    """Two hundred parallel nodes make rows, not one line of them."""
    vertices = (Vertex("in", "in"), *(Vertex(f"n{number}", "n") for number in range(200)))
    _, layout = placed(
        Picture("wide", vertices, tuple(Edge("in", vertex.id) for vertex in vertices[1:]))
    )

    assert layout.size.width < 5 * layout.size.height


@pytest.mark.long
@pytest.mark.parametrize("count", [200, 500])
def test_large_pictures(count: int) -> None:
    """Hundreds of nodes keep to the same rules."""
    tree, layout = placed(stages(count))

    check_places(tree, layout)
    check_wires(tree, layout)


@pytest.mark.parametrize(
    "picture", [support(), triage(), stages(40)], ids=lambda picture: picture.title
)
def test_real_pictures(picture: Picture) -> None:
    """Flows like those people write keep to the rules in pixels and in cells."""
    for spacing in (PIXELS, CELLS):
        tree, layout = placed(picture, spacing)
        check_places(tree, layout)
        check_wires(tree, layout)


def test_a_line_that_goes_on_inside_is_not_moved_off_its_port() -> None:
    """A line is straightened along the side of a box only, never along that of a frame which it passes."""
    picture = Picture(
        "ports",
        (Vertex("p1", "1"), Vertex("p3", "3"), Vertex("g/p5", "5", group="g"), Vertex("g/p6", "6", group="g")),
        (Edge("p0", "p3"), Edge("p0", "g/p5", "x"), Edge("p0", "p1"), Edge("g/p6", "p1"), Edge("g/p5", "p0"),
         Edge("p1", "p0", "x")),
        (Group("p0", "0", "for_each"), Group("g", "g", "for_each")),
    )  # fmt: skip

    for width_max in (30, 60, None):
        check_wires(*placed(picture, CELLS, width_max))


@pytest.mark.parametrize(
    "picture", [support(), triage(), stages(40)], ids=lambda picture: picture.title
)
def test_strange_lines_share_no_piece(picture: Picture) -> None:
    """Two lines lie upon each other only where they come from one box or lead to one."""
    for spacing in (PIXELS, CELLS):
        _, layout = placed(picture, spacing)
        pieces = [(wire.edge, *ends) for wire in layout.wires for ends in pairwise(wire.points)]
        for (edge, one, other), (strange, first, last) in combinations(pieces, 2):
            if edge.source != strange.source and edge.target != strange.target:
                assert not share(one, other, first, last), (edge, strange)


def share(one, other, first, last) -> bool:
    """Whether two pieces of lines lie upon each other."""
    for along, across in ((0, 1), (1, 0)):
        if one[across] == other[across] == first[across] == last[across]:
            low = max(min(one[along], other[along]), min(first[along], last[along]))
            return low < min(max(one[along], other[along]), max(first[along], last[along]))
    return False
