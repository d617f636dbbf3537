"""What one run asks people: questions of its program, and those of the engine about its steps."""

from __future__ import annotations

import hashlib

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from podium.core.codec import decode_any
from podium.core.errors import ErrorInfo
from podium.core.ports import Cancellable
from podium.engine.commands import OpenAsk
from podium.engine.log import Log
from podium.journal.records import Kind, Value, body
from podium.journal.store import InboxRow, RunRow

_RAW = msgspec.Raw


class AskingStep(Protocol):
    """A step, as what a person has said about it reaches it."""

    def answered(self, answer: Any) -> None: ...


class AskingRun(Protocol):
    """The run, as its questions see it."""

    num: int
    row: RunRow
    log: Log
    records: int
    timers: dict[str, Cancellable]
    is_closed: bool
    program: Any

    @property
    def steps(self) -> Mapping[str, AskingStep]: ...
    def clock_us(self) -> int: ...
    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable: ...
    def record(self, kind: int, path: str, record_body: bytes, at: int = 0) -> int: ...
    def fact(self, kind: int, path: str, record_body: bytes) -> None: ...


class Questions:
    """The open questions of a run."""

    def __init__(self, run: AskingRun) -> None:
        self._run = run
        self._open: dict[str, tuple[str, bool]] = {}
        """Ask id → (path, whether a step of the engine asks, and not the program)."""
        self._deadlines: dict[str, int] = {}

    def ask(self, command: OpenAsk) -> None:
        """Ask what the program asks, if it still does."""
        program, path = self._run.program, command.path
        wait, known = program.waits.get(path), program.history.asks.get(path)
        if wait is not None and known is not None and wait.future.cancelled():
            self._open[known] = (path, False)  # asked before the crash; it is closed next
        if wait is not None and not wait.future.done():
            self.open(path, command.form, command.to, command.deadline_us)

    def open(
        self, path: str, form: bytes, to: str, deadline_us: int | None, *, is_of_step: bool = False
    ) -> None:
        """Ask a person, unless that was done before the crash; arm the time-out."""
        run = self._run
        asks = run.program.history.asks
        ask_id = asks.get(path)
        if ask_id is None:
            text = f"{run.row.uid}/{run.row.incarnation}/{path}/{run.records}"
            ask_id = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
            at = run.clock_us()
            run.record(Kind.ASKED, path, body(Value(name=ask_id, v=_RAW(form))), at)
            run.log.batch.asks_new.append((ask_id, run.num, path, form, to, at, deadline_us))
            run.log.mark(len(form))
            asks[path] = ask_id
        self._open[ask_id] = (path, is_of_step)
        if deadline_us is not None:
            self._deadlines[ask_id] = deadline_us
            left_s = (deadline_us - run.clock_us()) / 1e6
            run.timers[f"ask:{path}"] = run.call_later(
                max(0.0, left_s), lambda: self._time_out(ask_id)
            )

    def take_up(self, path: str) -> None:
        """A step is here again that may have asked before the crash: an answer may come any time."""
        ask_id = self._run.program.history.asks.get(path)
        if ask_id is not None:
            self._open[ask_id] = (path, True)

    def give_up(self, path: str) -> None:
        """Nobody wants an answer to what is asked at a path any more."""
        for ask_id, (ask_path, is_of_step) in list(self._open.items()):
            if ask_path == path:
                self._close(ask_id, None)
                if is_of_step:
                    self._run.program.history.asks.pop(path, None)

    def first_due_us(self) -> int | None:
        """Return when the first of them is over."""
        return min(self._deadlines.values(), default=None)

    def take(self, message: InboxRow) -> None:
        """Take an answer; one to a question that is closed is dropped."""
        found = self._open.get(message.name)
        if found is None:
            return
        run, (path, is_of_step) = self._run, found
        self._close(message.name, message.payload)
        if not is_of_step:
            run.fact(Kind.ANSWER, path, body(Value(v=_RAW(message.payload))))
            return
        run.program.history.asks.pop(path, None)
        step = run.steps.get(path)
        if step is not None:
            step.answered(decode_any(message.payload))

    def forget(self) -> None:
        """A new incarnation asks anew."""
        self._open.clear()
        self._deadlines.clear()

    def _time_out(self, ask_id: str) -> None:
        run, (path, _) = self._run, self._open[ask_id]
        if run.timers.pop(f"ask:{path}", None) is None or run.is_closed:
            return
        self._close(ask_id, None)
        error = ErrorInfo(
            type="TimeoutError", message="nobody answered in time", code="timeout", path=path
        )
        run.fact(Kind.ANSWER, path, body(Value(x=error)))

    def _close(self, ask_id: str, answer: bytes | None) -> None:
        run, (path, _) = self._run, self._open.pop(ask_id)
        self._deadlines.pop(ask_id, None)
        timer = run.timers.pop(f"ask:{path}", None)
        if timer is not None:
            timer.cancel()
        run.log.batch.asks_closed.append((ask_id, run.clock_us(), answer))
        run.log.mark()
