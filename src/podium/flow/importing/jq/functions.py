"""The functions of jq that have a counterpart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from podium.flow.expression import Kind
from podium.flow.importing.jq import operators
from podium.flow.importing.jq.errors import NotCarried
from podium.flow.importing.jq.program import Jq
from podium.flow.importing.jq.syntax import Each, Identity, ListOf, Literal, Node, Pipe
from podium.flow.importing.jq.values import (
    Constant,
    Level,
    Many,
    One,
    Selected,
    Value,
    joined,
    quoted,
)

_TASK: Final = "Compute it in a task."
_METHODS: Final = {
    "ascii_downcase": "lowerAscii",
    "ascii_upcase": "upperAscii",
    "trim": "trim",
}
_METHODS_OF_ONE: Final = {
    "startswith": "startsWith",
    "endswith": "endsWith",
    "contains": "contains",
    "split": "split",
    "join": "join",
}
_HINTS: Final = {
    "now": "Take the time from the input or from a task: expressions see no clock.",
    "env": "Name the variable in 'env', and write 'env.NAME'.",
}


def call(jq: Jq, name: str, arguments: tuple[Node, ...]) -> Value:
    """Return what a function gives.

    Raises:
        NotCarried: It has no counterpart.
    """
    match name, arguments:
        case "not", ():
            return One(f"!{jq.condition(Identity(), Level.UNARY)}", Level.UNARY)
        case "select", (condition,):
            held = One(jq.condition(condition), Level.CHOICE)
            return Selected(jq.single(jq.dot), held)
        case "map", (inner,):
            return jq.value(ListOf(Pipe(Each(Identity()), inner)))
        case (("any" | "all"), (() | (_,))):
            return _quantified(jq, name, arguments[0] if arguments else Identity())
        case "has", (key,):
            return _has(jq, key)
        case "test", (Literal(value=str() as pattern), *flags):
            return _test(jq, pattern, flags)
        case _ if name in _METHODS and not arguments:
            return One(f"{_dot(jq)}.{_METHODS[name]}()")
        case _ if name in _METHODS_OF_ONE and len(arguments) == 1:
            return One(f"{_dot(jq)}.{_METHODS_OF_ONE[name]}({jq.text(arguments[0])})")
        case (("ltrimstr" | "rtrimstr"), (part,)):
            return _trimmed(jq, part, at_start=name == "ltrimstr")
        case _ if name in _PLAIN and not arguments:
            return _PLAIN[name](jq)
        case _:
            shown = f"{name}/{len(arguments)}" if arguments else name
            raise NotCarried(f"{shown!r} has no counterpart", _HINTS.get(name, _TASK))


def _dot(jq: Jq) -> str:
    return jq.single(jq.dot).within(Level.VALUE)


def as_text(jq: Jq, value: Value) -> str:
    """Write a value as a text, as jq does within a text."""
    if isinstance(value, Constant) and isinstance(value.value, str):
        return quoted(value.value)
    one = jq.settled(value, "'null'")
    if jq.is_only(one, Kind.STRING):
        return one.within(Level.PRODUCT)
    if jq.may_be(one, Kind.LIST) or jq.may_be(one, Kind.MAP):
        jq.assume(f"{one.text} is no list and no object (jq would write it as JSON)")
    return f"string({one.text})"


def cut(jq: Jq, base: One, low: Node | None, high: Node | None) -> Value:
    """A part of a text."""
    if not jq.is_only(base, Kind.STRING):
        raise NotCarried("a part of a list ('.[a:b]') has no counterpart", _TASK)
    bounds = [Constant(0) if node is None else jq.value(node) for node in (low, high)]
    if not all(isinstance(one, Constant) and type(one.value) is int for one in bounds):
        raise NotCarried("a part of a text needs fixed bounds here", _TASK)
    first, last = (one.value for one in bounds if isinstance(one, Constant))
    if first < 0 or last < 0:
        raise NotCarried("a part counted from the end has no counterpart", _TASK)
    text, size = base.within(Level.VALUE), f"size({base.text})"
    start = f"min({first}, {size})"
    end = size if high is None else f"max({start}, min({last}, {size}))"
    return One(f"{text}.substring({start}, {end})")


def _quantified(jq: Jq, name: str, condition: Node) -> Value:
    items = jq.value(Each(Identity()))
    assert isinstance(items, Many)
    variable = jq.name_for(items.items)
    held = jq.on(One.named(variable)).condition(condition)
    macro = "exists" if name == "any" else "all"
    return One(f"{items.items.within(Level.VALUE)}.{macro}({variable}, {held})")


def _has(jq: Jq, key: Node) -> Value:
    base = jq.single(jq.dot)
    if isinstance(key, Literal) and isinstance(key.value, str):
        return One(f"has({joined(base.within(Level.VALUE), key.value)})")
    if isinstance(key, Literal):
        return One(f"size({base.text}) > {key.value}", Level.COMPARISON)
    return One(
        f"{jq.text(key, Level.OTHERWISE)} in {base.within(Level.OTHERWISE)}", Level.COMPARISON
    )


def _test(jq: Jq, pattern: str, flags: list[Node]) -> Value:
    match flags:
        case []:
            prefix = ""
        case [Literal(value="i")]:
            prefix = "(?i)"
        case _:
            raise NotCarried("these flags of 'test' have no counterpart", _TASK)
    return One(f"{_dot(jq)}.matches({quoted(prefix + pattern)})")


def _trimmed(jq: Jq, part: Node, *, at_start: bool) -> Value:
    text, cut_off = _dot(jq), jq.text(part)
    size = f"size({cut_off})"
    if at_start:
        kept, test = f"{text}.substring({size})", "startsWith"
    else:
        kept, test = f"{text}.substring(0, size({text}) - {size})", "endsWith"
    return One(f"{text}.{test}({cut_off}) ? {kept} : {text}", Level.CHOICE)


# without arguments ------------------------------------------------------------------------


def _length(jq: Jq) -> Value:
    one = jq.single(jq.dot)
    if jq.is_only(one, *operators.NUMBERS):
        return _absolute(jq)
    return One(f"size({jq.settled(one, '[]').text})")


def _absolute(jq: Jq) -> Value:
    text = _dot(jq)
    return One(f"{text} < 0 ? -{text} : {text}", Level.CHOICE)


def _to_text(jq: Jq) -> Value:
    return One(as_text(jq, jq.dot), Level.SUM)


def _to_number(jq: Jq) -> Value:
    one = jq.single(jq.dot)
    return one if jq.is_only(one, *operators.NUMBERS) else One(f"double({one.text})")


def _extreme(name: str) -> Callable[[Jq], Value]:
    def make(jq: Jq) -> Value:
        text = _dot(jq)
        jq.assume(f"{text} has numbers only, or texts only")
        return One(f"size({text}) == 0 ? null : {name}({text})", Level.CHOICE)

    return make


def _floor(jq: Jq) -> Value:
    text = _dot(jq)
    return One(f"int({text}) > {text} ? int({text}) - 1 : int({text})", Level.CHOICE)


def _ceiling(jq: Jq) -> Value:
    text = _dot(jq)
    return One(f"int({text}) < {text} ? int({text}) + 1 : int({text})", Level.CHOICE)


def _rounded(jq: Jq) -> Value:
    text = _dot(jq)
    return One(f"int({text} < 0 ? {text} - 0.5 : {text} + 0.5)")


def _first(jq: Jq) -> Value:
    return One(f"{_dot(jq)}[0]", Level.VALUE, None, is_open=True)


def _last(jq: Jq) -> Value:
    text = _dot(jq)
    return One(f"{text}[size({text}) - 1]", Level.VALUE, None, is_open=True)


def _entries(jq: Jq) -> Value:
    text, name = _dot(jq), jq.name_for(One("[]"))
    return One(f"{text}.map({name}, {{'key': {name}, 'value': {text}[{name}]}})")


def _keys(jq: Jq) -> Value:
    name = jq.name_for(One("[]"))
    return One(f"{_dot(jq)}.map({name}, {name})")


def _values(jq: Jq) -> Value:
    one = jq.single(jq.dot)
    return Selected(
        one, One(f"{jq.settled(one).within(Level.OTHERWISE)} != null", Level.COMPARISON)
    )


_PLAIN: Final[dict[str, Callable[[Jq], Value]]] = {
    "length": _length,
    "abs": _absolute,
    "fabs": _absolute,
    "tostring": _to_text,
    "tonumber": _to_number,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "floor": _floor,
    "ceil": _ceiling,
    "round": _rounded,
    "first": _first,
    "last": _last,
    "to_entries": _entries,
    "keys_unsorted": _keys,
    "values": _values,
}
