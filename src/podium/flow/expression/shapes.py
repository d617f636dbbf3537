"""Shapes: what a JSON Schema says about a value, as far as the check of an expression needs it.

A shape is a list of forms, one of which the value has. A form is open (nothing is known) or of one
kind, with the schema that it came from, so that a part that is passed on keeps its whole schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from podium.flow.expression.values import Kind

Schema = Mapping[str, Any]

JSON_KINDS: Final = frozenset(
    {Kind.NULL, Kind.BOOL, Kind.INT, Kind.DOUBLE, Kind.STRING, Kind.LIST, Kind.MAP}
)
_OF_TYPE: Final = {
    "null": (Kind.NULL,),
    "boolean": (Kind.BOOL,),
    "integer": (Kind.INT,),
    "number": (Kind.INT, Kind.DOUBLE),
    "string": (Kind.STRING,),
    "array": (Kind.LIST,),
    "object": (Kind.MAP,),
}
_SCHEMAS: Final[Mapping[Kind, Schema]] = {
    Kind.NULL: {"type": "null"},
    Kind.BOOL: {"type": "boolean"},
    Kind.INT: {"type": "integer"},
    Kind.DOUBLE: {"type": "number"},
    Kind.STRING: {"type": "string"},
    Kind.LIST: {"type": "array"},
    Kind.MAP: {"type": "object"},
    Kind.TIMESTAMP: {"type": "string", "format": "date-time"},
    Kind.DURATION: {"type": "string"},
}
_DEPTH_MAX: Final = 32
"""How many references and alternatives are followed into each other before a schema counts as open."""
_INLINED_MAX: Final = 2_000
"""Parts of a schema that is put together of others; what is beyond becomes open."""


@dataclass(frozen=True, slots=True)
class Form:
    """One thing that a value can be.

    Attributes:
        kind: Its kind; None when nothing is known.
        schema: What describes it.
        root: The schema that references in it are resolved in.
        element: The shape of the elements of a list that the expression builds.
        fields: The shapes of the fields of a map that the expression builds.
    """

    kind: Kind | None
    schema: Schema
    root: Schema
    element: Shape | None = None
    fields: Mapping[str, Shape] | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value can be.

    Attributes:
        forms: The alternatives.
        source: The schema as it was written, if the shape is exactly that.
        root: The schema that references in ``source`` are resolved in.
    """

    forms: tuple[Form, ...]
    source: Schema | None = None
    root: Schema | None = None

    @property
    def is_open(self) -> bool:
        """Whether something in it is not known."""
        return any(form.kind is None for form in self.forms)

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds that are known; together with ``is_open`` these are all."""
        return frozenset(form.kind for form in self.forms if form.kind is not None)

    def of_kind(self, *kinds: Kind) -> list[Form]:
        """Return the forms of some kinds."""
        return [form for form in self.forms if form.kind in kinds]

    def without(self, kind: Kind) -> Shape:
        """Return the same shape with a kind left out."""
        if kind not in self.kinds:
            return self
        return Shape(tuple(form for form in self.forms if form.kind is not kind))

    def schema(self) -> dict[str, Any]:
        """Return it as a JSON Schema that stands on its own."""
        if self.source is not None and self.root is not None:
            return _standing_alone(self.source, self.root)
        return self.inlined()

    def inlined(self) -> dict[str, Any]:
        """Return it as a JSON Schema without references, to be made a part of another."""
        if self.source is not None and self.root is not None:
            return _inlined(self.source, self.root)
        if self.is_open or not self.forms:
            return {}
        first = self.forms[0]
        if len(self.forms) == 1 and first.kind and first.schema is _SCHEMAS[first.kind]:
            return dict(first.schema)
        schemas: list[dict[str, Any]] = []
        for form in self.forms:
            each = _inlined(form.schema, form.root)
            if each not in schemas:
                schemas.append(each)
        return _union(schemas)


def _union(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    if {"type": "number"} in schemas:
        schemas = [each for each in schemas if each != {"type": "integer"}]
    if len(schemas) == 1:
        return schemas[0]
    types = [each["type"] for each in schemas if each.keys() == {"type"}]
    if len(types) == len(schemas) and all(isinstance(each, str) for each in types):
        return {"type": sorted(types)}
    return {"anyOf": schemas}


def shape_of(schema: Any, root: Schema | None = None) -> Shape:
    """Return what a JSON Schema says; what is none says nothing."""
    if not isinstance(schema, Mapping):
        return Shape(()) if schema is False else OPEN
    root = schema if root is None else root
    return Shape(tuple(_forms(schema, root, 0)), schema, root)


def _forms(schema: Any, root: Schema, depth: int) -> Iterator[Form]:
    if schema is False:
        return
    if not isinstance(schema, Mapping) or depth > _DEPTH_MAX:
        yield _OPEN_FORM
    elif "$ref" in schema:
        yield from _forms(_resolve(schema["$ref"], root), root, depth + 1)
    elif alternatives := _listed(schema, "anyOf") or _listed(schema, "oneOf"):
        for each in alternatives:
            yield from _forms(each, root, depth + 1)
    elif _listed(schema, "allOf"):
        yield from _forms(_merged(schema, root), root, depth + 1)
    else:
        kinds = list(_kinds(schema))
        for kind in kinds:
            is_one = len(kinds) == 1
            yield Form(kind, schema if is_one else _part(schema, kind), root)
        if not kinds:
            yield Form(None, schema, root)


def _listed(schema: Schema, keyword: str) -> list[Any]:
    found = schema.get(keyword)
    return found if isinstance(found, list) else []


def _part(schema: Schema, kind: Kind) -> Schema:
    """Return what a schema of several types says about one of them."""
    plain = _SCHEMAS[kind]
    if kind in {Kind.LIST, Kind.MAP}:
        return {**schema, **plain}
    return plain


def _kinds(schema: Schema) -> Iterable[Kind]:
    """Return the kinds that a schema without alternatives allows; none when it does not say."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        return dict.fromkeys(_kind_of_json(each) for each in values)
    types = schema.get("type")
    if types is None:
        if "properties" in schema:
            return [Kind.MAP]
        return [Kind.LIST] if "items" in schema or "prefixItems" in schema else []
    listed = types if isinstance(types, list) else [types]
    return dict.fromkeys(
        kind for each in listed if isinstance(each, str) for kind in _OF_TYPE.get(each, ())
    )


