"""A conversation is made shorter by whole turns; what must stay, stays."""

from collections.abc import Iterator
from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st

import podium

from podium import Agent, Compaction, InvalidOption
from podium.agents.compaction import is_due, oldest, squeezed, summary_request, trimmed
from podium.agents.conversation import Conversation, flaws
from podium.agents.transcript import Observation, Turn
from podium.models import Message, Request, ToolCall, function_model
from podium.tools.labels import OUTSIDE
from tests.agents.worked import call, said_to, worked
from tests.harness import fresh_names

pytestmark = pytest.mark.long

texts = st.text("ab \n", max_size=40).map(lambda text: text * 50)


@st.composite
def turns(draw: st.DrawFn, number: int) -> Turn:
    count = draw(st.integers(0, 4))
    calls = tuple(ToolCall(f"{number}.{n}", "tool", {"text": draw(texts)}) for n in range(count))
    labels = draw(st.sampled_from([(), (OUTSIDE,)]))
    seen = tuple(Observation(one.id, "tool", draw(texts), labels=labels) for one in calls)
    notes = tuple(draw(st.lists(texts, max_size=1)))
    return Turn(number, Message("assistant", draw(texts), calls), seen, notes)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    count = draw(st.integers(0, 12))
    return Conversation(
        system=Message("system", "You help."),
        goal=Message("user", "The goal."),
        turns=tuple(draw(turns(number)) for number in range(1, count + 1)),
        summary=draw(st.sampled_from(["", "What was."])),
    )


options = st.builds(
    Compaction, above_tokens=st.integers(500, 3000), keep_turns=st.integers(1, 5),
    by=st.sampled_from(["summary", "trim"]),
)  # fmt: skip


def shorter(talk: Conversation, option: Compaction) -> Iterator[Conversation]:
    """Give what every way of making it shorter comes to."""
    yield trimmed(talk, option)
    yield squeezed(talk, option)
    yield squeezed(trimmed(talk, option), option)
    if oldest(talk, option):
        yield talk.condensed(oldest(talk, option), "Notes.")


@given(conversations(), options)
def test_the_invariants(talk: Conversation, option: Compaction) -> None:
    """System and goal first; calls and results together and in order; the newest turns whole."""
    before = talk.messages()
    kept = talk.turns[oldest(talk, option) :]
    for short in shorter(talk, option):
        after = short.messages()
        assert flaws(after) == []
        assert after[:2] == before[:2]
        assert [one.number for one in short.turns[-len(kept) :]] == [one.number for one in kept]
        assert short.turns == talk.turns[len(talk.turns) - len(short.turns) :] or all(
            one.message == other.message and one.notes == other.notes
            for one, other in zip(short.turns, talk.turns[-len(short.turns) :], strict=True)
        )
        assert short.labels == talk.labels


@given(conversations(), options)
def test_only_as_much_as_is_needed(talk: Conversation, option: Compaction) -> None:
    """What is short enough stays as it is; what is left out is what is long."""
    short = squeezed(talk, option)
    if not is_due(talk, option):
        assert short == talk
    longest = max((len(one.text) for turn in short.turns for one in turn.observations), default=0)
    assert not is_due(short, option) or longest <= 80


@given(conversations(), options)
def test_what_the_model_sums_up_is_bounded(talk: Conversation, option: Compaction) -> None:
    """And has the labels of what stands in it."""
    request = summary_request(talk, option)

    assert len(request.messages[1].text) <= option.above_tokens * 4 + 10
    older = talk.turns[: oldest(talk, option)]
    is_outside = any(OUTSIDE in one.labels for turn in older for one in turn.observations)
    assert (OUTSIDE in request.messages[1].labels) == is_outside


def test_flaws_are_found() -> None:
    """What is not well-formed is named."""
    one = ToolCall("a", "tool", {})
    found = Message("tool", "x", call_id="a", name="tool")

    assert flaws([Message("assistant", "", (one,)), found]) == []
    assert flaws([Message("assistant", "", (one,))]) == ["'a' has no result"]
    assert len(flaws([Message("assistant", "", (one,)), found, found])) == 1
    assert len(flaws([found])) == 1
    assert len(flaws([Message("assistant", "", (one,)), Message("user", "x"), found])) == 2
    assert len(flaws([Message("assistant", "", (one,)), found] * 2)) == 1


# in the loop ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def _names() -> Iterator[None]:
    with fresh_names():

        @podium.tool(effect="read")
        async def page(number: int) -> str:
            """Read a page."""
            return f"page {number}: " + "lorem ipsum " * 100

        yield


ASKED: list[Request] = []


@function_model("tests-reads-pages")
def reads_pages(request: Request) -> Any:
    """Reads ten pages in order, by what it still knows of them; writes notes when it is asked to."""
    if "keep the notes" in request.messages[0].text:
        return "Pages up to 5 are read."
    ASKED.append(request)
    pages = [text.partition(":")[0] for text in said_to(request)]
    number = 1 + int(pages[-1].split()[1]) if pages else 1
    return call("page", number=number) if number <= 10 else "All read."


@pytest.mark.parametrize("by", ["summary", "trim"])
def test_in_the_loop(by: Any) -> None:
    """It goes on as if nothing had been; what was done is a step."""
    ASKED.clear()
    helper = Agent(
        "helper", instructions="You read.", model="function:tests-reads-pages", tools=["page"],
        compaction=Compaction(above_tokens=2000, keep_turns=2, by=by),
    )  # fmt: skip
    done = worked(helper, "Read the pages.")

    assert done.result is not None, done.error
    assert done.result.answer == "All read."
    assert [turn.number for turn in done.turns] == list(range(1, 12))
    steps = [path for path in done.paths if "compaction" in path]
    assert any(path.endswith("podium.compacted") for path in steps)
    assert any(path.endswith("podium.model") for path in steps) == (by == "summary")
    for request in ASKED:
        assert flaws(request.messages) == []
        assert said_to(request, "user")[0] == "Read the pages."
        assert sum(len(one.text) for one in request.messages) / 4 < 2600
    said = said_to(ASKED[-1], "user")[1]
    assert ("Pages up to 5" in said) if by == "summary" else ("page {'number': 1}" in said)


def test_a_summary_that_fails() -> None:
    """Then older turns are left out."""

    @function_model("tests-keeps-no-notes")
    def keeps_no_notes(request: Request) -> Any:
        if "keep the notes" in request.messages[0].text:
            return podium.models.ModelRequestInvalid("too long")
        return reads_pages(request)

    helper = Agent(
        "helper", instructions="You read.", model="function:tests-keeps-no-notes", tools=["page"],
        compaction=Compaction(above_tokens=2000, keep_turns=2),
    )  # fmt: skip
    done = worked(helper, "Read the pages.")

    assert done.result is not None, done.error
    assert done.result.answer == "All read."


def test_options_that_make_no_sense() -> None:
    """They are refused."""
    for given_ in ({"above_tokens": 1}, {"keep_turns": 0}, {"by": "magic"}):
        with pytest.raises(InvalidOption, match="Compaction"):
            Compaction(**given_)  # type: ignore[arg-type]
