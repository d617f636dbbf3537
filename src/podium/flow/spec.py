"""A document as a workflow: what the engine runs, and how its input is checked."""

from __future__ import annotations

import hashlib
import importlib

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Final

from podium.core.codec import Codec, codec_for
from podium.core.context import Context
from podium.core.errors import PodiumError, UsageError
from podium.core.policies import Degraded, LastGood
from podium.core.schema import schema_hash
from podium.core.schema_binder import SchemaBinder
from podium.core.spec import Registry, StoredDocument, TaskSpec, WorkflowSpec
from podium.core.spec import registry as process_registry
from podium.flow.bursts import uncollected
from podium.flow.gates import WORKFLOW
from podium.flow.interpret import FlowRun, NodeRun, run_document
from podium.flow.interpret.plan import BodyPlan
from podium.flow.interpret.states import Frame, NoValue
from podium.flow.model import (
    Call,
    Compensation,
    Document,
    FixedValue,
    Node,
    OtherTask,
    SubFlow,
)
from podium.flow.parse import encoded

_ANY = codec_for(Any)


class TaskMissing(UsageError):
    """A document names a task, workflow or module that this process does not have."""

    code = "task-missing"


class FlowSpec(WorkflowSpec):
    """A document that can be run: with its tasks.

    Attributes:
        flow: The document.
        plan: Its outermost body, prepared.
        registry: Where its tasks and workflows are looked up.
        observe: Told of each run of it that this object carries out (pictures, dry runs).
    """

    def __init__(self, document: Document, registry: Registry = process_registry) -> None:
        super().__init__(
            partial(run_document, self), document.name, version=document.hash, is_strict=False
        )
        self.flow = document
        self.document = StoredDocument(document.hash, encoded(document.content))
        with uncollected():
            self.plan = BodyPlan(document.body)
        self.observe: Callable[[FlowRun], None] | None = None
        self.registry = registry
        self.budget = document.budget
        self._tasks: dict[str, TaskSpec] = {}
        self._flows: dict[str, FlowSpec] = {}
        self.module = "podium.flow"
        self.is_async = True

    @cached_property
    def binder(self) -> Any:
        """Checks the input."""
        fields = self.flow.input
        of = f"flow {self.name!r}"
        return SchemaBinder(fields.schema, of, noun="input", defaults=fields.defaults)

    @cached_property
    def returns(self) -> Codec:
        """Outputs are plain JSON."""
        return _ANY

    @cached_property
    def version(self) -> str:
        """What runs are recognised by: the content, and the shape of the tasks it names."""
        return f"{self.flow.hash}.{self.tasks_hash}"

    @cached_property
    def tasks_hash(self) -> str:
        """A hash of the parameters and results of every task it names."""
        digest = hashlib.blake2b(digest_size=6)
        for name in sorted(task_names(self.flow)):
            spec = self.registry.tasks.get(name)
            digest.update(f"{name}={schema_hash(spec) if spec else ''};".encode())
        return digest.hexdigest()

    def require_tasks(self) -> None:
        """Import the modules that it uses, and make sure that its tasks and workflows are there.

        Its own, and those of the flows within: a child would find them missing in the middle of its work.

        Raises:
            TaskMissing: One is not; it says which, and what to do.
        """
        documents = [*self.flow.documents()]
        modules = list(dict.fromkeys(module for one in documents for module in one.uses))
        for module in modules:
            import_module(module, self.name)
        tasks = frozenset[str]().union(*map(task_names, documents)) - self.registry.tasks.keys()
        workflows = {
            node.work.name
            for one in documents
            for node in one.body.walk()
            if isinstance(node.work, SubFlow) and node.work.document is None
        }
        if any(one.needs_gates for one in documents):
            workflows.add(WORKFLOW)
        workflows -= self.registry.workflows.keys()
        if tasks or workflows:
            missing = [f"the task {name!r}" for name in sorted(tasks)]
            missing += [f"the workflow {name!r}" for name in sorted(workflows)]
            uses = f"its modules are {', '.join(modules)}" if modules else "it has no 'uses'"
            raise TaskMissing(
                f"Flow {self.name!r} needs {', '.join(missing)}, which this process does not have "
                f"({uses}). Import the module that registers it, or name it in 'uses'; then "
                "`podium runs resume`."
            )

    # what a run asks for ----------------------------------------------------------------

    def variable(self, context: Context, name: str) -> str:
        """Return a variable of the environment as it was when the run began.

        Raises:
            UsageError: It must be set, and is not.
        """
        value = context.env(name)
        usual = self.flow.env[name]
        if value is None and usual is None:
            raise UsageError(
                f"Flow {self.name!r} needs the environment variable {name}; it is not set."
            )
        return value if value is not None else str(usual)

    def warn_of_changes(self, context: Context) -> None:
        """Record a warning where tasks do not look as they did when the run was accepted (F-67)."""
        if not context.about.version.startswith(f"{self.version}+"):
            text = (
                "the parameters or results of tasks of this flow have changed since it was started"
            )
            context.warn("task-changed", "task-changed", text)

    def task_for(self, node: Node, task: str) -> TaskSpec:
        """Return a task with the policies of a node.

        Raises:
            NameTaken: A task has other options under the key of a limit or a breaker.
        """
        found = self._tasks.get(node.at)
        if found is None:
            found = _with_policy(self._task(task), node)
            self.registry.require_one_option(found, found.options)
            self._tasks[node.at] = found
        return found

    def with_fallbacks(self, spec: TaskSpec, node: Node, heads: Mapping[str, Any]) -> TaskSpec:
        """Return the task of a node with what the document says may answer in its place."""
        found: list[TaskSpec | LastGood | Degraded] = []
        for index, fallback in enumerate(node.policy.fallbacks or ()):
            match fallback:
                case OtherTask(task=name, args=args):
                    other = self._task(name)
                    given = heads.get(f"fallback {index}", {})
                    found.append(other if args is None else _Other(other, given))
                case FixedValue():
                    found.append(Degraded(heads[f"fallback {index}"]))
                case _:
                    found.append(fallback)
        return spec.with_options(replace(spec.options, fallback=tuple(found)))

    def _task(self, name: str) -> TaskSpec:
        spec = self.registry.tasks.get(name)
        if spec is None:
            raise TaskMissing(
                f"Flow {self.name!r} calls {name!r}, which this process does not have."
            )
        return spec

    def workflow_for(self, work: SubFlow) -> WorkflowSpec:
        """Return what a node of kind ``flow`` starts."""
        if work.document is None:
            return self.registry.workflow(work.name)
        found = self._flows.get(work.document.hash)
        if found is None:
            found = self._flows[work.document.hash] = FlowSpec(work.document, self.registry)
        return found

    def undo_of(self, frame: Frame, run: NodeRun, args: Mapping[str, Any]) -> TaskSpec | None:
        """Return the task that undoes a node, if the document names one."""
        undo = run.plan.node.policy.compensate
        return None if undo is None else _Undo(self._task(undo.task), undo, frame, run, args)