def _kind_of_json(value: Any) -> Kind:
    match value:
        case None:
            return Kind.NULL
        case bool():
            return Kind.BOOL
        case int():
            return Kind.INT
        case float():
            return Kind.DOUBLE
        case str():
            return Kind.STRING
        case list():
            return Kind.LIST
        case _:
            return Kind.MAP


def _resolve(reference: Any, root: Schema) -> Any:
    """Follow a reference within the document; any other is open."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return True
    found: Any = root
    for word in reference[1:].split("/")[1:]:
        word = word.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or word not in found:
            return True
        found = found[word]
    return found


def _merged(schema: Schema, root: Schema) -> dict[str, Any]:
    """Put the parts of ``allOf`` together, as far as fields go."""
    parts = [{key: value for key, value in schema.items() if key != "allOf"}]
    for each in schema["allOf"]:
        while isinstance(each, Mapping) and "$ref" in each:
            each = _resolve(each["$ref"], root)
            parts.append({})
            if len(parts) > _DEPTH_MAX:
                return {}
        parts.append(dict(each) if isinstance(each, Mapping) else {})
    merged: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if key == "properties" and isinstance(value, Mapping):
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required" and isinstance(value, list):
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged[key] = value
    return merged


def _standing_alone(schema: Schema, root: Schema) -> dict[str, Any]:
    """Give a part of a schema the definitions that it may refer to."""
    if schema is root or not _refers(schema):
        return dict(schema)
    shared = {key: root[key] for key in ("$defs", "definitions") if key in root}
    return {**shared, **schema} if shared else _inlined(schema, root)


def _refers(schema: Any) -> bool:
    """Say whether there is a reference in a schema."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            if "$ref" in one:
                return True
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False


def _inlined(schema: Schema, root: Schema) -> dict[str, Any]:
    """Put what is referred to in place of the references; what grows too large becomes open."""
    found = _Inlining(root).visit(schema, 0)
    return found if isinstance(found, dict) else {}


