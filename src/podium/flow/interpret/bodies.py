"""A body in a run: starts each node the moment what it needs is there, and takes its end.

Driven by call-backs: an end is put into the run's one queue, and whoever waits for it is looked at
in that turn. So a join is decided at one fact, and a thousand nodes cost no thousand tasks.
"""

from __future__ import annotations

import asyncio

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from podium.core.errors import StepFailed
from podium.core.scope import Scope
from podium.flow.interpret.plan import BodyPlan, NodePlan
from podium.flow.interpret.roles import Conductor
from podium.flow.interpret.states import PASSED, Frame, NodeFailed, NodeRun, NoValue, Status


class BodyRun:
    """A body under way.

    Args:
        flow: The run of the flow.
        plan: What the body is.
        path: Where it stands; names the steps within.
        around: What can be seen around it.
        names: What its expressions see besides nodes.

    Attributes:
        frame: What its expressions see.
        nodes: Its nodes.
        failure: Why it failed, if it did.
    """

    __slots__ = (
        "_left", "_on_end", "_stopped", "failure", "flow", "frame", "nodes", "path", "plan",
    )  # fmt: skip

    def __init__(
        self, flow: Conductor, plan: BodyPlan, path: str, around: Frame | None,
        names: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.flow = flow
        self.plan = plan
        self.path = path
        prefix = f"{path}/" if path else ""
        self.nodes = {
            name: NodeRun(self, node, f"{prefix}{name}") for name, node in plan.nodes.items()
        }
        self.frame = Frame(names, self.nodes, around)
        self.failure: BaseException | None = None
        self._left = len(self.nodes)
        self._stopped = False
        self._on_end: Callable[[], None] | None = None

    # life -------------------------------------------------------------------------------

    def begin(self, on_end: Callable[[], None]) -> None:
        """Start every node that needs nothing; ``on_end`` is called once all of them are settled."""
        self._on_end = on_end
        for run in self.nodes.values():
            if run.plan.waits:
                self._listen(run)
        for run in self.nodes.values():
            if run.pending == 0:
                self._decide(run)
        if not self.nodes:
            self.flow.post(self._ended)
        self.flow.drain()

    async def run(self) -> None:
        """Carry it out; cancelling this calls off what is under way.

        Raises:
            StepFailed: A node failed, and the flow may not go on.
        """
        end = asyncio.get_running_loop().create_future()
        try:
            self.begin(lambda: None if end.done() else end.set_result(None))
            await end
        except BaseException:
            self.call_off("cancelled")
            raise
        if self.failure is not None:
            raise self.failure

    def output(self) -> Any:
        """Return what it gives.

        Raises:
            NoValue: A plain reference finds none.
            NodeFailed: The expression has no result.
        """
        output = self.plan.output
        return None if output is None else self.frame.evaluate(output, self.path or "output")

    def call_off(self, reason: str) -> None:
        """Start nothing more, and end what can be ended; effects in flight go on unheard."""
        if self._stopped:
            return
        self._stopped = True
        for run in self.nodes.values():
            if not run.is_settled:
                run.status, run.reason = Status.CANCELLED, reason
                self._end_work(run)

    def _ended(self) -> None:
        if self._on_end is not None and not self._stopped:
            self._on_end()

    # waiting ----------------------------------------------------------------------------

    def _listen(self, run: NodeRun) -> None:
        """Let a node wait for what it needs, and a handler for what it handles."""
        for name in run.plan.waits:
            need = self.frame.node(name)
            if need is None:
                continue
            if need.is_settled:
                run.ok += need.status in PASSED
            else:
                need.listeners.append(run)
                run.pending += 1

    def need_settled(self, run: NodeRun, need: NodeRun) -> None:
        """Look at a node again: one of its needs is settled."""
        run.pending -= 1
        run.ok += need.status in PASSED
        if run.status is not Status.WAITING or self._stopped:
            return
        count = run.plan.node.join.count
        if count is None:
            if run.pending == 0 or self._is_called(run):
                self._decide(run)
        elif run.ok >= count:
            self._decide(run)
        elif run.ok + run.pending < count:
            self.settle(run, Status.SKIPPED, reason="join")

    def _is_called(self, run: NodeRun) -> bool:
        """Whether a handler can start though other nodes that it handles are still under way."""
        handles = run.plan.handles
        if not handles or not self._has_call(run):
            return False
        waits = (self.frame.node(name) for name in run.plan.needs)
        return all(one is None or one.is_settled for one in waits)

    def _has_call(self, run: NodeRun) -> bool:
        return any(self.nodes[name].status is Status.FAILED for name in run.plan.handles)

    def _decide(self, run: NodeRun) -> None:
        """Start a node whose needs are there, or skip it."""
        if run.status is not Status.WAITING or self._stopped:
            return
        plan = run.plan
        count = plan.node.join.count
        if count is not None and run.ok < count:
            self.settle(run, Status.SKIPPED, reason="join")
        elif plan.handles and not self._has_call(run):
            self.settle(run, Status.SKIPPED, reason="not needed")
        else:
            try:
                self._start(run)
            except NoValue as missing:
                self.flow.missing(self, run, missing)
            except StepFailed as error:
                self._fail(run, error)
            if count is not None and plan.node.join.cancels_rest:
                for name in plan.needs:
                    self._release(name)

    def _start(self, run: NodeRun) -> None:
        plan = run.plan
        if plan.node.join.count is None:
            for name in plan.firm:
                after = self.frame.node(name)
                if after is not None and after.status not in PASSED:
                    raise NoValue(name)
        if plan.when is not None and not self._holds(run, plan):
            self.settle(run, Status.SKIPPED, reason="when")
            return
        self.flow.start(self, run)

    def _holds(self, run: NodeRun, plan: NodePlan) -> bool:
        assert plan.when is not None
        value = self.frame.evaluate(plan.when, run.path)
        if isinstance(value, bool):
            return value
        text = f"'when' is {value!r:.80}; expected true or false."
        raise NodeFailed(run.path, "not-a-condition", text)

    # under way and over ------------------------------------------------------------------

    def watch(self, run: NodeRun, future: asyncio.Future[Any]) -> None:
        """Take the end of what a node does from a future."""
        run.status = Status.RUNNING
        run.future = future
        future.add_done_callback(partial(self.flow.guarded, self._done, run))

    def succeed(self, run: NodeRun, value: Any) -> None:
        """Take a value that is there at once."""
        run.value = value
        self.settle(run, Status.OK)

    def _done(self, run: NodeRun, future: asyncio.Future[Any]) -> None:
        run.future = None
        if future.cancelled():
            if run.is_settled or self._stopped:
                return
            self.settle(run, Status.CANCELLED, reason="cancelled")
            return
        error = future.exception()
        if run.is_settled or self._stopped:
            return
        if error is None:
            is_verified = run.plan.node.policy.verify is not None  # then it is what expressions see
            found = future.result()
            self.succeed(run, found if is_verified else self.flow.result_of(run, found))
        elif isinstance(error, NoValue):
            self.flow.missing(self, run, error)
        elif isinstance(error, StepFailed):
            self._fail(run, error)
        else:
            raise error

    def _fail(self, run: NodeRun, error: StepFailed) -> None:
        run.error = error
        self.settle(run, Status.FAILED)
        if run.plan.node.on_error == "fail":
            self.fail(error)

    def settle(self, run: NodeRun, status: Status, *, reason: str = "") -> None:
        """Take the end of a node; tell those who wait for it."""
        run.status, run.reason = status, reason
        run.turn = self.flow.next_turn()
        self._left -= 1
        for listener in run.listeners:
            self.flow.post(listener.body.need_settled, listener, run)
        if self._left == 0:
            self.flow.post(self._ended)

    def _release(self, name: str) -> None:
        """Cancel a node that nobody waits for any more, and those that it alone was waiting for."""
        run = self.nodes.get(name)
        if run is None or run.is_settled or run.plan.is_kept or not run.plan.readers:
            return
        if any(not self._has_decided(self.nodes[reader]) for reader in run.plan.readers):
            return
        might_read = not self._has_decided(run)
        self._end_work(run)
        self.settle(run, Status.CANCELLED, reason="join")
        if might_read:
            for need in sorted(run.plan.reads_within):
                self._release(need)

    @staticmethod
    def _has_decided(reader: NodeRun) -> bool:
        """Whether a reader will not look at its needs any more."""
        if reader.is_settled:
            return True
        return reader.status is Status.RUNNING and not reader.plan.bodies

    def _end_work(self, run: NodeRun) -> None:
        if run.future is not None and not run.future.done():
            run.future.cancel()

    # failure ----------------------------------------------------------------------------

    def fail(self, error: BaseException) -> None:
        """Stop the body because a node failed; it ends when its effects in flight have ended."""
        if self._stopped:
            return
        self.failure = error
        futures = [run.future for run in self.nodes.values()]
        tasks = [one for one in futures if isinstance(one, asyncio.Task)]
        self.call_off("the flow failed")
        winding = self.flow.context.new_task(Scope(self.path), self._wind_down(tasks))
        winding.add_done_callback(lambda _: self._on_end and self._on_end())

    async def _wind_down(self, tasks: list[asyncio.Task[Any]]) -> None:
        for task in tasks:
            if not task.done():
                await asyncio.wait([task])
        settled = self.flow.context.effects_settled(self.path)
        if settled is not None:
            await settled
