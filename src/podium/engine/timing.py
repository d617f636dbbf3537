"""The part of a step that watches the time of its attempts, and hears whether they live."""

from __future__ import annotations

import asyncio

from abc import abstractmethod
from functools import partial
from typing import Any

import msgspec

from podium.core.effects import Effect
from podium.core.errors import ErrorInfo
from podium.core.ports import Attempt, Cancellable, Executing
from podium.core.pulse import Pulse
from podium.engine.admission.passage import Obstacle, Passage
from podium.engine.compensation import OPERATOR
from podium.engine.heartbeats import Heart
from podium.engine.inquiry import Inquiry
from podium.engine.tab import Tab
from podium.journal.records import Kind, Value, body
from podium.journal.store import StreamRow

CANCEL_GRACE_S = 1.0
"""How long a cancelled coroutine may take to end before its step is decided without it."""


class Timing(Inquiry):
    """Stops what takes too long or falls silent; then the step goes on."""

    __slots__ = (
        "_attempt_timer", "_detail", "_handed_at", "_heart", "_is_out_of_time", "_passage", "_retry_timer",
        "_total_timer", "is_timed_out", "tab",
    )  # fmt: skip

    is_timed_out: bool
    _handed_at: int
    """When the attempt was given to its executor."""
    _is_out_of_time: bool
    """Whether the time of the whole step is over."""
    _attempt_timer: Cancellable | None
    _total_timer: Cancellable | None
    _retry_timer: Cancellable | None
    _passage: Passage | None
    """The attempt's way through limits and breakers, if its task names any."""
    tab: Tab | None
    """What the attempt may cost, where that is known or limited."""
    _heart: Heart | None
    """What hears the attempt, where its silence has a limit or it gave a sign of life."""
    _detail: bytes | None
    """What an attempt has said last about how far it is."""

    @abstractmethod
    def refused(self, error: ErrorInfo) -> None: ...
    @abstractmethod
    def show(self) -> None: ...
    @abstractmethod
    def _late(self, attempt: Attempt, value: Any, error: BaseException | None) -> None: ...

    @property
    def executing(self) -> Executing | None:
        """What carries out the attempt that is waited for."""
        return self._executing

    @property
    def obstacle(self) -> Obstacle | None:
        """What it waits for before its body begins: a limit, a breaker."""
        passage = self._passage
        return passage.obstacle() if passage is not None and passage.is_waiting else None

    # room in its budgets -----------------------------------------------------------------

    def ask_for_room(self, form: bytes) -> None:
        """Ask a person to raise a budget; the answer goes to the door at which it waits."""
        self.run.questions.open(self.path, form, OPERATOR, None, is_of_step=True)

    def no_longer_asks(self) -> None:
        """There is room, or nobody wants it any more: the question needs no answer."""
        self.run.questions.give_up(self.path)

    def answered(self, answer: Any) -> None:
        """A person has said what became of it, or whether there shall be room for it."""
        passage = self._passage
        if passage is None or not passage.is_waiting:
            super().answered(answer)
            return
        value = Value(name="budget", v=msgspec.Raw(msgspec.json.encode(answer)))
        self.run.record(Kind.ANSWERED, self.path, body(value))
        self.run.engine.admission.budgets.answered(passage, answer)
        self.run.engine.wake()

    # signs of life -----------------------------------------------------------------------

    def _beaten(self, pulse: Pulse) -> None:
        """The body of an attempt has given a sign of life; called in its thread."""
        self.run.engine.notifier.post_from_thread(partial(self._hear, pulse))

    def _hear(self, pulse: Pulse) -> None:
        attempt = self._bodied
        if attempt is None or attempt.pulse is not pulse or self._executing is None or self.is_over:
            return
        if self._heart is None:
            self._heart = Heart(self, attempt)
        self._heart.hear()

    def _emitted(self, attempt: Attempt) -> None:
        """The body of an attempt has emitted something; called in its thread."""
        self.run.engine.notifier.post_from_thread(partial(self.take_chunks, attempt))

    def take_chunks(self, attempt: Attempt) -> None:
        """Append what an attempt has emitted to the stream of the run, while it is waited for."""
        outlet, run = attempt.outlet, self.run
        if attempt is not self._bodied or self._executing is None or self.is_over or run.is_closed:
            outlet.is_closed = True
        chunks = outlet.take()
        if outlet.is_closed or not chunks:
            return
        self.show()  # so that the attempt after a crash has another number
        at = run.clock_us()
        for chunk in chunks:
            row = StreamRow(
                run.num, at, run.payloads.pack(chunk), self.path, attempt.number, outlet.taken
            )
            run.log.batch.stream.append(row)
            run.log.mark(len(chunk))
            outlet.taken += 1
        run.engine.wake()

    def _watch_no_more(self, *, is_done: bool) -> None:
        """The attempt is over, or given up; what it has said last is for the next one.

        Args:
            is_done: Whether there is no next one.
        """
        if self._attempt_timer is not None:
            self._attempt_timer.cancel()
            self._attempt_timer = None
        is_done = is_done or self.is_over or self.run.is_closed
        attempt, heart, self._heart = self._bodied, self._heart, None
        detail = None if attempt is None else attempt.pulse.detail
        if attempt is not None and detail not in (None, self._detail) and not is_done:
            self._detail = detail
            heart = heart or Heart(self, attempt)  # its only sign of life is not heard yet
        if heart is not None:
            heart.close(is_done=is_done)

    # limits ------------------------------------------------------------------------------

    def _arm_total_timer(self) -> None:
        limit_s = self.spec.options.total_timeout_s
        if limit_s is not None and self._total_timer is None:
            spent_s = (self.run.clock_us() - self.first_at) / 1e6
            self._total_timer = self.run.call_later(
                max(0.0, limit_s - spent_s), self._total_timeout
            )

    def _attempt_timeout(self) -> None:
        """The body's time is over, unless it had to wait for its thread or process."""
        self._attempt_timer = None
        limit_s = self.spec.options.timeout_s
        assert limit_s is not None
        if self._executing is not None:
            waited_s = self._executing.waited_s()
            spent_s = (self.run.clock_us() - self._handed_at) / 1e6
            left_s = limit_s if waited_s is None else waited_s + limit_s - spent_s
            if left_s > 0.001:
                self._attempt_timer = self.run.call_later(left_s, self._attempt_timeout)
                return
        self._time_out(self._overdue(f"attempt {self.number} took longer than {limit_s:g} s"))

    def fell_silent(self, text: str) -> None:
        """The body has given no sign of life for too long."""
        self._time_out(self._overdue(text, "heartbeat-timeout"))

    def _overdue(self, text: str, code: str = "timeout") -> ErrorInfo:
        return ErrorInfo(
            type="TimeoutError", message=text, code=code, path=self.path, bases=("OSError",)
        )

    def _total_timeout(self) -> None:
        self._total_timer = None
        if self.is_over or self.is_unknown:
            return
        self._is_out_of_time = True
        obstacle = self.obstacle
        if obstacle is not None and self._passage is not None:
            self._passage.give_up()
            limit_s, text = self.spec.options.total_timeout_s, obstacle.text
            self.refused(
                ErrorInfo(
                    type="TimeoutError", code="queue-timeout", path=self.path,
                    message=f"the step took longer than {limit_s:g} s in all: {text}",
                )
            )  # fmt: skip
            return
        if self._retry_timer is not None:  # it waits for a thread that cannot be killed
            self._retry_timer.cancel()
            self._retry_timer = None
        error = self._overdue(
            f"the step took longer than {self.spec.options.total_timeout_s:g} s in all"
        )
        if self._executing is not None:
            self._time_out(error)
        else:
            self._decide_timeout(error)

    def _time_out(self, error: ErrorInfo) -> None:
        if self.is_over or self.is_timed_out or self._executing is None:
            return
        self.is_timed_out = True
        self.wait.command = error
        if self._stop_body(self._executing):
            if self._attempt_timer is not None:
                self._attempt_timer.cancel()
            self._attempt_timer = self.run.call_later(
                CANCEL_GRACE_S, lambda: self._decide_timeout(error)
            )
        else:
            self._decide_timeout(error)

    def _stop_body(self, executing: Executing) -> bool:
        """Ask the body to stop; False where it goes on until it gives a sign of life (a thread)."""
        if self._bodied is not None:
            self._bodied.pulse.is_stopped = True
        return executing.cancel()

    def _after_timeout(self, attempt: Attempt, value: Any, error: BaseException | None) -> None:
        """A cancelled attempt has ended; a result it still brought is late."""
        if error is None or not isinstance(error, asyncio.CancelledError | TimeoutError):
            self._late(attempt, value, error)
        if self._retry_timer is None:
            self._decide_timeout(self.wait.command)

    def _decide_timeout(self, error: ErrorInfo) -> None:
        if self.is_over or self.is_unknown or self._retry_timer is not None:
            return
        self._watch_no_more(is_done=False)
        self._executing = None
        if self.tab is not None:
            self.tab.give_up()
        if self._passage is not None:
            took_s = (self.run.clock_us() - self._handed_at) / 1e6
            self._passage.report("failed", ("TimeoutError",), took_s)
        if self.spec.effect is Effect.ONCE:
            self._unknown(error)
        else:
            self._retry_or_fail(error)
        self.run.engine.wake()
