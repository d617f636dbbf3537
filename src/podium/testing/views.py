"""What programs saw: after each fact the same, live and in every replay."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from weakref import WeakKeyDictionary

from podium.engine.run import ActiveRun

View = tuple[Any, ...]


class Views:
    """Compares what a program knows after each fact with what it knew the first time.

    Attributes:
        faults: Where they differ, in words.
        is_on: Whether it compares; not when the code is changed on purpose.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.is_on = True
        self._seen: dict[tuple[int, int], list[View]] = defaultdict(list)
        self._delivered: WeakKeyDictionary[ActiveRun, tuple[int, int]] = WeakKeyDictionary()
        """Each run in memory: its incarnation and how many facts of that it has been given."""

    def delivered(self, run: ActiveRun) -> None:
        """Take note of a delivered fact."""
        if not self.is_on:
            return
        incarnation = run.row.incarnation
        before, count = self._delivered.get(run, (incarnation, 0))
        count = count if before == incarnation else 0
        self._delivered[run] = (incarnation, count + 1)
        view, seen = _view(run), self._seen[run.num, incarnation]
        if count < min(len(seen), len(run.program.history.facts)):
            if seen[count] != view:
                self.faults.append(
                    f"run {run.id!r} saw something else in replay after fact {count + 1}: "
                    f"first {seen[count]}, then {view}"
                )
        else:
            seen[count:] = [view]


def _view(run: ActiveRun) -> View:
    program = run.program
    timers = tuple(path for path, timer in program.timers.items() if timer.callback is not None)
    return (
        program.loop.now_us, program.loop._serial, tuple(program.waits), timers,  # noqa: SLF001
        tuple(program.open_effects), program.ending is not None,
    )  # fmt: skip
