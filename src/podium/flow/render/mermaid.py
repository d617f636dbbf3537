"""A picture as Mermaid (https://mermaid.js.org), for pages that draw it themselves, such as a README.

Every id is made of letters, digits and ``_`` behind a prefix, so that none is a word of Mermaid's (``end``).
Of a text, everything but letters, digits and plain punctuation is written as an entity: no text can close its
quotes, begin a comment or a directive, or be taken for Markdown or HTML.
"""

from __future__ import annotations

import re

from collections.abc import Iterator
from typing import Final

from podium.flow.render.picture import STATES, Edge, Group, Picture, Tree, Vertex, VertexKind, fold
from podium.flow.render.words import clean, description

_SHAPES: Final[dict[VertexKind, tuple[str, str]]] = {
    "call": ("[", "]"), "flow": ("[[", "]]"), "agent": ("[[", "]]"), "plan": ("[[", "]]"), "switch": ("{{", "}}"), "for_each": ("[[", "]]"),
    "while": ("[[", "]]"), "until": ("[[", "]]"), "wait": ("([", "])"), "ask": ("[/", "/]"), "set": ("[", "]"),
    "fail": ("(((", ")))"), "input": ("([", "])"), "output": ("([", "])"),
}  # fmt: skip
_ARROWS: Final = {"data": "-->", "order": "-.->", "error": "==>"}
_CLASSES: Final = {
    "waiting": "fill:#fff8dc,stroke:#9a7d00,color:#1f2328",
    "running": "fill:#ddeeff,stroke:#0969da,stroke-width:2px,color:#1f2328",
    "ok": "fill:#dff5e3,stroke:#1a7f37,color:#1f2328",
    "skipped": "fill:#f2f4f7,stroke:#6e7781,stroke-dasharray:4 3,color:#59636e",
    "failed": "fill:#ffe3e0,stroke:#cf222e,stroke-width:2px,color:#1f2328",
    "cancelled": "fill:#f1e8ff,stroke:#8250df,stroke-dasharray:4 3,color:#1f2328",
}
_UNTAKEN: Final = "stroke-dasharray:3 4,opacity:0.5"
_ERROR: Final = "stroke:#cf222e,stroke-dasharray:7 3"
_SAFE: Final = frozenset(" ,:()=!?/…·'")
_ONLY_INSIDE: Final = frozenset(".-_+")
"""Safe where they are not at the beginning, where Markdown reads a list or a rule."""


def mermaid(picture: Picture) -> str:
    """Return a picture as a Mermaid flowchart, from top to bottom."""
    tree = fold(picture)
    names = _names(tree)
    lines = [f"%% {_escaped(clean(picture.title) or 'flow')}", "flowchart TD"]
    lines += _body(tree, names, None, 1)
    lines += [f"  {_edge(edge, names)}" for edge in tree.picture.edges]
    lines += _classes(tree, names)
    for style, numbers in _styles(tree.picture.edges):
        lines.append(f"  linkStyle {','.join(map(str, numbers))} {style}")
    return "\n".join(lines) + "\n"


def _classes(tree: Tree, names: dict[str, str]) -> Iterator[str]:
    """Yield the style of each state and who has it; frames are not filled, for what is in them is."""
    for state in STATES:
        vertices = [names[vertex.id] for vertex in tree.vertices.values() if vertex.state == state]
        groups = [names[group.id] for group in tree.groups.values() if group.state == state]
        if vertices:
            yield f"  classDef {state} {_CLASSES[state]}"
            yield f"  class {','.join(vertices)} {state}"
        if groups:
            yield f"  classDef {state}Frame fill:#8080800d,{_CLASSES[state].split(',')[1]}"
            yield f"  class {','.join(groups)} {state}Frame"


def _names(tree: Tree) -> dict[str, str]:
    """Return an id for Mermaid by the picture's id, each once."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for id_ in (*tree.vertices, *tree.groups):
        base = name = "n_" + re.sub(r"[^A-Za-z0-9]+", "_", id_)
        count = 2
        while name.lower() in taken:
            name, count = f"{base}_{count}", count + 1
        taken.add(name.lower())
        names[id_] = name
    return names


def _body(tree: Tree, names: dict[str, str], group: str | None, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for child in tree.children[group]:
        if child in tree.vertices:
            opening, closing = _SHAPES[tree.vertices[child].kind]
            yield f'{indent}{names[child]}{opening}"{_text(tree.vertices[child], "<br/>")}"{closing}'
            continue
        yield f'{indent}subgraph {names[child]} ["{_text(tree.groups[child], " · ")}"]'
        if tree.children[child]:
            yield from _body(tree, names, child, depth + 1)
        else:
            yield f'{indent}  empty_{names[child]}[" "]'
        yield f"{indent}end"


def _text(part: Vertex | Group, between: str) -> str:
    """Return what is written in a box or on a frame: its label, its second line, its state in words."""
    lines = [clean(part.label), clean(description(part)), part.state or ""]
    return between.join(_escaped(line) for line in lines if line) or " "


def _escaped(text: str) -> str:
    """Return a text with an entity for each character that Mermaid, Markdown or HTML could read."""
    safe = [
        char
        if char.isalnum() or char in _SAFE or (place and char in _ONLY_INSIDE)
        else f"#{ord(char)};"
        for place, char in enumerate(text)
    ]
    number = re.match(r"\d+(?=[.)])", text)
    if number is not None:  # the beginning of a numbered list
        safe[number.end()] = f"#{ord(text[number.end()])};"
    return "".join(safe)


def _edge(edge: Edge, names: dict[str, str]) -> str:
    words = [clean(edge.label)] if edge.label else []
    words += ["on error"] if edge.kind == "error" else []
    words += ["not taken"] if edge.is_taken is False else []
    words += ["?"] if edge.is_optional and not words else []
    label = f'|"{_escaped(", ".join(words))}"|' if words else ""
    return f"{names[edge.source]} {_ARROWS[edge.kind]}{label} {names[edge.target]}"


def _styles(edges: tuple[Edge, ...]) -> Iterator[tuple[str, list[int]]]:
    """Yield styles with the numbers of the edges that have them."""
    for style, numbers in (
        (_ERROR, [number for number, edge in enumerate(edges) if edge.kind == "error"]),
        (_UNTAKEN, [number for number, edge in enumerate(edges) if edge.is_taken is False]),
    ):
        if numbers:
            yield style, numbers
