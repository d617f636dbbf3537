"""Models without native calls of tools: one JSON object that is bound to the tools, or a label first."""

import json

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import pytest

import podium

from podium import Agent
from podium.agents.answers import Answers
from podium.agents.asking import plain_messages, turn_schema
from podium.agents.toolbox import offer_of
from podium.models import Abilities, Message, Request, function_model
from tests.agents.worked import call, scripted, worked
from tests.harness import fresh_names

JSON = Abilities(tools=False)
GRAMMAR = Abilities(tools=False, grammar=True)
PLAIN = Abilities(tools=False, schema=False)


@dataclass
class Line:
    """One line of an order."""

    sku: str
    count: int


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():

        @podium.tool(effect="read", namespace="shop")
        async def stock(lines: list[Line]) -> int:
            """Say how much is there."""
            return sum(one.count for one in lines)

        @podium.tool(effect="read", namespace="shop")
        async def hours(day: str = "today") -> str:
            """Say when the shop is open."""
            return f"{day} until 8"

        yield


def agent(model: Any, **options: Any) -> Agent[Any]:
    return Agent("helper", instructions="You help.", model=model, tools=["shop.*"], **options)


@pytest.mark.parametrize("abilities", [JSON, PLAIN])
def test_one_json_object(abilities: Abilities) -> None:
    """Thought, tool and arguments, or the answer; the transcript is the same as with native calls."""
    model = scripted(
        {"thought": "How many?", "tool": "shop__stock", "arguments": {"lines": [{"sku": "a", "count": 2}]}},
        "```json\n" + json.dumps({"thought": "Enough.", "tool": "shop__hours", "arguments": {}}) + "\n```",
        {"thought": "All known.", "answer": "Two, until 8."},
        abilities=abilities,
    )  # fmt: skip
    done = worked(agent(model))

    assert done.result is not None, done.error
    assert done.result.answer == "Two, until 8."
    assert done.texts == ["2", "today until 8"]
    assert [turn.thought for turn in done.turns] == ["How many?", "Enough.", "All known."]
    assert all(request.tools == () for request in model.asked)
    assert all(one.role != "tool" for request in model.asked for one in request.messages)
    assert model.asked[1].messages[-1].text == "Result of shop.stock: 2"
    assert "shop__hours: Say when the shop is open." in model.asked[0].messages[0].text
    assert (model.asked[0].output is not None) == abilities.schema


def test_one_json_object_with_an_answer_of_a_form() -> None:
    """It is bound by the schema; what does not fit goes back."""
    model = scripted(
        {"thought": "", "answer": {"sku": "a"}},
        {"thought": "", "answer": {"sku": "a", "count": 2}},
        abilities=JSON,
    )
    done = worked(agent(model, output=Line))

    assert done.result is not None, done.error
    assert done.result.answer == {"sku": "a", "count": 2}
    assert done.codes == ["answer-invalid", ""]


def test_garbage_in_place_of_json() -> None:
    """A text is an answer where any text is one; where not, it is told what is wrong."""
    said = worked(agent(scripted("It is open until 8.", abilities=JSON)))
    assert said.result is not None
    assert said.result.answer == "It is open until 8."

    model = scripted("[1, 2]", '{"tool": 5}', '{"tool": "shop__hours", "arguments": [1]}', *["x"] * 9, abilities=JSON)  # fmt: skip
    done = worked(agent(model, output=Line))
    assert done.error[0] == "agent-answer-invalid"


def test_the_schema_of_a_turn() -> None:
    """Exactly the calls of these tools and the answers of this form fit."""
    offers = [offer_of(podium.tools.get(name)) for name in ("shop.stock", "shop.hours")]
    schema = turn_schema(offers, Answers(Line))
    check = jsonschema_rs.validator_for(schema)
    lines = {"lines": [{"sku": "a", "count": 1}]}

    assert check.is_valid({"thought": "", "tool": "shop__stock", "arguments": lines})
    assert check.is_valid({"thought": "", "tool": "shop__hours", "arguments": {"day": "x"}})
    assert check.is_valid({"thought": "", "answer": {"sku": "a", "count": 1}})
    for wrong in (
        {"thought": "", "tool": "shop__hours", "arguments": lines},
        {"thought": "", "tool": "shop__stock", "arguments": {"lines": [{"sku": 1}]}},
        {"thought": "", "tool": "other", "arguments": {}},
        {"thought": "", "answer": {"sku": "a"}},
        {"tool": "shop__hours", "arguments": {}},
    ):
        assert not check.is_valid(wrong), wrong


def test_a_label_first() -> None:
    """The tool by a label that a grammar allows, then its arguments by its schema."""
    model = scripted(abilities=GRAMMAR)

    @function_model("tests-labels", abilities=GRAMMAR)
    def labels(request: Request) -> Any:
        model.asked.append(request)
        seen = sum(one.text.startswith("Result of") for one in request.messages)
        wants_label = request.messages[-1].text.startswith("What is to be done next?")
        if wants_label:
            return ("shop__stock", "shop__hours", "answer")[seen]
        return ('{"lines": [{"sku": "a", "count": 2}]}', "{}", "Two, until 8.")[seen]

    done = worked(agent("function:tests-labels"))

    assert done.result is not None, done.error
    assert done.result.answer == "Two, until 8."
    assert done.texts == ["2", "today until 8"]
    assert model.asked[0].output is not None
    assert model.asked[0].output.grammar == 'root ::= "shop__hours" | "shop__stock" | "answer"'
    assert model.asked[1].output is not None
    assert "lines" in model.asked[1].output.schema["properties"]
    assert done.paths[:3] == [
        "helper/turn[1]/podium.model", "helper/turn[1]/podium.model#2",
        "helper/turn[1]/call[1]/shop.stock",
    ]  # fmt: skip
    assert done.result.spent.turns == 3
    assert done.turns[0].usage.output_tokens > 0


def test_a_label_that_there_is_not() -> None:
    """It is told so; and an answer with a form is given by its schema."""

    @function_model("tests-odd-labels", abilities=GRAMMAR)
    def odd(request: Request) -> Any:
        turn = sum(one.role == "assistant" for one in request.messages)
        if request.messages[-1].text.startswith("What is to be done next?"):
            return "dance" if not turn else "answer"
        return '{"sku": "a", "count": 1}'

    done = worked(agent("function:tests-odd-labels", output=Line))

    assert done.result is not None, done.error
    assert done.result.answer == {"sku": "a", "count": 1}
    assert done.codes == ["unknown-tool", ""]


def test_what_calls_look_like_in_plain_messages() -> None:
    """One system message, then users and assistants."""
    made = call("tool", x=1)
    told = plain_messages(
        [
            Message("system", "You help."), Message("user", "Hello"),
            Message("assistant", "why", (made, made)),
            Message("tool", "1", call_id=made.id, name="tool", labels=("outside",)),
        ],
        "The form.",
    )  # fmt: skip

    assert [one.role for one in told] == ["system", "user", "assistant", "user"]
    assert told[0].text == "You help.\n\nThe form."
    assert json.loads(told[2].text)[1] == {"thought": "why", "tool": "tool", "arguments": {"x": 1}}
    assert (told[3].text, told[3].labels) == ("Result of tool: 1", ("outside",))
