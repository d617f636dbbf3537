"""Guards see that nothing comes of it; the model is warned, has to change its approach, is stopped."""

from collections.abc import Iterator
from typing import Any

import pytest

import podium

from podium import Agent, Limits
from podium.agents.guards import GUARDS, Drift, Finding, NoProgress, PingPong, Seen
from podium.models import Message, Request, function_model
from tests.agents.worked import call, said_to, worked
from tests.harness import fresh_names

pytestmark = pytest.mark.long

TURNS = 40


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():

        @podium.tool(effect="read")
        async def status(order: int) -> str:
            """Say where an order is."""
            return f"order {order} is pending"

        @podium.tool(effect="read")
        async def customer(order: int) -> str:
            """Say whose an order is."""
            return f"order {order} is Ann's"

        @podium.tool(effect="read")
        async def fails(number: int) -> str:
            """Fail."""
            raise ConnectionError(f"no line {number}")

        yield


def turn_of(request: Request) -> int:
    return sum(one.role == "assistant" for one in request.messages)


@function_model("loops-same")
def same(request: Request) -> Any:
    return call("status", order=17)


@function_model("loops-ping-pong")
def ping_pong(request: Request) -> Any:
    return call("status" if turn_of(request) % 2 else "customer", order=17)


@function_model("loops-no-progress")
def no_progress(request: Request) -> Any:
    order = (1, 2, 3, 2, 1, 3, 1, 2)[turn_of(request) % 8]
    return [call("status", order=order), call("customer", order=order)]


@function_model("loops-errors")
def errors(request: Request) -> Any:
    return call("fails", number=turn_of(request))


@function_model("loops-unknown")
def unknown(request: Request) -> Any:
    return call(f"tool_{turn_of(request)}")


LOOPS = {
    "same": "same-call",
    "ping-pong": "ping-pong",
    "no-progress": "no-progress",
    "errors": "repeated-errors",
    "unknown": "repeated-errors",
}


def agent(model: str, **options: Any) -> Agent[str]:
    options = {"limits": Limits(turns=TURNS), **options}
    return Agent(
        "helper", instructions="", model=model, tools=["status", "customer", "fails"], **options
    )


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_is_ended(loop: str) -> None:
    """With guards early, by a word for it; without them only by the limit of turns."""
    guarded = worked(agent(f"function:loops-{loop}"))
    unguarded = worked(agent(f"function:loops-{loop}", guards=()))

    assert guarded.error[0] == "agent-stuck"
    assert LOOPS[loop] in {code.removeprefix("agent-") for code, _ in guarded.warnings}
    calls = [path for path in guarded.paths if path.endswith("podium.model")]
    assert 3 <= len(calls) <= 16
    assert unguarded.error[0] == "agent-limit"
    assert len([path for path in unguarded.paths if path.endswith("podium.model")]) == TURNS


def test_the_ladder() -> None:
    """A warning; then what was tried, and the tool is set aside; then the end."""
    seen: list[tuple[str, set[str]]] = []

    @function_model("tests-stubborn")
    def stubborn(request: Request) -> Any:
        notes = said_to(request, "user")[1:]
        seen.append((notes[-1] if notes else "", {one.name for one in request.tools}))
        return call("status", order=17)

    done = worked(agent("function:tests-stubborn"))

    assert seen[2][0] == ""
    assert "3 times" in seen[3][0]
    assert "Do something else" in seen[3][0]
    assert "What you have tried" in seen[4][0]
    assert "For the next 3 turns you cannot call status" in seen[4][0]
    assert "status" in seen[3][1]
    assert "status" not in seen[4][1]
    assert done.error[0] == "agent-stuck"
    assert [code for code, _ in done.warnings][:2] == ["agent-same-call"] * 2


def test_a_model_that_listens_goes_on() -> None:
    """A warning is enough; what it does then is its own business."""

    @function_model("tests-listens")
    def listens(request: Request) -> Any:
        if any("3 times" in one for one in said_to(request, "user")):
            return "It is pending."
        return call("status", order=17)

    done = worked(agent("function:tests-listens"))

    assert done.result is not None
    assert done.result.answer == "It is pending."
    assert len(done.turns) == 4


