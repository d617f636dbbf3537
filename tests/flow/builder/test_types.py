"""Types of Python as the types of a document."""

import enum

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

import msgspec
import pytest

from podium import File
from podium.flow.builder import FlowBuilder
from podium.flow.builder.types import fields_of, type_of
from podium.flow.parse import parse


class Color(enum.Enum):
    RED = "red"


@dataclass
class Point:
    """A docstring."""

    x: float
    title: str = "none"


@dataclass
class Everything:
    """A dataclass."""

    a: str
    b: int | None
    c: float = 1.5
    d: list[str] = field(default_factory=list)
    e: str | None = None
    f: File | None = None
    g: Point | None = None


class Total(TypedDict, total=False):
    a: Required[str]
    b: int
    c: list[int]
    d: Required[bool | None]
    e: Point


class Record(msgspec.Struct):
    a: str
    b: int = 3
    c: list[str] = []


POINT = {
    "type": "object",
    "properties": {"x": {"type": "number"}, "title": {"type": "string", "default": "none"}},
    "required": ["x"],
}
TYPES: list[tuple[Any, Any]] = [
    (str, "string"),
    (int, "integer"),
    (float, "number"),
    (bool, "boolean"),
    (dict, "object"),
    (list, "array"),
    (Any, "any"),
    (File, "file"),
    (list[str], ["string"]),
    (list[list[int]], [["integer"]]),
    (str | None, "string?"),
    (list[Point], [POINT]),
    (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
    (Literal["a", "b"], {"enum": ["a", "b"]}),
    (Color, {"enum": ["red"]}),
    (str | int, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
    (Annotated[int, msgspec.Meta(ge=0)], {"type": "integer", "minimum": 0}),
]


@pytest.mark.parametrize(("kind", "written"), TYPES, ids=str)
def test_types(kind: Any, written: Any) -> None:
    """A type has the word that the language has for it, else its JSON Schema without prose."""
    assert type_of(kind) == written


def test_fields_of_a_dataclass() -> None:
    """A default makes a field one that may be left out."""
    assert fields_of(Everything) == {
        "a": "string",
        "b": "integer?",
        "c": {"type": "number", "default": 1.5},
        "d": {"type": "array", "items": {"type": "string"}, "default": []},
        "e": "string?",
        "f": "file?",
        "g": {"anyOf": [POINT, {"type": "null"}], "default": None},
    }


def test_fields_of_a_typed_dict() -> None:
    """So does `NotRequired`."""
    assert fields_of(Total) == {
        "a": "string",
        "b": "integer?",
        "c": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}], "default": None},
        "d": "boolean?",
        "e": {"anyOf": [POINT, {"type": "null"}], "default": None},
    }  # fmt: skip


def test_fields_of_a_struct() -> None:
    """Structs have fields too."""
    assert fields_of(Record) == {
        "a": "string",
        "b": {"type": "integer", "default": 3},
        "c": {"type": "array", "items": {"type": "string"}, "default": []},
    }


def test_fields_of_a_model() -> None:
    """And so have pydantic models."""
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("M", a=(str, ...), b=(int, 3), c=(str | None, None))

    assert fields_of(model) == {
        "a": "string",
        "b": {"type": "integer", "default": 3},
        "c": "string?",
    }


@pytest.mark.parametrize("kind", [Everything, Total, Record])
def test_the_language_takes_them(kind: type) -> None:
    """Whatever is written so is a type of the language."""
    assert parse(FlowBuilder("types", input=kind).to_dict()).findings == []


class Loose(TypedDict):
    a: NotRequired[str | None]


def test_null_or_missing() -> None:
    """A field that may be null or missing is written once as such."""
    assert fields_of(Loose) == {"a": "string?"}


def test_values() -> None:
    """What is made of references stands in a document as its fields, under the names they have in JSON."""

    class Tagged(msgspec.Struct, tag="t", rename="upper"):
        a: Any
        b: list[Any]

    flow = FlowBuilder("values")
    one: Any = flow.set(
        "one", {"a": Color.RED, "b": (1, 2), "c": datetime(2026, 1, 31, tzinfo=UTC)}
    )
    flow.set("two", Tagged(one.a, [Point(one.b)]))

    assert [node["set"] for node in flow.to_dict()["nodes"].values()] == [
        {"a": "red", "b": [1, 2], "c": "2026-01-31T00:00:00Z"},
        {"type": "t", "A": "${one.a}", "B": [{"x": "${one.b}", "title": "none"}]},
    ]
