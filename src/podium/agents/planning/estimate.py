"""What a plan may do, take and cost, read off its document before it runs."""

from __future__ import annotations

import math

from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any, Final, NamedTuple

import msgspec

from podium.agents.planning.values import Estimate, StepEstimate
from podium.core.effects import Effect
from podium.core.spec import Registry, TaskSpec
from podium.flow.expression import ExpressionError
from podium.flow.interpret.plan import BodyPlan, NodePlan
from podium.flow.model import (
    Ask,
    Call,
    Document,
    ForEach,
    Loop,
    Node,
    OtherTask,
    SubFlow,
    Switch,
)
from podium.tools.spec import ToolSpec


class Known(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a task from what it did before.

    Attributes:
        seconds: How long a call took, in the middle.
        usd: What a call cost at most.
    """

    seconds: float | None = None
    usd: float | None = None


class _Times(NamedTuple):
    """How often something is done: for certain, and at most (None: without a bound)."""

    least: int
    most: int | None

    def of(self, inner: _Times) -> _Times:
        """Return how often something is done that is done so often each time."""
        most = None if self.most is None or inner.most is None else self.most * inner.most
        if self.most == 0 or inner.most == 0:
            most = 0
        return _Times(self.least * inner.least, most)


_ONCE: Final = _Times(1, 1)
_PERHAPS: Final = _Times(0, 1)


def estimate(
    document: Document, tools: Registry, inputs: Mapping[str, Any], known: Mapping[str, Known]
) -> Estimate:
    """Return what a plan may do, take and cost.

    Args:
        document: The plan.
        tools: What it may call.
        inputs: What is given to it.
        known: What is known of tasks from what they did before.
    """
    look = _Look(tools, {"input": dict(inputs)}, known)
    seconds = look.body(BodyPlan(document.body), "", _ONCE)
    steps = look.steps
    bounds = [one.calls_max for one in steps]
    most = None if None in bounds else sum(one for one in bounds if one is not None)
    costs = [_cost(one) for one in steps]
    usd = None if None in costs else sum(one for one in costs if one is not None)
    calls = [one for one in steps if one.effect]
    return Estimate(
        tuple(steps), sum(one.calls_min for one in steps), most, round(seconds, 3), usd,
        _names(one for one in calls if one.seconds is None),
        _names(one for one in calls if one.usd is None),
    )  # fmt: skip


def _cost(step: StepEstimate) -> float | None:
    if not step.effect or step.calls_max == 0 or step.usd == 0:
        return 0.0
    return None if step.usd is None or step.calls_max is None else step.usd * step.calls_max


def _names(steps: Iterator[StepEstimate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.task for one in steps))


class _Look:
    """Walks through a plan.

    Attributes:
        steps: What it has found.
    """

    def __init__(
        self, tools: Registry, variables: Mapping[str, Any], known: Mapping[str, Known]
    ) -> None:
        self._tools = tools
        self._variables = variables
        self._known = known
        self.steps: list[StepEstimate] = []

    def body(self, body: BodyPlan, prefix: str, times: _Times) -> float:
        """Look at the nodes of a body; return the seconds along its longest way."""
        ends: dict[str, float] = {}
        took = {
            name: self._node(plan, f"{prefix}{name}", times) for name, plan in body.nodes.items()
        }

        def end(name: str) -> float:
            if name not in ends:
                ends[name] = 0.0  # a plan has no cycles; one that had would end here
                before = [end(one) for one in body.nodes[name].reads_within if one in body.nodes]
                before += [end(one.node) for one in body.nodes[name].node.after]
                ends[name] = max(before, default=0.0) + took[name]
            return ends[name]

        return max((end(name) for name in body.nodes), default=0.0)

    def _node(self, plan: NodePlan, path: str, times: _Times) -> float:
        node = plan.node
        if _is_conditional(plan):
            times = times.of(_PERHAPS)
        match node.work:
            case Call(task=task):
                seconds = self._call(path, node, task, times)
                for fallback in node.policy.fallbacks or ():
                    if isinstance(fallback, OtherTask):
                        self._call(path, node, fallback.task, times.of(_PERHAPS), is_own=False)
                return seconds
            case Ask():
                self.steps.append(StepEstimate(path, "ask", "", times.least, times.most))
                return 0.0
            case SubFlow(document=Document() as inner):
                within = _Look(self._tools, {}, self._known)  # its input is its own
                seconds = within.body(BodyPlan(inner.body), f"{path}/", times)
                self.steps += within.steps
                return seconds
            case Switch():
                lengths = [self.body(one, f"{path}/", times.of(_PERHAPS)) for one in plan.bodies]
                return max(lengths, default=0.0)
            case ForEach() | Loop():
                rounds = self._rounds(node)
                inside = self.body(plan.bodies[0], f"{path}/", times.of(rounds))
                at_once = node.work.concurrency if isinstance(node.work, ForEach) else 1
                return inside * math.ceil((rounds.most or 1) / at_once)
            case _:
                return 0.0

    def _rounds(self, node: Node) -> _Times:
        """Return how often the body of a loop is carried out."""
        work = node.work
        if isinstance(work, Loop):
            return _Times(1 if work.is_until else 0, work.passes_max)
        assert isinstance(work, ForEach)
        if all(one.root == "input" for one in work.items.references):
            try:
                items = work.items.evaluate(self._variables)
            except ExpressionError:
                return _Times(0, None)
            match items:
                case [*many]:
                    return _Times(len(many), len(many))
                case _:
                    return _Times(0, None)
        return _Times(0, None)

    def _call(
        self, path: str, node: Node, task: str, times: _Times, *, is_own: bool = True
    ) -> float:
        spec = self._tools.tasks[task]
        known = self._known.get(task, Known())
        seconds = known.seconds
        if seconds is None and spec.options.expect_s:
            seconds = spec.options.expect_s
        usd = known.usd
        if usd is None:
            usd = self._price(spec, node) if is_own or spec.options.price is None else None
        effect = spec.effect if node.policy.effect is None or not is_own else node.policy.effect
        self.steps.append(
            StepEstimate(
                path, task, effect.value, times.least, times.most, seconds, usd, _is_final(spec)
            )
        )
        return seconds or 0.0

    def _price(self, spec: TaskSpec, node: Node) -> float | None:
        """Return what one call costs at worst, as the task says it; a task without a price costs nothing."""
        price = spec.options.price
        if not callable(price):
            return 0.0 if price is None else price.usd
        work = node.work
        if not isinstance(work, Call) or any(one.root != "input" for one in work.args.references):
            return None
        try:
            bound = spec.binder.from_json(work.args.evaluate(self._variables))
            wanted = signature(price).parameters.values()
            takes_all = any(one.kind is one.VAR_KEYWORD for one in wanted)
            names = {*bound} if takes_all else {one.name for one in wanted}
            found = price(**{name: value for name, value in bound.items() if name in names})
        except Exception:  # noqa: BLE001 - what a function of somebody else says that is no price
            return None
        return None if found is None else found.usd


def _is_final(spec: TaskSpec) -> bool:
    return spec.is_irreversible if isinstance(spec, ToolSpec) else spec.effect is Effect.ONCE


def _is_conditional(plan: NodePlan) -> bool:
    """Whether a node may be skipped by what the plan itself says."""
    return plan.when is not None or bool(plan.handles) or plan.node.join.count is not None
