"""Scripts and functions answer by the conversation alone."""

import asyncio

from collections.abc import Iterator

import pytest

import podium

from podium import InvalidOption, Model
from podium.models import (
    Message,
    ModelUnreachable,
    Request,
    ScriptedModel,
    ScriptEnded,
    ToolCall,
    assistant,
    function_model,
    system,
    user,
)

CALL = ToolCall("c1", "look", {"at": 1})


def test_the_place_comes_from_the_conversation() -> None:
    """The same conversation has the same reply, however often it is asked for."""
    model = Model(ScriptedModel("m", ["one", CALL, {"b": 2}, [CALL, CALL]]))
    start = [user("go")]

    async def main() -> None:
        for _ in range(3):
            assert (await model.ask(start)).text == "one"
        second = await model.ask([*start, assistant("one"), user("and")])
        assert (second.finish, second.calls) == ("calls", (CALL,))
        third = [*start, assistant("one"), user("and"), assistant("", CALL), user("then")]
        assert (await model.ask(third)).text == '{"b":2}'
        assert (await model.ask([*third, assistant("x")])).calls == (CALL, CALL)

    asyncio.run(main())


def test_a_script_that_ends_says_what_it_was_asked() -> None:
    """It names the script, the number, and the last message."""
    model = Model(ScriptedModel("short", ["one"]))
    with pytest.raises(
        ScriptEnded, match=r"has 1 replies, and it was asked for number 2.*user: 'why\?'"
    ):
        asyncio.run(model.ask([user("go"), assistant("one"), user("why?")]))


def test_scripts_by_the_opening() -> None:
    """A key that stands in the opening chooses the script; the first one counts."""
    model = Model(ScriptedModel("m", {"refund": ["yes"], "You judge": ["bad"], "": ["what?"]}))

    assert asyncio.run(model.text("a refund please")) == "yes"
    assert asyncio.run(model.text("this", system="You judge texts")) == "bad"
    assert asyncio.run(model.text("hello")) == "what?"
    late = [user("hello"), assistant("what?"), user("a refund")]
    with pytest.raises(ScriptEnded):
        asyncio.run(model.ask(late))
    strict = Model(ScriptedModel("n", {"refund": ["yes"]}))
    with pytest.raises(ScriptEnded, match="begins 'hello'; it has scripts for those with 'refund'"):
        asyncio.run(strict.text("hello"))


def test_generators_functions_errors_and_cycles() -> None:
    """A script may be a generator function; a reply may be a function, or an error to raise."""

    def numbers() -> Iterator[str]:
        for number in range(3):
            yield f"number {number}"

    def last(request: Request) -> str:
        return request.messages[-1].text[::-1]

    async def slow(request: Request) -> Message:
        await asyncio.sleep(0)
        return assistant(f"{len(request.messages)} messages")

    again = [user("a"), assistant("number 0"), user("b")]
    assert asyncio.run(Model(ScriptedModel("g", numbers)).ask(again)).text == "number 1"
    assert asyncio.run(Model(ScriptedModel("f", [last, slow])).text("abc")) == "cba"
    assert asyncio.run(Model(ScriptedModel("f2", [last, slow])).ask(again)).text == "3 messages"
    assert (
        asyncio.run(
            Model(ScriptedModel("c", ["x", "y"], cycle=True)).ask([*again, assistant("y")])
        ).text
        == "x"
    )
    with pytest.raises(ModelUnreachable, match="away"):
        asyncio.run(Model(ScriptedModel("e", [ModelUnreachable("away")])).text("x"))


def test_what_can_be_no_script() -> None:
    """A generator can be read once only, and a text is no list."""
    with pytest.raises(InvalidOption, match="generator function, without the brackets"):
        ScriptedModel("g", (text for text in ["a"]))
    with pytest.raises(InvalidOption, match="expected a list of replies"):
        ScriptedModel("t", "hello")


def test_a_function_is_a_model() -> None:
    """It is given the whole request."""

    @function_model("echo")
    def echo(request: Request) -> str:
        return " / ".join(f"{one.role}: {one.text}" for one in request.messages)

    assert asyncio.run(Model("function:echo").text("hi", system="s")) == "system: s / user: hi"
    with pytest.raises(podium.ModelError, match="function:echo"):
        asyncio.run(Model("function:missing").text("hi"))


def test_usage_is_the_same_each_time_and_costs_nothing() -> None:
    """Budgets can be tested with scripts."""
    model = Model(ScriptedModel("m", ["four letters"]))
    first = asyncio.run(model.ask([system("abcd"), user("efghijkl")]))

    assert (first.usage.input_tokens, first.usage.output_tokens, first.cost_usd) == (3, 3, 0.0)
    assert first.latency_s == 0
