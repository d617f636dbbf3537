"""At each limit an agent answers with what it has, or ends with a word for it; never later."""

from collections.abc import Iterator
from typing import Any

import pytest

import podium

from podium import Agent, Limits
from podium.models import Message, Usage, function_model
from podium.models.prices import set_price
from tests.agents.worked import call, reply, scripted, well_formed, worked
from tests.harness import fresh_names


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():

        @podium.tool(effect="read")
        async def look(number: int) -> int:
            """Look."""
            return number

        yield


@function_model("tests-obeys")
def obeys(request: Any) -> Any:
    """Goes on for ever, but answers when it has to."""
    if request.choice == "none" or not request.tools:
        return "That is what I have."
    turn = sum(one.role == "assistant" for one in request.messages)
    return reply(
        Message("assistant", "", (call("look", number=turn),)), usage=Usage(100, 10), cost_usd=0.01
    )


@function_model("tests-never-answers")
def never_answers(request: Any) -> Any:
    """Goes on for ever, whatever it is told."""
    turn = sum(one.role == "assistant" for one in request.messages)
    return reply(
        Message("assistant", "", (call("look", number=turn),)), usage=Usage(100, 10), cost_usd=0.01
    )


def agent(model: Any, **limits: Any) -> Agent[str]:
    return Agent(
        "helper",
        instructions="",
        model=model,
        tools=["look"],
        autonomy="act",
        limits=Limits(**limits),
    )


@pytest.mark.parametrize(
    ("limits", "stopped_by", "turns"),
    [
        ({"turns": 5}, "turns", 5),
        ({"turns": 1}, "turns", 1),
        ({"calls": 3}, "calls", 4),
        ({"tokens": 4000}, "tokens", None),
        ({"usd": 0.06}, "usd", 6),
    ],
)
def test_it_answers_with_what_it_has(limits: Any, stopped_by: str, turns: int | None) -> None:
    """In a last turn without tools, which counts too."""
    done = worked(agent("function:tests-obeys", **limits))

    assert done.result is not None, done.error
    assert done.result.answer == "That is what I have."
    assert done.result.stopped_by == stopped_by
    assert turns is None or len(done.turns) == turns
    assert [code for code, _ in done.warnings if code != "price-exceeded"] == ["agent-limit"]
    assert done.result.spent.usage.tokens <= limits.get("tokens", 10**9)
    assert done.result.spent.calls <= limits.get("calls", 10**9)
    assert (done.result.spent.usd or 0) <= limits.get("usd", 10**9)


@pytest.mark.parametrize("limits", [{"turns": 5}, {"calls": 3}, {"tokens": 4000}, {"usd": 0.06}])
def test_it_ends_where_it_does_not_answer(limits: Any) -> None:
    """With a word for it, and what it was."""
    done = worked(agent("function:tests-never-answers", **limits))

    assert done.error[0] == "agent-limit"
    assert f"limit of {next(iter(limits))}" in done.error[1]


@pytest.mark.parametrize(("usd", "ends"), [(1.0, "agent-limit"), (5.0, "")])
def test_money_is_reserved_before_it_is_spent(usd: float, ends: str) -> None:
    """What a reply may cost at worst has to fit; the last one may be short, and so cost little."""
    set_price("function:tests-obeys", input=0, output=1000)  # 16,384 tokens would be 16.38
    done = worked(agent("function:tests-obeys", usd=usd))
    set_price("function:tests-obeys", input=0, output=0)

    assert done.error[0] == ends
    assert done.result is None or done.result.stopped_by == "usd"


def test_a_price_that_nobody_knows() -> None:
    """Under a limit of money such a model is not asked."""
    done = worked(agent("openai:any@http://127.0.0.1:9/v1", usd=1.0))

    assert done.error[0] == "price-unknown"
    assert done.result is None


def test_tokens_bound_the_length_of_replies() -> None:
    """No reply may be longer than what is left."""
    model = scripted(call("look", number=1), "done")
    done = worked(agent(model, tokens=5000))

    assert done.result is not None
    lengths = [one.settings.tokens_max or 0 for one in model.asked]
    assert 5000 > lengths[0] > lengths[1] > 4000


def test_no_calls_at_all() -> None:
    """A limit of no calls offers no tools."""
    model = scripted("done")
    done = worked(agent(model, calls=0))

    assert done.result is not None
    assert model.asked[0].tools == ()


def test_more_calls_than_are_left() -> None:
    """Those that are left are made, the others are told that they were not."""
    model = scripted([call("look", number=n) for n in range(4)], "done")
    done = worked(agent(model, calls=2))

    assert done.codes == ["", "", "not-called", "not-called"]
    assert done.result is not None
    assert done.result.stopped_by == "calls"
    assert well_formed(model)


def test_a_last_answer_with_a_form_is_repaired() -> None:
    """Where there are turns left for it."""
    model = scripted(call("look", number=1), "nonsense", call("answer", value=7))
    helper = Agent(
        "helper", instructions="", model=model, tools=["look"], output=int, limits=Limits(calls=1)
    )
    done = worked(helper)

    assert done.result is not None, done.error
    assert (done.result.answer, done.result.stopped_by) == (7, "calls")
    assert [one.choice for one in model.asked] == ["auto", "required", "required"]
    assert [one.name for one in model.asked[1].tools] == ["answer"]


@pytest.mark.long
def test_time() -> None:
    """Calls in flight are cut and have a result; then it answers."""

    @podium.tool(effect="read")
    async def slow() -> str:
        """Take long."""
        import asyncio

        await asyncio.sleep(30)
        return "never"

    model = scripted([call("look", number=1), call("slow")], "As far as I know.")
    helper = Agent(
        "helper", instructions="", model=model, tools=["look", "slow"], limits=Limits(time="100ms"),
    )  # fmt: skip
    done = worked(helper)

    assert done.result is not None, done.error
    assert (done.result.answer, done.result.stopped_by) == ("As far as I know.", "time")
    assert done.codes == ["", "cut"]
    assert well_formed(model)


@pytest.mark.long
def test_time_while_the_model_thinks() -> None:
    """The reply that never came leaves nothing behind."""
    asked = 0

    @function_model("tests-thinks-long")
    async def thinks_long(request: Any) -> Any:
        import asyncio

        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.sleep(30)
        return "Here."

    done = worked(agent("function:tests-thinks-long", time="50ms"))

    assert done.result is not None, done.error
    assert (done.result.answer, done.result.stopped_by) == ("Here.", "time")
    assert len(done.turns) == 1


def test_a_timeout_of_somebody_else_is_passed_on() -> None:
    """Not taken for the agent's own."""

    @podium.workflow
    async def hurried() -> str:
        import asyncio

        helper = agent("function:tests-waits", time="1h")
        async with asyncio.timeout(0.05):
            return await helper("x")

    @function_model("tests-waits")
    async def waits(request: Any) -> Any:
        import asyncio

        await asyncio.sleep(30)

    from tests.tools.tables import result_of

    with pytest.raises(podium.RunFailed, match="TimeoutError"):
        result_of(hurried)