class _Inlining:
    """One walk over a schema and what it refers to."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _INLINED_MAX

    def visit(self, schema: Any, depth: int) -> Any:
        """Return a part of the schema without references."""
        self._left -= 1
        if self._left < 0 or depth > _DEPTH_MAX:
            return {}
        if isinstance(schema, list):
            return [self.visit(each, depth + 1) for each in schema]
        if not isinstance(schema, Mapping):
            return schema
        if "$ref" in schema:
            return self.visit(_resolve(schema["$ref"], self._root), depth + 8)
        return {
            key: self.visit(value, depth + 1)
            for key, value in schema.items()
            if schema is not self._root or key not in {"$defs", "definitions"}
        }


# --- shapes of results


_OPEN_FORM: Final = Form(None, {}, {})
OPEN: Final = Shape((_OPEN_FORM,), {}, {})
"""The shape of which nothing is known."""
OF_KIND: Final[Mapping[Kind, Shape]] = {
    kind: Shape((Form(kind, schema, schema),)) for kind, schema in _SCHEMAS.items()
}
"""The plain shape of each kind."""


def union(shapes: Iterable[Shape]) -> Shape:
    """Return the shape of a value that has one of several."""
    listed = list(shapes)
    if len(listed) == 1:
        return listed[0]
    kept: list[Form] = []
    for form in (form for shape in listed for form in shape.forms):
        if form not in kept:
            kept.append(form)
    return Shape(tuple(kept))


def list_of(items: Iterable[Shape]) -> Shape:
    """Return the shape of a list with such elements; with none it is a list of anything."""
    found = union(items)
    inner = found.inlined() if found.forms else {}
    schema = {"type": "array", "items": inner} if inner else {"type": "array"}
    return Shape((Form(Kind.LIST, schema, schema, element=found),))


def map_of(entries: Mapping[str, Shape]) -> Shape:
    """Return the shape of a map with just these fields."""
    schema = {
        "type": "object",
        "properties": {name: shape.inlined() for name, shape in entries.items()},
        "required": list(entries),
        "additionalProperties": False,
    }
    return Shape((Form(Kind.MAP, schema, schema, fields=entries),))


def element_of(form: Form) -> Shape:
    """Return the shape of a list's elements."""
    if form.element is not None:
        return form.element
    items = form.schema.get("items")
    first = form.schema.get("prefixItems")
    if isinstance(first, list):
        rest = [] if items is None or items is False else [items]
        return union(shape_of(each, form.root) for each in (*first, *rest)) if first else OPEN
    return OPEN if items is None else shape_of(items, form.root)


@dataclass(frozen=True, slots=True)
class Field:
    """What a form says about one of its fields.

    Attributes:
        shape: The field's shape; None when there is no such field.
        is_certain: Whether it is always there.
        is_closed: Whether the form cannot have fields it does not declare.
    """

    shape: Shape | None
    is_certain: bool = True
    is_closed: bool = False


def field_of(form: Form, name: str) -> Field:
    """Return what a map's form says about a field."""
    if form.fields is not None:
        found = form.fields.get(name)
        return Field(found, is_closed=found is None)
    schema = form.schema
    properties = schema.get("properties")
    declared = properties if isinstance(properties, Mapping) else {}
    if name in declared:
        written = declared[name]
        has_default = isinstance(written, Mapping) and "default" in written
        required = schema.get("required")
        is_certain = has_default or (isinstance(required, list) and name in required)
        return Field(shape_of(written, form.root), is_certain)
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        return Field(shape_of(others, form.root))
    if others is True or not declared or "patternProperties" in schema:
        is_nothing = others is False and "patternProperties" not in schema
        return Field(None, is_closed=True) if is_nothing else Field(OPEN)
    return Field(None, is_closed=others is False)


def fields_of(form: Form) -> list[str]:
    """Return the names of the fields that a map's form declares."""
    properties = form.schema.get("properties")
    return [str(name) for name in properties] if isinstance(properties, Mapping) else []


def values_of(form: Form) -> Shape:
    """Return the shape of a map's values, whichever they are."""
    if form.fields is not None:
        return union(form.fields.values()) if form.fields else OPEN
    schema = form.schema
    others = schema.get("additionalProperties", True)
    properties = schema.get("properties")
    declared = properties.values() if isinstance(properties, Mapping) else ()
    if others is False and "patternProperties" not in schema:
        return union(shape_of(each, form.root) for each in declared) if declared else OPEN
    if isinstance(others, Mapping):
        return union(shape_of(each, form.root) for each in (*declared, others))
    return OPEN


def constants_of(shape: Shape) -> list[Any] | None:
    """Return the values that a shape is limited to, or None when it is not."""
    found: list[Any] = []
    for form in shape.forms:
        if form.kind is Kind.NULL:
            found.append(None)
        elif "const" in form.schema:
            found.append(form.schema["const"])
        elif isinstance(form.schema.get("enum"), list):
            found.extend(form.schema["enum"])
        else:
            return None
    return found
