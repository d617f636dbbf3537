"""Any schema, any arguments: dispatch tells, mends or calls, and never breaks."""

import json

from collections.abc import Iterator
from typing import Any

import pytest

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

import podium

from podium import Tool
from podium.core.codec import encode_sorted
from podium.core.validation import Validator
from podium.tools.repair import Mender
from tests.harness import drive, fresh_names
from tests.sim.cases import IS_FULL


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


NAMES = ["order", "orders", "order_id", "orderId", "n", "flag", "Kind", "kind", "$ref", "a b"]
WORDS = ["eu", "EU", "us", "Next Day", "next_day", "5", "true", "", "null", "[1]", '{"n": 1}', "é"]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-10, 10), st.integers(), st.sampled_from([0.5, 5.0, -1e300]),
    st.sampled_from(WORDS), st.text(max_size=5),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)

leaves = st.one_of(
    st.sampled_from([{}, True, False, {"type": "string"}, {"type": "boolean"}, {"type": "null"}]),
    st.builds(lambda a, b: {"type": "integer", "minimum": min(a, b), "maximum": max(a, b)}, st.integers(-9, 9), st.integers(-9, 9)),
    st.sampled_from([{"type": "number"}, {"type": ["integer", "string"]}, {"type": ["number", "null"]}]),
    st.builds(lambda one: {"enum": one}, st.lists(scalars, min_size=1, max_size=4, unique_by=repr)),
    st.builds(lambda one: {"const": one}, scalars),
    st.builds(lambda one: {"type": "string", "minLength": one}, st.integers(0, 3)),
    st.sampled_from([{"$ref": "#/$defs/one"}, {"$ref": "#"}, {"$ref": "#/$defs/two"}]),
)  # fmt: skip


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas that are made of others."""
    return st.one_of(
        st.builds(lambda one, low: {"type": "array", "items": one, "minItems": low}, inner, st.integers(0, 2)),
        st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda some: {"oneOf": some}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda some: {"allOf": some}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda one: {"not": one}, inner),
        objects(inner),
        st.builds(lambda one, value: {**one, "default": value} if isinstance(one, dict) else one, inner, scalars),
    )  # fmt: skip


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas of objects."""

    @st.composite
    def made(draw: st.DrawFn) -> dict[str, Any]:
        properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, max_size=4))
        known = sorted(properties)
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        if known:
            schema["required"] = draw(st.lists(st.sampled_from(known), unique=True, max_size=3))
        if draw(st.booleans()):
            schema["additionalProperties"] = draw(
                st.sampled_from([True, False, {"type": "integer"}])
            )
        return schema

    return made()


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Schemas of arguments, with definitions that may refer to each other."""
    parts = st.recursive(leaves, larger, max_leaves=6)
    schema: dict[str, Any] = draw(objects(parts))
    return {**schema, "$defs": {"one": draw(parts), "two": draw(parts)}}


def usable(schema: dict[str, Any]) -> Validator:
    try:
        validator = Validator(schema)
        validator.fits({})
    except ValueError:  # such as a definition that is only itself
        assume(False)
    return validator


# what a model writes: near to what would fit ------------------------------------------------


def near(draw: st.DrawFn, root: dict[str, Any], schema: Any, depth: int = 0) -> Any:
    """Draw a value that a model might write for a schema: right, or wrong in its form only."""
    if not isinstance(schema, dict) or depth > 4 or draw(st.integers(0, 19)) == 0:
        return draw(values)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return near(draw, root, root["$defs"].get(name, root), depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return near(draw, root, draw(st.sampled_from(schema[word])), depth + 1)
    if "const" in schema or "enum" in schema:
        return written(draw, draw(st.sampled_from(schema.get("enum", [schema.get("const")]))))
    kind = schema.get("type")
    if kind == "object":
        return written(draw, fields(draw, root, schema, depth))
    if kind == "array":
        items = [
            near(draw, root, schema["items"], depth + 1) for _ in range(draw(st.integers(0, 3)))
        ]
        return items[0] if len(items) == 1 and draw(st.booleans()) else written(draw, items)
    if kind == "integer" and "minimum" in schema:
        return written(draw, draw(st.integers(schema["minimum"], schema["maximum"])))
    plain = {"string": st.sampled_from(WORDS), "boolean": st.booleans(), "null": st.none()}
    return written(draw, draw(plain.get(str(kind), scalars)))


def fields(
    draw: st.DrawFn, root: dict[str, Any], schema: dict[str, Any], depth: int
) -> dict[str, Any]:
    """Draw the fields of an object: some under near names, some left out, some null."""
    made: dict[str, Any] = {}
    for name, one in schema["properties"].items():
        how = draw(st.integers(0, 9))
        if how == 0 and name not in schema.get("required", ()):
            continue
        other = {1: name.upper(), 2: name.replace("_", "-"), 3: f"{name}s"}.get(how, name)
        made[other] = None if how == 4 else near(draw, root, one, depth + 1)
    return made


def written(draw: st.DrawFn, value: Any) -> Any:
    """Draw how a model writes a value: as it is, or as a text."""
    how = draw(st.integers(0, 3))
    if how == 0 and not isinstance(value, str):
        return json.dumps(value)
    if how == 1 and isinstance(value, str):
        return value.upper()
    return value


@st.composite
def calls(draw: st.DrawFn) -> tuple[dict[str, Any], Any]:
    """A schema, and arguments near to it or far from it."""
    schema = draw(schemas())
    return schema, near(draw, schema, schema)


@pytest.mark.long
@settings(max_examples=1_000 if IS_FULL else 120)
@given(st.one_of(calls(), st.tuples(schemas(), values)))
def test_repair(call: tuple[dict[str, Any], Any]) -> None:
    """What is mended fits; mending it again changes nothing; what fits is never changed."""
    schema, value = call
    validator = usable(schema)
    mender = Mender(schema, validator)
    before = json.dumps(value)

    mended = mender.mend(value)

    assert json.dumps(value) == before
    if validator.fits(value):
        event("it fits")
        assert mended is not None
        assert (mended.value, mended.repairs) == (value, ())
    if mended is not None:
        assert validator.fits(mended.value)
        again = mender.mend(mended.value)
        assert again is not None
        assert (encode_sorted(again.value), again.repairs) == (encode_sorted(mended.value), ())
        changed = encode_sorted(mended.value) != encode_sorted(value)
        assert bool(mended.repairs) == changed
        for repair in mended.repairs:
            event(f"repair: {repair.code}")
    mender.mended_parts(value)


@pytest.mark.long
@settings(max_examples=1_000 if IS_FULL else 120)
@given(
    st.one_of(
        calls(), st.tuples(schemas(), st.one_of(st.text(max_size=40), st.binary(max_size=20)))
    ),
    st.booleans(),
)
def test_dispatch(call: tuple[dict[str, Any], Any], is_text: bool) -> None:
    """The tool is called with what fits, or there are complaints; nothing else happens."""
    schema, value = call
    validator = usable(schema)
    seen: list[Any] = []
    Tool.from_schema("any", "Any.", schema, effect="pure", call=seen.append)

    given = json.dumps(value) if is_text and not isinstance(value, bytes) else value
    reply = drive(podium.dispatch("any", given))

    assert reply.is_ok == bool(seen)
    if seen:
        assert validator.fits(seen[0])
        if isinstance(value, dict) and validator.fits(value):
            assert (encode_sorted(seen[0]), reply.repairs) == (encode_sorted(value), ())
    else:
        assert reply.error is not None
        assert reply.error.complaints
        assert all(one.text for one in reply.error.complaints)
        assert not reply.error.did_run
