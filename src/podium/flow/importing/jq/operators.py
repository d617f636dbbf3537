"""The operators of jq."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from podium.flow.expression import Expression, ExpressionError, Kind
from podium.flow.importing.jq.errors import NotCarried
from podium.flow.importing.jq.program import Jq
from podium.flow.importing.jq.syntax import Binary, Choice, Function, Identity, Negative
from podium.flow.importing.jq.values import (
    Constant,
    Level,
    Many,
    One,
    Selected,
    Value,
    joined,
    object_of,
)

NUMBERS: Final = (Kind.INT, Kind.DOUBLE)
_EMPTY_OF: Final = {Kind.LIST: "[]", Kind.STRING: "''", Kind.INT: "0", Kind.DOUBLE: "0"}
_ORDERED: Final = (NUMBERS, (Kind.STRING,))


def operation(jq: Jq, node: Binary | Negative) -> Value:
    """Return what an operator gives."""
    if isinstance(node, Negative):
        value = jq.value(node.operand)
        if isinstance(value, Constant) and type(value.value) in (int, float):
            return Constant(-value.value)
        return One(f"-{jq.settled(value).within(Level.UNARY)}", Level.UNARY)
    match node.sign:
        case "//":
            return _otherwise(jq, node)
        case "or":
            left, right = jq.condition(node.left, Level.AND), jq.condition(node.right, Level.AND)
            return One(f"{left} || {right}", Level.OR)
        case "and":
            left = jq.condition(node.left, Level.COMPARISON)
            right = jq.condition(node.right, Level.COMPARISON)
            return One(f"{left} && {right}", Level.AND)
        case "==" | "!=":
            left, right = jq.text(node.left, Level.OTHERWISE), jq.text(node.right, Level.OTHERWISE)
            return One(f"{left} {node.sign} {right}", Level.COMPARISON)
        case "+":
            return _sum(jq, jq.value(node.left), jq.value(node.right))
        case "-" | "*" | "/" | "%":
            return _arithmetic(jq, node)
        case _:
            return _order(jq, node)


def choice(jq: Jq, node: Choice) -> Value:
    """``if``: what is left out gives what was given."""
    condition = jq.condition(node.condition, Level.OR)
    if isinstance(node.other, Function) and node.other.name == "empty":
        return selected(jq, jq.value(node.then), One(jq.condition(node.condition), Level.CHOICE))
    lazy = replace(jq, merge=None)
    then = lazy.text(node.then, Level.OR)
    other = lazy.text(Identity() if node.other is None else node.other)
    return One(f"{condition} ? {then} : {other}", Level.CHOICE)


def selected(jq: Jq, value: Value, condition: One) -> Value:
    """Return a value that is there only if a condition holds."""
    match value:
        case Selected(one=one, condition=other):
            both = f"{condition.within(Level.COMPARISON)} && {other.within(Level.COMPARISON)}"
            return Selected(one, One(both, Level.AND))
        case Many():
            raise NotCarried("lists of lists cannot be flattened", "Compute it in a task.")
        case _:
            return Selected(jq.single(value), condition)


def _otherwise(jq: Jq, node: Binary) -> Value:
    left = jq.value(node.left)
    if isinstance(left, Constant):
        return jq.value(node.right) if left.value in (None, False) else left
    one, right = jq.single(left), jq.text(node.right, Level.SUM)
    if right not in {"false", "null"} and jq.may_be(one, Kind.BOOL):
        jq.assume(f"{one.text} is not false (jq's '//' passes over false as over null)")
    return One(f"{one.within(Level.OTHERWISE)} ?? {right}", Level.OTHERWISE)


def _order(jq: Jq, node: Binary) -> Value:
    left, right = jq.one(node.left), jq.one(node.right)
    kinds = next(
        (all(jq.is_only(one, *kinds) for one in (left, right)) for kinds in _ORDERED), False
    )
    if not kinds and not all(jq.is_only(one, Kind.STRING) for one in (left, right)):
        jq.assume(
            f"{left.text} and {right.text} are there, and both numbers or both texts "
            "(jq also orders values of different kinds)"
        )
    texts = left.within(Level.OTHERWISE), right.within(Level.OTHERWISE)
    return One(f"{texts[0]} {node.sign} {texts[1]}", Level.COMPARISON)


def _sum(jq: Jq, left: Value, right: Value) -> Value:
    if isinstance(left, Constant) and left.value is None:
        return right
    if isinstance(right, Constant) and right.value is None:
        return left
    ones = jq.single(left), jq.single(right)
    if any(jq.is_only(one, Kind.MAP) for one in ones):
        return _merged(jq, *ones)
    texts: list[str] = []
    for one, other in (ones, ones[::-1]):
        kind = next((kind for kind in _EMPTY_OF if jq.is_only(other, kind)), None)
        level = Level.PRODUCT if one is ones[1] else Level.SUM
        texts.append(jq.settled(one, _EMPTY_OF[kind]).within(level) if kind else one.within(level))
    if not any(jq.is_only(one, *_EMPTY_OF) for one in ones):
        jq.assume(
            f"{ones[0].text} and {ones[1].text} are there and both numbers, both texts or both lists "
            "(jq also adds null and objects)"
        )
    return One(f"{texts[0]} + {texts[1]}", Level.SUM)


def _merged(jq: Jq, left: One, right: One) -> One:
    """Two objects in one: the right one wins."""
    fields = [_fields(jq, left), _fields(jq, right)]
    if fields[0] is not None and fields[1] is not None:
        return object_of({**fields[0], **fields[1]})
    if jq.merge is None:
        raise NotCarried(
            "objects whose fields are not known cannot be merged within an expression",
            "Name the fields one by one, or merge the objects in a task.",
        )
    for one, known in zip((left, right), fields, strict=True):
        if known is None and not jq.is_only(one, Kind.MAP):
            jq.assume(f"{one.text} is an object or null")
    node = jq.merge([f"${{{jq.settled(one).text}}}" for one in (left, right)])
    jq.schemas[node] = {"type": "object"}
    return One.named(node)


def _fields(jq: Jq, one: One) -> dict[str, str] | None:
    """Return the fields of an object, each as an expression; None where they are not all known."""
    if one.entries is not None:
        return dict(one.entries)
    try:
        expression = Expression.parse(one.text)
    except ExpressionError as error:
        raise NotCarried(error.message, error.hint) from None
    schema: dict[str, Any] = expression.check(jq.schemas)[0]
    names = schema.get("properties", {})
    is_known = schema.get("type") == "object" and schema.get("additionalProperties") is False
    if not is_known or set(schema.get("required", [])) != set(names):
        return None
    base = one.within(Level.VALUE)
    return {name: joined(base, name) for name in names}


def _arithmetic(jq: Jq, node: Binary) -> Value:
    left, right = jq.one(node.left), jq.one(node.right)
    unknown = [one for one in (left, right) if not jq.is_only(one, *NUMBERS)]
    if len(unknown) == 2 or (unknown and node.sign == "*"):
        jq.assume(
            f"{' and '.join(one.text for one in unknown)}: numbers (jq also takes other kinds)"
        )
    first, second = left.within(Level.PRODUCT), right.within(Level.UNARY)
    if node.sign == "/" and not (jq.is_only(left, Kind.DOUBLE) or jq.is_only(right, Kind.DOUBLE)):
        first = f"double({left.text})"
    if node.sign == "%":
        first, second = (
            one.within(level) if jq.is_only(one, Kind.INT) else f"int({one.text})"
            for one, level in ((left, Level.PRODUCT), (right, Level.UNARY))
        )
    if node.sign == "-":
        first, second = left.within(Level.SUM), right.within(Level.PRODUCT)
        return One(f"{first} - {second}", Level.SUM)
    return One(f"{first} {node.sign} {second}", Level.PRODUCT)
