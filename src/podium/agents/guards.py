"""Guards: whether an agent still gets on, told from what it has done so far. Pure decisions.

A guard looks at the turns and says what it found, or nothing. What follows is not its business: the
ladder (``podium.agents.ladder``) warns the model, makes it change its approach, stops it.
"""

from __future__ import annotations

import re

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import msgspec

from podium.agents.transcript import Action, Turn

Step = Literal["warn", "change", "stop"]
"""What may follow of a finding: the model is warned, its approach is changed, it is stopped."""


class Seen(NamedTuple):
    """What a guard is given.

    Attributes:
        goal: What the agent was asked for.
        turns: What it did, in order.
        since: The turn after which the same guard has found something before; 0 if it has not.
    """

    goal: str
    turns: Sequence[Turn]
    since: int = 0

    @property
    def actions(self) -> list[Action]:
        """Every call with what came of it, in order."""
        return [one for turn in self.turns for one in turn.actions]

    @property
    def acting(self) -> list[Turn]:
        """The turns with calls since the last finding."""
        return [one for one in self.turns if one.number > self.since and one.message.calls]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that keeps an agent from getting on.

    Attributes:
        code: A word for it, which the run's warning has behind ``agent-``.
        message: What was seen, in words for the model.
        tools: The tools that are set aside for some turns when the approach has to change.
        most: How far up the ladder it may go.
    """

    code: str
    message: str
    tools: tuple[str, ...] = ()
    most: Step = "stop"


Guard = Callable[[Seen], Finding | None]
"""Says what keeps an agent from getting on, or None."""

_WORD: Final = re.compile(r"[^\W_]{3,}")
_STEM_CHARS: Final = 5
_COMMON: Final = frozenset(
    _WORD.findall(
        "about after all and any are ask been but can could did does done each else for from get give had "
        "has have her him his how into its just know let like made make may more most must need not now "
        "off one only our out over own please put say see she should show some such take tell than that "
        "the their them then there these they this those use used user was way were what when where "
        "which while who why will with would you your"
    )
)


@dataclass(frozen=True, slots=True)
class SameCall:
    """The same tool with the same arguments gave the same result again and again.

    Attributes:
        times: How often is too often.
    """

    times: int = 3

    def __call__(self, seen: Seen) -> Finding | None:
        """Say so if the newest call did."""
        actions = seen.actions
        for action in _newest(seen):
            same = sum(_key(one) == _key(action) for one in actions)
            if same >= self.times:
                tool = action.observation.tool
                message = f"You called {tool} with the same arguments {same} times, and it said the same each time."
                return Finding(code="same-call", message=message, tools=(tool,))
        return None


@dataclass(frozen=True, slots=True)
class PingPong:
    """Two calls take turns and nothing comes of it: A, B, A, B.

    Attributes:
        rounds: How many pairs are too many.
    """

    rounds: int = 2

    def __call__(self, seen: Seen) -> Finding | None:
        """Say so if the newest calls do."""
        newest = seen.actions[-2 * self.rounds :]
        keys = [_key(one) for one in newest]
        if len(keys) < 2 * self.rounds or keys[0] == keys[1] or keys != keys[:2] * self.rounds:
            return None
        one, other = newest[-2].observation.tool, newest[-1].observation.tool
        message = f"You go back and forth between two calls, of {one} and of {other}, and each says what it said before."
        return Finding(code="ping-pong", message=message, tools=tuple(dict.fromkeys((one, other))))


@dataclass(frozen=True, slots=True)
class NoProgress:
    """Turn after turn makes calls that were made before, and hears what was heard before.

    Attributes:
        turns: How many are too many.
    """

    turns: int = 4

    def __call__(self, seen: Seen) -> Finding | None:
        """Say so if the newest turns brought nothing new."""
        newest = seen.acting[-self.turns :]
        if len(newest) < self.turns:
            return None
        before = [turn for turn in seen.turns if turn.number < newest[0].number]
        known = {_key(one) for turn in before for one in turn.actions}
        if not {_key(one) for turn in newest for one in turn.actions} <= known:
            return None
        message = f"The last {self.turns} turns brought nothing that you did not know before."
        tools = tuple(dict.fromkeys(one.observation.tool for one in newest[-1].actions))
        return Finding(code="no-progress", message=message, tools=tools)


@dataclass(frozen=True, slots=True)
class RepeatedErrors:
    """Call after call fails.

    Attributes:
        times: How many in a row are too many.
    """

    times: int = 4

    def __call__(self, seen: Seen) -> Finding | None:
        """Say so if the newest calls did."""
        newest = [one for turn in seen.acting for one in turn.actions][-self.times :]
        if len(newest) < self.times or not all(one.observation.is_error for one in newest):
            return None
        codes = ", ".join(dict.fromkeys(one.observation.code for one in newest))
        tools = [one.observation.tool for one in newest]
        same = (tools[0],) if len(set(tools)) == 1 else ()
        message = f"Your last {self.times} calls had no result ({codes})."
        return Finding(code="repeated-errors", message=message, tools=same)


@dataclass(frozen=True, slots=True)
class Drift:
    """What the agent does has no word in common with the goal any more; by words alone, so it only warns.

    Attributes:
        turns: How many such turns are too many.
    """

    turns: int = 5

    def __call__(self, seen: Seen) -> Finding | None:
        """Say so if the newest turns share no word with the goal, nor with what the goal led to."""
        goal, newest = _words(seen.goal), seen.acting[-self.turns :]
        if not goal or len(newest) < self.turns or newest[0].number == 1:
            return None
        known = goal.union(*map(_words_of, seen.turns[: min(2, newest[0].number - 1)]))
        if any(known & _words_of(turn) for turn in newest):
            return None
        message = f"What you did in the last {self.turns} turns has nothing to do with the goal any more: {seen.goal:.300}"
        return Finding(code="drift", message=message, most="warn")


GUARDS: Final[tuple[Guard, ...]] = (
    PingPong(), NoProgress(), SameCall(), RepeatedErrors(), Drift(),
)  # fmt: skip
"""The guards that an agent has unless it is given others."""


def first_finding(guards: Iterable[Guard], seen: Callable[[Guard], Seen]) -> tuple[Guard, Finding] | None:  # fmt: skip
    """Return what the first guard found that found something, and which it was."""
    for guard in guards:
        found = guard(seen(guard))
        if found is not None:
            return guard, found
    return None


def _newest(seen: Seen) -> tuple[Action, ...]:
    return seen.turns[-1].actions if seen.turns else ()


def _key(action: Action) -> tuple[str, bytes, str]:
    """Return what makes two actions the same: call and result."""
    arguments = msgspec.json.encode(action.call.arguments, order="sorted")
    return action.observation.tool, arguments, action.observation.text


def _words_of(turn: Turn) -> frozenset[str]:
    calls = (f"{one.name} {one.arguments}" for one in turn.message.calls)
    return _words(f"{turn.message.thought} {turn.message.text} {' '.join(calls)}")


def _words(text: str) -> frozenset[str]:
    """Return the beginnings of the words of a text that mean something."""
    words = _WORD.findall(text.casefold().replace("_", " "))
    return frozenset(one[:_STEM_CHARS] for one in words if one not in _COMMON)
