"""A dry run: ``pure`` and ``read`` steps for real; what would change the world is listed, not done.

The value of what was not done is unknown, and so is whatever rests on it. Unknown conditions leave
it open what would happen; everything that might is listed as such.
"""

from __future__ import annotations

import asyncio

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Any

import msgspec

from podium.core.budgets import Budget
from podium.core.errors import StepFailed
from podium.core.scope import Scope
from podium.core.spec import TaskSpec
from podium.flow.expression import Template
from podium.flow.gates import OnRefusal, Verify
from podium.flow.interpret import FlowRun, NodeRun, Status, begin
from podium.flow.interpret.bodies import BodyRun
from podium.flow.interpret.kinds import heads_of
from podium.flow.interpret.plan import NodePlan, Reads
from podium.flow.interpret.states import NodeFailed, NoValue, Unknown
from podium.flow.interpret.verifying import Make, Verdict, Verifying
from podium.flow.model import (
    Ask,
    Call,
    Lock,
    Loop,
    Node,
    OtherTask,
    SubFlow,
    WaitFor,
    WaitSignal,
    WaitUntil,
)
from podium.flow.spec import FlowSpec


class Entry(msgspec.Struct, frozen=True):
    """Something that a real run would do.

    Attributes:
        path: The node's place in the run.
        what: ``step``, ``child``, ``ask``, ``signal`` or ``wait``.
        name: The task, workflow or signal; the question of an ask; how long a wait is.
        effect: The effect of a step.
        args: Its arguments; those that are not known are there as they are written.
        unknown: Names of the arguments that are not known.
        is_certain: Whether it would happen for sure; else it depends on what is not known.
    """

    path: str
    what: str
    name: str
    effect: str = ""
    args: dict[str, Any] = {}
    unknown: list[str] = []
    is_certain: bool = True


class Done(msgspec.Struct, frozen=True):
    """A step that a dry run has carried out.

    Attributes:
        path: Its place in the run.
        task: The task.
        effect: Its effect: ``pure`` or ``read``.
        status: How it ended.
    """

    path: str
    task: str
    effect: str
    status: str


class DryReport(msgspec.Struct, frozen=True):
    """What a dry run found.

    Attributes:
        output: What the flow gives, if that is known.
        is_known: Whether it is.
        would: What a real run would do besides, in the order it would begin.
        done: What was done for real.
    """

    output: Any
    is_known: bool
    would: list[Entry]
    done: list[Done] = []


class DrySpec(FlowSpec):
    """A document that is run dry; its output is a :class:`DryReport` as JSON."""

    def __init__(self, spec: FlowSpec) -> None:
        super().__init__(spec.flow, spec.registry)
        self.fn = partial(run_dry, self)

    def task_for(self, node: Node, task: str) -> TaskSpec:
        """Return a task with what may answer in its place, up to what changes the world."""
        spec = super().task_for(node, task)
        return _harmless(spec)

    def with_fallbacks(self, spec: TaskSpec, node: Node, heads: Mapping[str, Any]) -> TaskSpec:
        """Return a task with what the document says may answer, up to what changes the world."""
        return _harmless(super().with_fallbacks(spec, node, heads))

    def first_effect(self, node: Node, task: str) -> tuple[int, TaskSpec] | None:
        """Return the first fallback that changes the world, and its number, from 1."""
        if node.policy.fallbacks is None:
            chain: tuple[Any, ...] = super().task_for(node, task).options.fallback
        else:
            chain = tuple(
                self.registry.tasks.get(one.task) if isinstance(one, OtherTask) else one
                for one in node.policy.fallbacks
            )
        for number, one in enumerate(chain, 1):
            if isinstance(one, TaskSpec) and one.touches:
                return number, one
        return None


def _harmless(spec: TaskSpec) -> TaskSpec:
    kept = tuple(
        takewhile(
            lambda one: not (isinstance(one, TaskSpec) and one.touches), spec.options.fallback
        )
    )
    if len(kept) == len(spec.options.fallback):
        return spec
    return spec.with_options(replace(spec.options, fallback=kept))


