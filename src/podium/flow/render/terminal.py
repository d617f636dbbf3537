"""A picture in a terminal: boxes and lines where they fit, else a listing."""

from __future__ import annotations

from podium.flow.render.canvas import plain
from podium.flow.render.diagram import diagram
from podium.flow.render.listing import listing
from podium.flow.render.marks import BOLD, styled
from podium.flow.render.picture import Picture, fold
from podium.flow.render.words import cells, clean, cut, tally, wrapped


def terminal(
    picture: Picture, width: int, *, color: bool, ascii: bool = False, is_listing: bool = False
) -> str:
    """Return a picture as lines of text, each with a line feed at its end.

    Args:
        picture: What is drawn.
        width: The columns of the terminal. No line is wider, down to 40.
        color: Whether it understands colours.
        ascii: Whether it takes nothing but ASCII.
        is_listing: Whether to list the nodes where a drawing would fit too.
    """
    tree = fold(picture)
    rows = None if is_listing else diagram(tree, width, color=color, ascii=ascii)
    if rows is None:
        rows = listing(tree, width, color=color, ascii=ascii)
    title = cut(clean(picture.title) or "flow", width, cells)
    count = wrapped(tally(tree.vertices.values()), width)
    title = plain(title) if ascii else title
    return "\n".join([styled(title, BOLD, color=color), "", *rows, "", *count]) + "\n"
