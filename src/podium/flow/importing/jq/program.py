"""One program on its way into our words, and what is known while it is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from podium.flow.expression import Expression, ExpressionError, Kind
from podium.flow.expression.shapes import Shape, field_of, shape_of, union
from podium.flow.importing.jq.errors import NotCarried
from podium.flow.importing.jq.syntax import Node
from podium.flow.importing.jq.values import (
    Constant,
    Level,
    Many,
    One,
    Record,
    Selected,
    Value,
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
Say = Callable[["Jq", Node], Value]
"""Says the form of a program."""


@dataclass
class Jq:
    """Says jq programs in expressions of ours.

    Attributes:
        dot: What the program is applied to.
        variables: ``$input``, ``$context`` and so on.
        say: Says a form; the parts of it come back to :meth:`value`.
        schemas: What is known of the names in expressions; it grows by the variables of macros.
        merge: How objects are merged whose fields are not known; None where no step can be.
        assumed: What the translation takes for granted, said for people.
    """

    dot: Value
    variables: Mapping[str, Value]
    schemas: MutableMapping[str, Schema]
    say: Say
    merge: Merge | None = None
    assumed: list[str] = field(default_factory=list)
    depth: int = 0

    def value(self, node: Node) -> Value:
        """Return what a program gives.

        Raises:
            NotCarried: It has no counterpart.
        """
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise NotCarried("the expression is too deep", "Make it several steps.")
        try:
            return self.say(self, node)
        finally:
            self.depth -= 1

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
        state = self.presence(one)
        if state == "never":
            return One(default)
        if state == "surely" and (default == "null" or not self.may_be(one, Kind.NULL)):
            return one
        return One(f"{one.within(Level.OTHERWISE)} ?? {default}", Level.OTHERWISE)

    def presence(self, one: One) -> str:
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
        if self.presence(one) == "never":
            return "false"
        if self.presence(one) == "surely" and self.is_only(one, Kind.BOOL):
            return one.within(level)
        held = One(f"({one.within(Level.OTHERWISE)} ?? false) != false", Level.COMPARISON)
        return held.within(level)

    def assume(self, what: str) -> None:
        """Take note of what the translation takes for granted."""
        if what not in self.assumed:
            self.assumed.append(what)

    def name_for(self, items: One) -> str:
        """Return a new name for the elements of a list, as the variable of a macro."""
        name = next(one for i in range(10_000) if (one := f"each{i or ''}") not in self.schemas)
        element: Schema = {}
        for form in self.shape(items).of_kind(Kind.LIST):
            found = form.schema.get("items")
            element = found if isinstance(found, Mapping) else {}
        self.schemas[name] = element
        return name

    def variable(self, name: str) -> Value:
        """Return what a variable stands for."""
        if name in self.variables:
            return self.variables[name]
        if name in _UNKNOWN:
            why, hint = _UNKNOWN[name]
            raise NotCarried(f"${name}: {why}", hint)
        raise NotCarried(f"nothing is called ${name} here")
