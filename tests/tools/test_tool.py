"""`@tool`: a task that is also described for a model."""

import dataclasses

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest

import podium

from podium import FromRun, InputInvalid, InvalidOption, NameTaken, Tool
from podium.core.effects import Effect
from podium.core.spec import registry
from podium.tools.tool import MEANING
from tests.harness import drive
from tests.tools.tables import Table, result_of

TABLE = Table()


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with TABLE.open():
        yield


with TABLE.define():

    @podium.tool(effect="read", namespace="shop", tags=["orders", "status"])
    async def order_status(
        order: str,
        region: Literal["eu", "us"] = "eu",
        *,
        tenant: Annotated[str, FromRun("tenant")],
    ) -> dict[str, str]:
        """Look up where an order is.

        It asks the warehouse.

        Args:
            order: The order's number.
            region: Where it was placed.

        Raises:
            LookupError: There is none.
        """
        return {"order": order, "region": region, "tenant": tenant}

    @podium.tool(effect="read")
    def whose(tenant: Annotated[str, FromRun("tenant")], what: str, *rest: str) -> str:
        """Say whose it is.

        Args:
            what: It.
            rest: More.
        """
        return f"{what} of {tenant}{''.join(rest)}"

    @podium.workflow
    async def asks_whose(given: dict[str, Any]) -> list[str]:
        return [await whose("bread", "!"), await whose(what="salt", **given)]

    CITY = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city"],
        "additionalProperties": False,
    }

    def forecast(arguments: dict[str, Any]) -> Any:
        return (
            {"text": f"{arguments['city']}: sun"}
            if arguments["city"] != "Atlantis"
            else {"text": 7}
        )

    weather = Tool.from_schema(
        "net.weather", "Say what the weather will be.", CITY,
        {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        effect="read", call=forecast, tags=["net"], timeout="5s",
    )  # fmt: skip

    @podium.workflow
    async def plans(city: str) -> Any:
        return await weather(city=city)


@dataclasses.dataclass
class Parcel:
    weight_g: int
    to: str


def test_the_schema_is_that_of_the_signature_with_what_the_docstring_says() -> None:
    """Types, defaults and descriptions are in the schema; what comes from the run is not."""
    assert order_status.spec.input_schema == {
        "type": "object",
        "properties": {
            "order": {"type": "string", "description": "The order's number."},
            "region": {
                "enum": ["eu", "us"], "default": "eu", "description": "Where it was placed.",
            },
        },
        "additionalProperties": False,
        "required": ["order"],
    }  # fmt: skip
    assert order_status.spec.output_schema["additionalProperties"] == {"type": "string"}
    assert order_status.spec.description == "Look up where an order is.\n\nIt asks the warehouse."
    assert order_status.spec.card.tags == ("orders", "status")


GOOGLE = """Weigh it.

Args:
    parcel (str): What is weighed.
"""
NUMPY = """Weigh it.

Parameters
----------
parcel : str
    What is weighed.
"""
REST = """Weigh it.

:param parcel: What is weighed.
:type parcel: str
"""


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST])
def test_docstrings_of_three_styles(text: str) -> None:
    """Google, NumPy and reST say the same."""

    def weigh(parcel: str) -> int:
        return len(parcel)

    weigh.__doc__ = text
    spec = podium.tool(effect="pure")(weigh).spec

    assert spec.description == "Weigh it."
    assert spec.input_schema["properties"]["parcel"]["description"] == "What is weighed."


def test_annotated_says_more_than_the_docstring() -> None:
    """A note in the type hint wins over the docstring, and Meta adds its constraints."""

    @podium.tool(effect="pure", description="Weigh it all.")
    def weigh_all(
        parcels: Annotated[list[Parcel], "All that is weighed."],
        limit: Annotated[int, msgspec.Meta(ge=1, description="At most.")] = 5,
    ) -> int:
        """Not this.

        Args:
            parcels: Nor this.
        """
        return sum(one.weight_g for one in parcels[:limit])

    properties = weigh_all.spec.input_schema["properties"]

    assert weigh_all.spec.description == "Weigh it all."
    assert properties["parcels"]["description"] == "All that is weighed."
    assert properties["limit"] == {
        "type": "integer", "minimum": 1, "default": 5, "description": "At most.",
    }  # fmt: skip
    assert weigh_all.spec.input_schema["$defs"]["Parcel"]["required"] == ["weight_g", "to"]


def test_the_effect_must_be_said() -> None:
    """Without an effect there is no tool, and the error says what each effect means."""

    def pay(cents: int) -> None: ...

    with pytest.raises(InvalidOption, match="effect= is missing") as caught:
        podium.tool()(pay)  # type: ignore[call-overload]
    with pytest.raises(InvalidOption, match="effect= is missing"):
        podium.tool(pay)  # type: ignore[call-overload]

    for effect in Effect:
        assert f"{str(effect)!r}" in str(caught.value)
        assert MEANING[effect] in str(caught.value)
    assert "pay" not in registry.tasks


def test_several_versions_stand_side_by_side() -> None:
    """Each version has its name, and the plain name is the newest, whatever came first."""

    def make(version: str, answer: str) -> None:
        @podium.tool(effect="pure", namespace="versions", name="pick", version=version)
        def pick() -> str:
            return answer

    make("2", "two")
    make("1.10", "one ten")
    make("1.9", "one nine")

    assert registry.tasks["versions.pick"].name == "versions.pick@2"
    assert registry.tasks["versions.pick@1.9"].fn() == "one nine"
    make("10", "ten")
    assert registry.tasks["versions.pick"].fn() == "ten"
    with pytest.raises(NameTaken, match="give this one a version too"):
        podium.tool(effect="pure", name="versions.pick")(lambda: "")


