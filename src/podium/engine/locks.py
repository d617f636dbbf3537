"""Locks, as one worker sees them: which of its runs wait for which, and who is told.

Who has a lock is decided in the commits of the store (``policy.lock``). A lock belongs to a place
in a run, so it outlives this worker; what is here is only who waits in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from podium.engine.admission.desk import Desk
from podium.policy import lock
from podium.policy.lock import Acquire, Deadlock, Ended, Granted, Handed, Passed, Release, Waiting

Answer = Granted | Waiting | Deadlock
_decode_answer = msgspec.json.Decoder(Answer).decode
_decode_passed = msgspec.json.Decoder(Passed).decode
_encode = msgspec.json.encode


class Locks:
    """Asks for locks and gives them back, for the runs of a worker."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: dict[tuple[str, str], tuple[str, Callable[[Answer], None]]] = {}
        """(run, path) → (key, who is told)."""

    def acquire(self, key: str, wish: Acquire, told: Callable[[Answer], None]) -> None:
        """Ask for a lock; ``told`` hears that it waits, and later that it has it."""

        def decided(decision: bytes) -> None:
            answer = _decode_answer(decision)
            if isinstance(answer, Waiting):
                self._waiting[wish.run, wish.path] = (key, told)
            told(answer)

        self._desk.decide(lock.KIND, key, _encode(wish), decided)

    def release(self, run_id: str, path: str, key: str) -> None:
        """Give a lock back, or no longer wait for it."""
        self._waiting.pop((run_id, path), None)
        self._desk.decide(lock.KIND, key, _encode(Release(run_id, path)), self._passed)

    def ended(self, run_id: str) -> None:
        """A run has ended: it has no locks."""
        self.forget(run_id)
        self._desk.decide(lock.KIND, "", _encode(Ended(run_id)), self._passed)

    def forget(self, run_id: str) -> None:
        """A run has left memory: nobody is there to be told."""
        for place in [place for place in self._waiting if place[0] == run_id]:
            del self._waiting[place]

    def look(self) -> None:
        """Somebody has committed: see whether a lock has come to one of ours."""
        for key in {key for key, _ in self._waiting.values()}:
            state = self._desk.state(lock.KIND, key)
            if state is not None:
                self._hand(Handed(key, lock.read(state, key).holder))

    def _passed(self, decision: bytes) -> None:
        for handed in _decode_passed(decision).to:
            self._hand(handed)

    def _hand(self, handed: Handed) -> None:
        holder: Any = handed.holder
        if holder is None:
            return
        found = self._waiting.pop((holder.run, holder.path), None)
        if found is not None:
            found[1](Granted(holder.fence))
