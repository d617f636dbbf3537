"""Whatever a model says, the work ends within its limits, and every call has exactly one result."""

import itertools

from collections.abc import Iterator
from typing import Any

import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import podium

from podium import Agent, Compaction, Limits
from podium.agents.conversation import flaws
from podium.agents.errors import AgentError
from podium.models import Abilities, Message, Reply, Request, ToolCall, Usage, function_model
from tests.harness import drive, fresh_names

pytestmark = pytest.mark.long

_numbers = itertools.count()


@pytest.fixture(autouse=True, scope="module")
def _names() -> Iterator[None]:
    with fresh_names():

        @podium.tool(effect="read")
        async def look(number: int = 0) -> str:
            """Look."""
            return "x" * (number % 3000)

        @podium.tool(effect="pure")
        async def fail(text: str = "") -> str:
            """Fail."""
            raise LookupError(text)

        yield


names = st.sampled_from(["look", "fail", "answer", "read_result", "search_tools", "nothing", "", "a b", "x" * 200])  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
arguments = (
    st.fixed_dictionaries({}, optional={"number": values, "text": values, "value": values, "query": values,
                                        "reference": st.just("result-1"), "start": values})
    | st.text(max_size=10)
)  # fmt: skip
calls = st.builds(ToolCall, st.sampled_from(["", "a", "b"]), names, arguments)
messages = st.builds(
    Message, st.just("assistant"), st.text(max_size=10) | st.just('{"value": 1}'),
    st.lists(calls, max_size=5).map(tuple), st.text(max_size=5),
)  # fmt: skip
replies = st.builds(
    Reply, messages, st.just("function:random"),
    st.builds(Usage, st.integers(0, 500), st.integers(0, 500)), st.just(0.001) | st.none(),
    st.sampled_from(["stop", "length", "calls", "refused"]),
)  # fmt: skip
likely = st.one_of(
    replies.map(lambda one: Reply(one.message, one.model, one.usage, one.cost_usd)), replies
)
limits = st.builds(
    Limits, turns=st.integers(1, 12), calls=st.integers(0, 12), calls_a_turn=st.integers(1, 4),
    tokens=st.none() | st.integers(100, 5000), usd=st.none() | st.floats(0.001, 0.01),
    faults=st.integers(1, 5), observation_chars=st.integers(200, 2000),
)  # fmt: skip
abilities = st.sampled_from(
    [Abilities(), Abilities(tools=False), Abilities(tools=False, grammar=True)]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    said=st.lists(likely, min_size=1, max_size=6), limit=limits, able=abilities,
    output=st.sampled_from([None, int, dict]), autonomy=st.sampled_from(["suggest", "act"]),
    compaction=st.sampled_from([None, Compaction(above_tokens=500, keep_turns=1, by="trim"), Compaction(above_tokens=600, keep_turns=2)]),
)  # fmt: skip
def test_any_model(
    said: list[Reply], limit: Limits, able: Abilities, output: Any, autonomy: Any, compaction: Any
) -> None:
    """Garbage, unknown tools, wrong arguments, endless: it ends, with an answer or a word for why not."""
    asked: list[Request] = []
    name = f"random-{next(_numbers)}"

    @function_model(name, abilities=able)
    def speaks(request: Request) -> Any:
        asked.append(request)
        return said[len(asked) % len(said)]

    helper = Agent(
        f"helper_{next(_numbers)}", instructions="You help.", model=f"function:{name}",
        tools=["look", "fail"], limits=limit, output=output, autonomy=autonomy, compaction=compaction,
        tools_shown=1 if len(said) % 2 else 40,
    )  # fmt: skip
    try:
        result = drive(helper.work("The goal."))
        turns, calls = result.turns, result.spent.calls
    except AgentError as problem:
        turns, calls = problem.turns, 0

    summaries = sum("keep the notes" in one.messages[0].text for one in asked)
    assert len(turns) <= limit.turns
    assert calls <= limit.calls
    assert len(asked) - summaries <= 2 * limit.turns
    for request in asked:
        assert flaws(request.messages) == []
    whole = [message for turn in turns for message in turn.messages()]
    assert flaws(whole) == []
    for turn in turns:
        assert len(turn.observations) == len(turn.message.calls)