@pytest.mark.parametrize("name", ["a b", "9a", "a..b", "", "a@b", "x" * 200, "päy", "a@1@2"])
def test_what_is_no_name(name: str) -> None:
    """A name that a document or a model could not write is refused."""

    def body() -> None: ...

    body.__name__ = name or " "
    with pytest.raises(InvalidOption, match="no name of a tool"):
        podium.tool(effect="pure")(body)


# what comes from the run --------------------------------------------------------------------


def test_a_plain_call_in_a_workflow_is_filled_from_the_run() -> None:
    """The attribute of the run reaches the body and the record of the step."""
    assert result_of(asks_whose, given={}, headers={"tenant": "acme"}) == [
        "bread of acme!",
        "salt of acme",
    ]


def test_a_missing_attribute_is_named() -> None:
    """A run without the attribute fails with its name, and what to do."""
    with pytest.raises(podium.RunFailed, match=r"attribute 'tenant'.*headers=\{'tenant'"):
        result_of(asks_whose, given={})


def test_nobody_in_a_run_can_give_what_comes_from_it() -> None:
    """A call that gives it is refused."""
    given = {"tenant": "other"}
    with pytest.raises(podium.RunFailed, match="'tenant' comes from the run and cannot be given"):
        result_of(asks_whose, given=given, headers={"tenant": "acme"})


def test_outside_of_a_run_it_is_given_by_name() -> None:
    """Where there is no run it is an argument; without it the error says so."""

    async def calls() -> None:
        assert await whose("bread", tenant="acme") == "bread of acme"
        with pytest.raises(InputInvalid, match="outside of one give it by name"):
            await whose("bread")

    drive(calls())


def test_a_mark_deep_in_a_type_is_refused() -> None:
    """Where nothing would fill it, the mark is an error and no argument."""

    @podium.tool(effect="pure", name="deep_mark")
    def deep(one: list[Annotated[str, FromRun("tenant")]]) -> None:
        """Do nothing."""

    with pytest.raises(InvalidOption, match="stands within the type of 'one'"):
        _ = deep.spec.input_schema


def test_only_tools_are_filled_from_the_run() -> None:
    """On a task or a workflow the mark would make an argument that anybody can give."""

    async def whom(tenant: Annotated[str, FromRun("tenant")]) -> None: ...

    for decorator in (podium.task, podium.workflow, podium.task(effect="read")):
        with pytest.raises(InvalidOption, match="FromRun fills parameters of tools"):
            decorator(whom)  # type: ignore[operator]


def test_limits_of_pydantic_are_in_the_schema() -> None:
    """``Field`` on a parameter says its limits and what it is."""

    @podium.tool(effect="pure")
    def wait(days: Annotated[int, pydantic.Field(ge=1, description="How long.")] = 2) -> int:
        """Wait."""
        return days

    assert wait.spec.input_schema["properties"]["days"] == {
        "type": "integer", "minimum": 1, "description": "How long.", "default": 2,
    }  # fmt: skip
    reply = drive(podium.dispatch("wait", {"days": 0}))
    assert "days: found 0, expected an integer (at least 1)." in reply.text


# foreign schemas ----------------------------------------------------------------------------


def test_a_foreign_schema_makes_a_task() -> None:
    """Its arguments are checked against the schema, its call is a step like any other."""
    assert weather.spec.input_schema == CITY
    assert weather.spec.options.timeout_s == 5
    assert result_of(plans, city="Rome") == {"text": "Rome: sun"}


def test_an_output_that_does_not_fit_is_a_result_unusable() -> None:
    """What does not fit the output schema is named, and is no result."""
    with pytest.raises(podium.RunFailed, match=r"output schema of net\.weather.*text: 7 is not of"):
        result_of(plans, city="Atlantis")


def test_a_foreign_schema_outside_of_a_run() -> None:
    """It is checked there too, both ways."""

    async def calls() -> None:
        assert await weather(city="Rome") == {"text": "Rome: sun"}
        with pytest.raises(InputInvalid, match=r"The arguments of net\.weather do not fit"):
            await weather(town="Rome")
        with pytest.raises(InputInvalid, match="takes its arguments by name: city, days"):
            await weather("Rome")
        with pytest.raises(podium.ValueNotPortable, match="output schema"):
            await weather(city="Atlantis")

    drive(calls())


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "array"}, "must be of an object"),
        ({"properties": {"a": {"type": "nothing"}}}, "a schema is none"),
        ({"properties": {"a": {"$ref": "https://example.com/a"}}}, "nothing is fetched"),
    ],
)
def test_schemas_that_are_none(schema: dict[str, Any], said: str) -> None:
    """What is no schema of arguments, and what would have to be fetched, is refused at once."""
    with pytest.raises(InvalidOption, match=said):
        Tool.from_schema("bad", "Bad.", schema, effect="read", call=forecast)


def test_a_fixed_value_may_answer_for_a_tool_that_a_schema_describes() -> None:
    """What its output schema says is not a type of Python: any value is held against it later."""
    with TABLE.define():
        made = Tool.from_schema(
            "lucky", "A number.", {"properties": {}}, {"type": "integer"},
            call=lambda _: 7, effect="read", fallback=podium.Degraded(-1),
        )  # fmt: skip

    assert made.spec.options.fallback == (podium.Degraded(-1),)
