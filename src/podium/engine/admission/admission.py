"""All doors of one worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from podium.core.context import StepOptions
from podium.core.errors import ErrorInfo
from podium.core.policies import Breaker, Concurrency, Rate
from podium.core.priority import priority_of
from podium.core.spec import TaskOptions, TaskSpec
from podium.engine.admission.breaker import BreakerDoor
from podium.engine.admission.desk import Desk
from podium.engine.admission.keys import shared_key
from podium.engine.admission.passage import Door, Passage, Visitor
from podium.engine.admission.pool import Pool

DOORS_MAX: Final = 1_000
"""With more of them, those that nobody uses are forgotten."""


class Knocking(Protocol):
    """A step, as it comes to the doors."""

    @property
    def path(self) -> str: ...
    @property
    def spec(self) -> TaskSpec: ...
    @property
    def options(self) -> StepOptions: ...
    @property
    def run(self) -> Any: ...


class Admission:
    """Lets attempts through the limits and breakers that their tasks name."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._doors: dict[tuple[type, str], Pool | BreakerDoor] = {}

    def passage(
        self, step: Knocking, arguments: Mapping[str, Any], passed: Callable[[], None],
        refused: Callable[[ErrorInfo], None], waits: Callable[[], None],
    ) -> Passage:  # fmt: skip
        """Return an attempt's way through its doors; it has still to ``enter``.

        Raises:
            KeyWithoutValue: A key names an argument that cannot be part of a key.
        """
        run, options = step.run, step.spec.options
        tenant = run.headers.get("tenant")
        priority = priority_of(run.headers, options.priority)
        visitor = Visitor(
            run.id, step.path, priority, str(tenant or run.id), step.options.has_fallback
        )
        doors = self._doors_of(options, arguments)
        return Passage(doors, visitor, run.clock_us(), passed, refused, waits)

    def _doors_of(self, options: TaskOptions, arguments: Mapping[str, Any]) -> tuple[Door, ...]:
        """Return the doors in their order.

        A breaker that is open keeps nobody else waiting, and a rate is drawn on last, for it
        counts from then on.
        """
        return tuple(
            self._door(option, shared_key(option.key, arguments))
            for option in (options.breaker, options.concurrency, options.rate)
            if option is not None
        )

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

    def look(self) -> None:
        """Another process has committed: see whether that lets anybody through."""
        for door in list(self._doors.values()):
            door.look()

    def close(self) -> None:
        """Forget everything: the store takes back what this worker held."""
        for door in self._doors.values():
            door.close()
        self._doors.clear()
