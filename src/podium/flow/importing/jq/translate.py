"""From a jq program to an expression of ours with the same meaning, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from podium.flow.expression import Expression, ExpressionError, Kind
from podium.flow.expression.shapes import Shape, field_of, shape_of, union
from podium.flow.importing.jq import functions, operators
from podium.flow.importing.jq.errors import NotCarried
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
)
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
    written,
)

DEPTH_MAX: Final = 60
_UNKNOWN: Final = {
    "secrets": ("secrets would be recorded with the run", "Read the secret within the task."),
    "authorization": ("the authorization of a call stays within its task", ""),
    "runtime": ("the runtime does not show in expressions", ""),
    "ENV": ("the environment does not show", "Name the variable in 'env', and write 'env.NAME'."),
}
Schema = Mapping[str, Any]
Merge = Callable[[list[Any]], str]
"""Adds a step that merges objects, given as templates; returns the name of its node."""


@dataclass
class Jq:
    """Says jq programs in expressions of ours.

    Attributes:
        dot: What the program is applied to.
        variables: ``$input``, ``$context`` and so on.
        schemas: What is known of the names in expressions; it grows by the variables of macros.
        merge: How objects are merged whose fields are not known; None where no step can be.
        assumed: What the translation takes for granted, said for people.
    """

    dot: Value
    variables: Mapping[str, Value]
    schemas: MutableMapping[str, Schema]
    merge: Merge | None = None
    assumed: list[str] = field(default_factory=list)
    depth: int = 0

    # values -----------------------------------------------------------------------------

    def value(self, node: Node) -> Value:
        """Return what a program gives.

        Raises:
            NotCarried: It has no counterpart.
        """
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise NotCarried("the expression is too deep", "Make it several steps.")
        try:
            return self._value(node)
        finally:
            self.depth -= 1

    def _value(self, node: Node) -> Value:
        match node:
            case Identity():
                return self.dot
            case Literal(value=value):
                return Constant(value)
            case Field() | Item() | Slice() | Each():
                return self._path(node)
            case ListOf(inner=inner):
                return self._list(inner)
            case MapOf(entries=entries):
                return self._map(entries)
            case Text(parts=parts):
                return self._text(parts)
            case Comma():
                raise NotCarried("several results (',') have no counterpart outside of a list")
            case _:
                return self._computed(node)

    def _path(self, node: Field | Item | Slice | Each) -> Value:
        match node:
            case Field(base=base, name=name):
                return self._each_of(self.value(base), lambda one: self._field(one, name))
            case Item(base=base, key=key):
                return self._each_of(self.value(base), lambda one: self._item(one, key))
            case Slice(base=base, low=low, high=high):
                return functions.cut(self, self.one(base), low, high)
            case Each(base=base):
                return self._each_of(self.value(base), self._elements)

    def _computed(
        self, node: Variable | Pipe | Bind | Function | Choice | Binary | Negative
    ) -> Value:
        match node:
            case Variable(name=name):
                return self._variable(name)
            case Pipe(left=left, right=right):
                return self._each_of(self.value(left), lambda one: self.on(one).value(right))
            case Bind(source=source, name=name, body=body):
                return self._each_of(
                    self.value(source), lambda one: self.knowing(name, one).value(body)
                )
            case Function(name=name, arguments=arguments):
                return functions.call(self, name, arguments)
            case Choice():
                return operators.choice(self, node)
            case Binary() | Negative():
                return operators.operation(self, node)

    def on(self, dot: Value) -> Jq:
        """Return the same for what stands behind a pipe."""
        return replace(self, dot=dot)

    def knowing(self, name: str, value: Value) -> Jq:
        """Return the same with one more variable."""
        return replace(self, variables={**self.variables, name: value})

    def one(self, node: Node) -> One:
        """Return the one value that a program gives; it may lead nowhere."""
        return self.single(self.value(node))

    def single(self, value: Value) -> One:
        """Return a value as an expression."""
        match value:
            case One():
                return value
            case Constant(value=constant):
                is_negative = isinstance(constant, int | float) and constant < 0
                return One(written(constant), Level.UNARY if is_negative else Level.VALUE)
            case Record(name=name):
                raise NotCarried(f"${name} as a whole has no counterpart")
            case Selected():
                raise NotCarried(
                    "a result that may be missing ('select', 'empty') has no counterpart here",
                    "Write 'if … then … else null end'.",
                )
            case Many():
                raise NotCarried(
                    "several results ('.[]') have no counterpart outside of a list",
                    "Put them in a list: '[…]'.",
                )

    def settled(self, value: Value, default: str = "null") -> One:
        """Return a value that is there: null, or the default, where jq would have null."""
        one = self.single(value)
        state = self._presence(one)
        if state == "never":
            return One(default)
        if state == "surely" and (default == "null" or not self.may_be(one, Kind.NULL)):
            return one
        return One(f"{one.within(Level.OTHERWISE)} ?? {default}", Level.OTHERWISE)

    def _presence(self, one: One) -> str:
        """Say whether a value is there: surely, perhaps, or never."""
        if not one.is_open:
            return "surely"
        if one.path is None:
            return "perhaps"
        shape = shape_of(self.schemas.get(one.path[0], {}))
        for name in one.path[1:]:
            fields = [field_of(form, name) for form in shape.of_kind(Kind.MAP)]
            if shape.is_open or not fields or shape.kinds != {Kind.MAP}:
                return "perhaps"
            if all(field.shape is None and field.is_closed for field in fields):
                return "never"
            found = [
                field.shape for field in fields if field.shape is not None and field.is_certain
            ]
            if len(found) != len(fields):
                return "perhaps"
            shape = union(found)
        return "surely"

    def text(self, node: Node, level: Level = Level.CHOICE) -> str:
        """Return a program as the text of an expression that has a value."""
        return self.settled(self.value(node)).within(level)

    # what is known ----------------------------------------------------------------------

    def shape(self, value: One) -> Shape:
        """Return what is known of a value."""
        try:
            return shape_of(Expression.parse(value.text).check(self.schemas)[0])
        except ExpressionError as error:
            raise NotCarried(f"{value.text[:60]!r}: {error.message}", error.hint) from None

    def is_only(self, value: One, *kinds: Kind) -> bool:
        """Whether a value is certainly of one of these kinds."""
        shape = self.shape(value)
        return bool(shape.forms) and not shape.is_open and shape.kinds <= set(kinds)

    def may_be(self, value: One, kind: Kind) -> bool:
        """Whether a value may be of a kind."""
        shape = self.shape(value)
        return shape.is_open or kind in shape.kinds

    def condition(self, node: Node, level: Level = Level.CHOICE) -> str:
        """Return a program as a condition: in jq everything but null and false holds."""
        value = self.value(node)
        if isinstance(value, Constant):
            return "false" if value.value is None or value.value is False else "true"
        one = self.single(value)
        if self._presence(one) == "never":
            return "false"
        if self._presence(one) == "surely" and self.is_only(one, Kind.BOOL):
            return one.within(level)
        held = One(f"({one.within(Level.OTHERWISE)} ?? false) != false", Level.COMPARISON)
        return held.within(level)

    def assume(self, what: str) -> None:
        """Take note of what the translation takes for granted."""
        if what not in self.assumed:
            self.assumed.append(what)

    # forms ------------------------------------------------------------------------------

    def _each_of(self, value: Value, make: Callable[[Value], Value]) -> Value:
        """Apply something to one value, or to each of many."""
        if isinstance(value, Selected):
            return operators.selected(self, make(value.one), value.condition)
        if not isinstance(value, Many):
            return make(value)
        name = self.name_for(value.items)
        made = make(One.named(name))
        source = value.items.within(Level.VALUE)
        match made:
            case Many():
                raise NotCarried("lists of lists cannot be flattened", "Compute it in a task.")
            case Selected(one=one, condition=condition):
                held = condition.text
                if one.text == name:
                    return Many(One(f"{source}.filter({name}, {held})"))
                return Many(One(f"{source}.map({name}, {held}, {self.settled(one).text})"))
            case _:
                return Many(One(f"{source}.map({name}, {self.settled(made).text})"))

    def name_for(self, items: One) -> str:
        """Return a new name for the elements of a list, as the variable of a macro."""
        name = next(one for i in range(10_000) if (one := f"each{i or ''}") not in self.schemas)
        element: Schema = {}
        for form in self.shape(items).of_kind(Kind.LIST):
            found = form.schema.get("items")
            element = found if isinstance(found, Mapping) else {}
        self.schemas[name] = element
        return name

    def _field(self, value: Value, name: str) -> Value:
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
                one = self.single(value)
                path = (*one.path, name) if one.path else None
                found = One(joined(one.within(Level.VALUE), name), Level.VALUE, path, is_open=True)
                return Constant(None) if self._presence(found) == "never" else found

    def _item(self, value: Value, key: Node) -> Value:
        """An index: from the end where it is negative; outside of a list there is null."""
        base = self.single(value)
        index = self.value(key)
        if isinstance(index, Constant) and type(index.value) is str:
            return self._field(value, index.value)
        source = base.within(Level.VALUE)
        if isinstance(index, Constant) and type(index.value) is int:
            at = str(index.value) if index.value >= 0 else f"size({source}) - {-index.value}"
            return One(f"{source}[{at}]", Level.VALUE, None, is_open=True)
        if isinstance(index, Constant):
            raise NotCarried(f"an index of {index.value!r:.40} has no counterpart")
        return One(f"{source}[{self.settled(index).text}]", Level.VALUE, None, is_open=True)

    def _elements(self, value: Value) -> Value:
        one = self.single(value)
        if not self.is_only(one, Kind.LIST):
            self.assume(f"{one.text} is a list (of an object, jq would take the values)")
        return Many(one)

    def _variable(self, name: str) -> Value:
        if name in self.variables:
            return self.variables[name]
        if name in _UNKNOWN:
            why, hint = _UNKNOWN[name]
            raise NotCarried(f"${name}: {why}", hint)
        raise NotCarried(f"nothing is called ${name} here")

    def _list(self, inner: Node | None) -> Value:
        if inner is None:
            return Constant([])
        parts: list[One] = []
        plain: list[str] = []
        for node in _commas(inner):
            value = self.value(node)
            if isinstance(value, Many):
                if plain:
                    parts.append(One(f"[{', '.join(plain)}]"))
                    plain = []
                parts.append(value.items)
            else:
                plain.append(self.settled(value).text)
        if plain:
            parts.append(One(f"[{', '.join(plain)}]"))
        if len(parts) == 1:
            return parts[0]
        return One(" + ".join(part.within(Level.PRODUCT) for part in parts), Level.SUM)

    def _map(self, entries: tuple[tuple[Node, Node], ...]) -> One:
        if all(isinstance(key, Literal) for key, _ in entries):
            return object_of(
                {key.value: self.text(value) for key, value in entries if isinstance(key, Literal)}
            )
        inside = (f"{self.text(key)}: {self.text(value)}" for key, value in entries)
        return One(f"{{{', '.join(inside)}}}")

    def _text(self, parts: tuple[str | Node, ...]) -> One:
        texts = [
            quoted(part) if isinstance(part, str) else functions.as_text(self, self.value(part))
            for part in parts
        ]
        return One(texts[0]) if len(texts) == 1 else One(" + ".join(texts), Level.SUM)


def _commas(node: Node) -> list[Node]:
    found: list[Node] = []
    while isinstance(node, Comma):
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]
