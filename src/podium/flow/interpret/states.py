"""How nodes stand, and what expressions see of them."""

from __future__ import annotations

import asyncio

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, Protocol

from podium.core.errors import ErrorInfo, StepFailed
from podium.flow.expression import ExpressionError
from podium.flow.interpret.plan import NodePlan, Reads
from podium.flow.model import Call
from podium.functions.outcomes import Outcome


class Status(StrEnum):
    """How a node stands."""

    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """Only in a dry run: what it would give is not known."""


PASSED: Final = frozenset({Status.OK, Status.UNKNOWN})
UNSETTLED: Final = frozenset({Status.WAITING, Status.RUNNING})
FLOW_ERROR: Final = "FlowError"
"""The type of errors that begin in a document and not in a step."""


class NodeFailed(StepFailed):
    """A node failed by itself: ``fail``, an expression without a result, a limit, a time-out."""

    def __init__(
        self, path: str, code: str, message: str, kind: str = FLOW_ERROR, *,
        details: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        info = ErrorInfo(type=kind, message=message, code=code, path=path, details=details)
        super().__init__(path, info)
        self.code = code  # type: ignore[misc]  # its own for each node


class NoValue(Exception):
    """A plain reference finds no value, or no case of a switch holds.

    Attributes:
        name: The node that has none; empty for a switch.
        reason: Why its reader is skipped.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.reason = f"needs {name}" if name else "no case"


class Unknown(NoValue):
    """A reference asks for what a dry run does not know."""


class Owner(Protocol):
    """A body, as its nodes know it."""

    nodes: dict[str, NodeRun]

    def need_settled(self, run: NodeRun, need: NodeRun) -> None:
        """Look at a node again: one of its needs is settled."""


class NodeRun:
    """A node in a run.

    Attributes:
        path: The path of its step or scope.
        status, reason: How it stands, and why it was skipped or cancelled.
        value: What it gave.
        error: Why it failed.
        answer: Who gave the value, where that need not be the task itself.
        verdict: What the gates said last, where the document names some.
        inner: Its bodies under way, or the last one: what a picture of the run shows.
        done, total: Of a ``for_each`` or loop: bodies that ended, and how many there are at most.
        future: What it does now, if anything.
        listeners: Told once it is settled, in their order.
        pending, ok: How many needs are not settled, how many ended ``ok``.
        turn: Its number, from 1, in the order in which nodes of the run were settled; 0 before that,
            and where it was called off with its body.
    """

    __slots__ = (
        "answer", "body", "done", "error", "future", "inner", "listeners", "ok", "path", "pending", "plan",
        "reason", "status", "total", "turn", "value", "verdict",
    )  # fmt: skip

    def __init__(self, body: Owner, plan: NodePlan, path: str) -> None:
        self.body = body
        self.plan = plan
        self.path = path
        self.status = Status.WAITING
        self.reason = ""
        self.value: Any = None
        self.error: StepFailed | None = None
        self.answer: Outcome[Any] | None = None
        self.verdict: dict[str, Any] | None = None
        self.inner: Collection[Owner] = ()
        self.future: asyncio.Future[Any] | None = None
        self.done = 0
        self.total = 0
        self.listeners: list[NodeRun] = []
        self.pending = 0
        self.ok = 0
        self.turn = 0

    @property
    def is_settled(self) -> bool:
        """Whether its end is known."""
        return self.status not in UNSETTLED

    def outcome(self) -> dict[str, Any]:
        """Return what ``outcome.order`` is."""
        error = None if self.error is None else error_value(self.error)
        status = self.status.value if self.is_settled else "cancelled"
        found: dict[str, Any] = {"status": status, "reason": self.reason or None, "error": error}
        work = self.plan.node.work
        by = work.task if isinstance(work, Call) and self.status is Status.OK else None
        found |= {"answered_by": by, "is_stale": False, "made_at": None, "verdict": self.verdict}
        return found if self.answer is None or by is None else found | _answer(self.answer)


def _answer(answer: Outcome[Any]) -> dict[str, Any]:
    """Return who answered, as expressions see it."""
    made_at = None if answer.at is None else answer.at.isoformat()
    found: dict[str, Any] = {
        "answered_by": answer.answered_by, "is_stale": answer.is_stale, "made_at": made_at,
    }  # fmt: skip
    if answer.error is not None:
        found["error"] = error_value(StepFailed(answer.path, answer.error))
    return found


def error_value(error: StepFailed) -> dict[str, Any]:
    """Return an error as expressions see it: that of the step where it began."""
    path, info = error.path, error.error
    while info.code in ("child-failed", "step-failed") and info.cause is not None:
        path, info = info.path or path, info.cause
    return {
        "type": info.type, "code": info.code, "message": info.message, "path": info.path or path,
    }  # fmt: skip


def undo_offer(run: NodeRun) -> dict[str, Any] | None:
    """Return how a node that is no call ended, for the task that undoes it; None if it never ran."""
    if run.status in (Status.WAITING, Status.SKIPPED):
        return None
    outcome = {Status.OK: "succeeded", Status.FAILED: "failed"}.get(run.status, "unknown")
    return {"result": run.value, "outcome": outcome}


class Frame:
    """What expressions see at a place: names with values, nodes, and the frame around."""

    __slots__ = ("around", "names", "nodes")

    def __init__(
        self, names: Mapping[str, Any], nodes: Mapping[str, NodeRun], around: Frame | None
    ) -> None:
        self.names = names
        self.nodes = nodes
        self.around = around

    def node(self, name: str) -> NodeRun | None:
        """Return a node that can be seen from here."""
        frame: Frame | None = self
        while frame is not None:
            found = frame.nodes.get(name)
            if found is not None:
                return found
            frame = frame.around
        return None

    def evaluate(self, reads: Reads, path: str) -> Any:
        """Compute a value.

        Raises:
            NoValue: A plain reference finds none.
            NodeFailed: The expression has no result.
        """
        variables = {name: self._value(name) for name in reads.plain}
        if reads.marked or reads.outcomes:
            self._add(reads, variables)
        try:
            return reads.source.evaluate(variables)
        except ExpressionError as error:
            raise NodeFailed(path, error.code, str(error), "ExpressionError") from None

    def _add(self, reads: Reads, variables: dict[str, Any]) -> None:
        """Add what is there whether a node has a value or not."""
        for name in reads.marked:
            try:
                variables[name] = self._value(name)
            except Unknown:
                raise
            except NoValue:
                continue
        if reads.outcomes:
            nodes = {name: self.node(name) for name in reads.outcomes}
            variables["outcome"] = {
                name: node.outcome() for name, node in nodes.items() if node is not None
            }

    def require(self, names: Iterable[str]) -> None:
        """Make sure that there are values.

        Raises:
            NoValue: One is missing.
        """
        for name in names:
            self._value(name)

    def _value(self, name: str) -> Any:
        frame: Frame | None = self
        while frame is not None:
            node = frame.nodes.get(name)
            if node is not None:
                if node.status is Status.OK:
                    return node.value
                raise Unknown(name) if node.status is Status.UNKNOWN else NoValue(name)
            if name in frame.names:
                return frame.names[name]
            frame = frame.around
        raise NoValue(name)
