"""How much an agent may use, and what is left of it: pure decisions."""

from __future__ import annotations

from dataclasses import dataclass

from podium.agents.transcript import Spent, Stopped
from podium.core.durations import Duration, some_seconds
from podium.core.errors import InvalidOption
from podium.models.messages import Message, Reply

CHARS_A_TOKEN = 4
"""So many characters are taken for one token where nobody has counted."""
_REPLY_TOKENS_MIN = 64
_REPLY_TOKENS = 1_000
"""What a reply is taken to need, until one has been longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much an agent may use.

    At a limit it is told to answer with what it has, in a last turn without tools, which counts
    too; if it does not, it ends with :class:`AgentLimitReached`.

    Attributes:
        turns: Replies of the model.
        calls: Calls of tools.
        calls_a_turn: Calls of one reply that are made; the others are told that they were not.
        tokens: Of all its model calls.
        usd: US dollars of all its model calls; a model whose price is not known is refused.
        time: How long it may take until it has to answer, the waiting for people included.
        faults: Replies in a row that are no call and no answer: empty, cut, not fitting.
        observation_chars: A longer result is cut; the model is told how to read the rest.

    Raises:
        InvalidOption: One makes no sense.
    """

    turns: int = 20
    calls: int = 100
    calls_a_turn: int = 16
    tokens: int | None = None
    usd: float | None = None
    time: Duration | None = None
    faults: int = 4
    observation_chars: int = 20_000

    def __post_init__(self) -> None:
        for name in ("turns", "calls_a_turn", "tokens", "usd", "faults"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidOption(f"Limits({name}={value!r}): expected more than nothing.")
        if self.calls < 0:
            raise InvalidOption(f"Limits(calls={self.calls!r}): at least 0.")
        if self.observation_chars < 200:
            raise InvalidOption(
                f"Limits(observation_chars={self.observation_chars!r}): at least 200."
            )
        if self.time is not None:
            some_seconds(self.time, what="Limits(time)")

    @property
    def time_s(self) -> float | None:
        """How long it may take, in seconds."""
        return None if self.time is None else some_seconds(self.time, what="Limits(time)")

    @property
    def is_costed(self) -> bool:
        """Whether what its model calls use is limited."""
        return self.tokens is not None or self.usd is not None


class Meter:
    """What was used of some limits.

    Args:
        limits: How much may be.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._longest_tokens = 0
        self._dearest_usd = 0.0
        self.spent: Spent = Spent()

    def reply(self, reply: Reply) -> None:
        """Count a reply of the model."""
        old, cost = self.spent, reply.cost_usd
        usd = None if old.usd is None or cost is None else old.usd + cost
        self._longest_tokens = max(self._longest_tokens, reply.usage.output_tokens)
        self._dearest_usd = max(self._dearest_usd, cost or 0.0)
        self.spent = Spent(old.turns, old.calls, old.usage + reply.usage, usd)

    def turn(self) -> int:
        """Count a turn that begins; return its number."""
        old = self.spent
        self.spent = Spent(old.turns + 1, old.calls, old.usage, old.usd)
        return self.spent.turns

    def call(self) -> bool:
        """Count a call; tell whether it may be made."""
        old = self.spent
        if old.calls >= self._limits.calls:
            return False
        self.spent = Spent(old.turns, old.calls + 1, old.usage, old.usd)
        return True

    def reached(self, input_tokens: int) -> Stopped:
        """Tell which limit leaves room for one more turn only; empty: there is more.

        Args:
            input_tokens: What the next turn will send, about.
        """
        limits, spent = self._limits, self.spent
        if spent.turns >= limits.turns - 1:
            return "turns"
        if limits.calls and spent.calls >= limits.calls:
            return "calls"
        each = input_tokens + max(_REPLY_TOKENS, self._longest_tokens)
        if limits.tokens is not None and spent.usage.tokens + 2 * each > limits.tokens:
            return "tokens"
        dearest = self._dearest_usd
        if limits.usd is not None and (spent.usd is None or spent.usd + 2 * dearest > limits.usd):
            return "usd"
        return ""

    def tokens_left(self, input_tokens: int) -> int | None:
        """Return how long a reply may be so that the limit of tokens holds; None: there is none.

        Args:
            input_tokens: What is sent, about.
        """
        if self._limits.tokens is None:
            return None
        return max(_REPLY_TOKENS_MIN, self._limits.tokens - self.spent.usage.tokens - input_tokens)

    def is_over(self) -> bool:
        """Whether not even a last turn can be had."""
        limits, spent = self._limits, self.spent
        return (
            spent.turns >= limits.turns
            or (limits.tokens is not None and spent.usage.tokens >= limits.tokens)
            or (limits.usd is not None and (spent.usd or 0.0) >= limits.usd)
        )


def tokens_of(messages: list[Message]) -> int:
    """Return about how many tokens some messages are."""
    return sum(map(_chars_of, messages)) // CHARS_A_TOKEN


def _chars_of(message: Message) -> int:
    chars = len(message.text) + len(message.thought) + 16
    for call in message.calls:
        chars += len(call.name) + len(str(call.arguments)) + 16
    return chars
