"""Runs that have left memory: quiet ones, least recently moved first, only where many are held.

A run that sleeps keeps its owner. It is loaded again, by replay, when a message comes for it or
the first of its timers is due.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from podium.core.ports import Cancellable, Clock
from podium.engine.log import Log


class QuietRun(Protocol):
    """A run, as far as sleeping goes."""

    num: int

    @property
    def is_quiet(self) -> bool: ...
    def first_due_s(self) -> float | None: ...


class Sleepers:
    """Decides which runs leave memory, and when they come back.

    Args:
        resident_max: Runs held in memory before quiet ones leave it.
        clock: Wakes a sleeper when its first timer is due.
        log: A run leaves only once everything it appended is durable: it comes back by what the
            file has of it.
        resident: Tells how many runs are in memory.
        leave: Lets go of a run in memory.
        load: Brings a run back.
    """

    def __init__(
        self, resident_max: int, clock: Clock, log: Log, *,
        resident: Callable[[], int], leave: Callable[[int], None], load: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._resident_max = resident_max
        self._clock = clock
        self._log = log
        self._resident = resident
        self._leave = leave
        self._load = load
        self._resting: dict[int, tuple[QuietRun, int]] = {}
        """Each with the number in the log that it had appended up to; in the order of these."""
        self._asleep: dict[int, Cancellable | None] = {}

    def rested(self, run: QuietRun) -> None:
        """Take note that a run waits; let the longest resting ones leave if there are many."""
        self._resting.pop(run.num, None)
        self._resting[run.num] = run, self._log.appended
        if self._resident() > self._resident_max:
            self._log.after(self._log.appended, self._make_room)

    def moved(self, num: int) -> None:
        """A run does something, or has ended."""
        self._resting.pop(num, None)

    def wake(self, num: int) -> None:
        """Bring a run back, if it sleeps."""
        if num in self._asleep:
            timer = self._asleep.pop(num)
            if timer is not None:
                timer.cancel()
            self._load(num)

    def close(self) -> None:
        """Forget them; their timers are in the journal."""
        for timer in self._asleep.values():
            if timer is not None:
                timer.cancel()
        self._asleep.clear()
        self._resting.clear()

    def _make_room(self) -> None:
        """Let the longest resting runs leave, up to the first that is not yet durable."""
        for num, (run, appended) in list(self._resting.items()):
            if self._resident() <= self._resident_max or appended > self._log.durable:
                return
            if run.is_quiet:
                due_s = run.first_due_s()
                del self._resting[num]
                self._leave(num)
                self._asleep[num] = None if due_s is None else self._wake_after(due_s, num)

    def _wake_after(self, due_s: float, num: int) -> Cancellable:
        return self._clock.call_later(due_s, lambda: self.wake(num))
