"""Replies in short: what scripts and functions return, made into replies of a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from podium.core.codec import encode
from podium.models.messages import Finish, Message, Reply, Request, ToolCall, Usage

Short = Any
"""A text, a ToolCall, a list of them, a Message, a Reply, JSON (its text is the answer), or an
exception, which is raised."""

_CHARS_PER_TOKEN: Final = 4


def reply_of(short: Short, model: str, request: Request) -> Reply:
    """Return the reply that is meant.

    Its usage is an estimate, the same each time, unless the reply has its own. It costs nothing.

    Raises:
        Exception: It is what was meant.
    """
    if isinstance(short, BaseException):
        raise short
    if isinstance(short, Reply):
        return short
    message = _message(short)
    finish: Finish = "calls" if message.calls else "stop"
    usage = Usage(
        _tokens([_text_of(one) for one in request.messages]), _tokens([_text_of(message)])
    )
    return Reply(message, model, usage, 0.0, finish)


def _message(short: Short) -> Message:
    if isinstance(short, Message):
        return short
    if isinstance(short, str):
        return Message("assistant", short)
    if isinstance(short, ToolCall):
        return Message("assistant", calls=(short,))
    if (
        isinstance(short, list | tuple)
        and short
        and all(isinstance(one, ToolCall) for one in short)
    ):
        return Message("assistant", calls=tuple(short))
    return Message("assistant", encode(short, "the reply of a model").decode())


def _text_of(message: Message) -> str:
    calls = [msgspec.json.encode(call.arguments).decode() + call.name for call in message.calls]
    return "".join([message.text, message.thought, *calls])


def _tokens(texts: Iterable[str]) -> int:
    return sum(-(-len(text) // _CHARS_PER_TOKEN) for text in texts)


def pieces(text: str) -> list[str]:
    """Return a text in pieces, as a stream brings it: word by word."""
    words = text.split(" ")
    return [word if number == len(words) else f"{word} " for number, word in enumerate(words, 1)]
