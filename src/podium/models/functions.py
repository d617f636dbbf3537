"""A model that is a function of the request: ``function:NAME``."""

from __future__ import annotations

import inspect

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from podium.models.errors import ModelUnknown
from podium.models.messages import Reply, Request
from podium.models.provider import Abilities, Provider, Say
from podium.models.replies import Short, reply_of
from podium.models.scripted import say_in_pieces

Answer = Callable[[Request], Short | Awaitable[Short]]
F = TypeVar("F", bound=Callable[..., Any])

_functions: Final[dict[str, tuple[Answer, Abilities]]] = {}


def function_model(name: str, *, abilities: Abilities | None = None) -> Callable[[F], F]:
    """Make a function of a request the model ``function:NAME``; the newest of a name counts.

    The function, plain or async, returns what a script may hold: a text, calls of tools, a message,
    a reply, other JSON, or an exception to be raised. It should depend on the request alone: then it
    says the same after a crash.

    Args:
        name: The model is ``function:NAME``.
        abilities: What it can do by itself.
    """

    def make(function: F) -> F:
        _functions[name] = (function, abilities or Abilities())
        return function

    return make


class Functions:
    """Answers for ``function:…``."""

    def abilities(self, model: str) -> Abilities:
        """Return what a model can do."""
        return _of(model)[1]

    async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
        """Return what the function says."""
        short = _of(model)[0](request)
        if inspect.isawaitable(short):
            short = await short
        reply = reply_of(short, f"function:{model}", request)
        say_in_pieces(reply, say)
        return reply


def _of(name: str) -> tuple[Answer, Abilities]:
    found = _functions.get(name)
    if found is None:
        there = ", ".join(f"function:{one}" for one in sorted(_functions)) or "none"
        raise ModelUnknown(
            f"There is no function {name!r} for a model in this process (there are: {there}). Decorate "
            f"it with @podium.models.function_model({name!r}) in a module that every worker imports."
        )
    return found


def provider(name: str) -> Provider:  # noqa: ARG001 - one provider has one name
    """Return what answers for ``function:…``."""
    return Functions()
