"""A document that is carried out as one try of a plan: it keeps what earlier tries have done.

A run of it takes, beside the input, what earlier runs have made. A call, a child or a question whose
fingerprint is among that is not made again: its node has the value of then, and a step ``podium.kept``
at its place is the proof of where it comes from. It never fails for a node's sake: its output says what
failed, what was made, and how that is undone, so that another plan can go on from there.
"""

from __future__ import annotations

import asyncio
import hashlib

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from typing import Any, Final, Literal

import msgspec

from podium.core.codec import encode_sorted, plain
from podium.core.effects import Effect
from podium.core.errors import NEVER_BEGAN, ErrorInfo, PodiumError, StepFailed
from podium.core.schema import schema_hash
from podium.core.schema_binder import SchemaBinder
from podium.core.scope import Scope
from podium.core.spec import Registry, StoredDocument, TaskOptions, TaskSpec
from podium.core.spec import registry as process_registry
from podium.flow.interpret import FlowRun, NodeRun, Status, begin
from podium.flow.interpret.bodies import BodyRun
from podium.flow.interpret.states import error_value
from podium.flow.model import Ask, Call, Document, SubFlow
from podium.flow.parse import encoded
from podium.flow.spec import FlowSpec
from podium.tools.approval import REFUSALS, Case, refusal_of
from podium.tools.labels import OUTSIDE, of_value, saw, seen
from podium.tools.spec import ToolSpec

MARK: Final = "keeps"
"""The word in a kept document that says that it is carried out so; no document from outside has it."""
Mapped = Mapping[str, Any]


class Undoing(msgspec.Struct, frozen=True):
    """How something is undone: a task and its arguments as JSON."""

    task: str
    args: dict[str, Any]


