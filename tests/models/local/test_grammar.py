"""Grammars of schemas: every one comes to an end, and what cannot be kept is refused."""

from typing import Any

import pytest

from podium.models import Settings, assistant, user
from podium.models.errors import ModelRequestInvalid
from podium.models.local import SchemaNotHeld, bare_label
from podium.models.local.grammar import grammar_of, label_grammar, led_by, literal
from podium.models.local.shapes import shape_of


def properties(**named: Any) -> dict[str, Any]:
    return {"type": "object", "properties": named, "required": [*named]}


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "string", "pattern": "^a"}, "pattern"),
        ({"not": {}}, "not"),
        (properties(a={"if": {}}), "/a has if"),
        ({"type": "string", "format": "ipv4"}, "format 'ipv4'"),
        ({"type": "array", "uniqueItems": True, "minItems": 2}, "each another one"),
        ({"type": "file"}, "type 'file'"),
        ({"$ref": "#/$defs/nix"}, "not in it"),
        ({"type": "object", "required": ["a"]}, "requires properties"),
        ({"type": "object", "properties": {}, "required": ["a"]}, "requires properties"),
        (properties(a={"type": "integer", "multipleOf": 7}), "multiples of 7.0"),
        ({"allOf": [{"minLength": 1}, {"minLength": 2}]}, "minLength twice"),
        ({"$defs": {"a": properties(b={"$ref": "#/$defs/a"})}, "$ref": "#/$defs/a"}, "no value that ends"),
        (False, "no value fits"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(schema: Any, complaint: str) -> None:
    """A keyword that no grammar keeps is named, with its place, before the model is asked."""
    with pytest.raises(SchemaNotHeld, match=complaint):
        grammar_of(schema, 500)


@pytest.mark.parametrize("tokens", [40, 200, 1000])
def test_there_are_tokens_enough(tokens: int) -> None:
    """The longest text of a grammar has no more tokens than there are."""
    schema = properties(
        name={"type": "string"}, tags={"type": "array", "items": {"type": "string"}}
    )

    if tokens == 40:
        with pytest.raises(SchemaNotHeld, match=r"may need .* tokens, and there are 40"):
            grammar_of(schema, tokens)
    else:
        assert grammar_of(schema, tokens).tokens_max <= tokens


def test_bounds_of_the_schema_are_kept() -> None:
    """What a schema bounds itself stays so, where there are tokens enough."""
    assert "char{3,7}" in grammar_of({"type": "string", "minLength": 3, "maxLength": 7}, 500).text


def test_recursion_has_an_end() -> None:
    """A schema that refers to itself gives a grammar without rules that do."""
    tree = properties(kids={"type": "array", "items": {"$ref": "#"}})
    grammar = grammar_of(tree, 1000)
    rules = [line.split(" ::= ") for line in grammar.text.splitlines() if line]

    for at, (name, rule) in enumerate(rules):
        later = [other for other, _ in rules[at:]] if name not in ("root", "char") else [name]
        assert not set(later) & set(rule.replace("(", " ").replace(")", " ").split())


def test_words_before_a_grammar() -> None:
    """Something is put before a grammar, whatever its rules and texts are called."""
    led = led_by(" ", 'root ::= "root" | [root] | re-root # root\nre-root ::= root')

    assert led == (
        'root ::= " " answer-of-root\n'
        'answer-of-root ::= "root" | [root] | re-root # root\nre-root ::= answer-of-root'
    )


def test_texts_are_escaped() -> None:
    """A label may have quotes, backslashes and line breaks."""
    assert literal('a "b"\\\n') == '"a \\"b\\"\\\\\\n"'
    assert label_grammar(["x", "y"]) == 'root ::= "x" | "y"'


def test_a_bare_label_is_a_text_that_is_gone_on_with() -> None:
    """The examples and the question are written as one text, which ends where the label would stand."""
    request = bare_label("Where?", [("When?", "time")], ["time", "place"], answers="About")
    shape = shape_of(request.settings)

    assert shape is not None
    assert (
        shape.prompt(request.messages) == "Message: When?\nAbout: time\n\nMessage: Where?\nAbout:"
    )
    assert shape.before == " "
    assert request.messages == (user("When?"), assistant("time"), user("Where?"))


@pytest.mark.parametrize("shape", [{}, {"user": "{}"}, {"user": "x", "assistant": "{}"}, "raw"])
def test_a_shape_that_is_none(shape: Any) -> None:
    """A shape without a place for the text of user or assistant is refused."""
    with pytest.raises(ModelRequestInvalid, match="expected a text with"):
        shape_of(Settings(extra={"shape": shape}))
