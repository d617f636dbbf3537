"""What an MCP server answers, as a value."""

from __future__ import annotations

import asyncio
import base64
import binascii

from typing import Any, Final

from podium.core.codec import plain
from podium.core.context import current_attempt
from podium.functions.primitives import save_file
from podium.tools.mcp.description import Described
from podium.tools.mcp.errors import McpToolFailed
from podium.tools.net_errors import ReplyUnusable

_ERROR_CHARS_MAX: Final = 2_000


async def value_of(shown: str, tool: Described, result: Any) -> Any:
    """Return the value of a result.

    A structured one is taken where the tool has a schema for it; else a text, or, where there are
    pictures and the like, a list of parts: ``text``, ``image``, ``audio``, ``resource``, ``link``.

    Args:
        shown: The server and the tool, for people.
        tool: The tool.
        result: As the SDK gives it.

    Raises:
        McpToolFailed: The server says that the tool failed.
        ReplyUnusable: There is no such value in it.
    """
    if result.is_error:
        words = _text(result.content)[:_ERROR_CHARS_MAX].strip() or "it does not say why"
        raise McpToolFailed(f"{shown} was called and says that it failed: {words}")
    if tool.output:
        if result.structured_content is None:
            raise ReplyUnusable(f"{shown} was called and gave no structured result, as it was to.")
        return result.structured_content
    if all(one.type == "text" for one in result.content):
        return _text(result.content)
    return [await _part(shown, one) for one in result.content]


def _text(content: Any) -> str:
    return "\n".join(one.text for one in content if one.type == "text")


async def _part(shown: str, one: Any) -> dict[str, Any]:
    if one.type == "text":
        return {"type": "text", "text": one.text}
    if one.type in ("image", "audio"):
        return {
            "type": one.type, "media_type": one.mime_type,
            "data": await _data(shown, one.data, one.type, one.mime_type),
        }  # fmt: skip
    if one.type == "resource_link":
        return {"type": "link", "uri": str(one.uri), "name": one.name}
    found = one.resource
    about = {"type": "resource", "uri": str(found.uri), "media_type": found.mime_type}
    if hasattr(found, "text"):
        return {**about, "text": found.text}
    return {**about, "data": await _data(shown, found.blob, "resource", found.mime_type)}


async def _data(shown: str, encoded: str, name: str, media_type: str | None) -> Any:
    """Return bytes as a file of the run; outside of one, where there is no place for it, as base64."""
    running = current_attempt.get()
    if running is None or running.files is None:
        return encoded
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error as problem:
        raise ReplyUnusable(f"{shown} was called and gave damaged base64: {problem}") from None
    kind = media_type or "application/octet-stream"
    return plain(await asyncio.to_thread(save_file, data, name=name, media_type=kind))
