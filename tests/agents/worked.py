"""What tests of agents share: work that is watched, and well-formed transcripts."""

import itertools

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

import podium

from podium import Agent, Podium
from podium.agents.conversation import flaws
from podium.agents.transcript import AgentResult, Turn
from podium.core.codec import plain
from podium.models import Message, Reply, Request, ScriptedModel, ToolCall
from tests.harness import drive

_numbers = itertools.count()
Answer = Callable[[dict[str, Any]], Any]


class Worked(NamedTuple):
    """What came of a piece of work.

    Attributes:
        result: The agent's; None where it failed.
        warnings: (code, text) of those that were recorded.
        error: Code and text of the failure.
        asked: The forms that a person was asked.
        paths: Of the steps, in order of their start.
    """

    result: AgentResult[Any] | None
    warnings: list[tuple[str, str]]
    error: tuple[str, str]
    asked: list[dict[str, Any]]
    paths: list[str]

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Of an agent that has answered."""
        assert self.result is not None, self.error
        return self.result.turns

    @property
    def codes(self) -> list[str]:
        """The codes of the observations, in order."""
        return [one.code for turn in self.turns for one in turn.observations]

    @property
    def texts(self) -> list[str]:
        """The texts of the observations, in order."""
        return [one.text for turn in self.turns for one in turn.observations]


def scripted(*replies: Any, **options: Any) -> ScriptedModel:
    """Return a model that gives these replies."""
    return ScriptedModel(f"tests-{next(_numbers)}", list(replies), **options)


def call(tool: str, **arguments: Any) -> ToolCall:
    """Return a call as models write it."""
    return ToolCall(f"id-{next(_numbers)}", tool, arguments)


def thinks(thought: str, *calls: ToolCall) -> Message:
    """Return calls with the text beside them."""
    return Message("assistant", thought, calls)


def worked(agent: Agent[Any], goal: str = "Where is order 17?", *, answer: Answer | None = None, **inputs: Any) -> Worked:  # fmt: skip
    """Let an agent work in a run; a person answers with what ``answer`` says to a form."""

    @podium.workflow(name=f"work_{next(_numbers)}")
    async def work() -> AgentResult[Any]:
        result = await agent.work(goal, **inputs)
        return msgspec.structs.replace(result, answer=plain(result.answer))

    async def go() -> Worked:
        async with Podium(":memory:") as app:
            run = await app.start(work, {})
            asked: list[dict[str, Any]] = []
            while answer is not None and await run.status() in ("accepted", "running", "waiting"):
                for one in await run.asks():
                    asked.append(one.form)
                    await run.answer(one.id, answer(one.form))
                await podium.sleep("2ms")
            result, error = None, ("", "")
            try:
                result = await run.result()
            except podium.RunFailed as problem:
                error = (problem.error.code, problem.error.message)
            warnings = [(one.code, one.text) for one in await run.notes() if one.kind == "warning"]
            return Worked(result, warnings, error, asked, [one.path for one in await run.steps()])

    return drive(go())


def well_formed(model: ScriptedModel) -> bool:
    """Whether each conversation that a model was sent has one result for every call."""
    found = [flaw for request in model.asked for flaw in flaws(request.messages)]
    assert found == []
    return True


def said_to(request: Request, role: str = "tool") -> list[str]:
    """Return the texts of the messages of a role."""
    return [one.text for one in request.messages if one.role == role]


def reply(message: Message | str, **fields: Any) -> Reply:
    """Return a reply with usage, cost or a finish of its own."""
    made = Message("assistant", message) if isinstance(message, str) else message
    return Reply(made, "scripted:x", **fields)
