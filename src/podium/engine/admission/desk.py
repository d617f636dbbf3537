"""What limits, breakers and locks need of the worker that they belong to."""

from __future__ import annotations

import logging

from collections.abc import Callable
from typing import Protocol

from podium.core.ports import Clock
from podium.engine.log import Log
from podium.journal.store import Reader
from podium.policy.shared import Now, holder_name

_logger = logging.getLogger("podium")


class DeskEngine(Protocol):
    """The engine, as far as its desk needs it."""

    clock: Clock
    log: Log
    reader: Reader

    def wake(self) -> None: ...


class Desk:
    """A worker's place at the states that all workers share.

    Attributes:
        clock: The worker's.
        holder: Names this worker's life in shared states.
    """

    def __init__(self, engine: DeskEngine, worker: int) -> None:
        self._engine = engine
        self.clock = engine.clock
        self.holder = holder_name(worker)

    def now(self) -> Now:
        """Return the time by which shared policies decide."""
        boot, seconds = self.clock.boot()
        return Now(boot, round(seconds * 1e6), self.clock.wall_us())

    def decide(self, kind: str, key: str, event: bytes, told: Callable[[bytes], None]) -> None:
        """Ask a shared policy, and let that be committed soon."""
        self._engine.log.decide(kind, key, event, told)
        self._engine.log.flush()
        self._engine.wake()

    def tell(
        self, kind: str, key: str, event: bytes, told: Callable[[bytes], None] | None = None
    ) -> None:
        """Tell a shared policy something, with whatever is committed next."""
        self._engine.log.decide(kind, key, event, told or _nothing)
        self._engine.wake()

    def state(self, kind: str, key: str) -> bytes | None:
        """Return a shared state as it is committed."""
        return self._engine.reader.common.state(kind, key)

    def changed(self, kind: str, key: str, text: str) -> None:
        """Say that something shared has changed by what this worker told."""
        _logger.warning("podium: %s %s is %s", kind, key, text)


def _nothing(_decision: bytes) -> None:
    """Nobody waits for the answer."""
