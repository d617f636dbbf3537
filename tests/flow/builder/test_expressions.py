"""What is done with references is written as the expression that means the same."""

import enum
import operator

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st

from podium import UsageError
from podium.flow.builder import (
    FlowBuilder,
    choose,
    coalesce,
    contains,
    has,
    is_null,
    maybe,
    not_,
    not_null,
    outcome,
    raw,
    size,
    sure,
)
from podium.flow.expression import Expression, Template
from tests.flow.builder.shop import Line, Order, order_status


@pytest.fixture
def order() -> Any:
    """The value of a node ``order``."""
    return FlowBuilder("f").call("order", order_status("A1"))


class Kind(enum.Enum):
    REFUND = "refund"


WRITTEN: dict[str, Callable[[Any], Any]] = {
    "order.lines[0].sku": lambda order: order.lines[0].sku,
    "order['it\\'s']": lambda order: order["it's"],
    "order.`zip-code`": lambda order: order["zip-code"],
    "order['in']": lambda order: order["in"],
    "order.lines[order.n + 1]": lambda order: order.lines[order.n + 1],
    "order == {'id': 'A1', 'lines': [order.id, null]}": lambda order: (
        order == {"id": "A1", "lines": [order.id, None]}
    ),
    "order.line == {'sku': order.id, 'price': 1.5}": lambda order: (
        order.line == Line(order.id, 1.5)
    ),
    "order.kind == 'refund'": lambda order: order.kind == Kind.REFUND,
    "has(order.total)": lambda order: has(order.total),
    "has(order?.total)": lambda order: has(maybe(order.total)),
    "order?": maybe,
    "order?.lines[0].sku": lambda order: maybe(order.lines[0].sku),
    "(order?)[0]": lambda order: maybe(order[0]),
    "outcome.order.error.code": lambda order: outcome(order)["error"]["code"],
    "order.a ?? order.b ?? 0": lambda order: coalesce(order.a, coalesce(order.b, 0)),
    "order.id": lambda order: sure(order.id),
    "order.id == null": lambda order: is_null(order.id),
    "order.id != null && !has(order.x)": lambda order: not_null(order.id) & not_(has(order.x)),
    "!(order.a || order.b)": lambda order: not_(order.a | order.b),
    "size(order.lines) - 1": lambda order: size(order.lines) - 1,
    "'lamp' in order.lines": lambda order: contains(order.lines, "lamp"),
    "order.a ? 1 : order.b ? 2 : 3": lambda order: choose(order.a, 1, choose(order.b, 2, 3)),
    "(order.a ? 1 : 2) + 3": lambda order: choose(order.a, 1, 2) + 3,
    "double(order.total) / 2": lambda order: order.total / 2,
    "1.5 / order.total": lambda order: 1.5 / order.total,
    "-(order.a + 1) * -2": lambda order: -(order.a + 1) * -2,
    "1 - (order.a - order.b)": lambda order: 1 - (order.a - order.b),
    "true && order.a": lambda order: True & order.a,
    "false || order.a": lambda order: False | order.a,
    "2 * order.a + (3 + order.b)": lambda order: 2 * order.a + (3 + order.b),
    "order.id.startsWith('A') && order.id.endsWith('1')": lambda order: (
        order.id.startswith("A") & order.id.endswith("1")
    ),
    "order.id.replace('A', 'B').split(',')": lambda order: order.id.replace("A", "B").split(","),
    "order.x ?? null": lambda order: order.get("x"),
    "order.x.y ?? 'z' == 'z'": lambda order: order.x.get("y", "z") == "z",
    "order.lines.filter(l, l.price > order.limit)": lambda order: raw(
        f"{order.lines}.filter(l, l.price > {order.limit})"
    ),
    "(order.a + 1) * 2": lambda order: raw(f"{order.a + 1} * 2"),
    "(order.a ? 1 : 2) > 0": lambda order: raw("order.a ? 1 : 2") > 0,
    "order.id == 'a\\n\\\\ \\'\\U00000007'": lambda order: order.id == "a\n\\ '\a",
}


@pytest.mark.parametrize("source", WRITTEN)
def test_what_is_written(source: str, order: Any) -> None:
    """Fields, elements, operators and functions are written as a person would write them."""
    assert str(WRITTEN[source](order)) == f"${{{source}}}"
    assert Expression.parse(source).source == source


def test_texts(order: Any) -> None:
    """A reference in an f-string is an expression in a text."""
    assert f"Order {order.id}: {order.total * 2}!" == "Order ${order.id}: ${order.total * 2}!"
    assert Template.parse(f"{order.id}!").evaluate({"order": {"id": "A1"}}) == "A1!"


@dataclass
class Both:
    """The same computation, on values and on references."""

    value: Any
    reference: Any


INPUT = {"a": 7, "b": -3, "c": 0, "p": True, "q": False, "n": None}


def both(value: Any) -> Both:
    return Both(value, value)


