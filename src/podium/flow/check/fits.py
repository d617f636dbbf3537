"""Whether what one schema describes can be taken where another one is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from podium.flow.expression import Kind
from podium.flow.expression.shapes import (
    Form,
    Shape,
    constants_of,
    element_of,
    field_of,
    shape_of,
)

_DEPTH_MAX: Final = 12
_WORDS: Final = {
    Kind.NULL: "null",
    Kind.BOOL: "a bool",
    Kind.INT: "an integer",
    Kind.DOUBLE: "a number with a fraction",
    Kind.STRING: "a string",
    Kind.LIST: "a list",
    Kind.MAP: "an object",
}


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit.

    Attributes:
        where: At which field of the value, or an empty text for the whole.
        given: What it is.
        wanted: What is asked for, as the end of a sentence.
        is_certain: Whether it can never fit; else it fits for some values.
    """

    where: str
    given: str
    wanted: str
    is_certain: bool

    @property
    def text(self) -> str:
        """What is given, and what is asked for."""
        verb = "is" if self.is_certain else "may be"
        return f"{repr(self.where) if self.where else 'it'} {verb} {self.given}{self.wanted}"

    def maybe(self) -> Misfit:
        """Return the same as something that fits for some values."""
        return replace(self, is_certain=False)


def misfit(given: Shape, wanted: Shape, where: str = "", depth: int = 0) -> Misfit | None:
    """Return why a value does not fit, or None where it does or nothing is known."""
    is_known = given.forms and wanted.forms and not (given.is_open or wanted.is_open)
    if not is_known or depth > _DEPTH_MAX:
        return None
    found: list[Misfit] = []
    fitting = 0
    for form in given.forms:
        one = _of_form(form, given, wanted, where, depth)
        if one is None:
            fitting += 1
        else:
            found.append(one)
            fitting += not one.is_certain
    if not found:
        return None
    if fitting:
        return found[0].maybe()
    if len(found) > 1:
        return _of_kinds(given, wanted, where, is_certain=True)
    return found[0]


def _of_form(form: Form, given: Shape, wanted: Shape, where: str, depth: int) -> Misfit | None:
    """Return why one of the things that a value can be does not fit."""
    same = [one for one in wanted.forms if one.kind is form.kind]
    if not same:
        has_rest = len(given.kinds) > 1
        return _of_kinds(Shape((form,)) if has_rest else given, wanted, where, is_certain=True)
    found = [_within(form, one, where, depth) for one in same]
    if None in found:
        return None
    return min((one for one in found if one is not None), key=lambda one: one.is_certain)


def _of_kinds(given: Shape, wanted: Shape, where: str, *, is_certain: bool) -> Misfit:
    asked = f", and {described(wanted)} is asked for"
    return Misfit(where, described(given), asked, is_certain)


def _within(form: Form, wanted: Form, where: str, depth: int) -> Misfit | None:
    """Return why a value of the right kind does not fit."""
    if form.kind is Kind.LIST:
        if "prefixItems" in form.schema or "prefixItems" in wanted.schema:
            return None
        return misfit(element_of(form), element_of(wanted), f"{where}[]", depth + 1)
    if form.kind is Kind.MAP:
        return _of_maps(form, wanted, where, depth)
    values = constants_of(Shape((form,)))
    allowed = constants_of(Shape((wanted,)))
    if values is None or allowed is None or form.kind is Kind.NULL:
        return None
    wrong = [value for value in values if value not in allowed]
    if not wrong:
        return None
    asked = f", which is none of {', '.join(map(repr, allowed[:8]))}"
    return Misfit(where, repr(wrong[0]), asked, is_certain=len(wrong) == len(values))


def _of_maps(form: Form, wanted: Form, where: str, depth: int) -> Misfit | None:
    properties = wanted.schema.get("properties")
    required = wanted.schema.get("required")
    maybe: Misfit | None = None
    names = list(properties) if isinstance(properties, dict) else []
    needed = set(required) if isinstance(required, list) else set()
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        field = field_of(form, name)
        below = f"{where}.{name}" if where else name
        if field.shape is None:
            if name in needed and field.is_closed:
                return Misfit(where, f"without the field {name!r}", "", is_certain=True)
            continue
        if name in needed and not field.is_certain and maybe is None:
            maybe = Misfit(where, f"without the field {name!r}", "", is_certain=False)
        one = misfit(field.shape, shape_of(schema, wanted.root), below, depth + 1)
        if one is not None and one.is_certain and field.is_certain:
            return one
        maybe = maybe or (one and one.maybe())
    return _of_others(form, names, wanted, where) or maybe


def _of_others(form: Form, names: list[str], wanted: Form, where: str) -> Misfit | None:
    """Return why fields are too many."""
    schema = wanted.schema
    if schema.get("additionalProperties") is not False or "patternProperties" in schema:
        return None
    required = form.schema.get("required")
    for name in required if isinstance(required, list) else []:
        if name not in names:
            return Misfit(
                where, f"an object with {name!r}", ", which is not taken", is_certain=True
            )
    return None


def described(shape: Shape) -> str:
    """Say in words what a value can be."""
    kinds = shape.kinds
    words = [_WORDS[kind] for kind in _WORDS if kind in kinds]
    if {Kind.INT, Kind.DOUBLE} <= kinds:
        words = [word for word in words if word not in {_WORDS[Kind.INT], _WORDS[Kind.DOUBLE]}]
        words.insert(0, "a number")
    if shape.is_open or not words:
        return "anything"
    return " or ".join(words)


def has_expression(value: Any) -> bool:
    """Whether JSON has an expression in one of its texts."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "${" in one:
                return True
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False
