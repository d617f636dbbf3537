"""The check of an expression against JSON Schemas: what it gives, and what cannot work.

It says nothing about what is not known: a schema that is open lets everything pass. A finding is an
error when something fails or is pointless for every value that the schemas allow, and a warning
when it fails for some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import product
from typing import Any, Final, Literal

from podium.flow.expression.errors import Problem, near
from podium.flow.expression.facts import Facts, facts_of
from podium.flow.expression.functions import TABLE
from podium.flow.expression.shapes import (
    OF_KIND,
    OPEN,
    Field,
    Form,
    Shape,
    constants_of,
    element_of,
    field_of,
    fields_of,
    list_of,
    map_of,
    shape_of,
    union,
    values_of,
)
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
    path_of,
    root_of,
)
from podium.flow.expression.values import KINDS, Kind

_Kinds = tuple[Kind | None, ...]
_NUMBERS: Final = frozenset({Kind.INT, Kind.DOUBLE})


class Check:
    """One walk over an expression with the schemas of its names."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes
        self._variables: list[Shape] = []
        self.problems: list[Problem] = []

    def infer(self, node: Node, facts: Facts) -> Shape:
        """Return the shape of a node where these facts hold, and note what cannot work."""
        return _INFER[type(node)](self, node, facts)

    def _note(
        self,
        code: str,
        message: str,
        column: int,
        hint: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        problem = Problem(code, message, column, hint, severity)
        if problem not in self.problems:
            self.problems.append(problem)

    # --- names

    def constant(self, node: Constant, facts: Facts) -> Shape:
        """Return the shape of a literal."""
        return OF_KIND[KINDS[type(node.value)]]

    def variable(self, node: Variable, facts: Facts) -> Shape:
        """Return the shape of a loop's element."""
        return self._known(self._variables[node.slot], node, facts)

    def name(self, node: Name, facts: Facts) -> Shape:
        """Return the shape of what is given."""
        found = self._shapes.get(node.name)
        if found is None:
            hint = near(node.name, self._shapes)
            self._note("unknown-name", f"there is no {node.name!r}", node.column, hint)
            return OPEN
        if node.is_optional:
            found = union([found, OF_KIND[Kind.NULL]])
        return self._known(found, node, facts)

    def _known(self, shape: Shape, node: Node, facts: Facts) -> Shape:
        """Leave null out where it is known not to be."""
        return shape.without(Kind.NULL) if facts.has_value(path_of(node)) else shape

    # --- fields

    def select(self, node: Select, facts: Facts) -> Shape:
        """Return the shape of a field."""
        return self._path(node, facts)

    def index(self, node: Index, facts: Facts) -> Shape:
        """Return the shape of an element."""
        return self._path(node, facts)

    def _path(self, node: Select | Index, facts: Facts) -> Shape:
        """Return the shape of a path, which is null where the name it starts from is ``name?``."""
        root = root_of(node)
        if not isinstance(root, Name) or not root.is_optional or facts.has_value((root.name,)):
            return self._step(node, facts, is_soft=False)
        shape = self._step(node, facts | Facts(valued=[(root.name,)]), is_soft=False)
        return self._known(union([shape, OF_KIND[Kind.NULL]]), node, facts)

    def _soft(self, node: Node, facts: Facts) -> Shape:
        """Return the shape of a path that may lead nowhere."""
        if isinstance(node, Select | Index):
            return self._step(node, facts, is_soft=True)
        return self.infer(node, facts)

    def _step(self, node: Select | Index, facts: Facts, *, is_soft: bool) -> Shape:
        """Return the shape of the last part of a path."""
        parent = self._soft(node.operand, facts) if is_soft else self.infer(node.operand, facts)
        if Kind.NULL in parent.kinds and not is_soft:
            self._maybe_null(node.operand, parent)
        parent = parent.without(Kind.NULL)
        if isinstance(node, Select):
            shape = self._field(node, parent, node.field, facts, is_soft=is_soft)
        else:
            key = self.infer(node.key, facts)
            shape = self._element(node, parent, key, facts, is_soft=is_soft)
        return self._known(shape, node, facts)

    def _maybe_null(self, node: Node, shape: Shape) -> None:
        if shape.kinds == {Kind.NULL} and not shape.is_open:
            self._note("no-such-field", "null has no fields", node.column)
            return
        self._note(
            "maybe-null",
            f"{_words(node)} may be null",
            node.column,
            f"Test it before ('{_words(node)} != null && …'), or write '… ?? other'.",
            "warning",
        )

    def _field(
        self, node: Select | Index, parent: Shape, name: str, facts: Facts, *, is_soft: bool
    ) -> Shape:
        """Return the shape of a field, over all forms that its parent may have."""
        maps = parent.of_kind(Kind.MAP)
        others = parent.kinds - {Kind.MAP}
        if others and not maps and not parent.is_open:
            self._note("no-overload", f"a {_listed(others)} has no fields", node.column)
            return OPEN
        found = [field_of(form, name) for form in maps]
        known = [field.shape for field in found if field.shape is not None]
        if found and not known and not parent.is_open:
            self._unknown_field(node, name, maps, found, is_soft=is_soft)
            return OPEN
        is_certain = len(known) == len(found) and all(field.is_certain for field in found)
        if not is_certain and not is_soft and not facts.is_present(path_of(node)):
            self._maybe_missing(node, name)
        return OPEN if parent.is_open or not known else union(known)

    def _unknown_field(
        self, node: Node, name: str, maps: Iterable[Form], found: list[Field], *, is_soft: bool
    ) -> None:
        is_closed = all(field.is_closed for field in found)
        if is_soft and not is_closed:
            return  # it is asked whether it is there, and it may be
        names = sorted({each for form in maps for each in fields_of(form)})
        listed = f"There are: {', '.join(names[:8])}." if names else ""
        self._note(
            "unknown-field",
            f"there is no field {name!r}",
            node.column,
            near(name, names) or listed,
            "error" if is_closed else "warning",
        )

    def _maybe_missing(self, node: Node, name: str) -> None:
        path = _words(node)
        self._note(
            "maybe-missing",
            f"the field {name!r} may be missing",
            node.column,
            f"Test it before ('has({path}) && …'), or write '{path} ?? other'.",
            "warning",
        )

    def _element(
        self, node: Index, parent: Shape, key: Shape, facts: Facts, *, is_soft: bool
    ) -> Shape:
        word = node.key.value if isinstance(node.key, Constant) else None
        if isinstance(word, str) and (parent.of_kind(Kind.MAP) or not parent.of_kind(Kind.LIST)):
            return self._field(node, parent, word, facts, is_soft=is_soft)
        fits: list[Shape] = []
        if key.is_open or key.kinds & _NUMBERS:
            fits += [element_of(form) for form in parent.of_kind(Kind.LIST)]
        if key.is_open or Kind.STRING in key.kinds:
            fits += [values_of(form) for form in parent.of_kind(Kind.MAP)]
        if parent.is_open:
            return OPEN
        if not fits:
            message = f"a {_listed(parent.kinds)} has no element for a {_listed(key.kinds)}"
            self._note("no-overload", message, node.column)
            return OPEN
        return union(fits)

    def has(self, node: Has, facts: Facts) -> Shape:
        """Return a bool, and look whether there can be such a field."""
        self._soft(node.target, facts)
        return OF_KIND[Kind.BOOL]

    def coalesce(self, node: Coalesce, facts: Facts) -> Shape:
        """Return what any of the sides gives, without the nulls of all but the last."""
        first = [self._soft(each, facts).without(Kind.NULL) for each in node.operands[:-1]]
        return union([*first, self.infer(node.operands[-1], facts)])

    # --- operators

    def call(self, node: Call, facts: Facts) -> Shape:
        """Return what an operator or a function gives for such arguments."""
        shapes = [self.infer(each, facts) for each in node.arguments]
        if node.function in {"==", "!="}:
            self._comparable(node, shapes[0], shapes[1])
        if node.function == "/":
            self._fraction(node, shapes)
        gives = self._fitting(node, shapes)
        if gives is None:
            return OPEN
        if node.function in _ELEMENTS:
            self._elements(node, shapes[0])
        special = _SPECIAL.get(node.function)
        if special is not None and (gives == {Kind.LIST} or node.function in {"min", "max"}):
            return special(shapes)
        return union(OF_KIND[kind] for kind in sorted(gives, key=lambda kind: kind.value))

    def _fitting(self, node: Call, shapes: list[Shape]) -> frozenset[Kind] | None:
        """Return the kinds that a call may give; None when nothing is known, or nothing fits."""
        gives, refused = _fit(node.function, tuple(map(_kinds_of, shapes)))
        if refused and not gives:
            self._refused(node, shapes)
            return None
        if refused:
            self._partly_refused(node, shapes, refused)
        return gives

    def _refused(self, node: Call, shapes: list[Shape]) -> None:
        sign = "-" if node.function == "-x" else node.function
        given = " and ".join(f"a {_listed(shape.kinds)}" for shape in shapes)
        hint = ""
        if node.function == "+" and any(Kind.STRING in shape.kinds for shape in shapes):
            hint = "Write 'string(x)' around what is no string."
        self._note("no-overload", f"'{sign}' does not take {given}", node.column, hint)

    def _partly_refused(self, node: Call, shapes: list[Shape], refused: tuple[_Kinds, ...]) -> None:
        """Warn of arguments that may be of a kind that does not fit, if they are known to be able."""
        columns = zip(*refused, strict=True)
        for argument, shape, kinds in zip(node.arguments, shapes, columns, strict=True):
            if shape.is_open or len(shape.kinds) < 2:
                continue
            if Kind.NULL in shape.kinds and Kind.NULL in kinds:
                self._maybe_null(argument, shape)
            elif shape.kinds != _NUMBERS and not all(kind in kinds for kind in shape.kinds):
                self._maybe_other(node, argument, shape.kinds & set(kinds))

    def _maybe_other(
        self, node: Call, argument: Node, kinds: frozenset[Kind], verb: str = "be"
    ) -> None:
        self._note(
            "maybe-other",
            f"{_words(argument)} may {verb} a {_listed(kinds)}, "
            f"which '{node.function}' does not take here",
            argument.column,
            "",
            "warning",
        )

    def _elements(self, node: Call, items: Shape) -> None:
        """Look at the elements of a list that a function goes over."""
        found = _items([items])
        takes = _ELEMENTS[node.function]
        if items.is_open or found.is_open:
            return
        if len(_widths(found.kinds)) > 1 and found.kinds <= takes:
            self._maybe_other(node, node.arguments[0], found.kinds, "hold")
        if found.kinds <= takes:
            return
        if found.kinds & takes:
            self._maybe_other(node, node.arguments[0], found.kinds - takes, "hold")
        else:
            message = f"'{node.function}' does not take a list of {_listed(found.kinds)}"
            self._note("no-overload", message, node.column)

    def _comparable(self, node: Call, left: Shape, right: Shape) -> None:
        """Find comparisons that can only go one way."""
        if left.is_open or right.is_open or not left.forms or not right.forms:
            return
        if not _widths(left.kinds) & _widths(right.kinds):
            if {Kind.NULL} in (left.kinds, right.kinds):
                return  # a test for null that is not needed harms nobody
            message = f"a {_listed(left.kinds)} never equals a {_listed(right.kinds)}"
            self._note("never-equal", message, node.column)
            return
        for shape, other in ((left, node.arguments[1]), (right, node.arguments[0])):
            allowed = constants_of(shape)
            if allowed is not None and isinstance(other, Constant) and other.value not in allowed:
                words = [each for each in allowed if isinstance(each, str)]
                hint = near(str(other.value), words) or f"There are: {', '.join(words[:8])}."
                message = f"{other.value!r} is none of the values that are possible"
                self._note("never-equal", message, other.column, hint)

    def _fraction(self, node: Call, shapes: list[Shape]) -> None:
        """Warn of a division that may cut off the rest."""
        if all(Kind.INT in shape.kinds and shape.kinds <= _NUMBERS for shape in shapes):
            self._note(
                "integer-division",
                "between integers '/' cuts off the rest: 7 / 2 is 3",
                node.column,
                "Write 'double(a) / b', or 'int(double(a) / b)' if that is meant.",
                "warning",
            )

    def logic(self, node: Logic, facts: Facts) -> Shape:
        """Return a bool; each side is reached only when those before it did not decide."""
        for each in node.operands:
            self._bool(each, self.infer(each, facts), node.operator)
            facts = facts | facts_of(each, holds=node.operator == "&&")
        return OF_KIND[Kind.BOOL]

    def _bool(self, node: Node, shape: Shape, what: str) -> None:
        if shape.is_open or not shape.forms or shape.kinds == {Kind.BOOL}:
            return
        if Kind.BOOL not in shape.kinds:
            message = f"'{what}' takes a bool and not a {_listed(shape.kinds)}"
            self._note("no-overload", message, node.column, "Write 'x != null' or 'x == true'.")
        elif Kind.NULL in shape.kinds:
            self._maybe_null(node, shape)

    def choice(self, node: Choice, facts: Facts) -> Shape:
        """Return what either side gives."""
        self._bool(node.condition, self.infer(node.condition, facts), "?")
        then = self.infer(node.then, facts | facts_of(node.condition))
        otherwise = self.infer(node.otherwise, facts | facts_of(node.condition, holds=False))
        return union([then, otherwise])

    # --- lists, maps, loops

    def list_of(self, node: ListOf, facts: Facts) -> Shape:
        """Return the shape of a list literal."""
        return list_of([self.infer(each, facts) for each in node.items])

    def map_of(self, node: MapOf, facts: Facts) -> Shape:
        """Return the shape of a map literal."""
        entries: dict[str, Shape] = {}
        is_fixed = True
        for key, value in zip(node.entries[::2], node.entries[1::2], strict=True):
            kind, shape = self.infer(key, facts), self.infer(value, facts)
            if isinstance(key, Constant) and isinstance(key.value, str):
                entries[key.value] = shape
                continue
            is_fixed = False
            if Kind.STRING not in kind.kinds and not kind.is_open:
                message = f"a key is a string and not a {_listed(kind.kinds)}"
                self._note("no-overload", message, key.column)
        return map_of(entries) if is_fixed else OF_KIND[Kind.MAP]

    def loop(self, node: Loop, facts: Facts) -> Shape:
        """Return what a macro gives."""
        source = self.infer(node.source, facts)
        if Kind.NULL in source.kinds and source.kinds != {Kind.NULL}:
            self._maybe_null(node.source, source)
        element = self._element_of_loop(node, source)
        if node.variable in self._shapes:
            self._note(
                "shadowed-name",
                f"the variable {node.variable!r} hides what has the same name outside",
                node.column,
                "Give the variable another name.",
                "warning",
            )
        self._variables.append(element)
        body = self.infer(node.body, facts)
        if node.macro != "map" or node.then is not None:
            self._bool(node.body, body, node.macro)
        then = self.infer(node.then, facts | facts_of(node.body)) if node.then else body
        self._variables.pop()
        if node.macro == "map":
            return list_of([then])
        return list_of([element]) if node.macro == "filter" else OF_KIND[Kind.BOOL]

    def _element_of_loop(self, node: Loop, source: Shape) -> Shape:
        elements = [element_of(form) for form in source.of_kind(Kind.LIST)]
        elements += [OF_KIND[Kind.STRING] for _ in source.of_kind(Kind.MAP)]
        if not elements and source.kinds and not source.is_open:
            message = f"'{node.macro}' goes over a list and not a {_listed(source.kinds)}"
            self._note("no-overload", message, node.column)
        return OPEN if source.is_open or not elements else union(elements)


def check_node(node: Node, schemas: Schemas, facts: Facts) -> tuple[dict[str, Any], list[Problem]]:
    """Check a tree; return the schema of its result and the findings in the order of the text."""
    check = Check(schemas if isinstance(schemas, Shapes) else Shapes(schemas))
    shape = check.infer(node, facts)
    return shape.schema(), sorted(check.problems, key=lambda problem: problem.column)


class Shapes(Mapping[str, Shape]):
    """The shapes of the schemas that are asked for, each made once.

    Whoever checks many expressions against the same schemas hands these on in their place.
    """

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self._made: dict[str, Shape] = {}

    def __getitem__(self, name: str) -> Shape:
        found = self._made.get(name)
        if found is None:
            found = shape_of(self._schemas[name])
            if name in self._schemas:  # else it was made up, and may be known later
                self._made[name] = found
        return found

    def __iter__(self) -> Any:
        return iter(self._schemas)

    def __len__(self) -> int:
        return len(self._schemas)


Schemas = Mapping[str, Any] | Shapes
"""A JSON Schema for each name, or the shapes made of them."""


def _kinds_of(shape: Shape) -> frozenset[Kind | None]:
    """Return every kind that a value of the shape may have; None stands for whatever is not known."""
    return frozenset({None}) if shape.is_open or not shape.forms else shape.kinds


@lru_cache(maxsize=2048)
def _fit(
    name: str, given: tuple[frozenset[Kind | None], ...]
) -> tuple[frozenset[Kind], tuple[_Kinds, ...]]:
    """Return what an operator or function gives for any of these kinds, and what it refuses."""
    forms = [each for each in TABLE[name].overloads if len(each.takes) == len(given)]
    gives: set[Kind] = set()
    refused: list[_Kinds] = []
    for kinds in product(*given):
        found = {
            each.gives
            for each in forms
            if all(not kind or kind in takes for kind, takes in zip(kinds, each.takes, strict=True))
        } | _widened(name, kinds)
        gives |= found
        if not found:
            refused.append(kinds)
    return frozenset(gives), tuple(refused)


def _widened(name: str, kinds: _Kinds) -> set[Kind]:
    """Return what an operator gives for numbers of which some may be doubles."""
    known = {kind for kind in kinds if kind}
    is_mixed = known <= _NUMBERS and (known == _NUMBERS or None in kinds)
    if not is_mixed or "operator" not in TABLE[name].forms:
        return set()
    doubles = (frozenset({Kind.DOUBLE}),) * len(kinds)
    return {each.gives for each in TABLE[name].overloads if each.takes == doubles}


def _widths(kinds: frozenset[Kind]) -> frozenset[Kind]:
    """Return kinds with integers and doubles as one."""
    return kinds - {Kind.INT} | {Kind.DOUBLE} if Kind.INT in kinds else kinds


def _listed(kinds: Iterable[Kind]) -> str:
    names = sorted(kind.value for kind in kinds)
    return " or ".join(names) or "value"


def _words(node: Node) -> str:
    """Write a path as it stands in the text, or something like it."""
    path = path_of(node)
    if path is None:
        return "this"
    root = root_of(node)
    mark = "?" if isinstance(root, Name) and root.is_optional else ""
    return ".".join([path[0].partition("@")[0] + mark, *path[1:]])


def _items(shapes: Iterable[Shape]) -> Shape:
    return union(element_of(form) for shape in shapes for form in shape.of_kind(Kind.LIST))


_ORDERED: Final = _NUMBERS | {Kind.STRING, Kind.TIMESTAMP, Kind.DURATION}
_ELEMENTS: Final = {"join": frozenset({Kind.STRING}), "min": _ORDERED, "max": _ORDERED}
"""What the elements of a list have to be, for functions that look at them."""
_SPECIAL: Final[Mapping[str, Callable[[list[Shape]], Shape]]] = {
    "+": lambda shapes: list_of([_items(shapes)]),
    "split": lambda _: list_of([OF_KIND[Kind.STRING]]),
    "min": lambda shapes: OPEN if shapes[0].is_open else _items(shapes),
    "max": lambda shapes: OPEN if shapes[0].is_open else _items(shapes),
}
_INFER: Final[Mapping[type[Node], Callable[[Check, Any, Facts], Shape]]] = {
    Constant: Check.constant,
    Variable: Check.variable,
    Name: Check.name,
    Select: Check.select,
    Index: Check.index,
    Has: Check.has,
    Coalesce: Check.coalesce,
    Call: Check.call,
    Logic: Check.logic,
    Choice: Check.choice,
    ListOf: Check.list_of,
    MapOf: Check.map_of,
    Loop: Check.loop,
}
