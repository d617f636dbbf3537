"""``@task`` and ``@workflow``: they describe and register, nothing else."""

from __future__ import annotations

import inspect

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, Unpack, cast, overload

from podium.core.budgets import Budget, part_budget
from podium.core.durations import Duration, some_seconds
from podium.core.errors import InvalidOption
from podium.core.spec import TaskSpec, WorkflowSpec, registry
from podium.core.transactions import AsyncTransaction, Transaction, Transactional
from podium.functions.calls import Task, Workflow
from podium.functions.options import TaskKeywords, task_options
from podium.functions.transactions import in_transaction

P = ParamSpec("P")
R = TypeVar("R")


class TaskDecorator(Protocol):
    """What ``task(…)`` with options returns."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Task[P, R, Callable[P, Coroutine[Any, Any, R]]]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R, Callable[P, R]]: ...


class TransactionDecorator(Protocol):
    """What ``task(…, database=…)`` returns: callers do not give the transaction."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[AsyncTransaction, P], Coroutine[Any, Any, R]], /
    ) -> Task[P, R, Callable[P, Coroutine[Any, Any, R]]]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[Transaction, P], R], /
    ) -> Task[P, R, Callable[P, R]]: ...


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
def task(*, database: Transactional, **options: Unpack[TaskKeywords]) -> TransactionDecorator: ...
@overload
def task(**options: Unpack[TaskKeywords]) -> TaskDecorator: ...
def task(function: Any = None, /, **options: Any) -> Any:
    """Make a function a task: something that touches the outside, or computes.

    In a workflow ``await fetch(1)`` is a durable step; outside it just runs. Sync functions run
    in a thread (or a process). See :class:`TaskKeywords` for the options. With
    ``effect="transaction"`` and ``database=`` the function gets a transaction of that database as
    its first argument, which callers do not give.

    Raises:
        InvalidOption: An option makes no sense.
        NameTaken: Another module has a task of that name, or another task has other options
            under the key of a limit or a breaker.
    """

    def make(target: Callable[..., Any]) -> Task[..., Any, Any]:
        _require_function(target, "task")
        if inspect.isasyncgenfunction(target) or inspect.isgeneratorfunction(target):
            raise InvalidOption(
                f"@task {target.__name__}: a generator cannot be a task; return a list."
            )
        given = dict(options)
        target = in_transaction(target, given)
        name = given.get("name") or target.__name__
        spec = TaskSpec(target, name, task_options(target, cast("TaskKeywords", given)))
        registry.add_task(spec)
        return Task(target, spec)

    return make if function is None else make(function)


@overload
def workflow(function: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]: ...
@overload
def workflow(
    *, name: str | None = None, version: str | None = None, strict: bool = False,
    timeout: Duration | None = None, budget: Budget | None = None,
) -> WorkflowDecorator: ...  # fmt: skip
def workflow(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    strict: bool = False,
    timeout: Duration | None = None,
    budget: Budget | None = None,
) -> Any:
    """Make an ``async def`` a workflow: a program that survives the process it runs in.

    Args:
        function: The coroutine function.
        name: What it is called in the database; the function's name unless given.
        version: What its code is recognised by; the hash of the module's source unless given.
        strict: Whether other arguments at a finished step stop a replay under changed code.
        timeout: The longest a run may take, from its acceptance; ``Podium.start`` may say another.
        budget: How much a run may spend, its children included; ``Podium.start`` may say another.

    Raises:
        InvalidOption: It is not an ``async def``, or the timeout or the budget is none.
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
        if timeout is not None:
            spec.timeout_s = some_seconds(timeout, what=f"@workflow {target.__name__}: timeout")
        if budget is not None:
            spec.budget = part_budget(f"@workflow {target.__name__}: budget", budget)
        registry.add_workflow(spec)
        return Workflow(target, spec)

    return make if function is None else make(function)


def _require_function(target: Any, decorator: str) -> None:
    if not callable(target) or not hasattr(target, "__name__"):
        raise InvalidOption(f"@{decorator} decorates a function, not {target!r}.")
    if any("FromRun(" in str(one) for one in getattr(target, "__annotations__", {}).values()):
        raise InvalidOption(
            f"@{decorator} {target.__name__}: FromRun fills parameters of tools; make it a @tool, "
            "or read podium.headers() in the body."
        )
