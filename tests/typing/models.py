"""Models as a type checker sees them. Read by mypy and basedpyright, never run."""

import dataclasses

from typing import Any, assert_type

import podium

from podium import Model, Piece, Rate
from podium.models import Message, Reply, Request, ScriptedModel, Settings, ToolCall, cassette, user
from podium.models import function_model as function


@dataclasses.dataclass
class City:
    """A place."""

    name: str


model = Model(
    "openai:gpt-5-mini", fallback=["anthropic:claude-sonnet-4-5", Model("local:smollm2")],
    settings=Settings(temperature=0), rate=Rate("500/min"), cache="24h", timeout="1m",
)  # fmt: skip
script = ScriptedModel("s", ["one", ToolCall("c", "look", {}), {"a": 1}, ValueError("no")])


@podium.workflow
async def asking() -> None:
    """What calls give."""
    assert_type(await model.ask("hi"), Reply)
    assert_type(await model.ask([user("hi")], output=City, stream=True), Reply)
    assert_type(await model.text(Request((user("hi"),)), system="s"), str)
    assert_type(await model.value("hi", City), City)
    assert_type(await model.value("hi", {"type": "object"}), Any)
    assert_type(await model.label("hi", ["yes", "no"]), str)
    assert_type((await Model(script).ask(user("hi"))).message, Message)
    assert_type(await model.call(Request((user("hi"),))).as_("greet"), Reply)


@function("echo")
def echo(request: Request) -> str:
    """A model that is a function stays that function."""
    return request.messages[-1].text


assert_type(echo(Request(())), str)


async def reading(run: podium.Run[Any]) -> None:
    """Pieces are told from what the program emits."""
    with cassette("answers.yaml", "record"):
        async for _, chunk in run.stream():
            if isinstance(chunk, Piece):
                assert_type(chunk.attempt, int)


def wrong_uses() -> None:
    """Each line is an error in both checkers."""
    Model(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Model("openai:x", temperature=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cassette("x", "play")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
