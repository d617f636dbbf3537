"""Which provider answers for a model: ``provider:model[@address]``.

The providers that come with Podium are imported when one of them is asked for, so that nobody waits
for the libraries of the others.
"""

from __future__ import annotations

import difflib
import importlib

from typing import Final, NamedTuple

from podium.models.errors import ModelUnknown
from podium.models.provider import Provider


class Place(NamedTuple):
    """Where a provider that comes with Podium is made.

    Attributes:
        module: Its function ``provider(name)`` returns the :class:`Provider`.
        extra: What to install for it; empty where nothing is needed.
        example: A model string.
    """

    module: str
    extra: str
    example: str


_WIRED: Final = "podium.models.pydantic_ai.provider"
PLACES: Final[dict[str, Place]] = {
    "anthropic": Place(_WIRED, "anthropic", "anthropic:claude-sonnet-4-5"),
    "function": Place("podium.models.functions", "", "function:NAME"),
    "google": Place(_WIRED, "google", "google:gemini-2.5-flash"),
    "llamacpp": Place(_WIRED, "models", "llamacpp:default@http://127.0.0.1:8080/v1"),
    "local": Place("podium.models.local", "local", "local:smollm2"),
    "mistral": Place(_WIRED, "mistral", "mistral:mistral-small-latest"),
    "ollama": Place(_WIRED, "models", "ollama:qwen3"),
    "openai": Place(_WIRED, "models", "openai:gpt-5-mini"),
    "scripted": Place("podium.models.scripted", "", "scripted:NAME"),
    "vllm": Place(_WIRED, "models", "vllm:qwen3@http://127.0.0.1:8000/v1"),
}
"""Name → where the providers that come with Podium are made."""

_registered: Final[dict[str, Provider]] = {}
"""Name → those that were made, or registered by somebody else."""


class ModelName(NamedTuple):
    """A model string, taken apart.

    Attributes:
        provider: Who answers for it.
        model: What the provider calls it.
        address: Where it is; empty: at the provider's own address.
    """

    provider: str
    model: str
    address: str = ""


def register_provider(name: str, provider: Provider) -> None:
    """Have a provider answer for the models ``name:…``; the newest of a name counts.

    Args:
        name: What stands before the colon: lower-case letters, digits, hyphens.
        provider: Answers for them.

    Raises:
        ModelUnknown: The name is no such word.
    """
    if not name.replace("-", "").isalnum() or name != name.lower():
        raise ModelUnknown(
            f"register_provider({name!r}): a provider's name has lower-case letters, digits, hyphens."
        )
    _registered[name] = provider


def parse(model: str) -> ModelName:
    """Take a model string apart.

    Raises:
        ModelUnknown: It is none.
    """
    provider, colon, rest = model.partition(":")
    if not colon or not provider or not rest or rest.startswith("//"):
        near = [place.example for name, place in PLACES.items() if name in model]
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ModelUnknown(
            f"{model!r} is no model: expected provider:model, such as 'openai:gpt-5-mini' or "
            f"'openai:any@http://127.0.0.1:8080/v1'.{hint}"
        )
    name, at, address = rest.partition("@http")
    return ModelName(provider, name, f"http{address}" if at else "")


def provider_of(name: str) -> Provider:
    """Return the provider of that name.

    Raises:
        ModelUnknown: There is none; near names are told. Or what it needs is not installed.
    """
    found = _registered.get(name)
    if found is not None:
        return found
    place = PLACES.get(name)
    if place is None:
        raise ModelUnknown(_unknown(name))
    try:
        made: Provider = importlib.import_module(place.module).provider(name)
    except ImportError as problem:
        raise _not_installed(name, place, problem) from problem
    _registered[name] = made
    return made


def resolve(model: str) -> tuple[Provider, str]:
    """Return who answers for a model, and what stands behind the provider's name.

    Raises:
        ModelUnknown: The string is no model, or nobody answers for it.
    """
    return provider_of(parse(model).provider), model.partition(":")[2]


def known() -> list[str]:
    """Return the names of all providers, in order."""
    return sorted({*PLACES, *_registered})


def _not_installed(name: str, place: Place, problem: ImportError) -> ModelUnknown:
    return ModelUnknown(
        f"The provider {name!r} needs packages that are not here ({problem}): "
        f"pip install 'podium[{place.extra}]'."
        if place.extra
        else f"The provider {name!r} cannot be imported: {problem}."
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, known(), n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(map(repr, near))}? " if near else ""
    return (
        f"There is no provider {name!r} of models. {hint}Known: {', '.join(known())}. One of your own "
        "is registered by podium.models.register_provider, in a module that every worker imports; "
        "any server with OpenAI's interface is 'openai:MODEL@http://HOST/v1'."
    )
