"""The calls of one reply: whatever happens, each of them has exactly one result."""

from __future__ import annotations

import re

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from podium.agents.observing import not_called
from podium.agents.toolbox import ANSWER
from podium.agents.transcript import Observation, Turn
from podium.functions import structure
from podium.models.messages import Reply, ToolCall, Usage

_NOT_ALLOWED: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARS_MAX: Final = 64
_CUT: Final = "the time was over. It may have been done; nobody has seen its result."

Carry = Callable[[ToolCall], Awaitable[Observation]]
"""Carries out a call and says what came of it."""


class OpenTurn:
    """A turn whose calls are being carried out.

    Args:
        number: Of the turn.
        replies: Of the model; the last one has the calls.
        calls_max: So many of them are carried out.
        taken: The ids of the calls so far; those of these calls are added.
    """

    def __init__(self, number: int, replies: list[Reply], calls_max: int, taken: set[str]) -> None:
        reply = replies[-1]
        self.number: int = number
        self.reply: Reply = reply
        self.asked: tuple[ToolCall, ...] = tuple(
            _with_own_id(one, f"call-{number}-{place}", taken)
            for place, one in enumerate(reply.calls, 1)
        )
        self._replies = replies
        self._calls_max = calls_max
        self._seen: list[Observation | None] = [None] * len(self.asked)
        self._is_begun = [False] * len(self.asked)

    @property
    def answer(self) -> ToolCall | None:
        """The call by which the model answers, if it is the only one."""
        is_answer = len(self.asked) == 1 and self.asked[0].name == ANSWER
        return self.asked[0] if is_answer else None

    def give(self, place: int, observation: Observation) -> None:
        """Say what came of a call; what was said first counts."""
        if self._seen[place] is None:
            self._seen[place] = observation

    async def carry_out(self, carry: Carry, *, at_once: bool) -> None:
        """Carry the calls out, each as a step of its own.

        Args:
            carry: Carries out one.
            at_once: All together, or one after the other.
        """
        for place in range(self._calls_max, len(self.asked)):
            why = f"a turn has {self._calls_max} calls at most. Call it in a turn of its own."
            self.give(place, not_called(self.asked[place], why))

        async def call(place: int) -> None:
            self._is_begun[place] = True
            self.give(place, await carry(self.asked[place]))

        places = [place for place, one in enumerate(self._seen) if one is None]
        if places:
            await structure.map(
                call, places, key=_number, concurrency=len(places) if at_once else 1
            )

    def closed(self, *notes: str) -> Turn:
        """Return the turn, with a result for each call."""
        seen = [
            one or self._cut(place) for place, one in enumerate(self._seen)
        ]  # fmt: skip
        calls = tuple(msgspec.structs.replace(one, name=_written(one.name)) for one in self.asked)
        message = msgspec.structs.replace(self.reply.message, role="assistant", calls=calls)
        costs = [one.cost_usd for one in self._replies]
        known = [one for one in costs if one is not None]
        usage = sum((one.usage for one in self._replies), Usage())
        return Turn(
            self.number, message, tuple(seen), notes, usage,
            sum(known) if len(known) == len(costs) else None, self.reply.model,
        )  # fmt: skip

    def _cut(self, place: int) -> Observation:
        call = self.asked[place]
        if not self._is_begun[place]:
            return not_called(call, "the time was over.")
        text = f"{call.name} was cut off: {_CUT}"
        return Observation(call.id, call.name, text, "cut", did_run=True)


def _with_own_id(call: ToolCall, otherwise: str, taken: set[str]) -> ToolCall:
    """Return a call with an id that no other of the conversation has."""
    found, times = call.id, 1
    while not found or found in taken:
        found, times = (otherwise if times == 1 else f"{otherwise}-{times}"), times + 1
    taken.add(found)
    return call if found == call.id else ToolCall(found, call.name, call.arguments)


def _number(place: int) -> int:
    return place + 1


def _written(name: str) -> str:
    """Return a name of a tool as every provider allows it in a conversation."""
    return _NOT_ALLOWED.sub("_", name.replace(".", "__"))[:_NAME_CHARS_MAX] or "unnamed"
