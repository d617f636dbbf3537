"""References: exactly what an expression reads of what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hypothesis import given, settings

from podium.flow.expression import Expression, ExpressionError, Reference
from tests.flow.expression.cases import DATA, SECTIONS
from tests.flow.expression.programs import DATA as VALUES
from tests.flow.expression.programs import expressions


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("1 + 2", []),
        ("order", [Reference("order")]),
        ("order.total.net", [Reference("order", ("total", "net"))]),
        ("order['total'].net", [Reference("order", ("total", "net"))]),
        ("order.lines[0].sku", [Reference("order", ("lines",))]),
        ("order.lines[input.n].sku", [Reference("order", ("lines",)), Reference("input", ("n",))]),
        ("order?", [Reference("order", is_optional=True)]),
        ("order?.total", [Reference("order", ("total",), is_optional=True)]),
        ("order? ?? order", [Reference("order", is_optional=True), Reference("order")]),
        ("outcome.order == 'ok'", [Reference("outcome", ("order",))]),
        ("outcome.order.status", [Reference("outcome", ("order", "status"))]),
        ("has(a.b.c)", [Reference("a", ("b", "c"))]),
        ("has(a?.b)", [Reference("a", ("b",), is_optional=True)]),
        ("l.map(x, x.y + z)", [Reference("l"), Reference("z")]),
        ("l.map(x, x.map(y, x + y))", [Reference("l")]),
        ("x.map(x, x.y)", [Reference("x")]),
        ("l.all(x, true) && x", [Reference("l"), Reference("x")]),
        ("l.filter(i, i > n).size()", [Reference("l"), Reference("n")]),
        ("a.size()", [Reference("a")]),
        ("a.b.startsWith(c)", [Reference("a", ("b",)), Reference("c")]),
        ("{a: b}.c", [Reference("a"), Reference("b")]),
        ("[a][0].b", [Reference("a")]),
        ("(a ?? b).c", [Reference("a"), Reference("b")]),
        ("loop.state.text + item.name", [Reference("loop", ("state", "text")), Reference("item", ("name",))]),
        ("t?1:2", [Reference("t")]),
    ],
)  # fmt: skip
def test_references(source: str, wanted: list[Reference]) -> None:
    """A reference has its name, its fixed path, and whether it may be absent."""
    assert Expression.parse(source).references == frozenset(wanted)


def test_of_which_node() -> None:
    """A reference to an outcome is about the node that it names."""
    outcome, plain = Reference("outcome", ("order", "status")), Reference("order", ("total",))

    assert (outcome.node, outcome.is_outcome) == ("order", True)
    assert (plain.node, plain.is_outcome) == ("order", False)


class Watched(Mapping[str, Any]):
    """Variables that remember which were asked for."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self.data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


def result(expression: Expression, data: Mapping[str, Any]) -> Any:
    """Return the value, or the code and the column of the error."""
    try:
        return repr(expression.evaluate(data))
    except ExpressionError as error:
        return error.code, error.column


def only(expression: Expression, data: Mapping[str, Any]) -> dict[str, Any]:
    """Leave of some data what the expression says that it reads: whole names, and below maps its paths."""
    kept: dict[str, Any] = {}
    for reference in expression.references:
        if reference.root in data:
            kept[reference.root] = data[reference.root]
    return kept


def exact(source: str, data: Mapping[str, Any]) -> None:
    """An expression reads what it refers to, and needs nothing else."""
    expression = Expression.parse(source)
    watched = Watched(data)
    whole = result(expression, watched)

    assert watched.read <= {reference.root for reference in expression.references}
    assert result(expression, only(expression, data)) == whole


@pytest.mark.long
@settings(max_examples=500)
@given(expressions())
def test_nothing_else_is_read(pair: tuple[str, str]) -> None:
    """With only what it refers to, a random expression gives the same."""
    exact(pair[0], VALUES)


def test_nothing_else_is_read_by_the_cases() -> None:
    """With only what it refers to, each expression of the table gives the same."""
    for source, wanted in [case for cases in SECTIONS.values() for case in cases]:
        if not (isinstance(wanted, str) and wanted.startswith("!")):
            exact(source, DATA)


def test_paths_are_read_and_nothing_beside_them() -> None:
    """Below a name only the path is read: what lies beside it does not matter."""
    for source, wanted in [case for cases in SECTIONS.values() for case in cases]:
        if isinstance(wanted, str) and wanted.startswith("!"):
            continue
        expression = Expression.parse(source)
        pruned: dict[str, Any] = {}
        for reference in expression.references:
            if reference.root in DATA:
                _graft(pruned, (reference.root, *reference.path), DATA)

        assert expression.evaluate(pruned) == wanted, source


def _graft(target: dict[str, Any], path: tuple[str, ...], data: Any) -> None:
    """Copy one path of some data, with everything below its end."""
    head, rest = path[0], path[1:]
    if not isinstance(data, dict) or head not in data:
        return
    below = data[head]
    if rest and isinstance(below, dict):
        if not isinstance(target.get(head), dict) or target[head] is below:
            target.setdefault(head, {})
        if target[head] is not below:
            _graft(target[head], rest, below)
    else:
        target[head] = below
