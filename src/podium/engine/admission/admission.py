"""All doors of one worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from podium.core.policies import Breaker, Concurrency, Rate
from podium.core.spec import TaskSpec
from podium.engine.admission.breaker import BreakerDoor
from podium.engine.admission.budget import BudgetDoor
from podium.engine.admission.desk import Desk
from podium.engine.admission.keys import shared_key
from podium.engine.admission.passage import Door, Passage, Visitor
from podium.engine.admission.pool import Pool

DOORS_MAX: Final = 1_000
"""With more of them, those that nobody uses are forgotten."""


class Admission:
    """Lets attempts through the limits and breakers that their tasks name."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.budgets = BudgetDoor(desk)
        self._doors: dict[tuple[type, str], Pool | BreakerDoor] = {}
        self._usual: dict[TaskSpec, tuple[tuple[Door, ...], BreakerDoor | None]] = {}
        """The doors of tasks whose keys name no argument."""

    def passage(
        self, step: Visitor, arguments: Callable[[], Mapping[str, Any]], since_us: int
    ) -> Passage:
        """Return an attempt's way through its doors; it has still to ``enter``.

        Raises:
            KeyWithoutValue: A key names an argument that cannot be part of a key.
        """
        found = self._usual.get(step.spec)
        if found is None:
            found = self._doors_of(step.spec, arguments)
        doors, judge = found
        if step.tab is not None and step.tab.needs_room:
            doors = (self.budgets, *doors)
        return Passage(step, doors, judge, since_us)

    def _doors_of(
        self, spec: TaskSpec, arguments: Callable[[], Mapping[str, Any]]
    ) -> tuple[tuple[Door, ...], BreakerDoor | None]:
        """Return the doors in their order, behind the budgets.

        A breaker that is open keeps nobody else waiting, and a rate is drawn on last, for it
        counts from then on.
        """
        options = spec.options
        wanted = [one for one in (options.breaker, options.concurrency, options.rate) if one]
        if any("{" in one.key for one in wanted):
            given = arguments()
            doors = [self._door(one, shared_key(one.key, given)) for one in wanted]
            return tuple(doors), _judge(doors)
        doors = [self._door(one, one.key) for one in wanted]
        found = tuple(doors), _judge(doors)
        if len(self._usual) >= DOORS_MAX:
            self._usual.clear()
        self._usual[spec] = found
        return found

    def _door(self, option: Breaker | Concurrency | Rate, key: str) -> Pool | BreakerDoor:
        name = (type(option), key)
        door = self._doors.get(name)
        if door is None:
            if len(self._doors) >= DOORS_MAX:
                self._forget_unused()
            if isinstance(option, Breaker):
                door = BreakerDoor(self._desk, key, option)
            else:
                door = Pool(self._desk, key, option)
            self._doors[name] = door
        door.option = option  # a task that was redefined may change it
        return door

    def _forget_unused(self) -> None:
        for name, door in list(self._doors.items()):
            if door.is_unused:
                door.close()
                del self._doors[name]
        self._usual.clear()

    def look(self) -> None:
        """Somebody has committed: see whether that lets anybody through."""
        self.budgets.look()
        for door in list(self._doors.values()):
            door.look()

    def settle(self) -> None:
        """Tell and give back what can be: this worker is about to close."""
        for door in self._doors.values():
            door.settle()

    def close(self) -> None:
        """Forget everything: the store takes back what this worker held."""
        self.budgets.close()
        for door in self._doors.values():
            door.close()
        self._doors.clear()
        self._usual.clear()


def _judge(doors: list[Pool | BreakerDoor]) -> BreakerDoor | None:
    return next((door for door in doors if isinstance(door, BreakerDoor)), None)
