"""How a turn is put to a model, by what the model can do: with native calls of tools, with a JSON
form, or by labels. Whatever way is taken, the reply comes back as if it had native calls.
"""

from __future__ import annotations

import asyncio
import json

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from podium.agents.answers import Answers
from podium.agents.schemas import hoisted
from podium.agents.toolbox import ANSWER
from podium.core.context import current_context
from podium.core.effects import Effect
from podium.core.errors import InvalidOption
from podium.core.scope import current_scope
from podium.core.spec import TaskOptions, TaskSpec
from podium.models.calls import Model
from podium.models.errors import ModelUnknown
from podium.models.extracting import json_in
from podium.models.messages import (
    NO_SETTINGS,
    Message,
    Output,
    Reply,
    Request,
    Settings,
    ToolCall,
    ToolOffer,
)
from podium.models.provider import Abilities
from podium.models.providers import PLACES, parse, resolve
from podium.models.structured import Labels, Unfit

Style = Literal["auto", "native", "json", "labels"]
"""How calls are asked for: in the provider's own form; as one JSON object that says tool and
arguments, or the answer; or by choosing a label first and giving its arguments then. ``auto``: as
the model can."""
STYLES: Final = ("auto", "native", "json", "labels")
_FORM: Final = (
    "Reply with one JSON object and nothing else, in one of two forms.\n"
    'To call a tool: {"thought": "why", "tool": "its name", "arguments": {…}}\n'
    'To answer: {"thought": "why", "answer": …}'
)


class Turned(NamedTuple):
    """What is put to a model.

    Attributes:
        messages: The conversation.
        offers: The tools that it may call.
        answers: The form of its answer.
        is_last: Whether it has to answer now.
        stream: Whether its text goes to the stream of the run as it comes.
        settings: How long the reply may be.
    """

    messages: list[Message]
    offers: tuple[ToolOffer, ...]
    answers: Answers
    is_last: bool = False
    stream: bool = False
    settings: Settings = NO_SETTINGS


async def style_of(style: Style, model: Model) -> Style:
    """Return how a model is to be asked: as each of its chain can answer."""
    if style != "auto":
        return style
    abilities = [await _abilities(one.model) for one in model.chain]
    if all(one.tools for one in abilities):
        return "native"
    return "labels" if all(one.grammar for one in abilities) else "json"


async def _abilities(model: str) -> Abilities:
    """Return what a model can do.

    Whether the library of its provider is there, and what it says, is of the world: that is a step.
    """
    place = PLACES.get(parse(model).provider)
    if place is not None and not place.extra:
        return abilities_of(model)
    context = current_context.get()
    if context is None:
        return await asyncio.to_thread(abilities_of, model)
    path = current_scope.get().name(ABILITIES.name)
    found: Abilities = await context.step(path, ABILITIES, {"model": model})
    return found


def abilities_of(model: str) -> Abilities:
    """Return what a model can do; of one that is not here, asking it will tell that."""
    try:
        provider, name = resolve(model)
        return provider.abilities(name)
    except ModelUnknown:
        return Abilities()


ABILITIES: Final = TaskSpec(
    abilities_of, "podium.abilities", TaskOptions(effect=Effect.READ, is_declared=True)
)


def require_style(agent: str, style: str) -> None:
    """Make sure that there is such a style.

    Raises:
        InvalidOption: There is none.
    """
    if style not in STYLES:
        known = ", ".join(map(repr, STYLES))
        raise InvalidOption(f"Agent({agent!r}, style={style!r}): expected one of {known}.")


def settings_of(model: Model, tokens_max: int | None) -> Settings:
    """Return settings under which a reply is no longer than that; the model's own may be stricter."""
    usual = model.settings.tokens_max
    if tokens_max is None or (usual is not None and usual <= tokens_max):
        return NO_SETTINGS
    return Settings(tokens_max=tokens_max)


async def ask_turn(model: Model, way: Style, turned: Turned) -> list[Reply]:
    """Put a turn to a model; return its replies, of which the last one has the calls.

    Args:
        model: The model.
        way: How calls are asked for.
        turned: What is put to it.

    Raises:
        ModelError: It has no answer.
    """
    if way in ("native", "auto"):
        return [await model.ask(_native(turned), stream=turned.stream)]
    if way == "labels" and turned.offers and not turned.is_last:
        return await _by_labels(model, turned)
    return [_read(await model.ask(_as_json(turned), stream=turned.stream), turned)]


# native ------------------------------------------------------------------------------------------


def _native(turned: Turned) -> Request:
    messages, offers = tuple(turned.messages), turned.offers
    offer = turned.answers.offer
    if turned.is_last:
        if offer is not None:
            return Request(messages, (offer,), "required", settings=turned.settings)
        return Request(messages, offers, "none" if offers else "auto", settings=turned.settings)
    if offer is None or not offers:
        return Request(messages, offers, output=turned.answers.output, settings=turned.settings)
    return Request(messages, (*offers, offer), settings=turned.settings)


