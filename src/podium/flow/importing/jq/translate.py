"""From a jq program to an expression of ours with the same meaning, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping

from podium.flow.expression import Kind
from podium.flow.importing.jq import functions, operators
from podium.flow.importing.jq.errors import NotCarried
from podium.flow.importing.jq.program import Jq, Merge, Schema
from podium.flow.importing.jq.syntax import (
    Binary,
    Bind,
    Choice,
    Comma,
    Each,
    Field,
    Function,
    Identity,
    Item,
    ListOf,
    Literal,
    MapOf,
    Negative,
    Node,
    Pipe,
    Slice,
    Text,
    Variable,
)  # fmt: skip
from podium.flow.importing.jq.values import (
    Constant,
    Level,
    Many,
    One,
    Record,
    Selected,
    Value,
    joined,
    object_of,
    quoted,
)


def translator(
    dot: Value, variables: Mapping[str, Value], schemas: MutableMapping[str, Schema],
    merge: Merge | None = None,
) -> Jq:  # fmt: skip
    """Return what says programs in expressions of ours; see :class:`Jq`."""
    return Jq(dot, variables, schemas, _said, merge)


def _said(jq: Jq, node: Node) -> Value:
    match node:
        case Identity():
            return jq.dot
        case Literal(value=value):
            return Constant(value)
        case Field() | Item() | Slice() | Each():
            return _path(jq, node)
        case ListOf(inner=inner):
            return _list(jq, inner)
        case MapOf(entries=entries):
            return _map(jq, entries)
        case Text(parts=parts):
            return _text(jq, parts)
        case Comma():
            raise NotCarried("several results (',') have no counterpart outside of a list")
        case _:
            return _computed(jq, node)


def _path(jq: Jq, node: Field | Item | Slice | Each) -> Value:
    match node:
        case Field(base=base, name=name):
            return _each_of(jq, jq.value(base), lambda one: _field(jq, one, name))
        case Item(base=base, key=key):
            return _each_of(jq, jq.value(base), lambda one: _item(jq, one, key))
        case Slice(base=base, low=low, high=high):
            return functions.cut(jq, jq.one(base), low, high)
        case Each(base=base):
            return _each_of(jq, jq.value(base), lambda one: _elements(jq, one))


def _computed(
    jq: Jq, node: Variable | Pipe | Bind | Function | Choice | Binary | Negative
) -> Value:
    match node:
        case Variable(name=name):
            return jq.variable(name)
        case Pipe(left=left, right=right):
            return _each_of(jq, jq.value(left), lambda one: jq.on(one).value(right))
        case Bind(source=source, name=name, body=body):
            return _each_of(jq, jq.value(source), lambda one: jq.knowing(name, one).value(body))
        case Function(name=name, arguments=arguments):
            return functions.call(jq, name, arguments)
        case Choice():
            return operators.choice(jq, node)
        case Binary() | Negative():
            return operators.operation(jq, node)


def _each_of(jq: Jq, value: Value, make: Callable[[Value], Value]) -> Value:
    """Apply something to one value, or to each of many."""
    if isinstance(value, Selected):
        return operators.selected(jq, make(value.one), value.condition)
    if not isinstance(value, Many):
        return make(value)
    name = jq.name_for(value.items)
    made = make(One.named(name))
    source = value.items.within(Level.VALUE)
    match made:
        case Many():
            raise NotCarried("lists of lists cannot be flattened", "Compute it in a task.")
        case Selected(one=one, condition=condition):
            held = condition.text
            if one.text == name:
                return Many(One(f"{source}.filter({name}, {held})"))
            return Many(One(f"{source}.map({name}, {held}, {jq.settled(one).text})"))
        case _:
            return Many(One(f"{source}.map({name}, {jq.settled(made).text})"))


def _field(jq: Jq, value: Value, name: str) -> Value:
    match value:
        case Constant(value=dict() as constant):
            return Constant(constant.get(name))
        case Constant(value=None):
            return Constant(None)
        case Record(name=whole, fields=fields):
            if name not in fields:
                raise NotCarried(f"${whole}.{name} has no counterpart")
            return fields[name]
        case _:
            one = jq.single(value)
            path = (*one.path, name) if one.path else None
            found = One(joined(one.within(Level.VALUE), name), Level.VALUE, path, is_open=True)
            return Constant(None) if jq.presence(found) == "never" else found


def _item(jq: Jq, value: Value, key: Node) -> Value:
    """An index: from the end where it is negative; outside of a list there is null."""
    base = jq.single(value)
    index = jq.value(key)
    if isinstance(index, Constant) and type(index.value) is str:
        return _field(jq, value, index.value)
    source = base.within(Level.VALUE)
    if isinstance(index, Constant) and type(index.value) is int:
        at = str(index.value) if index.value >= 0 else f"size({source}) - {-index.value}"
        return One(f"{source}[{at}]", Level.VALUE, None, is_open=True)
    if isinstance(index, Constant):
        raise NotCarried(f"an index of {index.value!r:.40} has no counterpart")
    return One(f"{source}[{jq.settled(index).text}]", Level.VALUE, None, is_open=True)


def _elements(jq: Jq, value: Value) -> Value:
    one = jq.single(value)
    if not jq.is_only(one, Kind.LIST):
        jq.assume(f"{one.text} is a list (of an object, jq would take the values)")
    return Many(one)


def _list(jq: Jq, inner: Node | None) -> Value:
    if inner is None:
        return Constant([])
    parts: list[One] = []
    plain: list[str] = []
    for node in _commas(inner):
        value = jq.value(node)
        if isinstance(value, Many):
            if plain:
                parts.append(One(f"[{', '.join(plain)}]"))
                plain = []
            parts.append(value.items)
        else:
            plain.append(jq.settled(value).text)
    if plain:
        parts.append(One(f"[{', '.join(plain)}]"))
    if len(parts) == 1:
        return parts[0]
    return One(" + ".join(part.within(Level.PRODUCT) for part in parts), Level.SUM)


def _map(jq: Jq, entries: tuple[tuple[Node, Node], ...]) -> One:
    if all(isinstance(key, Literal) for key, _ in entries):
        return object_of(
            {key.value: jq.text(value) for key, value in entries if isinstance(key, Literal)}
        )
    inside = (f"{jq.text(key)}: {jq.text(value)}" for key, value in entries)
    return One(f"{{{', '.join(inside)}}}")


def _text(jq: Jq, parts: tuple[str | Node, ...]) -> One:
    texts = [
        quoted(part) if isinstance(part, str) else functions.as_text(jq, jq.value(part))
        for part in parts
    ]
    return One(texts[0]) if len(texts) == 1 else One(" + ".join(texts), Level.SUM)


def _commas(node: Node) -> list[Node]:
    found: list[Node] = []
    while isinstance(node, Comma):
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]
