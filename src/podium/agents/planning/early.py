"""Nodes of a plan that start while the model still writes it: what only computes or looks, and nothing else.

A plan that comes as a stream is a promise of nothing: it may break off, be refused, or be unsound as a
whole. So nothing of it may change the world, draw on a limit, or cost. A node starts early if

- it is a plain call (``call``, ``args``, ``description``) at the top of the plan,
- of a tool that is ``pure`` or ``read``, without limits, breaker, price, or arguments from the run,
- whose arguments refer to nothing but the input and nodes that have their value already.

What it gives is recorded with the model's answer, and kept by the run of the plan where a node makes the
same call with the same arguments. What no node makes is forgotten.
"""

from __future__ import annotations

import asyncio

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from podium.agents.planning.partial import PartialPlan
from podium.core.codec import plain
from podium.core.context import current_attempt
from podium.core.errors import PodiumError
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.core.spec import Registry, TaskSpec, registry
from podium.flow.expression import ExpressionError, Template
from podium.flow.keeping import Made, fingerprint_of
from podium.functions.calls import Call, Task
from podium.models.asking import answer
from podium.models.calls import Model, call_model
from podium.models.messages import Reply, Request
from podium.tools.spec import ToolSpec

CALLS_MAX: Final = 16
"""So many calls start early; the others wait for the whole plan."""
SECONDS_MAX: Final = 60.0
"""The longest that an early call may take; then the plan's own run makes it."""
_WORDS: Final = frozenset({"call", "args", "description"})


class Written(msgspec.Struct, frozen=True):
    """What a model wrote, and what was found out meanwhile.

    Attributes:
        reply: The model's answer.
        made: What nodes of it gave that had started.
    """

    reply: Reply
    made: list[Made] = []


class EarlyCalls:
    """Calls that nodes of a plan make while it is being written; in the body of a task.

    Args:
        tools: What the plan may call.
        inputs: What is given to it.
    """

    def __init__(self, tools: Mapping[str, TaskSpec], inputs: Mapping[str, Any]) -> None:
        self._tools = tools
        self._reader = PartialPlan()
        self._known: dict[str, Any] = {"input": dict(inputs)}
        self._waiting: dict[str, tuple[TaskSpec, Template]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._made: list[Made] = []

    def say(self, piece: str) -> None:
        """Take a piece of what the model writes."""
        for name, node in self._reader.feed(piece):
            call = self._call_of(node)
            if call is not None and len(self._waiting) + len(self._running) < CALLS_MAX:
                self._waiting[name] = call
                self._start()

    async def end(self) -> list[Made]:
        """Wait for what has started; return what it gave. What failed is left to the plan's own run."""
        while self._running:
            await asyncio.wait([*self._running.values()], return_when=asyncio.FIRST_COMPLETED)
            self._running = {name: one for name, one in self._running.items() if not one.done()}
        return self._made

    def stop(self) -> None:
        """Give up what is still under way."""
        for one in self._running.values():
            one.cancel()

    def _call_of(self, node: Mapping[str, Any]) -> tuple[TaskSpec, Template] | None:
        """Return what a node calls, where that may start early."""
        spec = self._tools.get(str(node.get("call")))
        if spec is None or node.keys() - _WORDS or not may_start_early(spec):
            return None
        try:
            return spec, Template.parse(node.get("args", {}))
        except ExpressionError:
            return None

    def _start(self) -> None:
        """Start every call whose arguments are known."""
        for name, (spec, args) in [*self._waiting.items()]:
            if any(one.root not in self._known for one in args.references):
                continue
            del self._waiting[name]
            self._running[name] = asyncio.ensure_future(self._carry_out(name, spec, args))

    async def _carry_out(self, name: str, spec: TaskSpec, args: Template) -> None:
        limit_s = min(spec.options.timeout_s or SECONDS_MAX, SECONDS_MAX)
        try:
            bound = spec.binder.from_json(args.evaluate(self._known))
            fingerprint = fingerprint_of(spec, spec.effect.value, bound)
            task: Task[..., Any, Any] = Task(spec.fn, spec)
            value = await asyncio.wait_for(_plainly(task(**bound)), limit_s)
            _, value = spec.returns.copy(value, f"the result of {spec.name}", PAYLOAD_BYTES_MAX)
        except (PodiumError, ExpressionError, TimeoutError):
            return
        except Exception:  # noqa: BLE001 - whatever a tool raises, the run of the plan calls it again
            return
        attempt = current_attempt.get()
        run = "" if attempt is None else attempt.run_id
        made = Made(f"early/{name}", run, spec.name, spec.effect.value, fingerprint, plain(value))
        self._made.append(made)
        self._known[name] = made.value
        self._start()


async def _plainly(call: Call[Any]) -> Any:
    return await call


def may_start_early(spec: TaskSpec) -> bool:
    """Tell whether a call of a task may be made though nobody knows yet what the plan will be."""
    options = spec.options
    is_given = isinstance(spec, ToolSpec) and bool(spec.from_run)
    return not (
        spec.touches or spec.is_gated or spec.is_priced or is_given or options.fallback
        or options.cache or options.isolation != "thread"
    )  # fmt: skip


async def _write(model: str, request: Request, tools: list[str], inputs: dict[str, Any]) -> Written:
    """Ask a model for a plan, and start what may start while it writes.

    Args:
        model: ``provider:model[@address]``.
        request: What it is asked.
        tools: What the plan may call.
        inputs: What is given to it.

    Raises:
        ModelError: It has no answer.
    """
    calls = EarlyCalls({name: registry.tasks[name] for name in tools}, inputs)
    try:
        reply = await answer(model, request, listen=calls.say)
        return Written(reply, await calls.end())
    finally:
        calls.stop()


WRITE: Final[Task[..., Written, Any]] = Task(
    _write, TaskSpec(_write, "podium.write_plan", call_model.spec.options)
)
"""The step that asks a model for a plan and looks ahead; its options are those of ``podium.model``."""


async def write(
    model: Model, request: Request, tools: Registry, inputs: Mapping[str, Any]
) -> Written:
    """Ask a model for a plan; calls that may start early are made while it writes.

    In a workflow that is one step; outside it just runs.

    Args:
        model: Who writes; models that would answer in its place are not asked here.
        request: What it is asked.
        tools: What the plan may call.
        inputs: What is given to it.

    Raises:
        StepFailed: The model has no answer, in a workflow.
        ModelError: The same outside.
    """
    usual = model.call(request)
    usual.close()
    names = [name for name, spec in tools.tasks.items() if may_start_early(spec)]
    call = WRITE(usual.args[0], usual.args[1], names, dict(inputs))
    known = usual.options.get("spec")
    if known is not None:
        call.options["spec"] = WRITE.spec.with_options(known.options)
    return await call
