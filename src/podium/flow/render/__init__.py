"""Drawing flows and runs, from one :class:`Picture`: in a terminal, as Mermaid, as SVG.

The layout is our own. Of the libraries for Python, grandalf is alpha, under GPL or EPL, last released in 2023, and
knows no nested groups; igraph and rustworkx are compiled and lay out layers without groups too; Graphviz and
ELK, which can, are programs to install in C or Java. None could draw a loop or a case as a box around its nodes.
"""

from podium.flow.render.mermaid import mermaid
from podium.flow.render.picture import Edge, Group, Picture, State, Vertex
from podium.flow.render.svg import svg
from podium.flow.render.terminal import terminal

__all__ = ["Edge", "Group", "Picture", "State", "Vertex", "mermaid", "svg", "terminal"]