class _Other(TaskSpec):
    """A task that answers in place of another, with the arguments that the document gives it."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec.fn, spec.name, spec.options)
        self.binder, self.returns = spec.binder, spec.returns
        self._args = args

    def undo_arguments(self, offered: dict[str, Any]) -> dict[str, Any]:
        """Return what the document says, whatever the first task was given."""
        return dict(self._args)


class _Undo(TaskSpec):
    """A task that undoes a node, with the arguments that the document gives it."""

    def __init__(
        self,
        spec: TaskSpec,
        undo: Compensation,
        frame: Frame,
        run: NodeRun,
        args: Mapping[str, Any],
    ) -> None:
        super().__init__(spec.fn, spec.name, spec.options)
        self.binder, self.returns = spec.binder, spec.returns
        self._undo = undo
        self._frame = frame
        self._run = run
        self._args = args

    def undo_arguments(self, offered: dict[str, Any]) -> dict[str, Any]:
        """Return what it is given, in the types it declares."""
        if self._undo.args is None:
            known = {**self._args, **{name: offered.get(name) for name in ("result", "outcome")}}
            parameters = self.binder.parameters
            return self.binder.from_json(
                {name: known[name] for name in parameters if name in known}
            )
        frame = Frame({self._run.plan.id: offered.get("result")}, {}, self._frame)
        try:
            given = frame.evaluate(self._run.plan.reads["undo"], self._run.path)
        except NoValue as missing:
            text = f"compensating {self._run.path!r} needs {missing.name!r}, which has no value"
            raise UsageError(text) from None
        except PodiumError as problem:
            raise UsageError(f"{problem}") from None
        return self.binder.from_json(given)


def import_module(module: str, flow: str) -> None:
    """Import a module that registers tasks.

    Raises:
        TaskMissing: It cannot be imported.
    """
    try:
        importlib.import_module(module)
    except Exception as problem:  # whatever a module raises as it is imported
        text = f"{type(problem).__name__}: {problem}"
        raise TaskMissing(
            f"Flow {flow!r} uses the module {module!r}, which cannot be imported here: {text}."
        ) from problem


def task_names(document: Document) -> frozenset[str]:
    """Return the tasks that a document names itself, those that undo nodes included."""
    found: set[str] = set()
    for node in document.body.walk():
        if isinstance(node.work, Call):
            found.add(node.work.task)
        if node.policy.compensate is not None:
            found.add(node.policy.compensate.task)
        for fallback in node.policy.fallbacks or ():
            if isinstance(fallback, OtherTask):
                found.add(fallback.task)
        if node.policy.verify is not None:
            found.update(gate.task for gate in node.policy.verify.walk() if gate.task)
    return frozenset(found)


_SIMPLE: Final = (
    "retry", "timeout_s", "total_timeout_s", "effect", "queue_timeout_s", "heartbeat_timeout_s",
    "priority", "cache",
)  # fmt: skip
_KEYED: Final = ("rate", "concurrency", "breaker")


def _with_policy(spec: TaskSpec, node: Node) -> TaskSpec:
    policy = node.policy
    changes: dict[str, Any] = {name: getattr(policy, name) for name in _SIMPLE}
    for name in _KEYED:
        option = getattr(policy, name)
        changes[name] = None if option is None else option.keyed(spec.name)
    changed = replace(
        spec.options, **{name: value for name, value in changes.items() if value is not None}
    )
    return spec if changed == spec.options else spec.with_options(changed)
