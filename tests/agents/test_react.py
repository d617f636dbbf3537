"""The loop: what a model says is done, what came of it goes back, whatever it says; and it ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import podium

from podium import Agent, InvalidOption, Limits, UnknownTool
from podium.agents.autonomy import People
from podium.core.spec import registry
from podium.models import Message, ToolCall, Usage, function_model
from tests.agents.worked import (
    call,
    reply,
    said_to,
    scripted,
    thinks,
    well_formed,
    worked,
)
from tests.harness import drive, fresh_names
from tests.tools.tables import result_of

DONE: list[Any] = []


@dataclass
class Found:
    """Where an order is."""

    order: int
    state: str


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    DONE.clear()
    with fresh_names():

        @podium.tool(effect="read", namespace="shop")
        async def order_status(order: int) -> dict[str, Any]:
            """Say where an order is."""
            return {"order": order, "state": "on its way"}

        @podium.tool(effect="write", namespace="shop")
        async def note(text: str) -> str:
            """Write something down."""
            DONE.append(text)
            return f"noted {text}"

        @podium.tool(effect="read", namespace="shop")
        async def broken() -> str:
            """Fail."""
            raise ConnectionError("the shop is closed")

        yield


def agent(model: Any, **options: Any) -> Agent[Any]:
    options = {"tools": ["shop.*"], "autonomy": "act", **options}
    return Agent("helper", instructions="You help customers.", model=model, **options)


def test_thought_action_and_observation_are_kept_apart() -> None:
    """A turn says why, what, and what came of it; the model sees the results in the next one."""
    model = scripted(
        thinks("I look it up.", call("shop__order_status", order=17)), "It is on its way."
    )
    done = worked(agent(model))

    assert done.result is not None
    assert done.result.answer == "It is on its way."
    first, last = done.turns
    assert first.thought == "I look it up."
    [(made, seen)] = first.actions
    assert (made.name, made.arguments) == ("shop__order_status", {"order": 17})
    assert (seen.tool, seen.text, seen.code) == (
        "shop.order_status", '{"order":17,"state":"on its way"}', "",
    )  # fmt: skip
    assert (last.thought, last.actions) == ("", ())
    assert said_to(model.asked[1]) == [seen.text]
    assert done.paths == [
        "helper/turn[1]/podium.model", "helper/turn[1]/call[1]/shop.order_status",
        "helper/turn[2]/podium.model",
    ]  # fmt: skip
    assert done.result.spent.turns == 2
    assert done.result.spent.calls == 1
    assert well_formed(model)


def test_calls_of_a_turn_are_parallel_steps() -> None:
    """They are in flight together, unless they are to be made one after the other."""
    running, most = 0, 0

    @podium.tool(effect="read")
    async def slow(number: int) -> int:
        """Take a while."""
        nonlocal running, most
        running += 1
        most = max(most, running)
        import asyncio

        await asyncio.sleep(0.01)
        running -= 1
        return number

    for at_once, expected in ((True, 3), (False, 1)):
        most = 0
        model = scripted([call("slow", number=n) for n in range(3)], "done")
        done = worked(agent(model, tools=[slow], at_once=at_once))
        assert done.texts == ["0", "1", "2"]
        assert most == expected


def test_errors_are_observations() -> None:
    """Unknown tools, arguments that do not fit, no JSON, failures: the model is told, nothing ends."""
    model = scripted(
        [
            call("shop__orderstatus", order=1),
            call("shop__order_status", order="many"),
            ToolCall("g", "shop__order_status", '{"order": '),
            call("shop__broken"),
            call("", x=1),
            call("a name/with spaces" * 20),
        ],
        "I cannot say.",
    )
    done = worked(agent(model))

    assert done.codes == [
        "unknown-tool", "arguments-invalid", "arguments-invalid", "error", "unknown-tool",
        "unknown-tool",
    ]  # fmt: skip
    assert "Did you mean 'shop.order_status'?" in done.texts[0]
    assert 'order: found "many", expected an integer.' in done.texts[1]
    assert "shop.broken failed: ConnectionError: the shop is closed" in done.texts[3]
    assert [one.did_run for one in done.turns[0].observations] == [False] * 3 + [True, False, False]
    names = [one.name for one in model.asked[1].messages[2].calls]
    assert all(0 < len(name) <= 64 and name.replace("_", "").isalnum() for name in names)
    assert well_formed(model)


def test_ids_of_calls_are_told_apart() -> None:
    """A model that gives one id to several calls, or none, gets a result for each."""
    twice = ToolCall("same", "shop__note", {"text": "a"})
    model = scripted([twice, twice, ToolCall("", "shop__note", {"text": "b"})], [twice], "done")
    done = worked(agent(model))

    assert sorted(DONE) == ["a", "a", "a", "b"]
    assert well_formed(model)
    assert len({one.call_id for turn in done.turns for one in turn.observations}) == 4


def test_too_many_calls_of_a_turn() -> None:
    """Those over the limit are not made, and told so."""
    model = scripted([call("shop__note", text=f"{n}") for n in range(5)], "done")
    done = worked(agent(model, limits=Limits(calls_a_turn=2)))

    assert sorted(DONE) == ["0", "1"]
    assert done.codes == ["", "", "not-called", "not-called", "not-called"]
    assert well_formed(model)


# answers --------------------------------------------------------------------------------------


def test_an_answer_with_a_form() -> None:
    """It is given by a call, held against the type, and sent back with what is wrong with it."""
    model = scripted(
        call("shop__order_status", order=17),
        call("answer", order="seventeen"),
        call("answer", order=17, state="on its way"),
    )
    done = worked(agent(model, output=Found))

    offers = {one.name: one for one in model.asked[0].tools}
    assert "answer" in offers
    assert set(offers["answer"].schema["properties"]) == {"order", "state"}
    assert done.result is not None
    assert done.result.answer == {"order": 17, "state": "on its way"}  # as the test declares it
    assert done.codes == ["", "answer-invalid", ""]
    assert "state" in done.texts[1]
    assert well_formed(model)


@pytest.mark.parametrize("said", ['{"order": 1, "state": "x"}', 'So:\n```json\n{"order": 1, "state": "x"}\n```'])  # fmt: skip
def test_an_answer_with_a_form_may_be_said_as_text(said: str) -> None:
    """JSON in the text will do, whatever stands around it; the answer has the declared type."""
    helper = agent(scripted(said), output=Found)

    assert result_of(helper, goal="x") == Found(1, "x")


def test_an_answer_beside_calls_is_not_taken() -> None:
    """It was written before their results were there."""
    model = scripted(
        [call("shop__note", text="a"), call("answer", order=1, state="x")],
        call("answer", order=2, state="y"),
    )
    done = worked(agent(model, output=Found))

    assert done.result is not None
    assert done.result.answer["order"] == 2
    assert done.codes == ["", "not-called", ""]
    assert well_formed(model)


def test_a_list_as_answer() -> None:
    """What is no object is wrapped for the model, and comes out bare."""
    helper = agent(scripted(call("answer", value=[1, 2])), output=list[int])

    assert result_of(helper, goal="x") == [1, 2]


def test_without_tools_the_form_is_asked_for_itself() -> None:
    """The reply is the answer."""
    model = scripted('{"order": 1, "state": "x"}')

    assert result_of(agent(model, tools=[], output=Found), goal="x") == Found(1, "x")
    assert model.asked[0].tools == ()
    assert model.asked[0].output is not None


def test_answers_that_never_fit_end_it() -> None:
    """After so many in a row that is an error, with what is wrong."""
    model = scripted(*["nonsense"] * 9)
    done = worked(agent(model, output=Found, limits=Limits(faults=3)))

    assert done.error[0] == "agent-answer-invalid"
    assert "in 3 replies" in done.error[1]
    assert len(model.asked) == 3


def test_empty_and_cut_replies_are_told_so() -> None:
    """And the loop goes on."""
    model = scripted("", "  ", reply("It is on its", finish="length"), "Here.")
    done = worked(agent(model))

    assert done.result is not None
    assert done.result.answer == "Here."
    notes = [" ".join(turn.notes) for turn in done.turns]
    assert "said nothing" in notes[0]
    assert "cut" in notes[2]


def test_a_refusal_ends_it() -> None:
    """With what was said."""
    done = worked(agent(scripted(reply("I must not.", finish="refused"))))

    assert done.error[0] == "agent-refused"
    assert "I must not." in done.error[1]


def test_a_model_that_fails_ends_it() -> None:
    """With its own error, at the step."""
    done = worked(agent(scripted(podium.models.ModelRequestInvalid("no such field"))))

    assert done.error[0] == "step-failed"
    assert "turn[1]/podium.model" in done.error[1]


# long results ---------------------------------------------------------------------------------


def test_a_long_result_is_cut_and_can_be_read_on() -> None:
    """The model is told how; the parts together are the whole."""
    whole = "".join(f"{n:05d} " for n in range(1000))

    @podium.tool(effect="read")
    async def page() -> str:
        """A long page."""
        return whole

    parts: list[str] = []

    @function_model("tests-reader")
    def reads(request: podium.models.Request) -> Any:
        texts = said_to(request)
        if not texts:
            return call("page")
        parts.append(texts[-1].partition("\n[Cut")[0])
        if "[Cut" not in texts[-1]:
            return "read"
        start = int(texts[-1].rpartition("start ")[2].rstrip(".]"))
        return call("read_result", reference="result-1", start=start)

    done = worked(
        agent("function:tests-reader", tools=[page], limits=Limits(observation_chars=2000))
    )

    assert "".join(parts) == whole
    assert done.turns[0].observations[0].whole == "result-1"
    assert done.result is not None
    assert done.result.spent.calls == 1


def test_reading_on_wrongly_is_told() -> None:
    """A reference or a place that there is not."""

    @podium.tool(effect="read")
    async def page() -> str:
        """A long page."""
        return "x" * 1000

    model = scripted(
        call("page"),
        [
            call("read_result", reference="result-9", start=0),
            call("read_result", reference="result-1", start=5000),
            call("read_result", reference="result-1", start="far"),
        ],
        "done",
    )
    done = worked(agent(model, tools=[page], limits=Limits(observation_chars=200)))

    assert done.codes[1:] == ["arguments-invalid"] * 3
    assert "those that were cut: result-1" in done.texts[1]


# many tools -----------------------------------------------------------------------------------


def test_of_hundreds_of_tools_the_found_ones_are_offered() -> None:
    """Those that the goal is about at once, others when the model searches; found ones stay."""
    for number in range(300):

        @podium.tool(effect="read", name=f"thing_{number}", namespace="many")
        async def thing() -> str:
            """Do something with widgets."""
            return "done"

    @podium.tool(effect="read", namespace="many")
    async def tide(harbour: str) -> str:
        """Say when the tide is high in a harbour."""
        return f"at noon in {harbour}"

    @podium.tool(effect="read", namespace="many")
    async def moon() -> str:
        """Say the phase of the moon."""
        return "full"

    model = scripted(
        call("search_tools", query="when is high tide"),
        [call("many__tide", harbour="Oslo"), call("search_tools")],
        "At noon.",
    )
    done = worked(agent(model, tools=["many.*"]), "What is the phase of the moon, and the tide?")

    names = [{one.name for one in request.tools} for request in model.asked]
    assert {"search_tools", "many__moon"} < names[0]
    assert len(names[0]) < 20
    assert "many__tide" in names[1]
    assert names[1] <= names[2]
    assert "many__tide" in done.texts[0]
    assert done.codes == ["", "", "arguments-invalid"]
    assert done.texts[1] == "at noon in Oslo"


# what it is -----------------------------------------------------------------------------------


def test_it_is_a_workflow_and_works_in_place() -> None:
    """As a run of its own, as a child, gathered, mapped, named."""
    helper = agent(scripted("Here."), tools=[])

    @podium.workflow
    async def several() -> Any:
        first = await helper("a").as_("first")
        both = await podium.gather(helper("b"), helper("c"))
        mapped = await podium.map(helper, ["d", "e"])
        child = await podium.child(helper, {"goal": "f"})
        return [first, *both, *mapped, child]

    async def go() -> Any:
        async with podium.Podium(":memory:") as app:
            run = await app.start(several)
            said = await run.result()
            return said, sorted(one.path for one in await run.steps())

    said, paths = drive(go())
    assert said == ["Here."] * 6
    assert paths == [
        "first/turn[1]/podium.model", "gather[0]/helper/turn[1]/podium.model",
        "gather[1]/helper/turn[1]/podium.model", "helper#2",
        "helper[0]/turn[1]/podium.model", "helper[1]/turn[1]/podium.model",
    ]  # fmt: skip
    assert result_of(helper, goal="x") == "Here."
    assert drive(helper("outside of a workflow")) == "Here."


def test_inputs_are_declared() -> None:
    """They are checked like those of every workflow, and the model is told."""
    model = scripted("Here.")
    helper = agent(model, tools=[], inputs={"customer": str, "orders": list[int]})

    assert result_of(helper, goal="Help.", customer="Ann", orders=[1, 2]) == "Here."
    assert said_to(model.asked[0], "user") == ["Help.\n\ncustomer: Ann\norders: [1,2]"]
    with pytest.raises(podium.InputInvalid, match="orders"):
        result_of(helper, goal="Help.", customer="Ann")
    assert registry.workflows["helper"] is helper.spec


def test_turns_go_to_the_stream_where_that_is_wanted() -> None:
    """Text as it comes, and each turn when it is done."""
    helper = agent(scripted(call("shop__note", text="a"), "All done."), stream=True)

    async def go() -> list[Any]:
        async with podium.Podium(":memory:") as app:
            run = await app.start(helper, {"goal": "x"})
            await run.result()
            return [chunk async for _, chunk in run.stream()]

    chunks = drive(go())
    turns = [one["turn"] for one in chunks if isinstance(one, dict) and "turn" in one]
    assert [one["number"] for one in turns] == [1, 2]
    assert turns[0]["observations"][0]["text"] == "noted a"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"autonomy": "wild"}, "autonomy='wild'"),
        ({"autonomy": "act-within-budget"}, "has no budget"),
        ({"tools": [17]}, "17 is no tool"),
        ({"style": "odd"}, "style='odd'"),
        ({"stuck": "cry"}, "stuck='cry'"),
        ({"inputs": {"goal": str}}, "'goal'"),
        ({"output": object()}, "object"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], said: str) -> None:
    """They are refused where the agent is made."""
    with pytest.raises(InvalidOption, match=said):
        agent(scripted("x"), **options)


def test_other_things_that_make_no_sense() -> None:
    """Names, limits, people, models, tools that are not there."""
    with pytest.raises(InvalidOption, match="a name has letters"):
        Agent("a b", instructions="", model=scripted("x"))
    with pytest.raises(InvalidOption, match="turns=0"):
        Limits(turns=0)
    with pytest.raises(InvalidOption, match="observation_chars"):
        Limits(observation_chars=1)
    with pytest.raises(InvalidOption, match="Limits"):
        Limits(time="soon")
    with pytest.raises(InvalidOption, match="People"):
        People(timeout="0s")
    with pytest.raises(podium.ModelError, match="no model"):
        Agent("x", instructions="", model="gpt")
    with pytest.raises(UnknownTool, match="No tool fits 'nothing"):
        drive(agent(scripted("x"), tools=["nothing.*"])("x"))


def test_usage_is_summed() -> None:
    """Tokens and money of all turns."""
    model = scripted(
        reply(Message("assistant", "", (call("shop__note", text="a"),)), usage=Usage(10, 2), cost_usd=0.5, finish="calls"),
        reply("done", usage=Usage(20, 3), cost_usd=0.25),
    )  # fmt: skip
    done = worked(agent(model))

    assert done.result is not None
    assert done.result.spent.usage == Usage(30, 5)
    assert done.result.spent.usd == 0.75
