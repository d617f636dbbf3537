"""What a run's program has together with other runs: what is remembered of calls, and locks."""

from __future__ import annotations

from typing import Any

from podium.core.errors import PodiumError
from podium.core.spec import TaskSpec
from podium.engine.loop import RunFuture


class RunShared:
    """The shared part of a run's Context."""

    def recall(
        self, path: str, spec: TaskSpec, bound: dict[str, Any], within_s: float
    ) -> RunFuture:
        """Ask for the newest recorded success of the same call."""
        raise PodiumError(f"{path}: nothing is kept of {spec.name}({bound}) in {within_s:g} s.")

    def lock(self, path: str, key: str, timeout_s: float | None, priority: int) -> RunFuture:
        """Ask for a lock."""
        raise PodiumError(f"{path}: {key!r} cannot be locked ({timeout_s}, {priority}).")

    def unlock(self, path: str) -> None:
        """Give a lock back."""
        raise PodiumError(f"{path} holds no lock.")
