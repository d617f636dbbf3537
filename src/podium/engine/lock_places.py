"""The places of one run that hold locks, or wait for them."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from podium.core.errors import ErrorInfo
from podium.core.ports import Cancellable
from podium.engine.admission import Admission
from podium.engine.commands import AskForLock, GiveLockBack, RunState, Wait
from podium.engine.locks import Answer, Locks
from podium.engine.roles import Kin
from podium.journal.records import LOCK, Kind, Result, Status, body
from podium.journal.store import RunRow
from podium.policy.lock import Acquire, Deadlock, Granted, Waiting


class LockEngine(Protocol):
    """The engine, as places of a run see it."""

    @property
    def locks(self) -> Locks: ...
    @property
    def admission(self) -> Admission: ...
    @property
    def relations(self) -> Kin: ...
    def ready(self, run: Any) -> None: ...


class LockProgram(Protocol):
    """The program, as its places see it."""

    waits: dict[str, Wait]
    state: RunState


class LockRun(Protocol):
    """The run, as its places see it."""

    id: str
    row: RunRow
    program: Any

    @property
    def engine(self) -> LockEngine: ...
    def clock_us(self) -> int: ...
    def call_later(self, delay_s: float, callback: Any) -> Cancellable: ...
    def fact(self, kind: int, path: str, record_body: bytes) -> None: ...


class LockPlaces:
    """Asks for the locks of a run, and tells its program."""

    def __init__(self, run: LockRun) -> None:
        self._run = run
        self._waiting: dict[str, AskForLock] = {}
        """Requests by path."""
        self._reasons: dict[str, str] = {}
        """Why they wait."""
        self._timers: dict[str, Cancellable] = {}

    @property
    def are_waited_for(self) -> bool:
        """Whether a place waits: the run must be here to be told."""
        return bool(self._waiting)

    def reason(self, path: str) -> str:
        """Say whom a place waits for."""
        return self._reasons.get(path, "")

    def ask(self, command: AskForLock) -> None:
        """Ask for a lock, unless nobody wants it any more."""
        run, path = self._run, command.path
        if not self._is_wanted(path):
            return
        self._waiting[path] = command
        if command.deadline_us is not None:
            left_s = max(0.0, (command.deadline_us - run.clock_us()) / 1e6)
            self._timers[path] = run.call_later(left_s, lambda: self._timeout(path))
        above = run.engine.relations.above(run.row)
        wish = Acquire(run.id, command.place, command.priority, above)
        run.engine.locks.acquire(command.key, wish, lambda answer: self._told(path, answer))

    def give_up(self, path: str) -> None:
        """The program does not wait for a place's lock any more."""
        found = self._stop_waiting(path)
        if found is not None:
            self._run.engine.locks.release(self._run.id, found.place, found.key)

    def give_back(self, command: GiveLockBack) -> None:
        """The program has done what it wanted the lock for."""
        self._stop_waiting(command.path)
        self._run.engine.locks.release(self._run.id, command.place, command.key)

    def end(self) -> None:
        """The run has ended, or begins again: none of its places holds anything."""
        if self._run.program.state.has_locks:
            self._run.engine.locks.ended(self._run.id)
        self.end_budgets()
        self.close()

    def end_budgets(self) -> None:
        """Nothing of the run goes on: what it still has reserved in budgets counts as spent."""
        if self._run.program.state.has_budgets:
            self._run.engine.admission.budgets.ended(self._run.id)

    def close(self) -> None:
        """The run leaves memory; what it holds it keeps."""
        for path in list(self._waiting):
            self._stop_waiting(path)
        self._run.engine.locks.forget(self._run.id)

    def _is_wanted(self, path: str) -> bool:
        wait = self._run.program.waits.get(path)
        return wait is not None and not wait.future.done()

    def _told(self, path: str, answer: Answer) -> None:
        found = self._waiting.get(path)
        if found is None:  # it was given up, and with that given back
            return
        if isinstance(answer, Waiting):
            text = f"{answer.holder.run} has it, at {answer.holder.path}"
            if answer.position > 1:
                text += f"; {answer.position - 1} more wait before this one"
            self._reasons[path] = text
            self._run.engine.ready(self._run)  # it has something new to wait for
            return
        self._stop_waiting(path)
        result = Result(k=LOCK)
        if isinstance(answer, Granted):
            result.v = msgspec.Raw(msgspec.json.encode(answer.fence))
        else:
            result.x, result.st = _deadlock(path, found.key, answer), Status.FAILED
        self._run.fact(Kind.RESULT, path, body(result))

    def _timeout(self, path: str) -> None:
        found = self._waiting.get(path)
        if found is None:
            return
        text = self.reason(path)
        self.give_up(path)
        message = f"the lock {found.key!r} was not free in time" + (f": {text}" if text else "")
        error = ErrorInfo(type="TimeoutError", message=message, code="timeout", path=path)
        result = Result(k=LOCK, x=error, st=Status.FAILED)
        self._run.fact(Kind.RESULT, path, body(result))

    def _stop_waiting(self, path: str) -> AskForLock | None:
        self._reasons.pop(path, None)
        timer = self._timers.pop(path, None)
        if timer is not None:
            timer.cancel()
        return self._waiting.pop(path, None)


def _deadlock(path: str, key: str, found: Deadlock) -> ErrorInfo:
    """Return the error that names everybody on the way round."""
    parts = [
        f"{knot.run} at {knot.path} has {knot.holds!r} and wants {knot.wants!r}"
        for knot in found.cycle
    ]
    text = f"the lock {key!r} would be waited for for ever: {'; '.join(parts)}. "
    text += "Take locks in one order everywhere, or give this one a timeout and try again."
    return ErrorInfo(type="LockDeadlock", message=text, code="lock-deadlock", path=path)
