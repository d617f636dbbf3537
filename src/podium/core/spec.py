"""What a task and a workflow are: definitions, and the one table of their names.

Decorators only describe; the table name → definition is the only state of the process.
Everything that runs lives in an app object, so several workers can live in one process.
"""

from __future__ import annotations

import difflib
import hashlib
import inspect
import sys

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from logging import WARNING
from typing import Any, NamedTuple, Self

from podium.core.budgets import Budget, Spend
from podium.core.codec import Binder, Codec, codec_for, type_hints
from podium.core.effects import Effect
from podium.core.errors import NameTaken, UnknownWorkflow
from podium.core.policies import Breaker, Cache, Concurrency, Degraded, LastGood, Rate
from podium.core.retry import NO_RETRY, Retry


class StoredDocument(NamedTuple):
    """A workflow that is data: kept with the runs of it.

    Attributes:
        hash: Names the content.
        content: JSON.
    """

    hash: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """How a task is carried out (see :func:`podium.task`). Times are seconds.

    Limits and breakers have their keys: their own, or the name of the task.
    """

    effect: Effect = Effect.WRITE
    is_declared: bool = False
    retry: Retry = NO_RETRY
    timeout_s: float | None = None
    total_timeout_s: float | None = None
    queue_timeout_s: float | None = None
    heartbeat_timeout_s: float | None = None
    isolation: str = "thread"
    overlap: bool = False
    rate: Rate | None = None
    concurrency: Concurrency | None = None
    priority: int = 0
    breaker: Breaker | None = None
    cache: Cache | None = None
    fallback: tuple[TaskSpec | LastGood | Degraded, ...] = ()
    unknown: str = "ask"
    reconcile: Any = None
    compensate: Any = None
    not_done: tuple[type[BaseException], ...] = ()
    expect_s: float = 0.0
    price: Spend | Callable[..., Spend | None] | None = None
    budget: Budget | None = None
    """Of one call; tasks have none."""
    capture_level: int = WARNING
    """Records of ``logging`` from this level up are kept with the attempt."""

    @property
    def shared(self) -> list[Rate | Concurrency | Breaker]:
        """What it shares with other tasks that have the same key."""
        return [one for one in (self.rate, self.concurrency, self.breaker) if one is not None]


