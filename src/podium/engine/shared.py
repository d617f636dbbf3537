"""What a run's program has together with other runs: what is remembered of calls, and locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.core.budgets import RUNS, Budget, Line
from podium.core.codec import Codec, codec_for
from podium.core.spec import TaskSpec
from podium.engine.commands import AskForLock, Command, GiveLockBack, Recall, RunState, Wait
from podium.engine.loop import RunFuture
from podium.engine.results import RecalledCodec
from podium.journal.records import Kind

_INT = codec_for(int)


class RunShared:
    """The shared part of a run's Context.

    Args:
        state: Of the program.
        new_wait, ask_for, once_only: How the Context asks for anything.
    """

    def __init__(
        self, state: RunState, new_wait: Callable[[str, str, Codec], Wait],
        ask_for: Callable[[Wait, Command], None], once_only: Callable[[Kind, str, Command], None],
    ) -> None:  # fmt: skip
        self._state = state
        self._new_wait = new_wait
        self._ask_for = ask_for
        self._once_only = once_only
        self._places: dict[str, tuple[str, str]] = {}
        """Path of a request → (which lock, the place that has it then)."""

    def recall(
        self, path: str, spec: TaskSpec, bound: dict[str, Any], within_s: float
    ) -> RunFuture:
        """Ask for the newest recorded success of the same call."""
        _, arguments = spec.binder.copy(bound, self._state.settings.payload_bytes_max)
        wait = self._new_wait("recall", path, RecalledCodec(spec.returns))
        self._ask_for(wait, Recall(path, spec, arguments, within_s))
        return wait.future

    def lock(
        self, path: str, key: str, timeout_s: float | None, priority: int, place: str = ""
    ) -> RunFuture:
        """Ask for a lock."""
        wait = self._new_wait("lock", path, _INT)
        wait.command = key
        self._places[path] = (key, place or path)
        self._state.has_locks = True
        due_us = None if timeout_s is None else wait.since + round(timeout_s * 1e6)
        self._ask_for(wait, AskForLock(path, key, due_us, priority, place or path))
        return wait.future

    def budget(self, path: str, budget: Budget, name: str = "") -> Line:
        """Return a budget of a part of the run."""
        state = self._state
        state.has_budgets = True
        about = state.settings
        suffix = f"~{about.incarnation}" if about.incarnation else ""
        key = f"{RUNS}{about.run_id}{suffix}/{path}"
        return Line.of(budget, key, name, state.loop.now_us, about.run_id)

    def unlock(self, path: str) -> None:
        """Give a lock back."""
        found = self._places.pop(path, None)
        if found is not None:
            self._once_only(Kind.UNLOCKED, path, GiveLockBack(path, *found))
