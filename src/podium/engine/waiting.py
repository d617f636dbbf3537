"""What a run waits for, as it is shown: what, where, since when, until when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from podium.core.ports import Clock
from podium.engine.attempts import Step
from podium.engine.lock_places import LockPlaces
from podium.engine.program import Program


class ClockOwner(Protocol):
    """The engine, as far as it knows the time."""

    @property
    def clock(self) -> Clock: ...


class WaitingRun(Protocol):
    """A run, as what it waits for is read from it."""

    dues_s: dict[str, float]
    program: Program
    places: LockPlaces

    @property
    def engine(self) -> ClockOwner: ...
    @property
    def steps(self) -> Mapping[str, Step]: ...
    @property
    def children(self) -> Mapping[str, str]: ...


def waits_of(run: WaitingRun) -> list[dict[str, Any]]:
    """Return what a run waits for; [] while something of it is in flight."""
    found: list[dict[str, Any]] = []
    for step in run.steps.values():
        if step.is_unknown:
            found.append({"kind": "unknown", "path": step.path, "since": step.started_at})
        elif (obstacle := step.obstacle) is not None:
            entry = {"kind": obstacle.kind, "path": step.path, "since": step.queued_since,
                     "name": obstacle.key, "text": obstacle.text}  # fmt: skip
            if obstacle.until_us:
                entry["until"] = obstacle.until_us
            found.append(entry)
        elif step.is_between:
            found.append({"kind": "retry", "path": step.path, "since": step.started_at,
                          "attempt": step.number + 1, "due": step.next_at})  # fmt: skip
        else:
            return []
    for wait in run.program.waits.values():
        if wait.future.done() or wait.what == "step":
            continue
        entry = {"kind": wait.what, "path": wait.path, "since": wait.since}
        if wait.what == "signal":
            entry["name"] = wait.command
        elif wait.what == "lock":
            entry["name"], entry["text"] = wait.command, run.places.reason(wait.path)
        elif wait.what == "child":
            entry["run"] = run.children.get(wait.path, "")
        found.append(entry)
    boot, boot_s = run.engine.clock.boot()
    now_s = run.engine.clock.monotonic_s()
    for path, timer in run.program.timers.items():
        due_s = run.dues_s.get(path, now_s)
        found.append({"kind": "timer", "path": path, "since": run.program.loop.now_us,
                      "due": round(timer.when() * 1e6), "boot": boot,
                      "boot_due": boot_s + max(0.0, due_s - now_s)})  # fmt: skip
    return found