def fields(names: str) -> st.SearchStrategy[Both]:
    source = FlowBuilder("f", input=Order).input
    return st.sampled_from(names).map(lambda name: Both(INPUT[name], getattr(source, name)))


def joined(operators: list[Callable[[Any, Any], Any]], parts: st.SearchStrategy[Both]) -> Any:
    return st.builds(
        lambda one, left, right: Both(
            one(left.value, right.value), one(left.reference, right.reference)
        ),
        st.sampled_from(operators),
        parts,
        parts,
    )


NUMBERS = st.recursive(
    fields("abc"),
    lambda inner: (
        joined([operator.add, operator.sub, operator.mul], inner)
        | joined([lambda a, b: a + (b - 2), lambda a, b: 3 * a - b], inner)
        | inner.map(lambda one: Both(-one.value, -one.reference))
    ),
    max_leaves=12,
)
COMPARED = joined([operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne], NUMBERS)  # fmt: skip
BOOLS = st.recursive(
    fields("pq") | COMPARED,
    lambda inner: (
        joined([operator.and_, operator.or_], inner)
        | inner.map(lambda one: Both(not one.value, not_(one.reference)))
    ),
    max_leaves=12,
)
CHOSEN = st.builds(
    lambda condition, then, otherwise: Both(
        then.value if condition.value else otherwise.value,
        coalesce(
            FlowBuilder("f", input=Order).input.n,
            choose(condition.reference, then.reference, otherwise.reference),
        ),
    ),
    BOOLS,
    NUMBERS,
    NUMBERS,
)


@pytest.mark.long
@given(NUMBERS | BOOLS | CHOSEN)
def test_the_expression_gives_what_python_gives(one: Both) -> None:
    """Whatever is computed with references gives the same as with the values: brackets stand where they must."""
    assert Expression.parse(str(one.reference)[2:-1]).evaluate({"input": INPUT}) == one.value


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "if": (lambda order: 1 if order.ok else 2, "Python asked whether it is true"),
    "and": (lambda order: order.a and order.b, "write &, |"),
    "chain": (lambda order: 1 < order.a < 3, r"\(a < b\) & \(b < c\)"),
    "in": (lambda order: "a" in order.lines, "Write contains"),
    "in a list": (lambda order: order.id in ["a", "b"], "contains"),
    "len": (lambda order: len(order.lines), r"Write size\(x\)"),
    "for": (lambda order: [*order.lines], "Write for_each"),
    "slice": (lambda order: order.lines[1:], "Cut the list in a task"),
    "negative index": (lambda order: order.lines[-1], r"x\[size\(x\) - 1\]"),
    "format": (lambda order: f"{order.total:.2f}", "Format it in a task"),
    "call": (lambda order: order.id.upper(), r"order.id.upper\(…\) is no call"),
    "keyword": (lambda order: order.id.split(sep=","), "is no call"),
    "floor": (lambda order: order.total // 2, "rounds down"),
    "modulo": (lambda order: order.total % 2, "type=int"),
    "invert": (lambda order: ~order.ok, "Write not_"),
    "int": (lambda order: int(order.total), r"raw\(f'int"),
    "float": (lambda order: float(order.total), r"raw\(f'double"),
    "set": (lambda order: setattr(order, "total", 3), "cannot be set"),
    "has": (has, "expected a field"),
    "maybe twice": (lambda order: maybe(maybe(order)), "and once"),
    "maybe of a sum": (lambda order: maybe(order.total + 1), "only the value of a node"),
    "outcome": (lambda order: outcome(order.total), "as a whole"),
    "raw": (lambda order: raw("${order.id"), "not closed"),
    "raw text": (lambda order: raw("${order.id + 'a}"), "string is not closed"),
    "time": (lambda order: order.placed < datetime(2026, 1, 31, tzinfo=UTC), "letter by letter"),
    "time between": (lambda order: order.placed + timedelta(days=1), "raw"),
    "nan": (lambda order: order.total + float("nan"), "JSON does not have"),
    "bytes": (lambda order: order.id == b"A1", "JSON does not have"),
    "large": (lambda order: order.total > 2**63, "64 bits"),
    "key": (lambda order: order == {1: 2}, "keys of JSON are texts"),
    "object": (lambda order: order == object(), "no JSON form"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_python_cannot_record_is_refused(name: str, order: Any) -> None:
    """What would be computed before the run, or differently, is refused with the way to write it."""
    do, remedy = REFUSED[name]

    with pytest.raises(UsageError, match=remedy):
        do(order)


def test_a_reference_is_no_key(order: Any) -> None:
    """References are neither keys nor members of sets."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(order)


def test_a_reference_hides_what_python_looks_for(order: Any) -> None:
    """Names that Python itself looks for are not fields."""
    assert not hasattr(order, "__dataclass_fields__")
    assert repr(order.total) == "${order.total}"
