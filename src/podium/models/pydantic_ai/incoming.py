"""Replies of the library as Podium has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pydantic_ai.messages import (
    ModelMessagesTypeAdapter,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)

from podium.models.messages import Finish, Message, ToolCall, Usage
from podium.models.pydantic_ai.outgoing import PARTS, PROVIDER


def message_of(response: ModelResponse, provider: str) -> Message:
    """Return what a model answered.

    Args:
        response: The answer.
        provider: The library's name of who gave it.
    """
    parts = response.parts
    text = "".join(part.content for part in parts if isinstance(part, TextPart))
    if not text and response.finish_reason == "content_filter":
        text = str((response.provider_details or {}).get("refusal") or "")
    thought = "\n\n".join(
        part.content for part in parts if isinstance(part, ThinkingPart) and part.content
    )
    calls = tuple(_call(part) for part in parts if isinstance(part, ToolCallPart))
    return Message("assistant", text, calls, thought, kept=_kept(parts, provider))


def _call(part: ToolCallPart) -> ToolCall:
    return ToolCall(part.tool_call_id, part.tool_name, _arguments(part.args))


def _arguments(given: str | dict[str, Any] | None) -> dict[str, Any] | str:
    """Return arguments by name; what is no JSON object stays the text that it is."""
    if isinstance(given, dict):
        return given
    if given is None or not given.strip():
        return {}
    try:
        found = msgspec.json.decode(given)
    except (msgspec.DecodeError, UnicodeError):
        return given
    return found if isinstance(found, dict) else given


def _kept(parts: Sequence[ModelResponsePart], provider: str) -> dict[str, Any] | None:
    """Return what the provider wants back unchanged, where it wants anything."""
    if not any(_has_more(part) for part in parts):
        return None
    whole = ModelMessagesTypeAdapter.dump_python([ModelResponse(parts=list(parts))], mode="json")
    return {PROVIDER: provider, PARTS: [_slim(part) for part in whole[0]["parts"]]}


def _has_more(part: ModelResponsePart) -> bool:
    """Tell whether a part has more than what a message says."""
    known = isinstance(part, TextPart | ThinkingPart | ToolCallPart)
    marks = (getattr(part, name, None) for name in ("signature", "id", "provider_details"))
    return not known or any(marks)


def _slim(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if value is not None}


def finish_of(response: ModelResponse) -> Finish:
    """Return why an answer ended."""
    if response.finish_reason == "content_filter":
        return "refused"
    if response.finish_reason == "length":
        return "length"
    has_calls = any(isinstance(part, ToolCallPart) for part in response.parts)
    return "calls" if has_calls else "stop"


def usage_of(response: ModelResponse) -> Usage:
    """Return what an answer used."""
    used = response.usage
    return Usage(
        used.input_tokens, used.output_tokens, used.cache_read_tokens, used.output_reasoning_tokens
    )
