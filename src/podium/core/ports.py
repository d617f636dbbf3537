"""The doors to the real world: clock, entropy, executor, notifier (the store is in ``journal``).

The engine is a state machine behind these. The real ones live in ``engine.system`` and
``engine.executors``, the simulated ones in ``podium.testing``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from podium.core.budgets import Said
from podium.core.errors import ValueNotPortable
from podium.core.notes import Notes
from podium.core.outlet import Outlet
from podium.core.pulse import Pulse
from podium.core.spec import TaskSpec


class Cancellable(Protocol):
    """Something scheduled that can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time, from outside."""

    def wall_us(self) -> int:
        """Return whole microseconds since 1970, UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that only grow."""
        ...

    def boot(self) -> tuple[str, float]:
        """Return (id of this boot, seconds since it, sleep of the machine included)."""
        ...

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """Call back in the engine's thread after a delay."""
        ...


class Entropy(Protocol):
    """Chance, from outside."""

    def token(self, size_bytes: int) -> bytes:
        """Return fresh random bytes."""
        ...

    def generator(self, seed: str) -> Any:
        """Return a ``random.Random`` with ``uuid4()``; it always gives the same for a seed."""
        ...


class Notifier(Protocol):
    """Wakes the engine."""

    def post(self, callback: Callable[[], None]) -> None:
        """Call back soon in the engine's thread; called from that thread only."""
        ...

    def post_from_thread(self, callback: Callable[[], None]) -> None:
        """Call back soon in the engine's thread; may be called from any thread."""
        ...


@dataclass(slots=True)
class Attempt:
    """One try of a step, as an executor sees it.

    Attributes:
        spec: The task.
        arguments: Decoded copies, by name.
        encoded: The same as JSON, for another process.
        run_id: The run.
        path: The step.
        number: Which try, from 1.
        key_of: Gives the idempotency key of a path.
        headers: The run's attributes (tenant, user, locale, trace parent).
        files: Where ``podium.File`` values are kept; set by the engine.
        guard: For a ``once``: raises where another worker may have taken over; from any thread.
        notes: What it says: warnings, lines of its log; and which secrets it has resolved.
        pulse: Its signs of life.
        spent: What it says that it has used; any thread of it may add to that.
        relay_spent: Takes each instead: in a process whose parent keeps them.
        outlet: What it emits.
    """

    spec: TaskSpec
    arguments: dict[str, Any]
    encoded: bytes
    run_id: str
    path: str
    number: int
    key_of: Callable[[str], str]
    headers: dict[str, Any]
    files: Any = None
    guard: Callable[[], None] | None = None
    notes: Notes = field(default_factory=Notes)
    pulse: Pulse = field(default_factory=Pulse)
    spent: list[Said] = field(default_factory=list)
    relay_spent: Callable[[Said], None] | None = None
    outlet: Outlet = field(default_factory=Outlet)

    def require_permission(self) -> None:
        """Executors call it just before the body.

        Raises:
            NotDone: The body must not begin here any more.
        """
        if self.guard is not None:
            self.guard()

    @property
    def key(self) -> str:
        """The idempotency key: the same for every try of the step and after every crash."""
        return self.key_of(self.path)


class Executing(Protocol):
    """An attempt that is under way."""

    def cancel(self) -> bool:
        """Ask it to stop; False where it cannot be stopped (a thread)."""
        ...

    def waited_s(self) -> float | None:
        """Return how long it waited for its thread or process; None while it still does."""
        ...


class BadResult(Exception):
    """The body returned in another process, and its result cannot be used."""

    def __init__(self, problem: ValueNotPortable) -> None:
        super().__init__(str(problem))
        self.problem = problem


Done = Callable[[Any, BaseException | None], None]
"""Called once in the engine's thread with (result, None) or (None, the exception)."""


class Executor(Protocol):
    """Runs the bodies of tasks: coroutines, threads, processes."""

    def start(self, attempt: Attempt, done: Done) -> Executing:
        """Start an attempt; ``done`` is never called before ``start`` has returned."""
        ...

    def stuck_threads(self) -> int:
        """Return how many threads outlive a timed-out attempt."""
        ...

    def close(self) -> None:
        """End what can be ended; threads that hang are left behind as daemons."""
        ...
