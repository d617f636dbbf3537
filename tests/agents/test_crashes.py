"""A crash at any point of an agent's work changes nothing, and no reply that is recorded is asked for again."""

import os

from collections.abc import Iterator
from typing import Any

import pytest

import podium

from podium import Agent, Compaction, Limits
from podium.models import Message, Request, ToolCall, function_model
from podium.testing import crash_everywhere
from tests.tools.tables import Table

pytestmark = pytest.mark.long
POINTS: str | int = "all" if os.environ.get("PODIUM_PROOF") == "full" else 40

TABLE = Table()


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with TABLE.open():
        yield


def turn_of(request: Request) -> int:
    return sum(one.role == "assistant" for one in request.messages)


@function_model("crash-diligent")
def diligent(request: Request) -> Any:
    """Looks twice at once, writes, errs, repeats itself until it is told, then answers."""
    turn = turn_of(request)
    if turn == 0:
        return Message("assistant", "Both.", (ToolCall("", "look", {"number": 1}), ToolCall("", "look", {"number": "2"})))  # fmt: skip
    if turn == 1:
        return [
            ToolCall("", "put", {"number": 3}),
            ToolCall("", "nothing", {}),
            ToolCall("", "send", {"number": 4}),
        ]
    if any("3 times" in one.text for one in request.messages):
        return "It is done."
    return ToolCall("", "look", {"number": 1})


@function_model("crash-reader")
def reader(request: Request) -> Any:
    """Reads until its notes say that it has read all."""
    if "keep the notes" in request.messages[0].text:
        return "Read."
    pages = sum("page" in one.text for one in request.messages if one.role == "tool")
    is_noted = any(one.text.startswith("Notes on") for one in request.messages)
    return (
        "All read."
        if is_noted and pages > 1
        else ToolCall("", "page", {"number": turn_of(request)})
    )


with TABLE.define():

    @podium.tool(effect="read")
    async def look(number: int) -> int:
        """Look."""
        return number

    @podium.tool(effect="read")
    async def page(number: int) -> str:
        """Read a page."""
        return f"page {number} " + "lorem " * 120

    @podium.tool(effect="write")
    def put(number: int) -> int:
        """Put."""
        return number

    @podium.tool(effect="once")
    def send(number: int) -> int:
        """Send."""
        return number

    HELPER = Agent(
        "helper", instructions="You help.", model="function:crash-diligent",
        tools=["look", "put", "send"], autonomy="act", limits=Limits(time="1h"),
    )  # fmt: skip
    READER = Agent(
        "reader", instructions="You read.", model="function:crash-reader", tools=["page"],
        compaction=Compaction(above_tokens=600, keep_turns=1),
    )  # fmt: skip
    CAREFUL = Agent(
        "careful", instructions="You help.", model="function:crash-diligent",
        tools=["look", "put", "send"],
    )  # fmt: skip

    @podium.workflow
    async def both(goal: str) -> list[Any]:
        first = await HELPER.work(goal)
        return [
            first.answer, [one.code for turn in first.turns for one in turn.observations],
            *await podium.gather(HELPER("a"), READER("b")),
        ]  # fmt: skip


def answer(form: Any) -> Any:
    """Say that what was sent did not happen, where that is asked; allow every call but one."""
    if not isinstance(form, dict) or "fingerprint" not in form:
        return {"happened": False}
    return {"refuse": "no"} if form["tool"] == "send" else {"approve": form["fingerprint"]}


def test_crashes_anywhere_change_nothing() -> None:
    """In place, one after the other and together, with a compaction."""
    report = crash_everywhere(both, {"goal": "x"}, answers=answer, points=POINTS)

    assert report.status == "succeeded"
    assert report.output == [
        "It is done.", ["", "", "", "unknown-tool", "", "", ""], "It is done.", "All read.",
    ]  # fmt: skip
    assert len(report.tried) >= 40
    models = {path: most for path, most in report.attempts.items() if path.endswith("podium.model")}
    assert len(models) >= 12
    assert max(models.values()) <= 2  # the one in flight may be asked again, none that is recorded


def test_crashes_while_a_person_is_asked() -> None:
    """An approval is asked for once and holds."""
    report = crash_everywhere(CAREFUL, {"goal": "x"}, answers=answer, points=POINTS)

    assert report.status == "succeeded"
    assert report.output == "It is done."
