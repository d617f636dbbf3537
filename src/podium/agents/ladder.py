"""What follows when an agent does not get on: it is warned, has to change its approach, is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from podium.agents.guards import Finding, Guard, Seen, Step, first_finding
from podium.agents.transcript import Turn

SET_ASIDE_TURNS: Final = 3
"""For so many turns tools are set aside when the approach has to change."""
FORGIVEN_TURNS: Final = 8
"""After so many turns in which a guard found nothing, its next finding is the first again."""
_TRIED_MAX: Final = 6
_ORDER: Final[tuple[Step, ...]] = ("warn", "change", "stop")


class Rung(NamedTuple):
    """What is to be done about a finding.

    Attributes:
        step: ``warn``, ``change`` or ``stop``.
        finding: What was found.
        text: What the model is told.
    """

    step: Step
    finding: Finding
    text: str


@dataclass(slots=True)
class _Place:
    """Where one guard stands: how often it has found something, and when last."""

    times: int = 0
    turn: int = 0


class Ladder:
    """Asks the guards after each turn, and says what follows.

    Args:
        goal: What the agent was asked for.
        guards: Whom to ask, in this order.
    """

    def __init__(self, goal: str, guards: Sequence[Guard]) -> None:
        self._goal = goal
        self._guards = tuple(guards)
        self._places = {id(guard): _Place() for guard in self._guards}
        self._aside: dict[str, int] = {}

    def climb(self, turns: Sequence[Turn]) -> Rung | None:
        """Return what is to be done after the newest turn; None where everything is well.

        Args:
            turns: All of them, in order.
        """
        now = turns[-1].number if turns else 0
        found = first_finding(
            self._guards, lambda guard: Seen(self._goal, turns, self._places[id(guard)].turn)
        )
        if found is None:
            return None
        guard, finding = found
        place = self._places[id(guard)]
        if now - place.turn > FORGIVEN_TURNS:
            place.times = 0
        step = _ORDER[min(place.times, _ORDER.index(finding.most))]
        place.times, place.turn = place.times + 1, now
        if step == "change":
            self._aside.update(dict.fromkeys(finding.tools, now + SET_ASIDE_TURNS))
        return Rung(step, finding, _told(step, finding, turns))

    def set_aside(self, turn: int) -> frozenset[str]:
        """Return the tools that may not be called in a turn."""
        return frozenset(tool for tool, until in self._aside.items() if turn <= until)

    def forgive(self) -> None:
        """Begin anew: somebody has given advice."""
        for place in self._places.values():
            place.times = 0
        self._aside.clear()


def _told(step: Step, finding: Finding, turns: Sequence[Turn]) -> str:
    if step == "warn":
        return f"{finding.message} Do something else, or answer with what you have."
    tried = "\n".join(f"- {one}" for one in _tried(turns))
    aside = ", ".join(finding.tools)
    text = f"{finding.message} This does not lead to the goal. What you have tried:\n{tried}\n"
    if aside:
        text += f"For the next {SET_ASIDE_TURNS} turns you cannot call {aside}. "
    return (
        f"{text}Go about it in another way, or answer with what you have and say what is missing."
    )


def _tried(turns: Sequence[Turn]) -> list[str]:
    """Say the newest different calls and what came of them."""
    said: dict[str, None] = {}
    for turn in reversed(turns):
        for call, seen in turn.actions:
            said.setdefault(
                f"{seen.tool} {call.arguments!s:.120}: {' '.join(seen.text.split()):.120}"
            )
            if len(said) == _TRIED_MAX:
                return list(said)
    return list(said)