async def run_dry(spec: FlowSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a document without changing the world."""
    run = begin(DryRun, spec, given)
    await run.root.run()
    output, is_known = None, True
    try:
        output = run.output()
    except Unknown:
        is_known = False
    report = DryReport(output, is_known, run.would)
    plain: dict[str, Any] = msgspec.to_builtins(report)
    return plain


class DryRun(FlowRun):
    """A dry run under way.

    Attributes:
        would: What a real run would do besides.
    """

    would: list[Entry]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.would = []

    def start(self, body: BodyRun, run: NodeRun) -> None:
        """Do what changes nothing; list what does."""
        work = run.plan.node.work
        entry = self._entry(body, run)
        if entry is None and not isinstance(work, SubFlow):
            super().start(body, run)
            return
        heads = heads_of(body, run)  # raises where it depends on what is not known
        if isinstance(work, SubFlow) and work.document is not None:
            inner = self._inside(work, heads["args"])
            body.watch(run, self.context.new_task(Scope(run.path), inner))
            return
        if entry is not None:
            self.would.append(entry)
        self._leave_open(body, run, knows=isinstance(work, WaitFor | WaitUntil))

    def under_budget(self, run: NodeRun, budget: Budget | None) -> AbstractContextManager[None]:
        """Do it without the budget: a dry run spends nothing."""
        del run, budget
        return nullcontext()

    async def under_lock(
        self, body: BodyRun, run: NodeRun, heads: Mapping[str, Any], lock: Lock
    ) -> Any:
        """Do it without the lock: a dry run holds up nobody."""
        del lock
        return await self.value(body, run, heads)

    def verifying(self, body: BodyRun, run: NodeRun, verify: Verify) -> Verifying:
        """Ask the gates that cost nothing; those that would be asked besides are listed."""
        return _Gates(body, run, verify, partial(self._would_ask, run))

    def _would_ask(
        self, run: NodeRun, path: str, work: SubFlow, args: Mapping[str, Any]
    ) -> asyncio.Future[Any]:
        names = [one["name"] for one in args["gates"]]
        self.would.append(Entry(path, "child", work.name, "", {"gates": names}))
        raise Unknown(run.plan.id)

    def call(
        self, body: BodyRun, run: NodeRun, task: str, heads: Mapping[str, Any]
    ) -> asyncio.Future[Any]:
        """Ask for a step; what would answer in its place is listed, where that changes the world."""
        future = super().call(body, run, task, heads)
        spec = self.spec
        assert isinstance(spec, DrySpec)
        place = spec.first_effect(run.plan.node, task)
        if place is None:
            return future
        return self.context.new_task(Scope(run.path), self._or_open(run, future, *place))

    async def _or_open(
        self, run: NodeRun, future: asyncio.Future[Any], number: int, other: TaskSpec
    ) -> Any:
        try:
            return await future
        except StepFailed:
            path = f"{run.path}/fallback[{number}]"
            self.would.append(Entry(path, "step", other.name, other.effect.value))
            raise Unknown(run.plan.id) from None

    def remember_undo(self, body: BodyRun, run: NodeRun, args: Mapping[str, Any]) -> None:
        """Nothing that was not done is undone."""

    def missing(self, body: BodyRun, run: NodeRun, missing: NoValue) -> None:
        """List what might happen where what it rests on is not known."""
        if not isinstance(missing, Unknown):
            super().missing(body, run, missing)
            return
        if (run.inner or run.total) and not isinstance(run.plan.node.work, Loop):
            self._leave_open(body, run)  # its bodies were begun: what they would do is listed
            return
        is_condition_known = run.plan.when is None or not _is_open(body, run.plan.when)
        self.would.extend(self._perhaps(body, run, is_certain=is_condition_known))
        self._leave_open(body, run)

    def _leave_open(self, body: BodyRun, run: NodeRun, *, knows: bool = False) -> None:
        if knows:
            body.succeed(run, None)
        else:
            body.settle(run, Status.UNKNOWN)

    async def _inside(self, work: SubFlow, args: Mapping[str, Any]) -> Any:
        """Run a flow within dry, as a part of this one."""
        spec = self.spec.workflow_for(work)
        assert isinstance(spec, FlowSpec)
        run = begin(DryRun, spec, spec.binder.from_mapping(args))
        await run.root.run()
        self.would.extend(run.would)
        return run.output()

    # listing ----------------------------------------------------------------------------

    def _entry(self, body: BodyRun, run: NodeRun) -> Entry | None:
        """Return what a node would do that a dry run does not; None for what it does."""
        node, path = run.plan.node, run.path
        match node.work:
            case Call(task=task):
                spec = self.spec.task_for(node, task)
                if not spec.touches:
                    return None
                args, unknown = _arguments(body, run.plan)
                return Entry(path, "step", task, spec.effect.value, args, unknown)
            case SubFlow(name=name, document=None):
                args, unknown = _arguments(body, run.plan)
                return Entry(path, "child", name, "", args, unknown)
            case Ask():
                question = _shown(body, run.plan.reads["question"].source.source)[0]
                return Entry(path, "ask", str(question))
            case WaitSignal(name=name):
                return Entry(path, "signal", name)
            case WaitFor(duration=template) | WaitUntil(time=template):
                return Entry(path, "wait", str(_shown(body, template.source)[0]))
            case _:
                return None

    def _perhaps(self, body: BodyRun, run: NodeRun, *, is_certain: bool) -> Iterator[Entry]:
        entry = self._entry(body, run)
        if entry is not None:
            yield msgspec.structs.replace(entry, is_certain=is_certain)
        for inner in run.plan.bodies:
            part = BodyRun(self, inner, run.path, body.frame, {})
            for node in part.nodes.values():
                for other in part.nodes.values():
                    other.status = Status.UNKNOWN
                yield from self._perhaps(part, node, is_certain=False)


class _Gates(Verifying):
    """The gates of a node in a dry run: nobody is asked, and nothing is made anew."""

    async def _policy(
        self, policy: OnRefusal, make: Make, heads: Mapping[str, Any]
    ) -> tuple[Any, Verdict]:
        raise Unknown(self._run.plan.id)


def _is_open(body: BodyRun, reads: Reads) -> bool:
    try:
        body.frame.evaluate(reads, "")
    except Unknown:
        return True
    except (NoValue, NodeFailed):
        return False
    return False


def _arguments(body: BodyRun, plan: NodePlan) -> tuple[dict[str, Any], list[str]]:
    """Return arguments as far as they are known, and the names of the others."""
    written: Any = plan.reads["args"].source.source
    shown = {name: _shown(body, value) for name, value in written.items()}
    return (
        {name: value for name, (value, _) in shown.items()},
        [name for name, (_, is_known) in shown.items() if not is_known],
    )


def _shown(body: BodyRun, written: Any) -> tuple[Any, bool]:
    """Return a value and True, or how it is written and False."""
    try:
        return body.frame.evaluate(Reads.of(Template.parse(written)), ""), True
    except (NoValue, NodeFailed):
        return written, False
