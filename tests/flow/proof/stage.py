"""Virtual time for the reference interpreter: processes that wait for conditions, asked again and again.

Slow and plain on purpose. Nothing is called back: as long as a process can go on, it goes on, in the
order in which they were begun; when none can, the clock jumps to what is due next, one thing at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

Work = Generator["Wait", None, Any]
"""What a process does: it yields what it waits for."""
TIGHT_S = 0.5
"""What happens within so short a time may happen in either order in a real run."""
_TURNS_MAX = 100_000


@dataclass(eq=False)
class Wait:
    """What a process waits for: a condition, a time, or whichever comes first."""

    condition: Callable[[], bool] | None = None
    due_s: float | None = None
    is_due: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the process can go on."""
        return self.is_due or (self.condition is not None and self.condition())


@dataclass(eq=False)
class Flight:
    """A body of a task that is under way; it outlives its process unless it only looks at the world."""

    process: Process
    run: str
    path: str
    is_effect: bool
    turn: int
    ends_s: float


@dataclass(eq=False)
class Process:
    """Something that goes on beside other things."""

    parent: Process | None
    work: Work
    wait: Wait = field(default_factory=lambda: Wait(lambda: True))
    is_over: bool = False
    value: Any = None
    problem: Exception | None = None

    def is_within(self, other: Process) -> bool:
        """Whether it is the other, or was begun by it or by one that it began."""
        one: Process | None = self
        while one is not None and one is not other:
            one = one.parent
        return one is other


class Stage:
    """Where processes go on, and how late it is.

    Attributes:
        turn: Counts what was due: what happens in one turn happens at once.
        doubts: Why a real run may end otherwise, by chance: two things came too close together.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self.turn = 0
        self.doubts: list[str] = []
        self.flights: list[Flight] = []
        self._processes: list[Process] = []
        self._current: Process | None = None
        self._times: list[float] = []

    @property
    def current(self) -> Process:
        """The process that is going on."""
        assert self._current is not None
        return self._current

    def begin(self, work: Work) -> Process:
        """Begin a process, as a part of the one that is going on now."""
        process = Process(self._current, work)
        self._processes.append(process)
        return process

    def run(self, work: Work) -> Process:
        """Carry out a process and all that it begins."""
        first = self.begin(work)
        while not first.is_over:
            self._go_on()
            if not first.is_over:
                self._jump()
        return first

    def _go_on(self) -> None:
        """Let processes go on until none can; the one that was begun first goes first."""
        while True:
            ready = (one for one in self._processes if not one.is_over and one.wait.is_over)
            process = next(ready, None)
            if process is None:
                break
            self._step(process)
        self._processes = [one for one in self._processes if not one.is_over]

    def _step(self, process: Process) -> None:
        before, self._current = self._current, process
        try:
            process.wait = next(process.work)
        except StopIteration as end:
            process.is_over, process.value = True, end.value
        except Exception as problem:
            process.is_over, process.problem = True, problem
        finally:
            self._current = before

    def _jump(self) -> None:
        """Let the one thing be due that comes next."""
        due = [one for one in self._processes if one.wait.due_s is not None]
        assert due, "nothing is due, and nobody can go on: the reference itself is stuck"
        first = min(due, key=lambda one: one.wait.due_s or 0.0)
        assert first.wait.due_s is not None
        self.now_s = max(self.now_s, first.wait.due_s)
        first.wait.is_due = True
        self.turn += 1
        self._times.append(self.now_s)
        assert self.turn < _TURNS_MAX, "the reference itself does not end"

    # taking away ------------------------------------------------------------------------

    def stop(self, process: Process, run: str) -> None:
        """End a process of a run and all it began; bodies of effects in flight go on unheard.

        Those of child runs do not: a child run is cancelled, which stops what may be repeated.
        """
        for one in self._processes:
            if not one.is_over and one.is_within(process):
                if one.wait.is_over:
                    self.doubts.append("something could go on in the turn in which it was stopped")
                one.is_over = True
                one.work.close()
        for flight in self.open_flights(process):
            if flight.turn == self.turn:
                self.doubts.append(f"{flight.path} began in the turn in which it was stopped")
            if not flight.is_effect or flight.run != run:
                flight.ends_s = self.now_s

    def open_flights(self, process: Process) -> list[Flight]:
        """Return the bodies under way that a process has begun."""
        return [
            one for one in self.flights
            if one.ends_s > self.now_s and one.process.is_within(process)
        ]  # fmt: skip

    def wait_for_effects(self, process: Process) -> Iterator[Wait]:
        """Wait until the bodies in flight of a process that was stopped have come to their end."""
        for flight in self.open_flights(process):
            if flight.ends_s > self.now_s:
                yield Wait(due_s=flight.ends_s)

    def fly(self, run: str, path: str, duration_s: float, *, is_effect: bool) -> Flight:
        """Let the body of a task be under way."""
        end_s = self.now_s + duration_s
        flight = Flight(self.current, run, path, is_effect, self.turn, end_s)
        self.flights.append(flight)
        return flight

    # doubts -----------------------------------------------------------------------------

    def decide(self, what: str) -> None:
        """Say that the order of things matters here: nothing else may be close."""
        before = [at_s for at_s in self._times[:-1] if self.now_s - at_s < TIGHT_S]
        coming = [
            one for one in self._processes
            if not one.is_over and one.wait.due_s is not None
            and not one.wait.is_due and one.wait.due_s - self.now_s < TIGHT_S
        ]  # fmt: skip
        if before or coming:
            self.doubts.append(f"{what} at {self.now_s:.1f} s, when other things happen too")
