"""What bodies ask of the run of the flow: the flow knows bodies, not the other way round."""

from __future__ import annotations

import asyncio

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from podium.core.context import Context
from podium.core.spec import TaskSpec, WorkflowSpec
from podium.flow.interpret.plan import BodyPlan
from podium.flow.interpret.states import Frame, NodeRun, NoValue
from podium.flow.model import Document, Node, SubFlow


class Carried(Protocol):
    """A document with its tasks, as a run of it needs it."""

    flow: Document
    plan: BodyPlan
    observe: Callable[[Any], None] | None

    def variable(self, context: Context, name: str) -> str:
        """Return a variable of the environment as it was when the run began."""
        ...

    def warn_of_changes(self, context: Context) -> None:
        """Record a warning where tasks do not look as they did when the run was accepted."""
        ...

    def task_for(self, node: Node, task: str) -> TaskSpec:
        """Return a task with the policies of a node."""
        ...

    def with_fallbacks(self, spec: TaskSpec, node: Node, heads: Mapping[str, Any]) -> TaskSpec:
        """Return the task of a node with what may answer in its place."""
        ...

    def workflow_for(self, work: SubFlow) -> WorkflowSpec:
        """Return what a node of kind ``flow`` starts."""
        ...

    def undo_of(self, frame: Frame, run: NodeRun, args: Mapping[str, Any]) -> TaskSpec | None:
        """Return the task that undoes a node, if the document names one."""
        ...


class Conductor(Protocol):
    """The run of a flow, as its bodies know it."""

    context: Context

    def post(self, action: Callable[..., None], *args: Any) -> None:
        """Let something happen in this turn, after what was posted before."""
        ...

    def drain(self) -> None:
        """Let everything happen that was posted."""
        ...

    def next_turn(self) -> int:
        """Count one more node that is settled."""
        ...

    def guarded(self, action: Callable[..., None], *args: Any) -> None:
        """Run a call-back of the loop; what it raises ends the run."""
        ...

    def start(self, body: Any, run: NodeRun) -> None:
        """Start a node's work."""
        ...

    def missing(self, body: Any, run: NodeRun, missing: NoValue) -> None:
        """A node cannot be started, or gives nothing, for want of a value."""
        ...

    def result_of(self, run: NodeRun, value: Any) -> Any:
        """Return a result as expressions see it."""
        ...

    def child(self, path: str, work: SubFlow, args: Mapping[str, Any]) -> asyncio.Future[Any]:
        """Ask for a child run."""
        ...