def test_what_is_set_aside_comes_back() -> None:
    """After some turns; a call of it until then is told."""
    turns: list[Any] = []

    @function_model("tests-comes-back")
    def comes_back(request: Request) -> Any:
        turn = turn_of(request)
        turns.append({one.name for one in request.tools})
        if turn < 4:
            return call("status", order=17)
        if turn in (4, 8):
            return call("status", order=18)
        return call("customer", order=turn) if turn < 8 else "done"

    done = worked(agent("function:tests-comes-back"))

    assert done.result is not None, done.error
    assert done.codes[4] == "set-aside"
    assert ["status" in one for one in turns[3:8]] == [True, False, False, False, True]


def test_a_person_is_asked() -> None:
    """And the advice reaches the model; a no ends it."""

    @function_model("tests-advised")
    def advised(request: Request) -> Any:
        if any("A person says: look at the bill" in one for one in said_to(request, "user")):
            return "Thank you."
        return call("status", order=17)

    helper = agent("function:tests-advised", stuck="ask")
    done = worked(helper, answer=lambda form: "look at the bill")
    refused = worked(helper, answer=lambda form: False)

    assert done.result is not None, done.error
    assert done.result.answer == "Thank you."
    [form] = done.asked
    assert form["kind"] == "advice"
    assert "status" in form["tried"]
    assert refused.error[0] == "agent-stuck"


def test_guards_of_ones_own() -> None:
    """A function of what was seen."""

    def too_nosy(seen: Seen) -> Finding | None:
        if len(seen.actions) < 2:
            return None
        return Finding(code="nosy", message="You ask too much.", most="warn")

    @function_model("tests-nosy")
    def nosy(request: Request) -> Any:
        if any("You ask too much." in one for one in said_to(request, "user")):
            return "Sorry."
        return call("status", order=turn_of(request))

    done = worked(agent("function:tests-nosy", guards=[*GUARDS, too_nosy]))

    assert done.result is not None
    assert done.result.answer == "Sorry."
    assert done.warnings == [("agent-nosy", "helper: You ask too much.")]


def test_drift_only_warns() -> None:
    """What has no word in common with the goal any more is told, and never the end."""
    topics = ["weather", "football", "cooking", "music", "painting", "gardening", "sailing"]

    @podium.tool(effect="read")
    async def browse(topic: str) -> str:
        """Read about something."""
        return f"a page on {topic}"

    @function_model("tests-drifts")
    def drifts(request: Request) -> Any:
        turn = turn_of(request)
        if turn < 1:
            return call("status", order=17)
        return call("browse", topic=topics[turn % 7] * turn) if turn < 12 else "done"

    helper = Agent(
        "helper", instructions="", model="function:tests-drifts", tools=["status", "browse"]
    )
    done = worked(helper, "What is the status of order 17?")

    assert done.result is not None, done.error
    assert {code for code, _ in done.warnings} == {"agent-drift"}
    assert any("nothing to do with the goal" in note for turn in done.turns for note in turn.notes)


# decisions ------------------------------------------------------------------------------------


def test_work_that_gets_on_is_left_alone() -> None:
    """Pages of a list, calls that all say the same, a poll that changes: no guard speaks."""
    states = iter(["waiting", "running", "running", "done"])

    @podium.tool(effect="read")
    async def poll() -> str:
        """Say how far it is."""
        return next(states)

    @podium.tool(effect="pure")
    async def file(order: int) -> str:
        """File an order."""
        return "ok"

    @podium.tool(effect="read")
    async def pages(number: int) -> str:
        """Read a page of orders."""
        return f"page {number} of the orders"

    @function_model("tests-diligent")
    def diligent(request: Request) -> Any:
        turn = turn_of(request)
        if turn < 6:
            return Message("assistant", "Next page of the orders.", (call("pages", number=turn),))
        if turn < 12:
            return Message("assistant", "This order is filed.", (call("file", order=turn),))
        return call("poll") if turn < 16 else "done"

    helper = Agent(
        "helper", instructions="", model="function:tests-diligent", tools=["pages", "poll", "file"]
    )
    done = worked(helper, "Read all the orders.")

    assert done.result is not None
    assert done.warnings == []


@pytest.mark.parametrize("guard", [PingPong(), NoProgress(), Drift()])
def test_nothing_done_is_no_finding(guard: Any) -> None:
    """At the beginning there is nothing to say."""
    assert guard(Seen("goal", ())) is None
