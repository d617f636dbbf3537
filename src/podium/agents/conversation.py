"""The conversation of an agent: what the model is sent, made of whole turns.

It is kept as turns and never as a list of messages that anything could be cut out of. So a call and
its result cannot be separated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from podium.agents.limits import tokens_of
from podium.agents.transcript import Turn
from podium.models.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What was said so far.

    Attributes:
        system: What the model is for.
        goal: What it was asked for.
        turns: The turns that are sent as they were, the oldest first.
        summary: What stands for the turns before them; empty where all are sent.
        summary_labels: Where the text of those turns came from.
    """

    system: Message
    goal: Message
    turns: tuple[Turn, ...] = field(default=())
    summary: str = ""
    summary_labels: tuple[str, ...] = ()

    def messages(self) -> list[Message]:
        """Return it as the model is sent it."""
        found = [self.system] if self.system.text else []
        found.append(self.goal)
        if self.summary:
            found.append(Message("user", self.summary, labels=self.summary_labels))
        for turn in self.turns:
            found.extend(turn.messages())
        return found

    def with_turn(self, turn: Turn) -> Conversation:
        """Return it with one turn more."""
        return replace(self, turns=(*self.turns, turn))

    def with_note(self, text: str) -> Conversation:
        """Return it with something said to the model behind the newest turn."""
        if not self.turns:
            goal = Message("user", f"{self.goal.text}\n\n{text}", labels=self.goal.labels)
            return replace(self, goal=goal)
        newest = self.turns[-1]
        noted = Turn(
            newest.number, newest.message, newest.observations, (*newest.notes, text),
            newest.usage, newest.cost_usd, newest.model,
        )  # fmt: skip
        return replace(self, turns=(*self.turns[:-1], noted))

    def condensed(self, count: int, summary: str) -> Conversation:
        """Return it with a text in place of its oldest turns."""
        labels = {*self.summary_labels, *labels_of(self.turns[:count])}
        return replace(
            self,
            turns=self.turns[count:],
            summary=summary,
            summary_labels=tuple(sorted(labels)),
        )

    @property
    def tokens(self) -> int:
        """About how many tokens it is."""
        return tokens_of(self.messages())

    @property
    def labels(self) -> tuple[str, ...]:
        """Where its texts come from."""
        own = {*self.goal.labels, *self.summary_labels}
        return tuple(sorted(own | labels_of(self.turns)))


def labels_of(turns: Sequence[Turn]) -> set[str]:
    """Return where the texts of some turns come from."""
    return {label for turn in turns for one in turn.observations for label in one.labels}


def flaws(messages: Sequence[Message]) -> list[str]:
    """Return what is not well-formed in a conversation; nothing where every call has one result.

    The results of a message's calls stand right behind it, in any order, and no call of the whole
    conversation has the id of another.
    """
    found: list[str] = []
    open_calls: dict[str, str] = {}
    seen: set[str] = set()
    for place, message in enumerate(messages):
        if message.role == "tool":
            if open_calls.pop(message.call_id, None) is None:
                found.append(f"message {place}: a result of {message.call_id!r}, which is not open")
            continue
        found += [f"message {place}: {one!r} has no result" for one in open_calls]
        open_calls = {}
        for call in message.calls:
            if call.id in seen:
                found.append(f"message {place}: {call.id!r} is the id of another call too")
            seen.add(call.id)
            open_calls[call.id] = call.name
    return found + [f"{one!r} has no result" for one in open_calls]
