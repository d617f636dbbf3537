"""The program that a document is: what a worker runs."""

from __future__ import annotations

import asyncio

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, TypeVar

from podium.core.budgets import Budget
from podium.core.codec import plain
from podium.core.context import NO_OPTIONS, Context, StepOptions, context_of
from podium.core.errors import Nondeterminism, PodiumError, StepFailed
from podium.core.policies import KEY_CHARS_MAX
from podium.core.scope import Scope, current_scope
from podium.core.spec import registry
from podium.flow.gates import Verify
from podium.flow.interpret import kinds
from podium.flow.interpret.bodies import BodyRun
from podium.flow.interpret.roles import Carried
from podium.flow.interpret.states import (
    NodeFailed,
    NodeRun,
    NoValue,
    Status,
    Unknown,
    undo_offer,
)
from podium.flow.interpret.verifying import Verifying
from podium.flow.model import Call, Lock, Set, SubFlow
from podium.functions.budgets import under
from podium.functions.fallbacks import Chain
from podium.functions.locks import holding
from podium.functions.outcomes import Outcome
from podium.tools.labels import of_value, saw, seen
from podium.tools.spec import ToolSpec

Run = TypeVar("Run", bound="FlowRun")


class FlowRun:
    """A document being carried out.

    Attributes:
        spec: The document with its tasks.
        context: The run's durable primitives.
        root: The outermost body.
    """

    def __init__(self, spec: Carried, context: Context, names: Mapping[str, Any]) -> None:
        self.spec = spec
        self.context = context
        self._queue: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._is_draining = False
        self._turns = 0
        self.root = BodyRun(self, spec.plan, current_scope.get().path, None, names)

    async def run(self) -> Any:
        """Carry it out and return its output.

        Raises:
            StepFailed: A node failed, or there is no output.
        """
        await self.root.run()
        return self.output()

    def output(self) -> Any:
        """Return what the flow gives, once it was carried out (F-10).

        Raises:
            StepFailed: There is no output, for the reason that it says.
            Unknown: It rests on what a dry run does not know.
        """
        try:
            return self.root.output()
        except Unknown:
            raise
        except NoValue as missing:
            run = self.root.nodes.get(missing.name)
            text = f"The output needs {missing.name!r}, which is no node."
            if run is not None:
                why = f" ({run.reason})" if run.reason else ""
                text = (
                    f"The output needs the node {missing.name!r}, which is {run.status.value}{why}."
                )
            raise NodeFailed("output", "no-output", text) from None

    # one queue --------------------------------------------------------------------------

    def post(self, action: Callable[..., None], *args: Any) -> None:
        """Let something happen in this turn, after what was posted before."""
        self._queue.append((action, args))

    def drain(self) -> None:
        """Let everything happen that was posted."""
        if self._is_draining:
            return
        self._is_draining = True
        queue = self._queue
        try:
            while queue:
                action, args = queue.popleft()
                action(*args)
        finally:
            self._is_draining = False

    def next_turn(self) -> int:
        """Count one more node that is settled."""
        self._turns += 1
        return self._turns

    def guarded(self, action: Callable[..., None], *args: Any) -> None:
        """Run a call-back of the loop; what it raises ends the run, for nobody else would hear it."""
        try:
            action(*args)
            self.drain()
        except BaseException as error:  # noqa: BLE001 - see above
            self.root.fail(error)

    # work -------------------------------------------------------------------------------

    def start(self, body: BodyRun, run: NodeRun) -> None:
        """Start a node's work; what it computes as it starts is computed here.

        Raises:
            NoValue: A plain reference finds none.
            StepFailed: It cannot be started.
        """
        plan, policy = run.plan, run.plan.node.policy
        heads = kinds.heads_of(body, run)
        body.frame.require(plan.verifies)
        is_plain = policy.lock is None and policy.verify is None
        if is_plain and isinstance(plan.node.work, Set):
            body.succeed(run, heads["value"])
            return
        with self.under_budget(run, policy.budget):
            work = self.begin_work(body, run, heads)
        # behind the block: what its end lets start does not stand under its budget
        body.watch(run, work)

    def begin_work(
        self, body: BodyRun, run: NodeRun, heads: Mapping[str, Any]
    ) -> asyncio.Future[Any]:
        """Begin a node's work, under its lock and until its value passes, where it says so."""
        policy = run.plan.node.policy
        if policy.lock is not None:
            program = self.under_lock(body, run, heads, policy.lock)
        elif policy.verify is not None:
            program = self.verified(body, run, heads, policy.verify)
        else:
            return self.work(body, run, heads)
        return self.context.new_task(Scope(run.path), program)

    def under_budget(self, run: NodeRun, budget: Budget | None) -> AbstractContextManager[None]:
        """Let what a node does stand under its budget."""
        if budget is None:
            return nullcontext()
        return under(self.context, budget, f"{run.path}/budget", budget.name or run.path)

    def work(self, body: BodyRun, run: NodeRun, heads: Mapping[str, Any]) -> asyncio.Future[Any]:
        """Begin what a node does."""
        work = run.plan.node.work
        if isinstance(work, Call):
            return self.call(body, run, work.task, heads)
        self.remember_undo(body, run, heads.get("args", {}))
        scope = Scope(run.path)
        return self.context.new_task(scope, kinds.carry_out(body, run, heads, scope))

    async def under_lock(
        self, body: BodyRun, run: NodeRun, heads: Mapping[str, Any], lock: Lock
    ) -> Any:
        """Do what a node does while it holds a lock.

        Raises:
            NodeFailed: The key is no text, or too long.
        """
        key = heads["lock"]
        if not isinstance(key, str) or not 0 < len(key) <= KEY_CHARS_MAX:
            text = f"the lock is {key!r:.80}; expected a text of 1 to {KEY_CHARS_MAX} characters."
            raise NodeFailed(run.path, "bad-key", text)
        path = f"{run.path}/lock"
        async with holding(self.context, key, lock.timeout_s, path, run.path):
            return await self.value(body, run, heads)

    async def value(self, body: BodyRun, run: NodeRun, heads: Mapping[str, Any]) -> Any:
        """Do what a node does, and verify its value where the document says how."""
        verify = run.plan.node.policy.verify
        if verify is not None:
            return await self.verified(body, run, heads, verify)
        if isinstance(run.plan.node.work, Set):
            return heads["value"]
        return await self.work(body, run, heads)

    async def verified(
        self, body: BodyRun, run: NodeRun, heads: Mapping[str, Any], verify: Verify
    ) -> Any:
        """Do what a node does until its value passes.

        Raises:
            StepFailed: The work failed, or no value passes.
        """

        async def make(once: NodeRun, heads: Mapping[str, Any]) -> Any:
            if isinstance(once.plan.node.work, Set):
                return heads["value"]
            return self.result_of(once, await self.work(body, once, heads))

        return await self.verifying(body, run, verify).value(make, heads)

    def verifying(self, body: BodyRun, run: NodeRun, verify: Verify) -> Verifying:
        """Return what verifies a node's value."""
        return Verifying(body, run, verify, self.child)

    def remember_undo(self, body: BodyRun, run: NodeRun, args: Mapping[str, Any]) -> None:
        """Have a node that is no call undone if the run fails, where the document says how."""
        undo = self.spec.undo_of(body.frame, run, args)
        if undo is not None:
            self.context.undo(run.path, undo, partial(undo_offer, run))

    def call(
        self, body: BodyRun, run: NodeRun, task: str, heads: Mapping[str, Any]
    ) -> asyncio.Future[Any]:
        """Ask for the step of a ``call``, and for what answers if it fails.

        Raises:
            NodeFailed: The arguments do not fit the task.
        """
        args = heads["args"]
        undo = None if run.plan.is_bare else self.spec.undo_of(body.frame, run, args)
        try:
            spec = self.spec.task_for(run.plan.node, task)
            options = NO_OPTIONS if undo is None else StepOptions(compensate=undo)
            bound = spec.binder.from_json(args)
            if run.plan.node.policy.fallbacks is not None:
                spec = self.spec.with_fallbacks(spec, run.plan.node, heads)
            if spec.options.fallback or spec.options.cache is not None:
                return Chain(self.context, run.path, spec, bound, options).begin_answer()
            return self.context.step(run.path, spec, bound, options)
        except PodiumError as error:
            raise as_failure(run.path, error) from error

    def child(self, path: str, work: SubFlow, args: Mapping[str, Any]) -> asyncio.Future[Any]:
        """Ask for a child run.

        Raises:
            NodeFailed: The arguments do not fit its input.
        """
        try:
            spec = self.spec.workflow_for(work)
            return self.context.child(path, spec, spec.binder.from_mapping(args))
        except PodiumError as error:
            raise as_failure(path, error) from error

    def missing(self, body: BodyRun, run: NodeRun, missing: NoValue) -> None:
        """A node cannot be started, or gives nothing, for want of a value: it is skipped."""
        body.settle(run, Status.SKIPPED, reason=missing.reason)

    def result_of(self, run: NodeRun, value: Any) -> Any:
        """Return a result as expressions see it: plain JSON."""
        if isinstance(value, Outcome):
            run.answer = value
            value = value.value
        work = run.plan.node.work
        if isinstance(work, Set):
            return value
        value = plain(value)
        if isinstance(work, Call):
            self._take_in(run, work.task, value)
        return value

    def _take_in(self, run: NodeRun, task: str, value: Any) -> None:
        """Remember where a value comes from: what is called by name, or left to a model, may rest on it."""
        spec = self.spec.task_for(run.plan.node, task)
        by = None if run.answer is None else registry.tasks.get(run.answer.answered_by)
        for one in (spec, by):
            if isinstance(one, ToolSpec):
                saw(of_value(one, value, seen()))


def as_failure(path: str, error: PodiumError) -> PodiumError:
    """Return what the Context refuses of a node as the node's failure; what stops the run as it is."""
    if isinstance(error, Nondeterminism | StepFailed):
        return error
    return NodeFailed(path, error.code, str(error), type(error).__name__)


async def run_document(spec: Carried, given: Mapping[str, Any]) -> Any:
    """Carry out a document: the body of every workflow that is one."""
    return await begin(FlowRun, spec, given).run()


def begin(make: type[Run], spec: Carried, given: Mapping[str, Any]) -> Run:
    """Return a run of a document, about to begin.

    Raises:
        UsageError: A variable of the environment that it needs is not set.
    """
    context = context_of("a flow")
    spec.warn_of_changes(context)
    env = {name: spec.variable(context, name) for name in spec.flow.env}
    run = make(spec, context, {"input": dict(given), "env": env})
    if spec.observe is not None:
        spec.observe(run)
    return run