class Made(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a node did once.

    Attributes:
        path: Its place in the run that made it.
        run: That run's id.
        task: The task; of a child run its workflow, of a question ``ask``.
        effect: What repeating it would do.
        fingerprint: Of the task, its shape, and the arguments.
        value: What it gave, as JSON; null where it failed.
        undo: How it is undone, where the document or the task says so.
        is_ok: False where it failed: it may have happened all the same, and is never kept.
    """

    path: str
    run: str
    task: str
    effect: str
    fingerprint: str
    value: Any = None
    undo: Undoing | None = None
    is_ok: bool = True

    @property
    def changes(self) -> bool:
        """Whether it has changed the world."""
        return bool(self.effect) and Effect(self.effect).touches

    @property
    def place(self) -> str:
        """What tells it from all others: the run and the path."""
        return f"{self.run}/{self.path}"


class Kept(msgspec.Struct, frozen=True):
    """A node that was not carried out again.

    Attributes:
        node: Its path in this run.
        task: The task.
        fingerprint: What both calls have in common.
        run, path: Where the value was made.
    """

    node: str
    task: str
    fingerprint: str
    run: str
    path: str


class NodeEnd(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a node at the top of the document stands at the end.

    Attributes:
        status: ``ok``, ``skipped``, ``failed`` or ``cancelled``.
        reason: Why it was skipped or cancelled.
        error: Why it failed: ``type``, ``code``, ``message``, ``path``.
    """

    status: str
    reason: str = ""
    error: dict[str, Any] | None = None


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run of a plan came to.

    Attributes:
        status: ``ok``: there is an output; ``failed``: there is none, and ``error`` says why.
        output: What the document gives.
        error: ``type``, ``code``, ``message``, ``path`` of where it began.
        nodes: How each node at the top stands.
        made: What was done, what was kept included, in the order in which it ended.
        kept: What was not done again.
        run: The id of this run.
    """

    status: Literal["ok", "failed"]
    output: Any = None
    error: dict[str, Any] | None = None
    nodes: dict[str, NodeEnd] = {}
    made: list[Made] = []
    kept: list[Kept] = []
    run: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether there is an output."""
        return self.status == "ok"


# the workflow -----------------------------------------------------------------------------


class KeepingSpec(FlowSpec):
    """A document as a try of a plan: its input is ``{input, made}``, its output a :class:`Report`."""

    def __init__(self, document: Document, registry: Registry = process_registry) -> None:
        super().__init__(document, registry)
        self.fn = partial(carry_out, self)
        content = encoded({**document.content, MARK: True})
        name = hashlib.blake2b(content, digest_size=16).hexdigest()
        self.document = StoredDocument(name, content)

    @cached_property
    def inputs(self) -> SchemaBinder:
        """Checks the input of the document."""
        fields = self.flow.input
        of = f"plan {self.name!r}"
        return SchemaBinder(fields.schema, of, noun="input", defaults=fields.defaults)

    @cached_property
    def binder(self) -> Any:
        """Checks what a run is given."""
        schema = {
            "type": "object", "additionalProperties": False, "required": ["input"],
            "properties": {
                "input": {"type": "object"}, "made": {"type": "array"}, "labels": {"type": "array"},
            },
        }  # fmt: skip
        of = f"a try of the plan {self.flow.name!r}"
        return SchemaBinder(schema, of, noun="input", defaults={"made": [], "labels": []})


async def carry_out(spec: KeepingSpec, given: Mapped) -> dict[str, Any]:
    """Carry out a document, and tell what it came to.

    Raises:
        InputInvalid: The input does not fit the document.
    """
    run = begin(KeepingRun, spec, spec.inputs.from_mapping(given["input"]))
    run.recall(msgspec.convert(given["made"], list[Made]))
    saw(tuple(given["labels"]))  # whoever wrote the document had seen that
    report: dict[str, Any] = msgspec.to_builtins(await run.report())
    return report


# a run ------------------------------------------------------------------------------------


class _Asked(msgspec.Struct):
    """Work that may be kept, while it is under way.

    Attributes:
        undo: How it is undone; None where nothing says so.
        args: Its arguments as JSON.
        is_call: Whether it is a step of this run.
        tool: The tool, where it is one.
        has_begun: Whether it may have done something; False while a person is asked about it.
        kept: What it is that was made before.
    """

    path: str
    task: str
    effect: str
    fingerprint: str
    args: dict[str, Any]
    undo: TaskSpec | None = None
    is_call: bool = True
    tool: ToolSpec | None = None
    has_begun: bool = True
    kept: Made | None = None

    @property
    def is_heard(self) -> bool:
        """Whether its end counts though nobody waits for it any more."""
        return self.is_call and Effect(self.effect).touches

    def made(self, run: str, value: Any, *, is_ok: bool = True) -> Made:
        """Return what it has made."""
        path = self.path
        if self.kept is not None:
            run, path = self.kept.run, self.kept.path
        undo = None if self.undo is None else self._undoing(self.undo, value, is_ok=is_ok)
        return Made(path, run, self.task, self.effect, self.fingerprint, value, undo, is_ok)

    def _undoing(self, undo: TaskSpec, value: Any, *, is_ok: bool) -> Undoing | None:
        end = "succeeded" if is_ok else "failed"
        try:
            args = undo.undo_arguments({**self.args, "result": value, "outcome": end})
        except PodiumError:  # what it is to be given has no value
            return None
        return Undoing(undo.name, plain(args))


class KeepingRun(FlowRun):
    """A try of a plan under way."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._known: dict[str, deque[Made]] = {}
        self._asked: dict[str, _Asked] = {}
        self._made: list[Made] = []
        self._kept: list[Kept] = []
        self._effects: list[asyncio.Future[Any]] = []

    def recall(self, made: Iterable[Made]) -> None:
        """Take what earlier tries have made; what failed is done again."""
        for one in made:
            if one.is_ok:
                self._known.setdefault(one.fingerprint, deque()).append(one)

    async def report(self) -> Report:
        """Carry it out; return what it came to."""
        output, error = None, None
        try:
            output = await self.run()
        except StepFailed as failure:
            error = error_value(failure)
            self.context.warn("failed", "plan-failed", f"{error['type']}: {error['message']}")
        for future in self._effects:  # those of nodes that were called off are heard too
            if not future.done():
                await asyncio.wait([future])
        nodes = {name: _end_of(run) for name, run in self.root.nodes.items()}
        status: Literal["ok", "failed"] = "ok" if error is None else "failed"
        run_id = self.context.about.run_id
        return Report(status, output, error, nodes, self._made, self._kept, run_id)

    # work -------------------------------------------------------------------------------

    def work(self, body: BodyRun, run: NodeRun, heads: Mapped) -> asyncio.Future[Any]:
        """Begin what a node does, unless it was done before."""
        asked = self._asked_of(body, run, heads)
        if asked is None:
            return super().work(body, run, heads)
        self._asked[run.path] = asked
        asked.kept = self._recalled(asked)
        if asked.kept is not None:
            return self._proof(asked, asked.kept)
        future = self._judged(asked, partial(super().work, body, run, heads))
        if not asked.is_heard:
            return future
        self._effects.append(future)
        future.add_done_callback(partial(self.guarded, self._effect_ended, run, asked))
        return _heard(future, asked)

    def result_of(self, run: NodeRun, value: Any) -> Any:
        """Return a result as expressions see it, and take note of it."""
        asked = self._asked.get(run.path)
        if asked is not None and asked.kept is not None:
            value = asked.kept.value
            self._made.append(asked.made("", value))
            _take_in(asked, value)
            return value
        value = super().result_of(run, value)
        if asked is not None:
            _take_in(asked, value)
        is_own = run.answer is None or not (run.answer.is_stale or run.answer.error)
        if asked is not None and is_own and not asked.is_heard:
            self._made.append(asked.made(self.context.about.run_id, value))
        return value

    def _judged(
        self, asked: _Asked, begin: Callable[[], asyncio.Future[Any]]
    ) -> asyncio.Future[Any]:
        """Begin a call; what cannot be taken back and may rest on text from outside, once it is approved.

        A model chose it, so it is judged like a call by name (docs/safety.md).
        """
        labels = seen()
        if asked.tool is None or not asked.tool.is_irreversible or OUTSIDE not in labels:
            return begin()
        asked.has_begun = False
        case = Case(asked.tool, plain(asked.args), labels, ())
        return self.context.new_task(Scope(asked.path), self._approved(asked, case, begin))

    async def _approved(
        self, asked: _Asked, case: Case, begin: Callable[[], asyncio.Future[Any]]
    ) -> Any:
        error = await refusal_of(self.context, case, asked.path)
        if error is not None:
            info = ErrorInfo(error.type, error.message, error.code, path=asked.path)
            raise StepFailed(asked.path, info)
        asked.has_begun = True
        return await begin()

    def _effect_ended(self, run: NodeRun, asked: _Asked, future: asyncio.Future[Any]) -> None:
        """Take note of what has changed the world, whether or not its node still waits for it."""
        if future.cancelled():
            return
        error, me = future.exception(), self.context.about.run_id
        if error is None:
            value = super().result_of(run, future.result())
            self._made.append(asked.made(me, value))
        elif isinstance(error, StepFailed) and error.error.code not in _NOTHING_DONE:
            self._made.append(asked.made(me, None, is_ok=False))

    def _recalled(self, asked: _Asked) -> Made | None:
        """Return what was made before of the same call; each thing made stands for one call only."""
        known = self._known.get(asked.fingerprint)
        if not known:
            return None
        return known[0] if asked.effect == Effect.PURE else known.popleft()

    def _proof(self, asked: _Asked, made: Made) -> asyncio.Future[Any]:
        """Record where the value of a node comes from."""
        kept = Kept(asked.path, asked.task, asked.fingerprint, made.run, made.path)
        self._kept.append(kept)
        given = {
            "task": kept.task,
            "fingerprint": kept.fingerprint,
            "run": kept.run,
            "path": kept.path,
        }
        return self.context.step(asked.path, KEPT, given)

    def _asked_of(self, body: BodyRun, run: NodeRun, heads: Mapped) -> _Asked | None:
        """Return what a node asks for, where that can be kept."""
        node = run.plan.node
        match node.work:
            case Call(task=task):
                return self._call_of(body, run, task, heads["args"])
            case SubFlow(name=name, document=document):
                shape = name if document is None else document.hash
                given = heads["args"]
                known = _print("flow", shape, "write", given)
                return _Asked(run.path, name, "write", known, given, is_call=False)
            case Ask(form=form, to=to):
                fields = None if form is None else form.schema
                given = {"question": heads["question"], "fields": fields, "to": to}
                known = _print("ask", "", "read", given)
                return _Asked(run.path, "ask", "read", known, given, is_call=False)
            case _:
                return None

    def _call_of(self, body: BodyRun, run: NodeRun, task: str, args: Mapped) -> _Asked | None:
        try:
            spec = self.spec.task_for(run.plan.node, task)
            effect = spec.effect.value
            name = fingerprint_of(spec, effect, spec.binder.from_json(args))
        except PodiumError:
            return None  # the call itself says what is wrong
        undo = self.spec.undo_of(body.frame, run, args) or spec.options.compensate
        tool = spec if isinstance(spec, ToolSpec) else None
        return _Asked(run.path, task, effect, name, {**args}, undo, tool=tool)


_NOTHING_DONE: Final = NEVER_BEGAN | {"not-done", *REFUSALS}


def _take_in(asked: _Asked, value: Any) -> None:
    """Remember where the value of a node comes from."""
    if asked.tool is not None:
        saw(of_value(asked.tool, value, seen()))


def _end_of(run: NodeRun) -> NodeEnd:
    status = run.status.value if run.is_settled else Status.CANCELLED.value
    return NodeEnd(status, run.reason, None if run.error is None else error_value(run.error))


def _heard(inner: asyncio.Future[Any], asked: _Asked) -> asyncio.Future[Any]:
    """Return a future that can be cancelled while the inner one goes on, once that has begun."""
    outer = inner.get_loop().create_future()

    def called_off(future: asyncio.Future[Any]) -> None:
        if future.cancelled() and not asked.has_begun:
            inner.cancel()

    outer.add_done_callback(called_off)

    def ended(future: asyncio.Future[Any]) -> None:
        error = None if future.cancelled() else future.exception()
        if outer.done():
            return
        if future.cancelled():
            outer.cancel()
        elif error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(future.result())

    inner.add_done_callback(ended)
    return outer


def fingerprint_of(spec: TaskSpec, effect: str, bound: dict[str, Any]) -> str:
    """Return what a call has in common with every call that can stand for it.

    Args:
        spec: The task.
        effect: What repeating the call would do, as the document says it.
        bound: The arguments.
    """
    covered = plain(spec.binder.fingerprinted(bound))
    return _print(spec.name, schema_hash(spec), effect, covered)


def _print(task: str, shape: str, effect: str, args: Any) -> str:
    """Return what two calls have in common that can stand for each other."""
    return hashlib.blake2b(encode_sorted([task, shape, effect, args]), digest_size=16).hexdigest()


async def _keep(task: str, fingerprint: str, run: str, path: str) -> str:  # noqa: ARG001 - for those who read the record
    """Say where the value of a node comes from that was not carried out again."""
    return f"{run}/{path}"


KEPT: Final = TaskSpec(_keep, "podium.kept", TaskOptions(effect=Effect.PURE, is_declared=True))
"""The step that stands at the place of a node that keeps its value."""
