"""The port that every provider of models has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from podium.models.messages import Reply, Request

Say = Callable[[str], None]
"""Is given each piece of the reply's text as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a model can do by itself; what it cannot, Podium does in its place.

    Attributes:
        tools: It asks for calls of tools in a form of its own.
        schema: It keeps to a JSON Schema.
        grammar: It keeps to a grammar in GBNF.
    """

    tools: bool = True
    schema: bool = True
    grammar: bool = False


class Provider(Protocol):
    """Answers for models; it makes one attempt, and no retries of its own."""

    def abilities(self, model: str) -> Abilities:
        """Return what a model can do.

        Args:
            model: Its name, without the provider's.
        """
        ...

    async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
        """Ask a model once.

        Args:
            model: Its name, without the provider's.
            request: What it is asked.
            say: Where the pieces of the text go as they come; None: nobody listens.

        Raises:
            ModelError: It has no answer; the code and the status say why.
        """
        ...