# one JSON object ---------------------------------------------------------------------------------


def turn_schema(offers: Sequence[ToolOffer], answers: Answers) -> dict[str, Any]:
    """Return the schema of a reply: a call of one of these tools, or an answer."""
    definitions: dict[str, Any] = {}
    thought = {"type": "string"}
    forms = [
        _closed(thought=thought, tool={"const": one.name}, arguments=hoisted(one.schema, one.name, definitions))
        for one in offers
    ]  # fmt: skip
    forms.append(_closed(thought=thought, answer=hoisted(answers.schema, ANSWER, definitions)))
    schema: dict[str, Any] = forms[0] if len(forms) == 1 else {"anyOf": forms}
    return {**schema, "$defs": definitions} if definitions else schema


def _closed(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": list(properties),
        "additionalProperties": False,
    }  # fmt: skip


def _as_json(turned: Turned) -> Request:
    offers = () if turned.is_last else turned.offers
    said = f"{_FORM}\n\n{_described(offers)}"
    output = Output(turn_schema(offers, turned.answers), name="turn")
    messages = plain_messages(turned.messages, said)
    return Request(tuple(messages), output=output, settings=turned.settings)


def _described(offers: Sequence[ToolOffer]) -> str:
    if not offers:
        return "There are no tools: answer."
    lines = [f"- {one.name}: {one.description} Arguments: {json.dumps(one.schema)}" for one in offers]  # fmt: skip
    return "\n".join(["The tools:", *lines])


def plain_messages(messages: Sequence[Message], said: str = "") -> list[Message]:
    """Return a conversation without native calls, for models that know none.

    Args:
        messages: The conversation.
        said: What is told beside what the model is for.
    """
    found: list[Message] = []
    system = [one.text for one in messages if one.role == "system"]
    if system or said:
        found.append(Message("system", "\n\n".join(one for one in (*system, said) if one)))
    for one in messages:
        if one.role == "assistant":
            found.append(Message("assistant", _plain_text(one)))
        elif one.role == "tool":
            found.append(Message("user", f"Result of {one.name}: {one.text}", labels=one.labels))
        elif one.role == "user":
            found.append(one)
    return found


def _plain_text(message: Message) -> str:
    if not message.calls:
        return message.text
    said = [
        {"thought": message.thought or message.text, "tool": one.name, "arguments": one.arguments}
        for one in message.calls
    ]
    return json.dumps(said[0] if len(said) == 1 else said, ensure_ascii=False)


def _read(reply: Reply, turned: Turned) -> Reply:
    """Return a reply in one JSON object as if it had a native call."""
    try:
        given = json_in(reply.text)
    except ValueError:
        return reply  # taken as an answer in text, or complained about
    if not isinstance(given, dict):
        return reply
    thought = given.get("thought")
    said = thought if isinstance(thought, str) else ""
    if isinstance(given.get("tool"), str):
        arguments = given.get("arguments", {})
        if not isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        return _with_call(reply, said, given["tool"], arguments)
    if "answer" not in given:
        return reply
    answer = given["answer"]
    if turned.answers.is_text:
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        return msgspec.structs.replace(reply, message=Message("assistant", text, thought=said))
    wrapped = answer if isinstance(answer, dict) else {"value": answer}
    return _with_call(reply, said, ANSWER, wrapped)


def _with_call(reply: Reply, thought: str, tool: str, arguments: dict[str, Any] | str) -> Reply:
    message = Message("assistant", "", (ToolCall("", tool, arguments),), thought)
    return msgspec.structs.replace(reply, message=message, finish="calls")


# a label first -----------------------------------------------------------------------------------


async def _by_labels(model: Model, turned: Turned) -> list[Reply]:
    """Let the model choose a tool by its label, then give the arguments by the tool's schema."""
    by_name = {one.name: one for one in turned.offers}
    labels = [*by_name, ANSWER]
    said = f"{_described(turned.offers)}\n- {ANSWER}: answer with what is known."
    messages = plain_messages(turned.messages, said)
    ask = f"What is to be done next? Say one of: {', '.join(labels)}."
    request = Request((*messages, Message("user", ask)), output=Labels(labels).output)
    chosen = await model.ask(request)
    try:
        label = Labels(labels).read(chosen.text)
    except Unfit:
        return [_with_call(chosen, "", chosen.text.strip()[:64] or "nothing", {})]
    offer = by_name.get(label) or turned.answers.offer
    if offer is None:
        told = Message("user", "Answer now.")
        reply = await model.ask(Request((*messages, told), settings=turned.settings))
        return [chosen, reply]
    told = Message("user", f"Give the arguments of {label}, as one JSON object.")
    output = Output(offer.schema, name="arguments")
    reply = await model.ask(Request((*messages, told), output=output, settings=turned.settings))
    return [chosen, _with_call(reply, "", label, _object_in(reply.text))]


def _object_in(text: str) -> dict[str, Any] | str:
    try:
        given = json_in(text)
    except ValueError:
        return text
    return given if isinstance(given, dict) else text
