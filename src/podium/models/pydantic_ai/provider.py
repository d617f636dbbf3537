"""Answers for models over the network; it makes one attempt, Podium owns the retries."""

from __future__ import annotations

import asyncio
import importlib

from typing import TYPE_CHECKING, Any, Final

from podium.models.errors import ModelError, ModelGarbled, ModelUnknown, ModelUnreachable
from podium.models.keys import key_of
from podium.models.messages import Message, Reply, Request, Usage
from podium.models.offline import require_allowed
from podium.models.prices import cost_usd
from podium.models.provider import Abilities, Provider, Say
from podium.models.providers import PLACES, ModelName, parse

if TYPE_CHECKING:  # the libraries take seconds to import, and only where a model is really asked
    from pydantic_ai.messages import ModelResponse


_NEEDED: Final = (
    "genai_prices", "pydantic_ai.direct", "podium.models.pydantic_ai.failing",
    "podium.models.pydantic_ai.incoming", "podium.models.pydantic_ai.making",
)  # fmt: skip
"""What is imported together, in a thread, before the first call."""


class Wired:
    """Answers for the models of one provider, by the direct layer of ``pydantic-ai-slim``.

    Args:
        name: Of the provider, as in model strings.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    async def load(self) -> None:
        """Import what it needs, without keeping the event loop from its work.

        Raises:
            ModelUnknown: It is not installed.
        """
        await asyncio.to_thread(self._load)

    def _load(self) -> Any:
        try:
            for module in _NEEDED:
                importlib.import_module(module)
            from podium.models.pydantic_ai import making

            return making.classes_of(self._name)
        except ImportError as problem:
            extra = PLACES[self._name].extra
            raise ModelUnknown(
                f"The provider {self._name!r} needs packages that are not here ({problem}): "
                f"pip install 'podium[{extra}]'."
            ) from problem

    def abilities(self, model: str) -> Abilities:
        """Return what a model can do, as far as the library knows it."""
        _, provider = self._load()
        from podium.models.pydantic_ai.making import maker_of

        profile: Any = provider.model_profile(parse(f"{self._name}:{model}").model) or {}
        has_schema = self._name == "mistral" or bool(
            profile.get("supports_json_schema_output", True)
        )
        return Abilities(schema=has_schema, grammar=maker_of(self._name).grammar)

    async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
        """Ask a model once.

        Raises:
            ModelError: It has no answer; nothing is tried again here.
        """
        await self.load()
        from podium.models.pydantic_ai.making import maker_of

        whole = f"{self._name}:{model}"
        name = parse(whole)
        require_allowed(whole, name.address or maker_of(self._name).address)
        return await _asked(whole, name, key_of(name), request, say)


async def _asked(whole: str, name: ModelName, key: str, request: Request, say: Say | None) -> Reply:
    from podium.models.pydantic_ai import failing, incoming, making

    clock_s = asyncio.get_running_loop().time
    began_s = clock_s()
    first_s: float | None = None

    def hear(text: str) -> None:
        nonlocal first_s
        first_s = clock_s() - began_s if first_s is None else first_s
        if say is not None:
            say(text)

    async with making.new_client() as client:
        try:
            asked = making.new_model(name, key, client)
            response = await _response(asked, request, hear if say is not None else None)
        except ModelError:
            raise
        except Exception as problem:
            if failing.is_filtered(problem):
                return _refusal(whole, str(problem), clock_s() - began_s)
            raise failing.error_of(whole, problem) from problem
    usage = incoming.usage_of(response)
    return Reply(
        incoming.message_of(response, asked.system), whole, usage, cost_usd(whole, usage) if usage.tokens else None,
        incoming.finish_of(response), clock_s() - began_s, first_s,
    )  # fmt: skip


async def _response(asked: Any, request: Request, say: Say | None) -> ModelResponse:
    from pydantic_ai.direct import model_request, model_request_stream

    from podium.models.pydantic_ai import outgoing

    messages = outgoing.messages_of(request.messages, asked.system)
    settings, parameters = outgoing.settings_of(request), outgoing.parameters_of(request)
    if say is None:
        response = await model_request(
            asked, messages, model_settings=settings, model_request_parameters=parameters
        )
    else:
        async with model_request_stream(
            asked, messages, model_settings=settings, model_request_parameters=parameters
        ) as stream:
            async for event in stream:
                if text := _text_of(event):
                    say(text)
            response = stream.get()
        if response.finish_reason is None:
            raise ModelUnreachable(
                f"The stream of {asked.model_name} ended in the middle of its answer. It is tried again."
            )
    if response.finish_reason == "error":
        raise ModelGarbled(f"{asked.model_name} broke off its answer with an error of its own.")
    return response


def _text_of(event: Any) -> str:
    """Return the piece of text that an event brings; empty where it brings something else."""
    if event.event_kind == "part_start" and event.part.part_kind == "text":
        return str(event.part.content)
    if event.event_kind == "part_delta" and event.delta.part_delta_kind == "text":
        return str(event.delta.content_delta)
    return ""


def _refusal(model: str, reason: str, latency_s: float) -> Reply:
    """Return the reply of a model whose filter let nothing pass."""
    message = Message("assistant", reason)
    return Reply(message, model, Usage(), cost_usd(model, Usage()), "refused", latency_s)


def provider(name: str) -> Provider:
    """Return what answers for the models of a provider."""
    return Wired(name)
