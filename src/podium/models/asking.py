"""One attempt to ask a model, in the body of its task: whoever it is and whatever it can do."""

from __future__ import annotations

from podium.models.adapting import adapted
from podium.models.messages import Reply, Request
from podium.models.providers import resolve


async def answer(model: str, request: Request, *, stream: bool = False) -> Reply:  # noqa: ARG001 - emitted by the next change
    """Ask a model once.

    Args:
        model: ``provider:model[@address]``.
        request: What it is asked.
        stream: Whether the pieces of its text are emitted as they come.

    Raises:
        ModelError: It has no answer.
    """
    provider, name = resolve(model)
    return await provider.respond(name, adapted(request, provider.abilities(name)), None)
