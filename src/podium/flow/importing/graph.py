"""Which task of a list comes after which: what ``then`` and ``switch`` say, as a graph.

From it comes the structure: where branches meet again, and where a list goes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum


class End(Enum):
    """Where a list of tasks can end."""

    EXIT = "exit"
    """The list is over; what stands behind it goes on."""
    END = "end"
    """The whole workflow is over."""
    SKIPPED = "skipped"
    """A task was not done, so its ``then`` does not count."""


Target = int | End
"""The index of a task, or an end."""


class Graph:
    """The tasks of one list."""

    def __init__(self, following: Mapping[int, tuple[Target, ...]]) -> None:
        self._following = following

    def reachable(self, start: Target, stops: Iterable[Target] = ()) -> set[Target]:
        """Return what can come from a target on, itself included, not looking behind stops."""
        closed = frozenset(stops)
        found: set[Target] = {start}
        waiting = [start]
        while waiting:
            for target in self._next(waiting.pop(), closed):
                if target not in found:
                    found.add(target)
                    waiting.append(target)
        return found

    def repeats(self, task: Target, stops: Iterable[Target]) -> bool:
        """Whether a task can come again after itself without passing a stop."""
        closed = frozenset(stops)
        return any(
            task in self.reachable(target, closed)
            for target in self._next(task, frozenset())
            if target not in closed
        )

    def cuts(self, targets: Iterable[Target], stops: Iterable[Target]) -> frozenset[Target]:
        """Return the tasks that several ways come to: there they end, so that each is written once.

        What lies on a circle with one of the targets is left out: the circle belongs to its way.
        """
        closed = frozenset(stops)
        starts = list(targets)
        ways = {start: self.reachable(start, closed) for start in starts}
        counts = Counter(target for start in starts for target in ways[start])
        shared = {target for target, count in counts.items() if count > 1} - closed - set(End)
        circles: set[Target] = set()
        for start, way in ways.items():
            if start not in closed and self.repeats(start, closed):
                circles |= {
                    target for target in shared & way if start in self.reachable(target, closed)
                }
        return frozenset(shared - circles)

    def _next(self, target: Target, closed: frozenset[Target]) -> tuple[Target, ...]:
        if isinstance(target, End) or target in closed:
            return ()
        return self._following.get(target, ())
