"""What an agent has thought, done and seen: data that people, guards and tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

from podium.models.messages import Message, ToolCall, Usage

T = TypeVar("T")

Stopped = Literal["", "turns", "calls", "tokens", "usd", "time"]
"""The limit at which an agent had to answer; empty where it was done by itself."""


class Observation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of one call, as the model is told.

    Attributes:
        call_id: The call that it answers.
        tool: The tool with its version; as it was asked for where there is none.
        text: What the model is told.
        code: Empty where there is a value. Else ``unknown-tool``, ``arguments-invalid``,
            ``tool-refused`` and ``approval-refused`` (and other words of policies), ``proposed``,
            ``set-aside``, ``not-called``, ``cut``, or that of the tool's failure.
        did_run: Whether the tool may have done something.
        whole: Under which reference the whole of a text can be read that was cut.
        labels: Where the text comes from.
    """

    call_id: str
    tool: str
    text: str
    code: str = ""
    did_run: bool = False
    whole: str = ""
    labels: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether the call has no value."""
        return bool(self.code)

    @property
    def message(self) -> Message:
        """The observation as a message of the conversation."""
        return Message(
            "tool", self.text, call_id=self.call_id, name=self.tool, is_error=self.is_error,
            labels=self.labels,
        )  # fmt: skip


class Action(NamedTuple):
    """A call, and what came of it."""

    call: ToolCall
    observation: Observation


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One round of the loop: what the model said, and what came of its calls.

    Attributes:
        number: From 1.
        message: What the model said: its thought, its text, its calls.
        observations: One for each call, in the order of the calls.
        notes: What the model was told behind it: complaints, warnings of guards, limits.
        usage: What the model used.
        cost_usd: What it cost, in US dollars; None where the price is not known.
        model: Which model it was.
    """

    number: int
    message: Message
    observations: tuple[Observation, ...] = ()
    notes: tuple[str, ...] = ()
    usage: Usage = Usage()
    cost_usd: float | None = None
    model: str = ""

    @property
    def thought(self) -> str:
        """Why it did what it did: the model's thought, or the text beside its calls."""
        return self.message.thought or (self.message.text if self.message.calls else "")

    @property
    def actions(self) -> tuple[Action, ...]:
        """Its calls with what came of them."""
        return tuple(map(Action, self.message.calls, self.observations))

    def messages(self) -> Iterator[Message]:
        """Give it as the messages of the conversation; every call has exactly one result."""
        yield self.message
        for one in self.observations:
            yield one.message
        if self.notes:
            yield Message("user", "\n".join(self.notes))


class Proposal(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call that the agent would make, and may not.

    Attributes:
        tool: Its name.
        arguments: Checked and mended.
        thought: Why, in the model's words.
    """

    tool: str
    arguments: dict[str, Any]
    thought: str = ""


class Spent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent has used.

    Attributes:
        turns: Replies of the model.
        calls: Calls that were made.
        usage: Tokens.
        usd: US dollars; None where a price is not known.
    """

    turns: int = 0
    calls: int = 0
    usage: Usage = Usage()
    usd: float | None = 0.0


class AgentResult(msgspec.Struct, Generic[T], frozen=True, omit_defaults=True):
    """What an agent came to.

    Attributes:
        answer: In the type of its output.
        turns: What it thought, did and saw, in order.
        stopped_by: The limit at which it had to answer; empty where it was done by itself.
        proposals: Calls that it would make, and may not.
        spent: What it used.
    """

    answer: T
    turns: tuple[Turn, ...] = ()
    stopped_by: Stopped = ""
    proposals: tuple[Proposal, ...] = ()
    spent: Spent = Spent()
