"""Every expression of the table gives what stands beside it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from podium.flow.expression import Expression, ExpressionError
from tests.flow.expression.cases import DATA, SECTIONS

CASES = [(source, wanted) for cases in SECTIONS.values() for source, wanted in cases]


def run(source: str) -> Any:
    """Return the value, or the code of the error after ``!``."""
    try:
        return Expression.parse(source).evaluate(DATA)
    except ExpressionError as error:
        return f"!{error.code}"


def exact(value: Any) -> Any:
    """Return a value such that integers, doubles and bools are not equal to each other."""
    if isinstance(value, list):
        return [exact(each) for each in value]
    if isinstance(value, dict):
        return {key: exact(each) for key, each in value.items()}
    return type(value), value


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        pytest.param(source, wanted, id=f"{section}: {source[:60]}")
        for section, cases in SECTIONS.items()
        for source, wanted in cases
    ],
)
def test_case(source: str, wanted: Any) -> None:
    """An expression gives its value, with the type that JSON knows, or its error."""
    assert exact(run(source)) == exact(wanted)


def test_data_is_never_changed() -> None:
    """No expression changes what it is given."""
    before = deepcopy(DATA)
    for source, _ in CASES:
        run(source)

    assert before == DATA


def test_twice_is_the_same() -> None:
    """One expression gives the same each time, whether it failed before or not."""
    for source, _ in CASES:
        try:
            expression = Expression.parse(source)
        except ExpressionError:
            continue
        results = []
        for _ in range(2):
            try:
                results.append(exact(expression.evaluate(DATA)))
            except ExpressionError as error:
                results.append((error.code, error.column, error.message))

        assert results[0] == results[1]


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("n + + 1", 5),
        ("order.lines[9].sku", 12),
        ("order.nothing", 7),
        ("n == 7 && order.id + 1 == 'a'", 20),
        ("l.map(i, i / 0)", 12),
        ("'a'.matches('[')", 13),
        ("size(1)", 1),
        ("[1, nobody]", 5),
        ("'ab\\q'", 4),
        ("n.foo()", 3),
        ("{1: 2}", 2),
    ],
)
def test_error_has_its_column(source: str, column: int) -> None:
    """An error says where in the text it happened, counted from 1."""
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(source).evaluate(DATA)

    assert caught.value.column == column


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("intent.kidn", "Did you mean 'kind'?"),
        ("intnt.kind", "Did you mean 'intent'?"),
        ("s.startWith('a')", "Did you mean 'startsWith'?"),
        ("len(l)", "Write 'size(x)'."),
        ("trim(s)", "Write 'x.trim(…)'."),
        ("t and t", "Write '&&'."),
        ("n = 7", "Write '==' to compare."),
        ("${n}", "write it without '${' and '}'"),
        ("'a' + 1", "Write 'string(x)'"),
        ("skipped + 1", "??"),
        ("skipped.a", "has("),
        ("now()", "no clock"),
        ("5u", "without a suffix"),
        ("'open", "not closed"),
        ("l.exists(1, true)", "list.exists(x, …)"),
        ("all(l, i, i)", "list.all(x, …)"),
        ("['a', 1].join()", "list.map(x, string(x))"),
    ],
)
def test_error_has_a_remedy(source: str, hint: str) -> None:
    """An error that has a usual cause says what to write instead."""
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(source, at="$.nodes.a.when").evaluate(DATA)

    assert hint in caught.value.hint
    assert str(caught.value).startswith("$.nodes.a.when, column ")


class Trap:
    """An object that tells when anything of it is used."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was looked at")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("it was compared")

    def __hash__(self) -> int:
        raise AssertionError("it was hashed")


@pytest.mark.parametrize(
    "source",
    [
        "o.name", "o[0]", "o['a']", "o == o", "o != null", "o in [o]", "[o] == [o]", "o + 1", "-o", "!o",
        "o && t", "o ? 1 : 2", "size(o)", "string(o)", "o.map(i, i)", "has(o.a)", "o.a ?? 1", "{o: 1}",
        "max([o, 1])", "[o].join()", "o.size()", "'a'.contains(o)", "l[o]",
    ],
)  # fmt: skip
def test_foreign_objects_are_closed(source: str) -> None:
    """An object of Python's is never looked into: no attribute, no method, no comparison."""
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(source).evaluate({**DATA, "o": Trap()})

    assert caught.value.code == "no-overload"


@pytest.mark.parametrize("source", ["o", "t ? o : 1", "[o][0]", "o ?? 1", "l.map(i, o)[0]"])
def test_foreign_objects_are_passed_on(source: str) -> None:
    """An object of Python's can be handed from one place to another."""
    trap = Trap()

    assert Expression.parse(source).evaluate({**DATA, "o": trap}) is trap


def test_what_is_passed_on_is_the_same_object() -> None:
    """Data that an expression does not compute is not copied."""
    assert Expression.parse("order.lines").evaluate(DATA) is DATA["order"]["lines"]
    assert Expression.parse("[order]").evaluate(DATA)[0] is DATA["order"]


def test_equal_by_text() -> None:
    """Two expressions are equal when their texts are."""
    assert Expression.parse("a + 1") == Expression.parse("a + 1")
    assert len({Expression.parse("a"), Expression.parse("a"), Expression.parse("b")}) == 2
