"""What comes from outside this process: free runs, messages to runs, dead workers.

Nothing is pushed between processes: the file tells, in microseconds, whether anybody has
committed (``PRAGMA data_version``), and only then is it read.
"""

from __future__ import annotations

import logging

from typing import Any

import msgspec

from podium.engine.history import History
from podium.engine.roles import NeighbourEngine
from podium.journal.store import RecordRow, RunRow, WorkerRow

CLAIM_AT_ONCE = 32
"""Runs taken by one claim: few enough that several workers share a heap of work."""
WATCH_EVERY_S = 0.025
"""How often the file is asked whether another process has committed."""
LOOK_AROUND_EVERY_S = 0.2
"""How often the locks for life of the other workers are tried."""
FROZEN_TICKS = 50
"""A worker whose counter stood still for so many of the observer's own ticks is frozen."""
BLOCKED_AFTER_S = 1.0
"""A loop that stood still for longer is warned of."""
_PAGE = 10_000

_logger = logging.getLogger("podium")


class Neighbours:
    """Watches the file for what others have written."""

    def __init__(self, engine: NeighbourEngine) -> None:
        self._engine = engine
        self._changes = -1
        self._beats: dict[int, tuple[int, int]] = {}
        self._inbox_taken: set[int] = set()
        self._recovered_timers: dict[int, dict[str, float]] = {}
        self._watched_at = engine.clock.monotonic_s()

    def begin(self) -> None:
        """Recover what dead workers left and take what is free."""
        self.look_around()
        self._changes = self._engine.reader.changes()
        self.claim()

    def watch(self) -> None:
        """If anybody has committed: read messages, take free runs."""
        self._notice_block()
        changes = self._engine.reader.changes()
        if changes != self._changes:
            self._changes = changes
            self.poll_inbox()
            self.claim()
            self._engine.admission.look()
            self._engine.locks.look()

    def _notice_block(self) -> None:
        now = self._engine.clock.monotonic_s()
        late_s = now - self._watched_at - WATCH_EVERY_S
        self._watched_at = now
        if late_s > BLOCKED_AFTER_S:
            _logger.warning(
                "podium: (blocked-loop) the event loop stood still for %.1f s: an async task or "
                "the program around Podium blocks it. Make a blocking task a plain def.", late_s,
            )  # fmt: skip

    # runs -------------------------------------------------------------------------------

    def claim(self) -> None:
        """Take free runs of workflows known here, a few at a time so that workers share."""
        engine = self._engine
        only = engine.options.only
        while not engine.is_closing and len(engine.held) < engine.options.runs_max:
            limit = min(CLAIM_AT_ONCE, engine.options.runs_max - len(engine.held))
            rows = engine.store.claim(
                engine.worker, sorted(engine.registry.workflows), limit,
                sorted(only) if only is not None else None,
            )  # fmt: skip
            for row in rows:
                self.load(row)
            if rows:
                self.poll_inbox()
            if len(rows) < limit:
                return

    def claim_one(self, row: RunRow) -> None:
        """Take one run by its id, if it is free."""
        for claimed in self._engine.store.claim(self._engine.worker, [row.workflow], 1, [row.id]):
            self.load(claimed)
            self.poll_inbox()

    def load(self, row: RunRow) -> None:
        """Read a claimed run's journal and let it go on."""
        if row.num in self._engine.held:
            return
        if row.waits:
            self._remember_timers(row)
        try:
            history = History.of(self._records(row), row.version)
        except (msgspec.DecodeError, ValueError) as problem:
            self._engine.hold_row(row, "blocked", problem)
            return
        self._engine.adopt(row, history)

    def _records(self, row: RunRow) -> list[RecordRow]:
        after, rows = max(0, row.base - 1), []  # with the record that began the incarnation
        while True:
            page = self._engine.reader.records(row.num, after, _PAGE)
            rows += page
            if len(page) < _PAGE:
                return rows
            after = page[-1].seq

    def _remember_timers(self, row: RunRow) -> None:
        """In the same boot a timer's rest follows the boot clock, whatever the wall clock did."""
        boot, boot_s = self._engine.clock.boot()
        waits: list[dict[str, Any]] = msgspec.json.decode(row.waits or b"[]")
        timers = {
            wait["path"]: wait["boot_due"] - boot_s
            for wait in waits
            if wait.get("kind") == "timer" and wait.get("boot") == boot
        }
        if timers:
            self._recovered_timers[row.num] = timers

    def recovered_timer(self, num: int, path: str) -> float | None:
        """Return the seconds left of a timer by the boot clock, if known; asked once."""
        timers = self._recovered_timers.get(num)
        return timers.pop(path, None) if timers else None

    def forget(self, num: int) -> None:
        """A run has left memory."""
        self._recovered_timers.pop(num, None)

    # messages ---------------------------------------------------------------------------

    def poll_inbox(self) -> None:
        """Hand messages to the runs they are for."""
        engine = self._engine
        if engine.is_closing:
            return
        for message in engine.reader.inbox(engine.worker.id):
            if message.id in self._inbox_taken:
                continue
            engine.sleepers.wake(message.run)
            run = engine.held.get(message.run)
            if run is not None:
                self._inbox_taken.add(message.id)
                run.take(message)

    def messages_recorded(self, ids: list[int]) -> None:
        """Messages have left the inbox with the commit that records them."""
        self._inbox_taken.difference_update(ids)

    # workers ----------------------------------------------------------------------------

    def look_around(self) -> None:
        """Find dead workers by their lock for life, frozen ones by a counter that stands still."""
        seen: set[int] = set()
        for other in self._engine.reader.workers():
            if other.id == self._engine.worker.id:
                continue
            seen.add(other.id)
            if other.is_gone or self._is_frozen(other):
                self._take_over(other)
        for gone in set(self._beats) - seen:
            del self._beats[gone]

    def _is_frozen(self, other: WorkerRow) -> bool:
        beat, ticks = self._beats.get(other.id, (-1, 0))
        ticks = ticks + 1 if beat == other.beat else 0
        self._beats[other.id] = (other.beat, ticks)
        return ticks >= FROZEN_TICKS

    def _take_over(self, other: WorkerRow) -> None:
        engine = self._engine
        count = engine.store.take_over(engine.worker, other, engine.desk.now())
        why = "is gone" if other.is_gone else "has not moved for 10 s"
        if count:
            _logger.warning(
                "podium: worker %s (pid %s) %s; its %d run(s) are free",
                other.id,
                other.pid,
                why,
                count,
            )
        self.claim()
