"""What becomes of an attempt's signs of life: a limit to its silence, and its newest detail kept."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from podium.core.ports import Attempt, Cancellable, Executing
from podium.core.spec import TaskSpec
from podium.engine.roles import StepRun
from podium.journal.records import Beat, Kind, body

KEEP_EVERY_S: Final = 1.0
"""Details of one attempt are recorded no closer than this …"""
KEEP_EVERY_S_MAX: Final = 30.0
"""… up to this, the longer it runs: a day of work is no million of records."""
KEEP_SHARE: Final = 0.01
"""… a crash loses the newest hundredth of it at most."""
_SOON_S = 0.01


class BeatingStep(Protocol):
    """A step, as the signs of life of its attempt see it."""

    run: StepRun
    path: str
    spec: TaskSpec

    @property
    def executing(self) -> Executing | None: ...
    def show(self) -> None: ...
    def fell_silent(self, text: str) -> None: ...


class Heart:
    """Hears one attempt, in the engine's thread.

    Args:
        step: The step.
        attempt: The attempt whose body begins now.
    """

    __slots__ = (
        "_attempt", "_began_us", "_heard_us", "_is_doubted", "_keep_timer", "_kept", "_kept_us",
        "_silence_timer", "_step",
    )  # fmt: skip

    def __init__(self, step: BeatingStep, attempt: Attempt) -> None:
        self._step = step
        self._attempt = attempt
        self._began_us = step.run.clock_us()
        self._heard_us = 0
        self._kept: bytes | None = None
        self._kept_us = 0
        self._is_doubted = False
        self._keep_timer: Cancellable | None = None
        self._silence_timer: Cancellable | None = None
        limit_s = step.spec.options.heartbeat_timeout_s
        if limit_s is not None:
            self._silence_timer = step.run.call_later(limit_s, self._listen)

    def hear(self) -> None:
        """The body has given a sign of life."""
        pulse = self._attempt.pulse
        pulse.is_pending = False  # before it is looked at, so that none is missed
        now = self._heard_us = self._step.run.clock_us()
        self._is_doubted = False
        if pulse.detail is self._kept or self._keep_timer is not None:
            return
        wait_s = self._kept_us and self._gap_s(now) - (now - self._kept_us) / 1e6
        if wait_s > 0:
            self._keep_timer = self._step.run.call_later(wait_s, self._keep)
        else:
            self._keep()

    def close(self, *, is_done: bool) -> None:
        """The attempt is over; its newest detail is for the next one, unless it is done."""
        for timer in (self._keep_timer, self._silence_timer):
            if timer is not None:
                timer.cancel()
        if not is_done:
            self._keep()

    def _gap_s(self, now: int) -> float:
        age_s = (now - self._began_us) / 1e6
        return min(KEEP_EVERY_S_MAX, max(KEEP_EVERY_S, age_s * KEEP_SHARE))

    def _keep(self) -> None:
        """Record the newest detail, unless it is."""
        self._keep_timer = None
        detail = self._attempt.pulse.detail
        if detail is self._kept or detail is None:
            return
        step = self._step
        self._kept, self._kept_us = detail, step.run.clock_us()
        step.show()
        step.run.record(
            Kind.HEARTBEAT, step.path, body(Beat(self._attempt.number, msgspec.Raw(detail)))
        )
        step.run.engine.wake()

    def _listen(self) -> None:
        """Its silence is over the limit, unless a sign came since, or its body had to wait."""
        step = self._step
        limit_s = step.spec.options.heartbeat_timeout_s
        executing = step.executing
        if executing is None or limit_s is None:
            return
        waited_s = executing.waited_s()
        since_us = max(self._heard_us, self._began_us + round((waited_s or 0.0) * 1e6))
        left_s = limit_s - (step.run.clock_us() - since_us) / 1e6
        if waited_s is None:  # it still waits for its thread or process
            left_s = limit_s
        elif self._attempt.pulse.is_pending:  # it is on its way here
            left_s = max(left_s, _SOON_S)
        if left_s > 0.001:
            self._silence_timer = step.run.call_later(left_s, self._listen)
        elif not self._is_doubted:  # where the loop stood still, what is due there goes first
            self._is_doubted = True
            self._silence_timer = step.run.call_later(0.0, self._listen)
        else:
            self._silence_timer = None
            step.fell_silent(f"attempt {self._attempt.number} was silent for {limit_s:g} s")
