"""Many steps in few lines: the calls of a map, and the passes of a loop, become one line.

Of a run of a document each node is a line, the steps within it are lines beneath.
"""

from __future__ import annotations

import re

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from podium.client.views import StepView
from podium.journal.records import Status

SKIPPED = "skipped"
_PLACES = re.compile(r"\[[^\]]*\]|#\d+")
_SHOWN_DURATION_S = 0.001


def folded(path: str) -> str:
    """Return a path without what only counts: indexes, keys, occurrences."""
    return _PLACES.sub("", path)


@dataclass(frozen=True)
class NodeState:
    """How a node of a document stands.

    Attributes:
        kind: Its word, such as ``for_each``.
        status: ``waiting running ok skipped failed cancelled unknown``.
        tally: How far it is: ``812/1000``, ``pass 2/5``; empty for most kinds.
        remark: Why it was skipped or cancelled, or how it failed, for people.
        reason: Why it was skipped or cancelled, as it is recorded: ``when``, ``needs order`` …
    """

    kind: str
    status: str
    tally: str = ""
    remark: str = ""
    reason: str = ""


WORST = (Status.FAILED, Status.UNUSABLE, Status.UNKNOWN, Status.LATE, SKIPPED, Status.CANCELLED)
"""What matters most of a line, first."""
_OF_NODE = {"ok": Status.SUCCEEDED, "failed": Status.FAILED, "cancelled": Status.CANCELLED}


@dataclass
class Line:
    """What is shown in one line: a node, a step, or all steps whose paths differ only by number.

    Attributes:
        step: The step heard of last.
        counts: How many steps have which status.
        total: How many there will be, if that is known.
        node: The node of that name, in a run of a document.
        is_within: Whether it is a step within a node of which more is said: of a pass, of an item.
    """

    name: str
    step: StepView
    counts: Counter[str] = field(default_factory=Counter)
    status_of: dict[str, str] = field(default_factory=dict)
    began: datetime | None = None
    ended: datetime | None = None
    total: int = 0
    failure: StepView | None = None
    node: NodeState | None = None
    is_within: bool = False

    @property
    def is_single(self) -> bool:
        """Whether it is about one step, or one node."""
        if self.node is not None:
            return not self.node.tally
        return len(self.status_of) == 1 and self.total <= 1

    @property
    def is_open(self) -> bool:
        """Whether it, or a step of it, has no outcome yet."""
        if self.node is not None:
            return self.node.status == "running"
        return bool(self.counts[Status.STARTED]) or self.done < self.total

    @property
    def done(self) -> int:
        """How many have an outcome."""
        return len(self.status_of) - self.counts[Status.STARTED]

    @property
    def matters(self) -> bool:
        """Whether there is anything to show."""
        return not self.is_within or self.is_open or self.failure is not None

    @property
    def worst(self) -> str:
        """The status that matters most of what has ended."""
        if self.node is not None:
            return _OF_NODE.get(self.node.status, self.node.status)
        return next((status for status in WORST if self.counts[status]), Status.SUCCEEDED)

    @property
    def remark(self) -> str:
        """What the node has to say of its end."""
        return "" if self.node is None or self.failure is not None else self.node.remark

    @property
    def label(self) -> str:
        """The name to show: the path of one step, or what the paths have in common."""
        return self.step.path if self.is_single else self.name

    @property
    def tally(self) -> str:
        """How far it is: ``812/1000``, or ``812`` where nobody knows how many there will be."""
        if self.node is not None:
            return self.node.tally
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

    def covers(self, step: StepView) -> None:
        """Take in when a step within it began and ended."""
        if step.started_at is not None and (self.began is None or step.started_at < self.began):
            self.began = step.started_at
        if step.ended_at is not None and (self.ended is None or step.ended_at > self.ended):
            self.ended = step.ended_at

    def take(self, step: StepView) -> None:
        """Note the newest state of a step."""
        old = self.status_of.get(step.path)
        if old is not None:
            self.counts[old] -= 1
        self.counts[step.status] += 1
        self.status_of[step.path] = step.status
        self.step = step
        self.covers(step)
        if step.error is not None:
            self.failure = step
        elif self.failure is not None and self.failure.path == step.path:
            self.failure = None


class Lines:
    """The lines of a run, in the order they were first heard of, or in that of its document.

    Args:
        places: The nodes of the document, by path without what only counts: where each stands.
    """

    def __init__(self, places: Mapping[str, int] | None = None) -> None:
        self.by_name: dict[str, Line] = {}
        self._places = places

    def clear(self) -> None:
        """Begin again, with a new incarnation."""
        self.by_name.clear()

    def all(self) -> list[Line]:
        """Return the lines in their order; those within a node only as long as they matter."""
        lines, places = [one for one in self.by_name.values() if one.matters], self._places
        if places is None:
            return lines
        return sorted(lines, key=lambda line: places.get(line.name, len(places)))

    def update(self, steps: Mapping[str, StepView], paths: Iterable[str]) -> list[Line]:
        """Take in the steps at these paths; return the lines that have changed."""
        changed: dict[str, Line] = {}
        for path in paths:
            step = steps.get(path)
            name = folded(path)
            if step is None or not self._is_shown(name, step):
                continue
            line = self.by_name.get(name)
            if line is None:
                is_within = self._places is not None and "/" in name
                line = self.by_name[name] = Line(name, step, is_within=is_within)
            line.take(step)
            changed[name] = line
            self._tell_those_around(name, step)
        return list(changed.values())

    def take_nodes(self, nodes: Iterable[tuple[str, NodeState]]) -> list[Line]:
        """Take in how nodes stand, but for those that wait; return the lines that have changed."""
        changed = []
        for name, node in nodes:
            if node.status == "waiting":
                continue
            line = self.by_name.get(name)
            if line is None:
                line = self.by_name[name] = Line(name, StepView(name, node.kind))
            if line.node != node:
                line.node, line.is_within = node, False
                changed.append(line)
        return changed

    def expect(self, fan_outs: Mapping[str, int]) -> None:
        """Take in how many items each map of the run has."""
        totals: Counter[str] = Counter()
        for path, count in fan_outs.items():
            totals[folded(path)] += count
        for name, total in totals.items():
            line = self.by_name.get(name)
            if line is not None:
                line.total = max(total, len(line.status_of))

    def _is_shown(self, name: str, step: StepView) -> bool:
        """Whether a step has a line: of a document, signals and timers that are no nodes have none."""
        if self._places is None or name in self._places:
            return True
        return step.task not in ("signal", "timer", "ask")

    def _tell_those_around(self, name: str, step: StepView) -> None:
        """Let the nodes around a step know how long they take."""
        while self._places is not None and "/" in name:
            name = name.rpartition("/")[0]
            around = self.by_name.get(name)
            if around is not None:
                around.covers(step)
