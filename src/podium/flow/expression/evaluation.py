"""From the tree of an expression to what computes it: one closure for each node.

A closure takes the scope of one evaluation. Steps are counted for each pass of a loop (with the size
of its body) and inside of what depends on sizes; what runs once is bounded by the text itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from podium.flow.expression.errors import ExpressionError, near
from podium.flow.expression.functions import TABLE
from podium.flow.expression.operators import OPERATORS
from podium.flow.expression.overloads import Dispatch
from podium.flow.expression.syntax import (
    Call,
    Choice,
    Coalesce,
    Constant,
    Has,
    Index,
    ListOf,
    Logic,
    Loop,
    MapOf,
    Name,
    Node,
    Select,
    Variable,
    children,
)
from podium.flow.expression.values import KINDS, Kind, Meter, describe


class Scope:
    """What one evaluation sees and may use up."""

    __slots__ = ("meter", "names", "slots")

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.meter = Meter()
        self.slots: list[Any] = []


Compute = Callable[[Scope], Any]
Step = Callable[[Scope, Any], Any]


class _Absent:
    """What stands at the end of a path that leads nowhere."""


_ABSENT: Final = _Absent()


def compile_node(node: Node) -> Compute:
    """Return what computes a node."""
    return _COMPILERS[type(node)](node)


def _constant(node: Constant) -> Compute:
    value = node.value
    return lambda _: value


def _variable(node: Variable) -> Compute:
    slot = node.slot
    return lambda scope: scope.slots[slot]


def _name(node: Name) -> Compute:
    name, column = node.name, node.column
    if node.is_optional:
        return lambda scope: scope.names.get(name)

    def compute(scope: Scope) -> Any:
        try:
            return scope.names[name]
        except KeyError:
            raise ExpressionError(
                "unknown-name", f"there is no {name!r}", column, near(name, scope.names)
            ) from None

    return compute


# --- fields and indexes


def _path(node: Select | Index) -> Compute:
    """Compute a chain of fields and indexes; from ``name?`` on it is null where the name is."""
    root, steps = _take_apart(node)
    start = compile_node(root)
    if isinstance(root, Name) and root.is_optional:
        return _optional_path(start, steps)
    if len(steps) == 1:
        only = steps[0]
        return lambda scope: only(scope, start(scope))

    def compute(scope: Scope) -> Any:
        value = start(scope)
        for step in steps:
            value = step(scope, value)
        return value

    return compute


def _optional_path(start: Compute, steps: Sequence[Step]) -> Compute:
    def compute(scope: Scope) -> Any:
        value = start(scope)
        if value is None:
            return None
        for step in steps:
            value = step(scope, value)
        return value

    return compute


def _columns(node: Node) -> list[int]:
    columns = []
    while isinstance(node, Select | Index):
        columns.append(node.column)
        node = node.operand
    return columns[::-1]


def _take_apart(node: Node) -> tuple[Node, list[Step]]:
    steps: list[Step] = []
    while isinstance(node, Select | Index):
        steps.append(_field(node) if isinstance(node, Select) else _element(node))
        node = node.operand
    steps.reverse()
    return node, steps


def _field(node: Select) -> Step:
    field, column = node.field, node.column

    def step(_: Scope, value: Any) -> Any:
        if type(value) is dict:
            try:
                return value[field]
            except KeyError:
                pass
        raise _no_field(value, field, column)

    return step


def _no_field(value: Any, field: str, column: int) -> ExpressionError:
    if type(value) is dict:
        names = [each for each in value if type(each) is str][:200]
        hint = near(field, names) or f"Write 'has(….{field})' to test for it."
        return ExpressionError("no-such-field", f"there is no field {field!r}", column, hint)
    if value is None:
        hint = f"Write 'has(….{field})' to test for it, or '….{field} ?? other'."
        return ExpressionError("no-such-field", f"null has no field {field!r}", column, hint)
    return ExpressionError("no-overload", f"{describe(value)} has no fields", column)


def _element(node: Index) -> Step:
    key_of, column = compile_node(node.key), node.column

    def step(scope: Scope, value: Any) -> Any:
        key = key_of(scope)
        if type(value) is list:
            position = _position(key, column)
            if 0 <= position < len(value):
                return value[position]
            raise ExpressionError(
                "out-of-range", f"a list of {len(value)} has no element {position}", column
            )
        if type(value) is dict and type(key) is str:
            if key in value:
                return value[key]
            raise _no_field(value, key, column)
        if value is None:
            raise ExpressionError("no-such-field", "null has no elements", column)
        raise ExpressionError(
            "no-overload", f"{describe(value)} has no element for {describe(key)}", column
        )

    return step


def _position(key: Any, column: int) -> int:
    """Return the place in a list; a double will do if it is whole."""
    if type(key) is int:
        return key
    if KINDS.get(type(key)) is Kind.DOUBLE:
        if key.is_integer():
            return int(key)
        raise ExpressionError("out-of-range", f"a list has no element {key}", column)
    raise ExpressionError("no-overload", f"a list has no element for {describe(key)}", column)


def _soft(node: Node) -> Compute:
    """Compute a path that may lead nowhere: then the result is a marker, and no error."""
    if not isinstance(node, Select | Index | Name):
        return compile_node(node)
    root, steps = _take_apart(node)
    start = compile_node(root)
    columns = _columns(node)

    def compute(scope: Scope) -> Any:
        value = start(scope)
        for step, column in zip(steps, columns, strict=True):
            if value is None:
                return _ABSENT
            try:
                value = step(scope, value)
            except ExpressionError as error:
                if error.code in _NOWHERE and error.column == column:
                    return _ABSENT
                raise  # the key of an index has an error of its own
        return value

    return compute


_NOWHERE: Final = frozenset({"no-such-field", "out-of-range"})


def _has(node: Has) -> Compute:
    parent, field, column = _soft(node.target.operand), node.target.field, node.target.column

    def compute(scope: Scope) -> bool:
        value = parent(scope)
        if type(value) is dict:
            return field in value
        if value is None or value is _ABSENT:
            return False
        raise ExpressionError("no-overload", f"{describe(value)} has no fields", column)

    return compute


def _coalesce(node: Coalesce) -> Compute:
    first, last = [_soft(each) for each in node.operands[:-1]], compile_node(node.operands[-1])

    def compute(scope: Scope) -> Any:
        for each in first:
            value = each(scope)
            if value is not None and value is not _ABSENT:
                return value
        return last(scope)

    return compute


# --- operators and functions


def _call(node: Call) -> Compute:
    dispatch, name, column = TABLE[node.function].dispatch, node.function, node.column
    arguments = [compile_node(each) for each in node.arguments]
    if len(arguments) == 2:
        return _binary(dispatch, name, column, arguments[0], arguments[1])

    def compute(scope: Scope) -> Any:
        values = [each(scope) for each in arguments]
        run = dispatch.get(tuple(map(type, values)))
        if run is None:
            raise _no_overload(name, values, column)
        try:
            return run(scope.meter, *values)
        except ExpressionError as error:
            error.located(column)
            raise

    return compute


def _binary(
    dispatch: Dispatch, name: str, column: int, left_of: Compute, right_of: Compute
) -> Compute:
    """Do the same as above for two arguments, which is nearly all there is."""

    def compute(scope: Scope) -> Any:
        left, right = left_of(scope), right_of(scope)
        run = dispatch.get((type(left), type(right)))
        if run is None:
            raise _no_overload(name, [left, right], column)
        try:
            return run(scope.meter, left, right)
        except ExpressionError as error:
            error.located(column)
            raise

    return compute


def _no_overload(name: str, values: list[Any], column: int) -> ExpressionError:
    given = " and ".join(map(describe, values))
    word = "-" if name == "-x" else name
    hint = ""
    if any(value is None for value in values):
        hint = "Write '(… ?? other)' where there may be no value."
    elif name == "+" and any(type(value) is str for value in values):
        hint = "Write 'string(x)' around what is no string."
    elif name in OPERATORS and any(type(value) is str for value in values):
        hint = "Write 'double(x)' or 'int(x)' around a number in a string."
    return ExpressionError("no-overload", f"'{word}' does not take {given}", column, hint)


def _logic(node: Logic) -> Compute:
    """Compute a chain of && or ||: one side that decides makes errors of the others moot."""
    operands = [(compile_node(each), each.column) for each in node.operands]
    sign, decides = node.operator, node.operator == "||"

    def compute(scope: Scope) -> bool:
        problem: ExpressionError | None = None
        for each, column in operands:
            try:
                if _truth(each(scope), sign, column) is decides:
                    return decides
            except ExpressionError as error:
                problem = _postponed(problem, error)
        if problem is not None:
            raise problem
        return not decides

    return compute


def _truth(value: Any, what: str, column: int) -> bool:
    if value is True or value is False:
        return bool(value)
    hint = "Write 'x != null' or 'x == true'." if what in {"&&", "||", "!", "?"} else ""
    raise ExpressionError(
        "no-overload", f"'{what}' takes a bool and not {describe(value)}", column, hint
    )


def _postponed(first: ExpressionError | None, error: ExpressionError) -> ExpressionError:
    """Keep the first error, unless there is no going on after this one."""
    if error.code in _FINAL:
        raise error
    return first or error


_FINAL: Final = frozenset({"budget", "too-large"})


def _choice(node: Choice) -> Compute:
    condition, column = compile_node(node.condition), node.condition.column
    then, otherwise = compile_node(node.then), compile_node(node.otherwise)

    def compute(scope: Scope) -> Any:
        return then(scope) if _truth(condition(scope), "?", column) else otherwise(scope)

    return compute


# --- lists and maps


def _list_of(node: ListOf) -> Compute:
    items = [compile_node(each) for each in node.items]

    def compute(scope: Scope) -> list[Any]:
        scope.meter.listed(len(items))
        return [each(scope) for each in items]

    return compute


def _map_of(node: MapOf) -> Compute:
    compiled = [compile_node(each) for each in node.entries]
    keys, values = compiled[::2], compiled[1::2]
    columns = [each.column for each in node.entries[::2]]
    size = 160 + 40 * len(keys)

    def compute(scope: Scope) -> dict[str, Any]:
        scope.meter.build(size)
        found: dict[str, Any] = {}
        for key_of, value_of, column in zip(keys, values, columns, strict=True):
            key = key_of(scope)
            if type(key) is not str:
                raise ExpressionError(
                    "no-overload", f"a key is a string and not {describe(key)}", column
                )
            if key in found:
                raise ExpressionError("duplicate-key", f"the key {key!r} is there twice", column)
            found[key] = value_of(scope)
        return found

    return compute


# --- loops


def _loop(node: Loop) -> Compute:
    source, column = compile_node(node.source), node.column
    run = _LOOPS[node.macro](node, _element_of(node))

    def compute(scope: Scope) -> Any:
        items = source(scope)
        if type(items) is not list and type(items) is not dict:
            raise ExpressionError(
                "no-overload", f"'{node.macro}' goes over a list and not {describe(items)}", column
            )
        slots = scope.slots
        slots.append(None)
        try:
            return run(scope, items)
        finally:
            slots.pop()

    return compute


def _element_of(node: Loop) -> Callable[[Compute], Step]:
    """Return what makes the body of a loop into a step that takes one element."""
    slot = node.slot
    cost = 1 + _size(node.body) + (_size(node.then) if node.then else 0)

    def bind(body: Compute) -> Step:
        def step(scope: Scope, element: Any) -> Any:
            scope.meter.spend(cost)
            scope.slots[slot] = element
            return body(scope)

        return step

    return bind


def _size(node: Node) -> int:
    """Count the nodes that run once for each pass: those of a loop inside count themselves."""
    total, waiting = 0, [node]
    while waiting:
        one = waiting.pop()
        total += 1
        waiting.extend([one.source] if isinstance(one, Loop) else children(one))
    return total


Elements = list[Any] | dict[str, Any]
Run = Callable[[Scope, Elements], Any]
Bind = Callable[[Compute], Step]


def _condition(node: Loop, bind: Bind) -> Callable[[Scope, Any], bool]:
    step, column, macro = bind(compile_node(node.body)), node.body.column, node.macro
    return lambda scope, element: _truth(step(scope, element), macro, column)


def _quantifier(node: Loop, bind: Bind) -> Run:
    """Compute ``all`` or ``exists``: one element that decides makes errors of the others moot."""
    holds, decides = _condition(node, bind), node.macro == "exists"

    def run(scope: Scope, items: Elements) -> bool:
        problem: ExpressionError | None = None
        for element in items:
            try:
                if holds(scope, element) is decides:
                    return decides
            except ExpressionError as error:
                problem = _postponed(problem, error)
        if problem is not None:
            raise problem
        return not decides

    return run


def _exists_one(node: Loop, bind: Bind) -> Run:
    holds = _condition(node, bind)
    return lambda scope, items: sum(holds(scope, element) for element in items) == 1


def _filter(node: Loop, bind: Bind) -> Run:
    holds = _condition(node, bind)

    def run(scope: Scope, items: Elements) -> list[Any]:
        scope.meter.listed(len(items))
        return [element for element in items if holds(scope, element)]

    return run


def _map(node: Loop, bind: Bind) -> Run:
    if node.then is not None:
        return _map_some(node, bind, compile_node(node.then))
    step = bind(compile_node(node.body))

    def run(scope: Scope, items: Elements) -> list[Any]:
        scope.meter.listed(len(items))
        return [step(scope, element) for element in items]

    return run


def _map_some(node: Loop, bind: Bind, then: Compute) -> Run:
    holds = _condition(node, bind)

    def run(scope: Scope, items: Elements) -> list[Any]:
        scope.meter.listed(len(items))
        return [then(scope) for element in items if holds(scope, element)]

    return run


_LOOPS: Final[Mapping[str, Callable[[Loop, Bind], Run]]] = {
    "all": _quantifier,
    "exists": _quantifier,
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
}
_COMPILERS: Final[Mapping[type[Node], Callable[[Any], Compute]]] = {
    Constant: _constant,
    Variable: _variable,
    Name: _name,
    Select: _path,
    Index: _path,
    Has: _has,
    Coalesce: _coalesce,
    Call: _call,
    Logic: _logic,
    Choice: _choice,
    ListOf: _list_of,
    MapOf: _map_of,
    Loop: _loop,
}
