"""Requests of Podium as the library wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from podium.models.messages import Message, Request, Settings

PARTS: Final = "parts"
PROVIDER: Final = "provider"


def messages_of(messages: Sequence[Message], provider: str) -> list[ModelMessage]:
    """Return a conversation as the library has it.

    Args:
        messages: The conversation.
        provider: The library's name of who is asked: what another one wanted back is not sent to it.
    """
    found: list[ModelMessage] = []
    waiting: list[ModelRequestPart] = []
    for message in messages:
        if message.role == "assistant":
            if waiting:
                found.append(ModelRequest(parts=waiting))
                waiting = []
            found.append(_response(message, provider))
        else:
            waiting.append(_part(message))
    if waiting:
        found.append(ModelRequest(parts=waiting))
    return found


def _part(message: Message) -> ModelRequestPart:
    if message.role == "system":
        return SystemPromptPart(content=message.text)
    if message.role == "tool":
        return ToolReturnPart(
            tool_name=message.name, content=message.text, tool_call_id=message.call_id,
            outcome="failed" if message.is_error else "success",
        )  # fmt: skip
    return UserPromptPart(content=message.text)


def _response(message: Message, provider: str) -> ModelResponse:
    kept = message.kept or {}
    if kept.get(PROVIDER) == provider:
        whole = [{"kind": "response", "parts": kept.get(PARTS), "provider_name": provider}]
        (response,) = ModelMessagesTypeAdapter.validate_python(whole)
        if isinstance(response, ModelResponse) and _is_said_by(response, message):
            return response
    parts: list[ModelResponsePart] = []
    if message.thought:
        parts.append(ThinkingPart(content=message.thought))
    if message.text:
        parts.append(TextPart(content=message.text))
    parts += [
        ToolCallPart(tool_name=call.name, args=call.arguments, tool_call_id=call.id)
        for call in message.calls
    ]
    return ModelResponse(parts=parts or [TextPart(content="")])


def _is_said_by(response: ModelResponse, message: Message) -> bool:
    """Tell whether a message still is what was kept of it: a program may have shortened it since."""
    text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    calls = [part.tool_call_id for part in response.parts if isinstance(part, ToolCallPart)]
    return text == message.text and calls == [call.id for call in message.calls]


def parameters_of(request: Request) -> ModelRequestParameters:
    """Return tools and the form of the answer."""
    tools = [
        ToolDefinition(
            name=tool.name, description=tool.description or None, parameters_json_schema=tool.schema
        )
        for tool in request.tools
    ]
    output = request.output
    if output is None or not output.schema:
        return ModelRequestParameters(function_tools=tools)
    form = OutputObjectDefinition(
        json_schema=output.schema, name=output.name, description=output.description or None,
        strict=True,
    )  # fmt: skip
    return ModelRequestParameters(function_tools=tools, output_mode="native", output_object=form)


def settings_of(request: Request) -> ModelSettings:
    """Return how the model is to answer; the library makes one attempt."""
    settings: Settings = request.settings
    said = {
        "max_tokens": settings.tokens_max, "temperature": settings.temperature,
        "top_p": settings.top_p, "seed": settings.seed, "thinking": settings.effort,
    }  # fmt: skip
    found: Any = {name: value for name, value in said.items() if value is not None}
    found["max_retries"] = 0
    if settings.stop:
        found["stop_sequences"] = list(settings.stop)
    if request.tools:
        found["tool_choice"] = request.choice
    extra = dict(settings.extra)
    if request.output is not None and request.output.grammar:
        extra["grammar"] = request.output.grammar
    if extra:
        found["extra_body"] = extra
    settled: ModelSettings = found
    return settled
