"""What the reference interpreter is made of: nodes under way, what they see, how they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tests.flow.proof.reading import Data, Join
from tests.flow.proof.stage import Process

Error = Mapping[str, Any]
"""F-32 An error is ``{type, code, message, path}``."""


class Behaviour(NamedTuple):
    """What one attempt of a task does."""

    duration_s: float
    value: Any = None
    error: tuple[str, str, str] | None = None
    """Type, code and message."""


class Tool(Protocol):
    """A task, as the reference knows it."""

    @property
    def is_effect(self) -> bool:
        """Whether it changes the world."""

    def behave(self, args: Data, attempt: int) -> Behaviour:
        """Say what an attempt with these arguments does."""


class Call(NamedTuple):
    """An attempt of a task that was begun."""

    run: str
    path: str
    task: str
    args: Data
    attempt: int
    at_s: float


@dataclass
class End:
    """How a node is settled: ``ok``, ``skipped``, ``failed`` or ``cancelled`` (F-15)."""

    status: str
    value: Any = None
    reason: str | None = None
    error: Error | None = None
    answered_by: str | None = None

    def outcome(self) -> dict[str, Any]:
        """F-18 ``outcome.order`` is ``{status, reason, error, answered_by, is_stale, made_at, verdict}``."""
        return {
            "status": self.status, "reason": self.reason, "error": self.error,
            "answered_by": self.answered_by, "is_stale": False, "made_at": None, "verdict": None,
        }  # fmt: skip


@dataclass
class Report:
    """What became of a run.

    Attributes:
        nodes: By path; those in child runs behind ``run:``.
        undone: Calls of compensations, in order.
        doubts: Why a real run may differ: things happened too close together.
    """

    status: str = ""
    output: Any = None
    error: Error | None = None
    nodes: dict[str, End] = field(default_factory=dict)
    started_s: dict[str, float] = field(default_factory=dict)
    ended_s: dict[str, float] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    undone: list[Call] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


class Failed(Exception):
    """A node, a body or a run fails."""

    def __init__(self, error: Error) -> None:
        super().__init__(error)
        self.error = error


class Skipped(Exception):
    """A node is skipped, for a reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Needs(Exception):
    """A value cannot be had: it refers plainly to a node without one."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.node = node


@dataclass(eq=False)
class NodeRun:
    """A node in one body."""

    id: str
    spec: Data
    path: str
    scope: Scope
    end: End | None = None
    turn: int = -1
    process: Process | None = None
    is_started: bool = False

    @property
    def may_read(self) -> bool:
        """Whether it, or something in a body of it, may still look at other nodes."""
        has_bodies = "nodes" in self.spec or "switch" in self.spec
        return not self.end and (has_bodies or not self.is_started)

    @property
    def is_ok(self) -> bool:
        return self.end is not None and self.end.status == "ok"

    @property
    def is_fatal(self) -> bool:
        """F-29 With ``on_error: fail``, the default, the flow fails with the node's error."""
        failed = self.end is not None and self.end.status == "failed"
        return failed and self.spec.get("on_error", "fail") == "fail"


@dataclass(eq=False)
class Scope:
    """What the expressions of a body see: its nodes, and all that is around it."""

    parent: Scope | None
    run: str
    path: str
    names: Mapping[str, Any]
    nodes: dict[str, NodeRun] = field(default_factory=dict)
    output: frozenset[str] = frozenset()

    def find(self, name: str) -> NodeRun | None:
        """F-20 What stands within the body of a node may refer to nodes outside of it."""
        if name in self.nodes:
            return self.nodes[name]
        return self.parent.find(name) if self.parent else None

    def inner(self, path: str, **names: Any) -> Scope:
        return Scope(self, self.run, path, {**self.names, **names})

    def visible(self) -> dict[str, Any]:
        """Return the value of every name that has one."""
        found = self.parent.visible() if self.parent else {}
        found.update(self.names)
        outcomes = dict(found.get("outcome", {}))
        for name, run in self.nodes.items():
            if run.is_ok and run.end:
                found[name] = run.end.value
            outcomes[name] = (run.end or End("cancelled")).outcome()
        return {**found, "outcome": outcomes}


class Gate(NamedTuple):
    """What a node waits for before it starts."""

    join: Join
    nodes: list[NodeRun]
    handled: list[NodeRun]

    @property
    def is_called_for(self) -> bool:
        """F-31 A node that is named so runs only if a node that names it has failed; …"""
        failed = [one for one in self.handled if one.end and one.end.status == "failed"]
        return not self.handled or bool(failed)

    @property
    def is_needless(self) -> bool:
        """F-31 … else it is skipped, with the reason ``not needed``."""
        return not self.is_called_for and all(one.end for one in self.handled)

    @property
    def is_decided(self) -> bool:
        """F-23 ``join: all``, the default, waits until every dependency is settled."""
        if self.join.needed is None:
            return all(one.end for one in self.nodes)
        return self.is_joined or self.cannot_join

    @property
    def is_joined(self) -> bool:
        """F-25 ``join: any`` decides at the first dependency that is ``ok``, ``join: 2`` at the second"""
        return sum(one.is_ok for one in self.nodes) >= (self.join.needed or 0)

    @property
    def cannot_join(self) -> bool:
        """F-26 Where too few dependencies can still become ``ok``, such a node is skipped"""
        return sum(one.is_ok or not one.end for one in self.nodes) < (self.join.needed or 0)
