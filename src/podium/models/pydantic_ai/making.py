"""The library's model for each provider, with a client of its own that makes one attempt."""

from __future__ import annotations

import importlib
import ssl

from functools import lru_cache
from typing import Any, Final, NamedTuple

import httpx2

from pydantic_ai.models import Model

from podium.models.errors import ModelUnknown
from podium.models.providers import ModelName

CONNECT_S: Final = 15.0
SILENCE_S: Final = 600.0
"""How long a server may say nothing; the task has its own timeout for the whole attempt."""


class Maker(NamedTuple):
    """Where the classes of a provider are.

    Attributes:
        module: Under ``pydantic_ai.models`` and ``pydantic_ai.providers``.
        model: The class of the model.
        provider: The class of the provider.
        address: The provider's own; empty: the model string must say.
        grammar: Whether it keeps to grammars in GBNF.
    """

    module: str
    model: str
    provider: str
    address: str
    grammar: bool = False


MAKERS: Final = {
    "anthropic": Maker(
        "anthropic", "AnthropicModel", "AnthropicProvider", "https://api.anthropic.com"
    ),
    "google": Maker(
        "google", "GoogleModel", "GoogleProvider", "https://generativelanguage.googleapis.com"
    ),
    "llamacpp": Maker(
        "openai", "OpenAIChatModel", "OpenAIProvider", "http://127.0.0.1:8080/v1", grammar=True
    ),
    "mistral": Maker("mistral", "MistralModel", "MistralProvider", "https://api.mistral.ai"),
    "ollama": Maker("openai", "OpenAIChatModel", "OpenAIProvider", "http://127.0.0.1:11434/v1"),
    "openai": Maker("openai", "OpenAIChatModel", "OpenAIProvider", "https://api.openai.com/v1"),
    "vllm": Maker("openai", "OpenAIChatModel", "OpenAIProvider", "http://127.0.0.1:8000/v1"),
}


def maker_of(provider: str) -> Maker:
    """Return where the classes of a provider are.

    Raises:
        ModelUnknown: There is no such provider.
    """
    found = MAKERS.get(provider)
    if found is None:
        raise ModelUnknown(f"There is no provider {provider!r}; known: {', '.join(MAKERS)}.")
    return found


def classes_of(provider: str) -> tuple[Any, Any]:
    """Return the classes of the model and of the provider; this imports what they need.

    Raises:
        ImportError: It is not installed.
    """
    maker = maker_of(provider)
    models = importlib.import_module(f"pydantic_ai.models.{maker.module}")
    providers = importlib.import_module(f"pydantic_ai.providers.{maker.module}")
    return getattr(models, maker.model), getattr(providers, maker.provider)


def new_client() -> httpx2.AsyncClient:
    """Return a client for one attempt: its connection ends with it, also where that is cancelled."""
    limits = httpx2.Timeout(SILENCE_S, connect=CONNECT_S)
    return httpx2.AsyncClient(verify=_trust(), timeout=limits)


def new_model(name: ModelName, key: str, client: httpx2.AsyncClient) -> Model:
    """Return the library's model.

    Args:
        name: Which one.
        key: For its provider.
        client: Carries its requests.
    """
    model, provider = classes_of(name.provider)
    address = name.address or maker_of(name.provider).address
    made: Model = model(
        name.model, provider=provider(api_key=key, base_url=address, http_client=client)
    )
    return made


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
