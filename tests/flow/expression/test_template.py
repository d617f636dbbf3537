"""Templates: JSON with expressions in its texts."""

from __future__ import annotations

from typing import Any

import pytest

from podium.flow.expression import ExpressionError, Reference, Template
from tests.flow.expression.cases import DATA


def run(source: Any) -> Any:
    """Return the value of a template."""
    return Template.parse(source).evaluate(DATA)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("${n}", 7),
        ("${order.lines[0]}", {"sku": "lamp", "price": 20, "count": 2}),
        ("${nobody?}", None),
        ("n is ${n}", "n is 7"),
        ("${n}${n}", "77"),
        ("${n} ", "7 "),
        ("${ n }", 7),
        ("${'a'}", "a"),
        ("${{'a': {'b': 1}}}", {"a": {"b": 1}}),
        ("<${{'a': '}'}}>", '<{"a":"}"}>'),
        ("${'}' + \"}\"}!", "}}!"),
        ("${'${'}", "${"),
        ("$${n}", "${n}"),
        ("$${n} is ${n}", "${n} is 7"),
        ("$$${n}", "$${n}"),
        ("costs $5, ${n}$", "costs $5, 7$"),
        ("$n {n} $ { n }", "$n {n} $ { n }"),
        ("", ""),
        ("plain", "plain"),
        ({"a": ["${n}", {"b": "${x}"}], "c": 3, "d": None}, {"a": [7, {"b": 2.5}], "c": 3, "d": None}),
        ([], []),
        ({}, {}),
        (3.5, 3.5),
        (True, True),
        (None, None),
    ],
)  # fmt: skip
def test_template(source: Any, wanted: Any) -> None:
    """One expression alone keeps its type; in a text its value is written; the rest stays as it is."""
    found = run(source)

    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("skipped", ""),
        ("t", "true"),
        ("!t", "false"),
        ("n", "7"),
        ("x", "2.5"),
        ("whole", "4"),
        ("n * 1.0", "7"),
        ("1e16", "1e+16"),
        ("s", "Grüße"),
        ("l", "[3,1,2]"),
        ("prices", '{"tea":3,"milk":1.5}'),
        ("[s, null, 1.0]", '["Grüße",null,1.0]'),
        ("timestamp(0)", "1970-01-01T00:00:00Z"),
        ("duration('90s')", "90s"),
    ],
)
def test_how_values_are_written(expression: str, wanted: str) -> None:
    """In a text null is nothing, a whole double has no point, lists and maps are JSON."""
    assert run(f"<${{{expression}}}>") == f"<{wanted}>"


@pytest.mark.parametrize(
    ("source", "code", "place"),
    [
        ("${", "syntax", "$"),
        ("${n", "syntax", "$"),
        ("a ${n} ${", "syntax", "$"),
        ("${}", "syntax", "$"),
        ("${n} ${1 +}", "syntax", "$"),
        ("${'}", "syntax", "$"),
        ({"a": ["x", "${nobody}"]}, "unknown-name", "$.a[1]"),
        ({"a": {"b": "t ${order.nothing}"}}, "no-such-field", "$.a.b"),
        ({"${n}": 1}, "syntax", "$"),
        ({1: 2}, "not-json", "$"),
        ({"a": {1, 2}}, "not-json", "$.a"),
        (b"a", "not-json", "$"),
        ("${" + "1 + " * 2000 + "1}", "too-long", "$"),
        ("x ${big} y", "no-overload", "$"),
    ],
)
def test_errors_have_a_place(source: Any, code: str, place: str) -> None:
    """An error names the place in the document and says what is wrong."""
    with pytest.raises(ExpressionError) as caught:
        Template.parse(source, at="$").evaluate(DATA)

    assert (caught.value.code, caught.value.at) == (code, place)


def test_columns_count_from_the_text() -> None:
    """A column counts from the beginning of the text that the expression stands in."""
    with pytest.raises(ExpressionError) as caught:
        run("ab ${n} ${order.nothing}")

    assert caught.value.column == len("ab ${n} ${order.n")


def test_references() -> None:
    """A template refers to what its expressions refer to."""
    template = Template.parse(
        {"a": "${order.id}", "b": ["x ${skipped?} ${outcome.order}"], "c": "$${no}"}
    )

    assert template.references == {
        Reference("order", ("id",)),
        Reference("skipped", (), is_optional=True),
        Reference("outcome", ("order",)),
    }  # fmt: skip


def test_constants() -> None:
    """A template without expressions says so."""
    assert Template.parse({"a": [1, "$${n}"]}).is_constant
    assert not Template.parse({"a": ["${n}"]}).is_constant


def test_results_are_fresh() -> None:
    """What a template builds of its own text is new each time."""
    template = Template.parse({"a": [1]})
    template.evaluate({})["a"].append(2)

    assert template.evaluate({}) == {"a": [1]}


def test_too_deep() -> None:
    """A document that is nested without end is refused, not a crash."""
    source: Any = "${n}"
    for _ in range(5000):
        source = [source]

    with pytest.raises(ExpressionError) as caught:
        Template.parse(source)

    assert caught.value.code == "too-deep"


def test_foreign_objects_are_not_written() -> None:
    """An object of Python's has no text, not within a list either."""
    for source in ("<${o}>", "<${[o]}>"):
        with pytest.raises(ExpressionError) as caught:
            Template.parse(source).evaluate({"o": object()})

        assert caught.value.code == "no-overload"


def test_a_text_has_a_largest_size() -> None:
    """Values that are written into one text many times cannot fill the memory."""
    template = Template.parse("${a}" * 50)

    with pytest.raises(ExpressionError) as caught:
        template.evaluate({"a": "x" * 1_000_000})

    assert caught.value.code == "too-large"
