"""One attempt to ask a model, in the body of its task: whoever it is and whatever it can do."""

from __future__ import annotations

from typing import Final

from podium.core.context import current_attempt
from podium.functions.primitives import spend
from podium.models.adapting import adapted
from podium.models.messages import Reply, Request
from podium.models.pieces import Gathered
from podium.models.provider import Say
from podium.models.providers import parse, resolve
from podium.models.scripted import say_in_pieces
from podium.models.tapes import cassette_in_use

_THEMSELVES: Final = frozenset({"function", "scripted"})
"""Providers whose answers are on no cassette."""


async def answer(
    model: str, request: Request, *, stream: bool = False, listen: Say | None = None
) -> Reply:
    """Ask a model once.

    Args:
        model: ``provider:model[@address]``.
        request: What it is asked.
        stream: Whether the pieces of its text are emitted as they come, in the body of a task.
        listen: Is given the pieces in their place.

    Raises:
        ModelError: It has no answer.
    """
    if listen is not None or not stream or current_attempt.get() is None:
        reply = await _answer(model, request, listen)
    else:
        with Gathered() as gathered:
            reply = await _answer(model, request, gathered.say)
    is_known = reply.usage.tokens > 0 or parse(model).provider in _THEMSELVES
    spend(usd=reply.cost_usd, tokens=reply.usage.tokens if is_known else None, calls=1)
    return reply


async def _answer(model: str, request: Request, say: Say | None) -> Reply:
    used = None if parse(model).provider in _THEMSELVES else cassette_in_use()
    if used is None:
        return await _really(model, request, say)
    tape, records = used
    reply = await tape.answer(model, request, lambda: _really(model, request, say), may_ask=records)
    if not records:
        say_in_pieces(reply, say)
    return reply


async def _really(model: str, request: Request, say: Say | None) -> Reply:
    provider, name = resolve(model)
    load = getattr(provider, "load", None)
    if load is not None:
        await load()
    return await provider.respond(name, adapted(request, provider.abilities(name)), say)
