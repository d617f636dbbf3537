"""Whatever is given for an expression, a template, a schema or data: no crash, only our own error."""

from __future__ import annotations

import os

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from podium.flow.expression import Expression, ExpressionError, Problem, Template
from podium.flow.expression.pattern import compile_pattern
from podium.flow.expression.values import Meter
from tests.flow.expression.cases import DATA, SECTIONS
from tests.flow.expression.programs import expressions

pytestmark = pytest.mark.long

EXAMPLES = 20_000 if os.environ.get("PODIUM_PROOF") == "full" else 250

CASES = [source for cases in SECTIONS.values() for source, _ in cases if len(source) < 200]
WORDS = st.sampled_from(
    [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ":",
        "?",
        "??",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "<",
        "<=",
        "==",
        "!=",
        "&&",
        "||",
        "in",
        "has",
        "size",
        "map",
        "all",
        "filter",
        "exists",
        "1",
        "2.5",
        "'a'",
        "null",
        "true",
        "n",
        "l",
        "s",
        "order",
        "intent",
        "nobody",
        "x",
        "y",
        ".a",
        "`a",
        "b`",
        "''",
        '"',
        "'",
        "\\",
        "`",
        "$",
        "${",
        "}",
        "//",
        "#",
        "@",
        "=",
        "&",
        "|",
        "0x",
        "r'",
        "'''",
        "matches",
    ]
)
ANY_TEXT = st.text(st.characters()) | st.text(
    st.characters(categories=["Cs", "Cc", "Zs", "Nd"]), max_size=20
)
SOURCES = (
    ANY_TEXT
    | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))
    | st.lists(WORDS, max_size=25).map(" ".join)
    | st.lists(WORDS, max_size=25).map("".join)
    | st.builds(lambda a, b, i, j: a[:i] + b[j:], *[st.sampled_from(CASES)] * 2, *[st.integers(0, 40)] * 2)
)  # fmt: skip

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip

_KEYS = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "enum",
        "const",
        "additionalProperties",
        "default",
        "a",
        "b",
        "kind",
        "prefixItems",
        "patternProperties",
        "$defs",
    ]
)
_LEAVES = st.sampled_from(
    [
        None,
        True,
        False,
        1,
        "string",
        "object",
        "array",
        "integer",
        "null",
        "#",
        "#/$defs/a",
        "#/a/b",
        "a",
        "x",
    ]
)
SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


def is_value(value: Any) -> bool:
    """Say whether something is JSON."""
    if isinstance(value, list):
        return all(map(is_value, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_value(each) for key, each in value.items())
    return value is None or type(value) in {bool, int, float, str}


T = TypeVar("T")


def tried(action: Callable[[], T]) -> tuple[T | None, ExpressionError | None]:
    """Return what an action gives, and the error of ours that it ended with."""
    try:
        return action(), None
    except ExpressionError as error:
        return None, error


def attempt(source: str, data: dict[str, Any]) -> None:
    """Do everything with an expression that can be done."""
    expression, problem = tried(lambda: Expression.parse(source, at="$"))
    if expression is not None:
        schema, problems = expression.check({"n": {"type": "integer"}, "order": {}})
        value, problem = tried(lambda: expression.evaluate(data))

        assert is_value(value)
        assert isinstance(schema, dict)
        assert all(isinstance(one, Problem) for one in problems)
    if problem is not None:
        assert str(problem).startswith("$")
        assert 0 <= problem.column <= len(source) + 1


@settings(max_examples=EXAMPLES)
@given(SOURCES)
def test_any_text(source: str) -> None:
    """Any text is an expression, or an error with a column in it."""
    attempt(source, DATA)


@settings(max_examples=EXAMPLES)
@given(expressions(), JSON, JSON)
def test_any_data(pair: tuple[str, str], one: Any, other: Any) -> None:
    """An expression gives JSON or an error, whatever its data is."""
    attempt(
        pair[0], dict.fromkeys(("i", "d", "s", "li"), one) | dict.fromkeys(("m", "ls", "ll"), other)
    )


@settings(max_examples=EXAMPLES)
@given(ANY_TEXT | st.lists(WORDS | st.just("${"), max_size=20).map("".join) | JSON)
def test_any_template(source: Any) -> None:
    """Any JSON is a template, or an error; a template without expressions is its own value."""
    template, problem = tried(lambda: Template.parse(source, at="$"))
    if template is None:
        assert problem is not None
        assert problem.at is not None
        return
    template.check({"n": {}})
    value, problem = tried(lambda: template.evaluate(DATA))

    assert problem is None or problem.at is not None
    assert is_value(value)
    if problem is None and template.is_constant and "$${" not in str(source):
        assert value == source


@settings(max_examples=EXAMPLES)
@given(
    st.sampled_from(["a.b", "a?.b.kind", "a[0].b", "has(a.b) && a.b > 1", "a.map(x, x.b)", "[a, {'k': a}]"])
    | st.sampled_from(["a + a", "a ?? 1", "a == 'x'", "a.a == 'string'", "max(a)", "a.split('x')", "-a"]),
    SCHEMAS,
)  # fmt: skip
def test_any_schema(source: str, schema: Any) -> None:
    """Any JSON will do for a schema; what is odd about it lets things pass."""
    result, problems = Expression.parse(source).check({"a": schema})

    assert is_value(result)
    assert all(one.column > 0 for one in problems)


@settings(max_examples=EXAMPLES)
@given(
    st.text(st.sampled_from("ab()[]{}*+?|^$.\\-:=!<>PpdwsDWSxQ01,i"), max_size=20),
    st.text(max_size=20),
)
def test_any_pattern(source: str, text: str) -> None:
    """Any text is a regular expression, or an error."""
    found, problem = tried(lambda: compile_pattern(source).found_in(Meter(), text))

    assert isinstance(found, bool) or (problem is not None and problem.code == "bad-pattern")
