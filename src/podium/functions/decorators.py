"""``@task`` and ``@workflow``: they describe and register, nothing else."""

from __future__ import annotations

import inspect

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, cast, overload

from podium.core.durations import Duration, seconds
from podium.core.effects import Effect, effect_named
from podium.core.errors import InvalidOption
from podium.core.retry import NO_RETRY, Retry
from podium.core.spec import TaskOptions, TaskSpec, WorkflowSpec, registry
from podium.functions.calls import Task, Workflow

P = ParamSpec("P")
R = TypeVar("R")


class TaskKeywords(TypedDict, total=False):
    """Options of :func:`task`.

    Attributes:
        name: What the step is called; the function's name unless given.
        effect: ``pure``, ``read``, ``write`` (the default) or ``once``.
        retry: When and how often a failed attempt is tried again.
        timeout: The longest an attempt may take.
        total_timeout: The longest the step may take over all attempts.
        isolation: ``thread`` (sync functions) or ``process`` (heavy compute; can be killed).
        overlap: Whether a new attempt may start beside a thread that cannot be killed.
        unknown: For ``once``: ``ask`` a person, or ``raise`` OutcomeUnknown in the program.
        reconcile: For ``once``: a task that finds out what happened. It is given the step's
            arguments by name and ``idempotency_key``; it returns the result, or raises NotDone.
        compensate: A task that undoes the step when the run fails or is cancelled. It is given,
            by name, the step's arguments, ``result`` and ``outcome``.
        not_done: Exception types that mean: this certainly did not happen.
        expect: How long it usually takes; over 50 ms its start is committed whatever its effect.
    """

    name: str
    effect: str | Effect
    retry: Retry
    timeout: Duration
    total_timeout: Duration
    isolation: str
    overlap: bool
    unknown: str
    reconcile: Task[..., Any, Any]
    compensate: Task[..., Any, Any]
    not_done: tuple[type[BaseException], ...]
    expect: Duration


class TaskDecorator(Protocol):
    """What ``task(…)`` with options returns."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Task[P, R, Callable[P, Coroutine[Any, Any, R]]]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R, Callable[P, R]]: ...


class WorkflowDecorator(Protocol):
    """What ``workflow(…)`` with options returns."""

    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]: ...


@overload
def task(
    function: Callable[P, Coroutine[Any, Any, R]], /
) -> Task[P, R, Callable[P, Coroutine[Any, Any, R]]]: ...
@overload
def task(function: Callable[P, R], /) -> Task[P, R, Callable[P, R]]: ...
@overload
def task(**options: Unpack[TaskKeywords]) -> TaskDecorator: ...
def task(function: Any = None, /, **options: Unpack[TaskKeywords]) -> Any:
    """Make a function a task: something that touches the outside, or computes.

    In a workflow ``await fetch(1)`` is a durable step; outside it just runs. Sync functions run
    in a thread (or a process). See :class:`TaskKeywords` for the options.

    Raises:
        InvalidOption: An option makes no sense.
        NameTaken: Another module has a task of that name.
    """

    def make(target: Callable[..., Any]) -> Task[..., Any, Any]:
        _require_function(target, "task")
        if inspect.isasyncgenfunction(target) or inspect.isgeneratorfunction(target):
            raise InvalidOption(
                f"@task {target.__name__}: a generator cannot be a task; return a list."
            )
        spec = TaskSpec(
            target, options.get("name") or target.__name__, _task_options(target, options)
        )
        registry.add_task(spec)
        return Task(target, spec)

    return make if function is None else make(function)


@overload
def workflow(function: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]: ...
@overload
def workflow(
    *, name: str | None = None, version: str | None = None, strict: bool = False
) -> WorkflowDecorator: ...
def workflow(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    strict: bool = False,
) -> Any:
    """Make an ``async def`` a workflow: a program that survives the process it runs in.

    Args:
        function: The coroutine function.
        name: What it is called in the database; the function's name unless given.
        version: What its code is recognised by; the hash of the module's source unless given.
        strict: Whether other arguments at a finished step stop a replay under changed code.

    Raises:
        InvalidOption: It is not an ``async def``.
        NameTaken: Another module has a workflow of that name.
    """

    def make(target: Callable[..., Any]) -> Workflow[..., Any]:
        _require_function(target, "workflow")
        if not inspect.iscoroutinefunction(target):
            raise InvalidOption(
                f"@workflow {target.__name__}: a workflow is an `async def`; "
                f"write `async def {target.__name__}(…)` and await its tasks."
            )
        spec = WorkflowSpec(target, name or target.__name__, version=version, is_strict=strict)
        registry.add_workflow(spec)
        return Workflow(target, spec)

    return make if function is None else make(function)


def _require_function(target: Any, decorator: str) -> None:
    if not callable(target) or not hasattr(target, "__name__"):
        raise InvalidOption(f"@{decorator} decorates a function, not {target!r}.")


def _task_options(target: Callable[..., Any], given: TaskKeywords) -> TaskOptions:
    name = target.__name__
    known = TaskKeywords.__annotations__
    for option in given:
        if option not in known:
            raise InvalidOption(f"@task {name}: no option {option!r}; known: {', '.join(known)}.")
    effect = effect_named(given.get("effect", Effect.WRITE))
    _require_word(name, "isolation", given.get("isolation", "thread"), ("thread", "process"))
    _require_word(name, "unknown", given.get("unknown", "ask"), ("ask", "raise"))
    if effect is not Effect.ONCE and ("reconcile" in given or "unknown" in given):
        raise InvalidOption(
            f"@task {name}: reconcile and unknown are for effect='once', not {effect!s}."
        )
    return TaskOptions(
        effect=effect,
        is_declared="effect" in given,
        retry=_retry(name, given.get("retry", NO_RETRY)),
        timeout_s=_seconds(given.get("timeout"), f"@task {name}: timeout"),
        total_timeout_s=_seconds(given.get("total_timeout"), f"@task {name}: total_timeout"),
        isolation=given.get("isolation", "thread"),
        overlap=given.get("overlap", False),
        unknown=given.get("unknown", "ask"),
        reconcile=_spec_of(given.get("reconcile"), name, "reconcile"),
        compensate=_spec_of(given.get("compensate"), name, "compensate"),
        not_done=tuple(given.get("not_done", ())),
        expect_s=_seconds(given.get("expect"), f"@task {name}: expect") or 0.0,
    )


def _require_word(name: str, option: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        raise InvalidOption(
            f"@task {name}: {option}={value!r}; expected {' or '.join(map(repr, words))}."
        )


def _retry(name: str, given: Any) -> Retry:
    if not isinstance(given, Retry):
        raise InvalidOption(f"@task {name}: retry={given!r}; expected Retry(attempts=…).")
    return given


def _seconds(duration: Duration | None, what: str) -> float | None:
    return None if duration is None else seconds(duration, what=what)


def _spec_of(given: Any, name: str, option: str) -> TaskSpec | None:
    if given is None:
        return None
    if not isinstance(given, Task):
        raise InvalidOption(
            f"@task {name}: {option}={given!r}; expected a function decorated with @task."
        )
    return cast("Task[..., Any, Any]", given).spec
