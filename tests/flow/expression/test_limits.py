"""Time and memory are bounded, whoever wrote the expression."""

from __future__ import annotations

import subprocess
import sys

import pytest

from podium.flow.expression import Expression, ExpressionError
from podium.flow.expression.limits import DEPTH_MAX, SOURCE_BYTES_MAX
from tests.flow.expression.hostile import EXPRESSIONS, TEMPLATES
from tests.tidy.repository import ROOT

KNOWN = {
    "bad-pattern",
    "budget",
    "not-json",
    "overflow",
    "syntax",
    "too-deep",
    "too-large",
    "too-long",
}
VALUES = {"NoneType", "bool", "int", "float", "str", "list", "dict"}


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by the kernel of Linux")
def test_hostile_expressions_end() -> None:
    """What was written to hurt ends within 5 s of computing and 200 MB, in a value or an error."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.flow.expression.hostile"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    outcomes = dict(line.rsplit(": ", 1) for line in done.stdout.splitlines())

    assert done.returncode == 0, (done.stdout[-200:], done.stderr[-2000:])
    assert outcomes.keys() == EXPRESSIONS.keys() | TEMPLATES.keys()
    assert {name: how for name, how in outcomes.items() if how not in KNOWN | VALUES} == {}


@pytest.mark.parametrize(
    "source",
    [
        "1" + " + 1" * (DEPTH_MAX - 1),
        "a" + ".a" * (DEPTH_MAX - 1),
        "(" * 32 + "7" + ")" * 32,
        "[" * 32 + "]" * 32,
        "!" * 32 + "true",
        "-" * 32 + "19",
        "true ? 1 : " * 24 + "1",
        "false" + " || false" * 400,
        "true" + " && true" * 400,
        "size([" * 12 + "1" + "])" * 12,
        "[" + "1, " * 1000 + "]",
    ],
)
def test_what_cel_asks_for_is_within_the_limits(source: str) -> None:
    """The limits are wider than those that every implementation of CEL has to offer."""
    a: dict[str, object] = {}
    a["a"] = a

    Expression.parse(source).evaluate({"a": a})


def test_limits_are_exact() -> None:
    """One more than the limit is an error, and the limit itself is none."""
    deepest = "1" + " + 1" * (DEPTH_MAX - 1)
    longest = "'" + "a" * (SOURCE_BYTES_MAX - 2) + "'"

    assert Expression.parse(deepest).evaluate({}) == DEPTH_MAX
    assert len(Expression.parse(longest).evaluate({})) == SOURCE_BYTES_MAX - 2
    for source, code in ((deepest + " + 1", "too-deep"), (longest + " ", "too-long")):
        with pytest.raises(ExpressionError) as caught:
            Expression.parse(source)
        assert caught.value.code == code


def test_the_size_is_counted_in_bytes() -> None:
    """A text of letters that take two bytes may have half as many."""
    with pytest.raises(ExpressionError) as caught:
        Expression.parse("'" + "ü" * (SOURCE_BYTES_MAX // 2) + "'")

    assert caught.value.code == "too-long"


@pytest.mark.long
def test_a_spent_budget_cannot_be_caught() -> None:
    """No `||`, `exists` or `??` goes on after the budget is spent."""
    rows = list(range(2_000))
    for source in (
        "rows.all(a, rows.all(b, a + b >= 0)) || true",
        "rows.exists(c, rows.all(a, rows.all(b, a + b >= 0)) || true)",
        "rows[rows.filter(a, rows.all(b, a + b >= 0))[0]] ?? 1",
    ):
        with pytest.raises(ExpressionError) as caught:
            Expression.parse(source).evaluate({"rows": rows})

        assert caught.value.code == "budget"


def test_ten_thousand_rows_are_normal() -> None:
    """What a document does with ten thousand rows is far within the budget."""
    rows = [{"price": n, "kind": "a" if n % 2 else "b", "name": f"row {n}"} for n in range(10_000)]
    found = Expression.parse(
        "rows.filter(r, r.kind == 'a' && r.price > 100)"
        ".map(r, {'name': r.name.upperAscii(), 'price': r.price * 1.2, 'is': r.name.contains('9')})"
    ).evaluate({"rows": rows})

    assert len(found) == 4_950


@pytest.mark.long
def test_the_outcome_is_the_same_each_time() -> None:
    """Whether the budget suffices depends on nothing but the expression and its values."""
    outcomes = []
    for size in (400, 700):
        expression = Expression.parse("rows.map(a, rows.filter(b, b >= 0).size())")
        for _ in range(2):
            try:
                outcomes.append((size, len(expression.evaluate({"rows": [1] * size}))))
            except ExpressionError as error:
                outcomes.append((size, error.code))

    assert outcomes[::2] == outcomes[1::2]
    assert [how for _, how in outcomes[::2]] == [400, "budget"]
