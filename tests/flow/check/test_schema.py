"""JSON Schemas of tasks: what their hints say, and nothing that they do not say."""

from __future__ import annotations

import dataclasses
import enum

from collections.abc import Callable
from typing import Any, Literal, NotRequired, TypedDict

import jsonschema_rs
import pydantic
import pytest

from podium.core.file import File
from podium.core.schema import parameters_schema, returns_schema, schema_hash
from podium.core.spec import TaskOptions, TaskSpec


class Tone(enum.Enum):
    WARM = "warm"


class Line(TypedDict):
    sku: str
    note: NotRequired[str]


@dataclasses.dataclass
class Part:
    size: int = 3


@dataclasses.dataclass
class Order:
    """An order."""

    id: str
    lines: list[Line]
    part: Part = dataclasses.field(default_factory=Part)
    scan: File | None = None


class Person(pydantic.BaseModel):
    name: str
    part: Part
    age: int = 0


class Odd:
    """No type of a value."""


def spec(function: Callable[..., Any]) -> TaskSpec:
    return TaskSpec(function, function.__name__, TaskOptions())


def returning(kind: Any) -> dict[str, Any]:
    def give() -> None: ...

    give.__annotations__["return"] = kind
    return returns_schema(spec(give))


def fits(schema: dict[str, Any], value: Any) -> bool:
    return jsonschema_rs.is_valid(schema, value)


def test_parameters() -> None:
    """Parameters without a default are required; others are not taken, unless the task says so."""

    def one(order: Order, tone: Tone = Tone.WARM, *rest: int, odd: Odd | None = None) -> None: ...
    def other(a: int, **more: Any) -> None: ...

    schema = parameters_schema(spec(one))
    order = {"id": "A1", "lines": [{"sku": "x"}]}

    assert schema["required"] == ["order"]
    assert schema["properties"]["tone"]["default"] == "warm"
    assert fits(schema, {"order": order, "tone": "warm", "rest": [1], "odd": 3})
    assert not fits(schema, {"order": order, "tone": "cool"})
    assert not fits(schema, {"order": order, "colour": "red"})
    assert not fits(schema, {"order": {"id": "A1"}})
    assert fits(parameters_schema(spec(other)), {"a": 1, "b": 2})


def test_results_have_their_fields_and_no_others() -> None:
    """A result has all fields that it is written with, at their defaults too, and is closed."""
    schema = returning(Order)
    order = schema["$defs"]["Order"]

    assert order["required"] == ["id", "lines", "part", "scan"]
    assert order["additionalProperties"] is False
    assert schema["$defs"]["Line"]["required"] == ["sku"]
    assert schema["$defs"]["Line"]["additionalProperties"] is False


def test_models_of_pydantic() -> None:
    """Models of pydantic stand beside types of the standard library, and within them."""
    schema = returning(dict[str, Person | None])
    part = {"size": 1}

    assert fits(schema, {"a": {"name": "Ann", "part": part, "age": 3}, "b": None})
    assert not fits(schema, {"a": {"name": 3, "part": part, "age": 3}})


@pytest.mark.parametrize("kind", [Any, object, Odd, "Nowhere", list[Odd], Callable[..., int]])
def test_what_is_not_known_says_nothing(kind: Any) -> None:
    """A hint that has no schema lets everything pass, and raises nothing."""
    assert fits(returning(kind), {"any": ["thing"]}) or returning(kind) == {"type": "array"}


def test_object_is_any_value() -> None:
    """Within another type it leaves the rest of that type standing."""
    assert fits(returning(dict[str, object]), {"a": [1, "b", None]})
    assert not fits(returning(dict[str, object]), ["a"])
    assert not fits(returning(list[dict[str, object]]), [1])


def test_nothing_and_words() -> None:
    """None is null, and a Literal is its words."""
    assert returning(None) == {"type": "null"}
    assert returning(Literal["a", "b"]) == {"enum": ["a", "b"]}


def test_hash() -> None:
    """The hash is that of what fits: other words about it do not change it, another type does."""

    def one(a: Order) -> None: ...
    def two(a: Order) -> None:
        """Say something."""

    def three(a: Order, b: int) -> None: ...

    assert schema_hash(spec(one)) == schema_hash(spec(two))
    assert schema_hash(spec(one)) != schema_hash(spec(three))
