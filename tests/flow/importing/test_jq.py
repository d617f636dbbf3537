"""Programs of jq in our words give what jq gives, or it is said why they have no counterpart."""

from __future__ import annotations

import json

from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st

from podium.flow.expression import Expression, Template
from podium.flow.importing.jq import Jq, NotCarried, One, parse
from podium.flow.importing.jq import translator as translator_of
from podium.flow.importing.pieces import pieces
from podium.flow.importing.speech import spread
from tests.flow.importing.jq_cases import CARRIED, DATA, REFUSED


def translator(schema: dict[str, Any] | None = None) -> Jq:
    """Return a translator whose ``.`` is the input."""
    return translator_of(One.named("input"), {}, {"input": schema or {}})


def said(program: str, schema: dict[str, Any] | None = None) -> str:
    """Return a program in our words."""
    jq = translator(schema)
    return jq.settled(jq.value(parse(program))).text


@pytest.mark.parametrize(("program", "wanted"), CARRIED)
def test_same_value(program: str, wanted: Any) -> None:
    """A program gives what jq gives."""
    assert Expression.parse(said(program)).evaluate({"input": DATA}) == wanted


@pytest.mark.parametrize(("program", "wanted"), CARRIED)
def test_same_value_as_template(program: str, wanted: Any) -> None:
    """So it does where objects, lists and texts are written out."""
    template = Template.parse(spread(translator(), parse(program)))

    assert template.evaluate({"input": DATA}) == wanted


@pytest.mark.parametrize(("program", "code"), REFUSED)
def test_refused(program: str, code: str) -> None:
    """What has no counterpart is refused with a reason, never said otherwise."""
    with pytest.raises(NotCarried) as caught:
        said(program)

    assert caught.value.code == code
    assert caught.value.message


@pytest.mark.parametrize(
    ("program", "assumed"),
    [
        (".flag // 1", "input.flag is not false"),
        (".n < .f", "input.n and input.f are there"),
        (".a + .b", "input.a and input.b are there"),
        ("[.items[]]", "input.items is a list"),
        ('"\\(.o)"', "input.o ?? 'null' is no list and no object"),
    ],
)
def test_assumed(program: str, assumed: str) -> None:
    """Where jq does more with values of other kinds, that is said."""
    jq = translator()
    jq.settled(jq.value(parse(program)))

    assert [one[: len(assumed)] for one in jq.assumed] == [assumed]


SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "name": {"type": "string"},
        "o": {
            "type": "object",
            "properties": {"x": {"type": "integer"}},
            "required": ["x"],
            "additionalProperties": False,
        },
    },
    "required": ["n", "name", "o"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        (".n", "input.n"),
        (".gone", "null"),
        (".gone.deeper // 3", "3"),
        (".n < 3", "input.n < 3"),
        (".name | length", "size(input.name)"),
        (".o + {y: 1}", "{'x': input.o.x, 'y': 1}"),
        ("if .n then 1 else 2 end", "(input.n ?? false) != false ? 1 : 2"),
        (
            ".name[1:3]",
            "input.name.substring(min(1, size(input.name)), max(min(1, size(input.name)), min(3, size(input.name))))",
        ),
    ],
)
def test_known_types(program: str, wanted: str) -> None:
    """What is known of the values makes expressions shorter, and merges possible."""
    assert said(program, SCHEMA) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", [(False, "plain")]),
        (" ${ .a } ", [(True, " .a ")]),
        ("a ${.b} c", [(False, "a "), (True, ".b"), (False, " c")]),
        ("${.a}${.b}", [(True, ".a"), (True, ".b")]),
        ('${ {a: "}"} }', [(True, ' {a: "}"} ')]),
        ('${ "\\(.a | {b: "}"}) }" }', [(True, ' "\\(.a | {b: "}"}) }" ')]),
        ("${ open", [(False, "${ open")]),
        ("", []),
    ],
)
def test_pieces(text: str, wanted: list[tuple[bool, str]]) -> None:
    """Expressions are found within texts, whatever braces they have themselves."""
    assert pieces(text) == wanted


WORDS = st.sampled_from(
    [".", ".a", "..", "[", "]", "{", "}", "(", ")", "|", ",", ":", '"', "\\(", "//", "==", "+", "-", "if", "then",
     "else", "end", "as", "$x", "reduce", "select", "map", "not", "1", "0.5", "@text", "?", "and", "#", " ", "é"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=14).map(" ".join)))
def test_any_text(text: str) -> None:
    """Whatever stands in an expression, it becomes one of ours or is refused."""
    try:
        made = said(text)
    except NotCarried:
        return
    Expression.parse(made)


@pytest.mark.parametrize(
    "text", ["(" * 5_000, "-" * 5_000, ".a" * 9_000, "1" + "+1" * 9_000, "[" * 500]
)
def test_deep(text: str) -> None:
    """Deep and long programs are refused, not a crash."""
    with pytest.raises(NotCarried):
        said(text)


def test_names_never_clash() -> None:
    """Each list within a list gets a variable of its own."""
    found = said("[.a[] | [.b[] | [.c[] | .d]]]")

    assert json.dumps(found).count("each2") > 1
    assert not Expression.parse(found).check({"input": {}})[1]
