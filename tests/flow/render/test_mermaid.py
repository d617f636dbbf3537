"""Mermaid: a flowchart that its parser takes, whatever the labels are."""

import re

import pytest

from hypothesis import given, settings

from podium.flow.render import Edge, Group, Picture, Vertex, mermaid
from podium.flow.render.picture import fold
from tests.flow.render.pictures import pictures, triage

ID = r"(?:empty_)?n_[A-Za-z0-9_]+"
TEXT = r'"(?:[^"`%<>{}|;\#\\\[\]]|\#\d+;|<br/>)*"'
GRAMMAR = re.compile(
    rf"""%%\ [^{{}}]*
    | flowchart\ TD
    | \s+{ID}(?P<shape>\[|\[\[|\{{\{{|\(\[|\[/|\(\(\(){TEXT}(?:\]|\]\]|\}}\}}|\]\)|/\]|\)\)\))
    | \s+subgraph\ {ID}\ \[{TEXT}\]
    | \s+end
    | \ \ {ID}\ (?:-->|-\.->|==>)(?:\|{TEXT}\|)?\ {ID}
    | \ \ classDef\ \w+\ [^"]+
    | \ \ class\ {ID}(?:,{ID})*\ \w+
    | \ \ linkStyle\ \d+(?:,\d+)*\ [^"]+""",
    re.VERBOSE,
)


@settings(max_examples=60)
@given(pictures())
def test_every_line_is_of_the_grammar(picture: Picture) -> None:
    """Each line is one of a few forms, every vertex, group and edge has one, and subgraphs are closed."""
    tree = fold(picture)
    lines = mermaid(picture).rstrip("\n").split("\n")
    openings = [line for line in lines if line.strip().startswith("subgraph ")]

    for line in lines:
        assert GRAMMAR.fullmatch(line), line
    assert lines[1] == "flowchart TD"
    assert len(openings) == len(tree.groups) == sum(line.strip() == "end" for line in lines)
    assert sum(bool(re.match(r"  \S+ (-->|-\.->|==>)", line)) for line in lines) == len(
        tree.picture.edges
    )


@settings(max_examples=60)
@given(pictures())
def test_ids_are_told_apart(picture: Picture) -> None:
    """Each visible part has an id of its own."""
    ids = re.findall(r"^ +(?:subgraph )?(n_\w+)(?! (?:-|=))[\[({ ]", mermaid(picture), re.MULTILINE)

    assert len(ids) == len(set(ids)) == len(fold(picture).parents)


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("end", "end"),
        ('say "hi"', "say #34;hi#34;"),
        ("a[b](c){d}", "a#91;b#93;(c)#123;d#125;"),
        ("<b>&amp;</b>", "#60;b#62;#38;amp#59;#60;/b#62;"),
        (
            '%%{init: {"theme": "dark"}}%%',
            "#37;#37;#123;init: #123;#34;theme#34;: #34;dark#34;#125;#125;#37;#37;",
        ),
        ("`code`", "#96;code#96;"),
        ("1. one", "1#46; one"),
        ("- one", "#45; one"),
        ("# one", "#35; one"),
        ("日本語 ü", "日本語 ü"),
        ("🚀", "#128640;"),
        ("two\nlines", "two lines"),
    ],
)
def test_labels_are_escaped(label: str, written: str) -> None:
    """Nothing in a label can be read as Mermaid, Markdown or HTML."""
    assert f'n_a["{written}"]' in mermaid(
        Picture("x", (Vertex("a", label, "set", detail=""),))
    ).replace("<br/>set", "")


def test_ids_that_look_alike() -> None:
    """Ids that differ in what Mermaid cannot write get a number."""
    text = mermaid(
        Picture(
            "x", (Vertex("a/b", "1"), Vertex("a_b", "2"), Vertex("A_B", "3"), Vertex("end", "4"))
        )
    )

    assert re.findall(ID, text) == ["n_a_b", "n_a_b_2", "n_A_B_3", "n_end"]


def test_states_and_ways() -> None:
    """States are classes and words; what was not taken is dashed, dimmed and says so."""
    text = mermaid(triage())

    assert 'n_pages[["pages<br/>for each · 8,912 of 10,000 done, 3 failed<br/>running"]]' in text
    assert "  class n_route_refund_pay failed" in text
    assert '  n_intent -->|"else, not taken"| n_route_else' in text
    assert "  linkStyle 1 stroke-dasharray:3 4,opacity:0.5" in text
    assert '  n_route_refund_pay ==>|"on error"| n_alert' in text


def test_an_empty_group_has_something_in_it() -> None:
    """Mermaid draws an empty subgraph as a box; so it holds an empty node."""
    text = mermaid(Picture("x", (), (), (Group("g", "g", "case"), Group("h", "h", "case"))))

    assert 'empty_n_g[" "]' in text


def test_a_line_for_each_edge_between_groups() -> None:
    """Groups can be the ends of edges."""
    groups = (Group("g", "g", "case"), Group("h", "h", "case"))

    assert "  n_g -.-> n_h\n" in mermaid(Picture("x", (), (Edge("g", "h", kind="order"),), groups))
