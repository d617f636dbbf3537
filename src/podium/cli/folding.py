"""Many steps in few lines: the calls of a map, and the passes of a loop, become one line."""

from __future__ import annotations

import re

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from podium.client.views import StepView
from podium.journal.records import Status

_PLACES = re.compile(r"\[[^\]]*\]|#\d+")
_SHOWN_DURATION_S = 0.001


def folded(path: str) -> str:
    """Return a path without what only counts: indexes, keys, occurrences."""
    return _PLACES.sub("", path)


@dataclass
class Line:
    """What is shown in one line: a step, or all steps whose paths differ only by number.

    Attributes:
        step: The step heard of last.
        counts: How many steps have which status.
        total: How many there will be, if that is known.
    """

    name: str
    step: StepView
    counts: Counter[str] = field(default_factory=Counter)
    status_of: dict[str, str] = field(default_factory=dict)
    began: datetime | None = None
    ended: datetime | None = None
    total: int = 0
    failure: StepView | None = None

    @property
    def is_single(self) -> bool:
        """Whether it is about one step."""
        return len(self.status_of) == 1 and self.total <= 1

    @property
    def is_open(self) -> bool:
        """Whether a step of it has no outcome yet."""
        return bool(self.counts[Status.STARTED]) or self.done < self.total

    @property
    def done(self) -> int:
        """How many have an outcome."""
        return len(self.status_of) - self.counts[Status.STARTED]

    @property
    def label(self) -> str:
        """The name to show: the path of one step, or what the paths have in common."""
        return self.step.path if self.is_single else self.name

    @property
    def tally(self) -> str:
        """How far it is: ``812/1000``, or ``812`` where nobody knows how many there will be."""
        if self.is_single:
            return ""
        if self.total:
            return f"{self.done}/{self.total}"
        return f"{self.done}"

    def duration_s(self, now: datetime) -> float | None:
        """How long it has taken, or takes."""
        if self.began is None or (self.is_single and self.step.task in ("timer", "signal")):
            return None
        end = now if self.is_open or self.ended is None else self.ended
        duration = (end - self.began).total_seconds()
        return duration if duration >= _SHOWN_DURATION_S else None

    def take(self, step: StepView) -> None:
        """Note the newest state of a step."""
        old = self.status_of.get(step.path)
        if old is not None:
            self.counts[old] -= 1
        self.counts[step.status] += 1
        self.status_of[step.path] = step.status
        self.step = step
        if step.started_at is not None and (self.began is None or step.started_at < self.began):
            self.began = step.started_at
        if step.ended_at is not None and (self.ended is None or step.ended_at > self.ended):
            self.ended = step.ended_at
        if step.error is not None:
            self.failure = step
        elif self.failure is not None and self.failure.path == step.path:
            self.failure = None


class Lines:
    """The lines of a run, in the order they were first heard of."""

    def __init__(self) -> None:
        self.by_name: dict[str, Line] = {}

    def clear(self) -> None:
        """Begin again, with a new incarnation."""
        self.by_name.clear()

    def update(self, steps: Mapping[str, StepView], paths: Iterable[str]) -> list[Line]:
        """Take in the steps at these paths; return the lines that have changed."""
        changed: dict[str, Line] = {}
        for path in paths:
            step = steps.get(path)
            if step is None:
                continue
            name = folded(path)
            line = self.by_name.get(name)
            if line is None:
                line = self.by_name[name] = Line(name, step)
            line.take(step)
            changed[name] = line
        return list(changed.values())

    def expect(self, fan_outs: Mapping[str, int]) -> None:
        """Take in how many items each map of the run has."""
        totals: Counter[str] = Counter()
        for path, count in fan_outs.items():
            totals[folded(path)] += count
        for name, total in totals.items():
            line = self.by_name.get(name)
            if line is not None:
                line.total = max(total, len(line.status_of))
