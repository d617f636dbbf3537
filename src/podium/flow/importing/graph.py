"""Which task of a list comes after which: what ``then`` and ``switch`` say, as a graph.

From it comes the structure: where branches meet again, and where a list goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final


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
_ALL: Final = -1


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

    def join(self, targets: Iterable[Target], stops: Iterable[Target]) -> Target | None:
        """Return the first target that all ways from these pass, or None."""
        starts = list(targets)
        closed = frozenset(stops)
        number: dict[Target, int] = {}
        for start in starts:
            for target in self.reachable(start, closed):
                number.setdefault(target, len(number))
        passed = self._passed(number, closed)
        common = _ALL
        for start in starts:
            common &= passed[start]
        if common == _ALL:
            return None
        shared = [target for target, bit in number.items() if common >> bit & 1]
        return max(shared, key=lambda target: passed[target].bit_count(), default=None)

    def _passed(self, number: dict[Target, int], closed: frozenset[Target]) -> dict[Target, int]:
        """Return for each target what every way from it to an end passes, as bits.

        A target from which no way ends passes everything: it does not count where ways meet.
        """
        passed = dict.fromkeys(number, _ALL)
        order = sorted(number, key=lambda target: target if isinstance(target, int) else 10**9)
        changed = True
        while changed:
            changed = False
            for target in reversed(order):
                onward = self._next(target, closed)
                ends = isinstance(target, End) or target in closed
                common = 0 if ends else _ALL
                for one in onward:
                    common &= passed[one]
                found = common if common == _ALL else common | 1 << number[target]
                if found != passed[target]:
                    passed[target] = found
                    changed = True
        return passed

    def _next(self, target: Target, closed: frozenset[Target]) -> tuple[Target, ...]:
        if isinstance(target, End) or target in closed:
            return ()
        return self._following.get(target, ())