class _Definition:
    """What tasks and workflows share: a function, its name, its codecs.

    Attributes:
        schemas: JSON Schemas of the arguments and of the result, where no signature has them.
        unseen: Parameters of the function that are no arguments: whoever calls cannot give them.
    """

    schemas: tuple[dict[str, Any], dict[str, Any]] | None = None
    unseen: frozenset[str] = frozenset()

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.fn = function
        self.name = name
        self.module: str = getattr(function, "__module__", "__main__")
        self.is_async: bool = inspect.iscoroutinefunction(function)

    @cached_property
    def binder(self) -> Binder:
        """Encodes and decodes the arguments."""
        return Binder(self.fn, self.name)

    @cached_property
    def returns(self) -> Codec:
        """Encodes and decodes the result."""
        return codec_for(type_hints(self.fn).get("return", Any))

    @cached_property
    def place(self) -> str:
        """Where the function is written: ``file.py:12``."""
        code = getattr(inspect.unwrap(self.fn), "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code else self.module


class TaskSpec(_Definition):
    """A registered task.

    Attributes:
        is_tool: Whether it is described for a model: each call of it counts as one, priced or not.
    """

    is_tool: bool = False

    def __init__(self, function: Callable[..., Any], name: str, options: TaskOptions) -> None:
        super().__init__(function, name)
        self.options = options
        self.effect: Effect = options.effect
        self.touches: bool = options.effect.touches
        self.is_priced: bool = options.price is not None
        self.is_gated: bool = bool(options.shared)
        """Whether an attempt goes through limits or breakers before its body begins."""

    def with_options(self, options: TaskOptions) -> Self:
        """Return the same task under other options, which one call of it has."""
        other = copy(self)
        other.binder, other.returns = self.binder, self.returns
        other.options, other.effect, other.touches = options, options.effect, options.effect.touches
        other.is_gated, other.is_priced = bool(options.shared), options.price is not None
        return other

    def undo_arguments(self, offered: dict[str, Any]) -> dict[str, Any]:
        """Return what it is given when it undoes a step: what it has parameters for.

        Args:
            offered: The step's arguments by name, ``result`` and ``outcome``.
        """
        return {name: offered[name] for name in self.binder.parameters if name in offered}


class WorkflowSpec(_Definition):
    """A registered workflow.

    Attributes:
        version: What the code is recognised by; the hash of the module's source unless given.
        is_strict: Whether changed arguments of a finished step stop a replay.
        document: Where the workflow is a document: (its hash, its content as JSON).
        timeout_s: The longest a run of it may take, from its acceptance.
        budget: How much a run of it may spend, its children included.
        takes_labels: Whether its parameter ``labels`` says where its input comes from; where a parent
            leaves it out, it is all that calls by name have given the parent.
        labels_of: Tells where a result of it comes from, for the parent.
    """

    document: StoredDocument | None = None
    timeout_s: float | None = None
    budget: Budget | None = None
    takes_labels: bool = False
    labels_of: Callable[[Any], Iterable[str]] | None = None

    def __init__(
        self, function: Callable[..., Any], name: str, *, version: str | None, is_strict: bool
    ) -> None:
        super().__init__(function, name)
        self._given_version = version
        self.is_strict = is_strict

    @cached_property
    def version(self) -> str:
        """The version recorded with each run."""
        return self._given_version or source_version(self.fn)


def source_version(function: Callable[..., Any]) -> str:
    """Return a hash of the source of the function's module (of its code where there is none)."""
    module = sys.modules.get(getattr(function, "__module__", ""))
    try:
        if module is None or module.__name__ == "__main__":
            text = inspect.getsource(function)
        else:
            text = inspect.getsource(module)
    except (OSError, TypeError):
        code = function.__code__
        text = f"{code.co_code!r}{code.co_names!r}{code.co_consts!r}"
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


@dataclass(slots=True)
class Registry:
    """The one process-wide table: name → definition."""

    tasks: dict[str, TaskSpec] = field(default_factory=dict)
    workflows: dict[str, WorkflowSpec] = field(default_factory=dict)
    secret_sources: dict[str, Callable[[str], str | None]] = field(default_factory=dict)
    """Scheme → what gives the value of a name (``podium.secret_source``)."""

    def add_task(self, spec: TaskSpec) -> None:
        """Register a task.

        Raises:
            NameTaken: Another module has a task of that name, or another task has other options
                under the key of a limit or a breaker.
        """
        old = self.tasks.get(spec.name)
        _refuse_twin("task", old, spec)
        if old is None:  # a task that is redefined may change them: a notebook does
            self.require_one_option(spec, spec.options)
        self.tasks[spec.name] = spec

    def require_one_option(self, new: TaskSpec, options: TaskOptions) -> None:
        """Make sure that one key of a limit or a breaker has one option.

        Args:
            new: A task.
            options: What it, or one call of it, is carried out with.

        Raises:
            NameTaken: A task has another option under a key.
        """
        for option in options.shared:
            for old in self.tasks.values():
                for other in old.options.shared:
                    if type(other) is type(option) and other.key == option.key and other != option:
                        kind = type(option).__name__
                        raise NameTaken(
                            f"Tasks {old.name!r} ({old.place}) and {new.name!r} ({new.place}) have "
                            f"two different options under the key {option.key!r}: "
                            f"{other} and {option}. Make one {kind}(…) and give it to both, "
                            "or give one of them another key."
                        )

    def add_workflow(self, spec: WorkflowSpec) -> None:
        """Register a workflow.

        Raises:
            NameTaken: Another module has a workflow of that name.
        """
        _refuse_twin("workflow", self.workflows.get(spec.name), spec)
        self.workflows[spec.name] = spec

    def workflow(self, name: str) -> WorkflowSpec:
        """Return the workflow of that name.

        Raises:
            UnknownWorkflow: None is registered; near names are suggested.
        """
        found = self.workflows.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self.workflows, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "import its module first."
            raise UnknownWorkflow(f"No workflow {name!r} is registered in this process: {hint}")
        return found


def _refuse_twin(kind: str, old: _Definition | None, new: _Definition) -> None:
    """Two different definitions under one name are an error, unless redefined in one module."""
    if old is None or _same_module(old.module, new.module) or old.place == new.place:
        return
    raise NameTaken(
        f"Two {kind}s are called {new.name!r}: {old.place} and {new.place}. "
        f'Give one of them another name: @{kind}(name="…").'
    )


def _same_module(one: str, other: str) -> bool:
    """``__main__`` is the module it was started from, and spawn calls it ``__mp_main__``."""
    return _true_name(one) == _true_name(other)


def _true_name(module: str) -> str:
    if module not in ("__main__", "__mp_main__"):
        return module
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec.name if spec else "__main__"


registry: Registry = Registry()
