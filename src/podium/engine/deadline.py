"""The time of a whole run: when it is over, that is a fact of the run, and cancels its program."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from podium.core.durations import text
from podium.core.ports import Cancellable
from podium.engine.history import Fact
from podium.engine.roles import StepRun
from podium.journal.records import DEADLINE, Kind, Note, body
from podium.journal.store import RunRow


class TimedRun(StepRun, Protocol):
    """A run, as its deadline sees it."""

    row: RunRow

    def fact(self, kind: int, path: str, record_body: bytes) -> None: ...


class Deadline:
    """Tells a run that its time is over, once.

    Args:
        run: The run; its row says when that is.
        facts: What is recorded of it.
    """

    def __init__(self, run: TimedRun, facts: Iterable[Fact]) -> None:
        self._run = run
        self._timer: Cancellable | None = None
        due = run.row.deadline
        is_told = due is not None and any(
            fact.kind == Kind.CANCEL and fact.path == DEADLINE for fact in facts
        )
        self._due_us = None if is_told else due

    def arm(self) -> None:
        """Wait for it. A run whose time was over before it could begin is told at once."""
        self.close()
        left_s = self.left_s()
        if left_s is None:
            return
        if left_s > 0:
            self._timer = self._run.call_later(left_s, self.arm)
            return
        row, self._due_us = self._run.row, None
        assert row.deadline is not None
        limit = text((row.deadline - row.created_at) / 1e6)
        told = Note("timeout", f"the run took longer than {limit}")
        self._run.fact(Kind.CANCEL, DEADLINE, body(told))

    def left_s(self) -> float | None:
        """Return the seconds until then; None where there is nothing to wait for."""
        if self._due_us is None:
            return None
        return max(0.0, (self._due_us - self._run.clock_us()) / 1e6)

    def close(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def deadline_us(accepted_us: int, timeout_s: float | None) -> int | None:
    """Return when the time of a run is over that was accepted at a time."""
    return None if timeout_s is None else accepted_us + round(timeout_s * 1e6)
