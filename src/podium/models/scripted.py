"""A model that answers from a script: for tests, examples, and whatever must cost nothing.

Which reply it gives follows from the conversation alone, never from what the process has done
before: so it says the same after a crash, in another process, and when an attempt is repeated.
"""

from __future__ import annotations

import inspect
import itertools

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from podium.core.errors import InvalidOption
from podium.models.errors import ModelUnknown, ScriptEnded, said
from podium.models.messages import Message, Reply, Request
from podium.models.provider import Abilities, Provider, Say
from podium.models.replies import Short, pieces, reply_of

Script = Iterable[Short] | Callable[[], Iterable[Short]]
"""Replies in order: a list, or a generator function, which is run anew for each reply."""

_scripts: Final[dict[str, ScriptedModel]] = {}
_ASKED_MAX: Final = 10_000
_REPLIES_MAX: Final = 100_000


class ScriptedModel:
    """A model whose replies are written down: ``scripted:NAME``.

    The reply to a request is the one at the place that the conversation has come to: the number of
    the assistant's messages in it. So each conversation begins at the first reply.

    Attributes:
        name: The model is ``scripted:NAME``; the newest of a name counts.
        abilities: What it can do by itself.
        asked: What it was asked in this process, the newest 10,000.

    Args:
        name: As above.
        replies: In order. A text, a :class:`ToolCall`, a list of calls, a message, a reply, other
            JSON (its text is the answer), an exception to be raised, or a function of the request
            that returns one of these. Or a mapping: what must stand in the opening of a
            conversation (in its system or user messages before the first reply) → the replies to
            such a one; the first key that is found counts, and ``""`` stands in every one.
        abilities: What it can do by itself.
        cycle: Whether it begins anew where the script ends.
    """

    def __init__(
        self, name: str, replies: Script | Mapping[str, Script], *,
        abilities: Abilities | None = None, cycle: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self.abilities = abilities or Abilities()
        self.asked: deque[Request] = deque(maxlen=_ASKED_MAX)
        self._cycles = cycle
        self._scripts: dict[str, Script] = (
            {key: _kept(one) for key, one in replies.items()}
            if isinstance(replies, Mapping)
            else {"": _kept(replies)}
        )
        _scripts[name] = self

    @property
    def model(self) -> str:
        """The model string."""
        return f"scripted:{self.name}"

    def __str__(self) -> str:
        return self.model

    def short(self, request: Request) -> Short:
        """Return what the script has for a request.

        Raises:
            ScriptEnded: Nothing.
        """
        at = sum(message.role == "assistant" for message in request.messages)
        opening = _opening(request)
        for key, script in self._scripts.items():
            if key in opening:
                return self._at(script, at, request)
        raise ScriptEnded(
            f"{self.model} has no script for this conversation, which begins {said(opening)!r}; it has "
            f"scripts for those with {', '.join(map(repr, self._scripts))} in them."
        )

    def _at(self, script: Script, at: int, request: Request) -> Short:
        replies = script() if callable(script) else script
        if self._cycles:
            replies = itertools.cycle(replies)
        found = list(itertools.islice(replies, at, at + 1)) if at < _REPLIES_MAX else []
        if found:
            return found[0]
        count = sum(1 for _ in (script() if callable(script) else script))
        raise ScriptEnded(
            f"The script of {self.model} has {count} replies, and it was asked for number {at + 1}. "
            f"It was asked: {_shown(request.messages[-1:])}"
        )


def _kept(script: Script) -> Script:
    """Return a script that can be read again and again."""
    if inspect.isgenerator(script):
        raise InvalidOption(
            "ScriptedModel was given a generator, which can be read only once; give it the generator "
            "function, without the brackets: each reply is found by running it anew."
        )
    if isinstance(script, str):
        raise InvalidOption(
            f"ScriptedModel was given the text {said(script)!r}; expected a list of replies: "
            f"[{said(script)!r}]."
        )
    return script if callable(script) else list(script)


def _opening(request: Request) -> str:
    first = itertools.takewhile(lambda message: message.role != "assistant", request.messages)
    return "\n".join(message.text for message in first)


def _shown(messages: Iterable[Message]) -> str:
    return " ".join(f"{one.role}: {said(one.text)!r}" for one in messages) or "nothing"


class Scripts:
    """Answers for ``scripted:…``."""

    def abilities(self, model: str) -> Abilities:
        """Return what a model can do."""
        return script_of(model).abilities

    async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
        """Return the reply that the script has.

        Raises:
            ScriptEnded: It has none.
        """
        script = script_of(model)
        script.asked.append(request)
        short = script.short(request)
        if callable(short):
            short = short(request)
            if inspect.isawaitable(short):
                short = await short
        reply = reply_of(short, script.model, request)
        say_in_pieces(reply, say)
        return reply


def say_in_pieces(reply: Reply, say: Say | None) -> None:
    """Say the text of a whole reply as a stream would."""
    if say is not None:
        for piece in pieces(reply.text):
            say(piece)


def script_of(name: str) -> ScriptedModel:
    """Return the script of that name.

    Raises:
        ModelUnknown: This process has none.
    """
    found = _scripts.get(name)
    if found is None:
        there = ", ".join(f"scripted:{one}" for one in sorted(_scripts)) or "none"
        raise ModelUnknown(
            f"There is no script {name!r} in this process (there are: {there}). Make the "
            f"ScriptedModel({name!r}, […]) in a module that every worker imports."
        )
    return found


def provider(name: str) -> Provider:  # noqa: ARG001 - one provider has one name
    """Return what answers for ``scripted:…``."""
    return Scripts()


def with_usage(reply: Reply, **usage: Any) -> Reply:
    """Return a reply that says that it used and cost something else.

    Args:
        reply: The reply.
        usage: Fields of :class:`Reply`, such as ``cost_usd`` and ``usage``.
    """
    return msgspec.structs.replace(reply, **usage)
