"""A program's durable timers: those of ``podium.sleep`` and those of asyncio itself."""

from __future__ import annotations

from podium.engine.commands import CancelStep, RunState, StartTimer
from podium.engine.loop import Timer


class Timers:
    """Takes the timers of a program and turns them into commands."""

    def __init__(self, state: RunState) -> None:
        self._state = state

    def start(self, timer: Timer) -> None:
        """Take a timer of the program's loop (``asyncio.timeout``, ``call_later``)."""
        self._state.require_alive()
        self.add(timer, self._state.loop.now_us + timer.delay_us, follows_wall=False)

    def add(self, timer: Timer, due_us: int, *, follows_wall: bool) -> None:
        """Ask for a timer, or let it fire at once if the journal has it fired already."""
        state = self._state
        if state.kept and state.kept.pop(timer.path, None) is not None:
            state.loop.fire(timer)
            return
        state.timers[timer.path] = timer
        state.commands.append(StartTimer(timer.path, due_us, follows_wall))

    def cancel(self, timer: Timer) -> None:
        """Take note that a timer was called off."""
        if not self._state.is_dead:
            self._state.commands.append(CancelStep(timer.path, "timer"))
