"""Tools by name, by tag, by words, and as providers take them."""

from collections.abc import Iterator
from typing import Any

import pytest

import podium

from podium import InvalidOption, Tool, tools
from podium.tools.names import model_name
from podium.tools.registry import UnknownTool
from tests.tools.tables import Table

TABLE = Table()


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with TABLE.open():
        yield


with TABLE.define():

    @podium.tool(effect="read", namespace="shop", tags=["orders"], examples=[{"order": "A1"}])
    def order_status(order: str) -> dict[str, str]:
        """Say where a parcel is."""
        return {"order": order}

    @podium.tool(effect="once", namespace="shop", tags=["orders", "money"])
    def refund(order: str, cents: int) -> None:
        """Give money back to a customer."""

    @podium.tool(effect="write", namespace="shop", version=1)
    def pay(cents: int) -> None:
        """Take money."""

    @podium.tool(effect="write", namespace="shop", name="pay", version=2)
    def pay_2(cents: int, currency: str = "EUR") -> None:
        """Take money in any currency."""

    @podium.tool(effect="pure")
    def convert_temperature(celsius: float) -> float:
        """Turn degrees Celsius into Fahrenheit.

        Args:
            celsius: The temperature, as thermometers in Europe show it.
        """
        return celsius * 9 / 5 + 32

    @podium.task
    def no_tool() -> None: ...


def names(found: list[Any]) -> list[str]:
    return [one.name for one in found]


def test_get_by_every_name() -> None:
    """Plain, with a version, and as models call it; what comes back can be called."""
    assert tools.get("shop.pay").name == "shop.pay@2"
    assert tools.get("shop.pay@1").name == "shop.pay@1"
    assert tools.get("shop__pay___1").name == "shop.pay@1"
    assert tools.get("convert_temperature").fn(100) == 212


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("shop.order_state", "Did you mean 'shop.order_status'?"),
        ("refund", "Did you mean 'shop.refund'?"),
        ("zzz", "There are convert_temperature, shop.order_status, shop.pay,"),
        ("no_tool", "There are"),
    ],
)
def test_unknown_names(asked: str, hint: str) -> None:
    """Near names are in the error; a task is no tool."""
    with pytest.raises(UnknownTool, match=f"There is no tool '{asked}'") as caught:
        tools.get(asked)
    assert hint in str(caught.value)


def test_among_others_do_not_exist() -> None:
    """Of tools that may not be called not even the name is told."""
    assert tools.get("shop.pay", among=["shop.pay@1"]).name == "shop.pay@1"
    with pytest.raises(UnknownTool) as caught:
        tools.get("shop.refunds", among=[order_status])
    assert "refund'" not in str(caught.value)
    with pytest.raises(UnknownTool, match="None is registered"):
        tools.get("shop.pay", among=[])


def test_find_by_tag() -> None:
    """All, in the order of names, each version once; or those with a tag."""
    assert names(tools.find()) == [
        "convert_temperature", "shop.order_status", "shop.pay@1", "shop.pay@2", "shop.refund",
    ]  # fmt: skip
    assert names(tools.find(tag="money")) == ["shop.refund"]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("where is my parcel?", "shop.order_status"),
        ("orderStatus", "shop.order_status"),
        ("refunds", "shop.refund"),
        ("give the customer his money", "shop.refund"),
        ("thermometer", "convert_temperature"),
        ("currencies", "shop.pay@2"),
        ("temp", "convert_temperature"),
    ],
)
def test_search(query: str, first: str) -> None:
    """Names, tags, descriptions and parameters are searched, in any form of a word."""
    assert names(tools.search(query))[0] == first


@pytest.mark.parametrize("query", ["", "   ", "zzzz", '"', "a OR b) NEAR(", "*", "\0", "-", "名前"])
def test_questions_without_an_answer(query: str) -> None:
    """Nothing is found, and no words of the index's own language are understood."""
    assert tools.search(query) == []


def test_search_among_hundreds() -> None:
    """Each of 500 tools is found by what it is about, and a limit holds."""
    animals, verbs = ("cat", "dog", "horse", "bird", "fish"), ("feed", "wash", "sell", "find")
    for number in range(500):
        animal, verb = animals[number % 5], verbs[number // 5 % 4]
        Tool.from_schema(
            f"zoo.{verb}_{animal}_{number}", f"{verb.title()} {animal} number {number}.", {},
            effect="read", call=dict,
        )  # fmt: skip

    assert names(tools.search("wash the horse 327", limit=3))[0] == "zoo.wash_horse_327"
    assert len(tools.search("wash a horse", limit=7)) == 7
    assert tools.search("horse", tag="orders") == []
    assert names(tools.search("money", among=["shop.pay@1"])) == ["shop.pay@1"]
    with pytest.raises(InvalidOption, match="at least 1"):
        tools.search("horse", limit=0)


# names and forms for models -----------------------------------------------------------------

ODD = [
    "a", "a.b", "a__b", "a.b@2", "a@1.10", "a_.b", "a._b", "a___2", "a@2", "a.v2", "a-b", "a-b.c",
    "x" * 64, "x" * 65, "x" * 120, "x" * 119 + "y", "n." + "y" * 100, "n." + "y" * 99 + "z",
]  # fmt: skip


def test_names_for_models_are_allowed_and_different() -> None:
    """Letters, digits, _ and -, at most 64 of them; never two tools under one."""
    made = [model_name(one) for one in ODD]

    assert len(set(made)) == len(ODD)
    for one in made:
        assert len(one) <= 64
        assert one.replace("_", "").replace("-", "").isalnum()
    assert model_name("shop.order_status@2") == "shop__order_status___2"


@pytest.mark.parametrize("form", ["openai", "openai-responses", "anthropic", "google", "mcp"])
def test_forms(form: str) -> None:
    """Each has the name, the description and the schema where the provider wants them."""
    [refunding, asking] = tools.schemas(["shop.refund", order_status], form=form)
    inner = refunding["function"] if form == "openai" else refunding
    word = {
        "anthropic": "input_schema", "google": "parametersJsonSchema", "mcp": "inputSchema",
    }.get(form, "parameters")  # fmt: skip

    assert inner["name"] == "shop__refund"
    assert inner["description"] == "Give money back to a customer."
    assert inner[word]["required"] == ["order", "cents"]
    assert tools.get(inner["name"]).name == "shop.refund"
    assert "A1" in str(asking)
    if form == "mcp":
        assert refunding["annotations"] == {
            "readOnlyHint": False, "idempotentHint": False, "openWorldHint": True,
        }  # fmt: skip
        assert asking["outputSchema"]["type"] == "object"
        assert asking["annotations"]["readOnlyHint"] is True


def test_forms_that_are_none() -> None:
    """They are refused with those that there are; all tools are given unless some are named."""
    with pytest.raises(InvalidOption, match="'openai', 'openai-responses', 'anthropic'"):
        tools.schemas(form="telex")
    assert len(tools.schemas()) == 5
