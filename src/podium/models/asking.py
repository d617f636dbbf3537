"""One attempt to ask a model, in the body of its task: whoever it is and whatever it can do."""

from __future__ import annotations

from podium.core.context import current_attempt
from podium.functions.primitives import spend
from podium.models.adapting import adapted
from podium.models.messages import Reply, Request
from podium.models.pieces import Gathered
from podium.models.provider import Say
from podium.models.providers import resolve


async def answer(model: str, request: Request, *, stream: bool = False) -> Reply:
    """Ask a model once.

    Args:
        model: ``provider:model[@address]``.
        request: What it is asked.
        stream: Whether the pieces of its text are emitted as they come, in the body of a task.

    Raises:
        ModelError: It has no answer.
    """
    if not stream or current_attempt.get() is None:
        return await _answer(model, request, None)
    with Gathered() as gathered:
        return await _answer(model, request, gathered.say)


async def _answer(model: str, request: Request, say: Say | None) -> Reply:
    provider, name = resolve(model)
    load = getattr(provider, "load", None)
    if load is not None:
        await load()
    reply = await provider.respond(name, adapted(request, provider.abilities(name)), say)
    spend(usd=reply.cost_usd, tokens=reply.usage.tokens, calls=1)
    return reply
