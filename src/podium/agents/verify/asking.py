"""Asking a model for a value of a form, with what the asking took."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.agents.verify.verdict import NO_COST, Cost
from podium.models.calls import Model
from podium.models.messages import Message, Reply, Request
from podium.models.structured import TURNS, form_of, repaired


class Asked:
    """A model that is asked, and what it took so far.

    Attributes:
        model: The model.
        cost: Of all that it was asked here.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.cost: Cost = NO_COST

    async def value(self, messages: tuple[Message, ...], kind: Any, *, turns: int = TURNS) -> Any:
        """Ask for a value; one that does not fit goes back with what is wrong with it.

        Raises:
            ModelOutputInvalid: The last answer does not fit either.
            ModelRefused, ModelCut, StepFailed, ModelError: There is no answer.
        """
        form = form_of(kind)

        async def ask(so_far: tuple[Message, ...]) -> Reply:
            return await self._ask(Request(so_far, output=form.output))

        return await repaired(form, ask, messages, turns)

    async def text(self, messages: tuple[Message, ...]) -> str:
        """Ask for a text.

        Raises:
            StepFailed, ModelError: There is no answer.
        """
        return (await self._ask(Request(messages))).text

    async def _ask(self, request: Request) -> Reply:
        reply = await self.model.ask(request)
        self.cost += cost_of(reply)
        return reply


def cost_of(reply: Reply) -> Cost:
    """Return what a reply took."""
    return Cost(1, reply.usage.tokens, reply.cost_usd)


def model_of(given: Any) -> Model:
    """Return the model that is meant: itself, a model string, or a scripted one."""
    return given if isinstance(given, Model) else Model(given)


def shown(value: Any) -> str:
    """Return a value as a model is shown it: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
