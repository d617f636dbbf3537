"""``task(args)`` and ``workflow(args)``: a call that is awaited, gathered, or made a task of.

In a workflow an awaited call is a step (or a child run) named by its place; outside it just runs.
The path is taken when the call starts: at its first await, or when it is handed on.
"""

from __future__ import annotations

import asyncio
import sys

from collections.abc import Callable, Coroutine, Generator, Iterator
from types import CodeType
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar, Unpack, cast

from podium.core.context import NO_OPTIONS, Context, StepOptions, current_context
from podium.core.errors import InvalidOption
from podium.core.scope import Scope, current_scope
from podium.core.spec import TaskOptions, TaskSpec, WorkflowSpec
from podium.functions.fallbacks import Chain
from podium.functions.options import CallKeywords, Fallback, call_fallback, call_options
from podium.functions.outcomes import Outcome, settled

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
F = TypeVar("F", bound=Callable[..., Any])


class Callee(Protocol):
    """What a call is of: a task or a workflow."""

    @property
    def name(self) -> str: ...
    def begin(self, context: Context, path: str, call: Call[Any]) -> asyncio.Future[Any]: ...
    def begin_outcome(
        self, context: Context, path: str, call: Call[Any]
    ) -> asyncio.Future[Outcome[Any]]: ...
    def run_plain(self, call: Call[Any]) -> Coroutine[Any, Any, Any]: ...


class Call(Coroutine[Any, Any, R_co]):
    """A call that has not started yet. Await it once.

    Attributes:
        label: The name of the step; the task's own unless :meth:`as_` gave another.
    """

    __slots__ = (
        "_driver",
        "_maker",
        "_place",
        "args",
        "callee",
        "kwargs",
        "label",
        "options",
        "started",
    )

    def __init__(self, callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.callee: Callee = callee
        self.args: tuple[Any, ...] = args
        self.kwargs: dict[str, Any] = kwargs
        self.label: str = callee.name
        self.options: dict[str, Any] = {}
        self.started: bool = False
        self._driver: Iterator[Any] | None = None
        self._maker = current_context.get()
        self._place: tuple[CodeType, int] | None = None
        if self._maker is not None:
            frame = sys._getframe(2)  # noqa: SLF001 - where the call is written
            self._place = (frame.f_code, frame.f_lasti)

    def as_(self, label: str) -> Self:
        """Name the step."""
        self.label = label
        return self

    def with_id(self, run_id: str) -> Self:
        """Give a child run this id (calls of workflows only)."""
        self.options["run_id"] = run_id
        return self

    def with_compensation(self, task: Task[..., Any, Any]) -> Self:
        """Undo the step with this task if the run fails or is cancelled (calls of tasks only)."""
        self.options["compensate"] = task.spec
        return self

    def with_fallback(self, *fallbacks: Fallback) -> Self:
        """Have this answer, in order, if the task fails for good (calls of tasks only).

        Args:
            fallbacks: Tasks, ``LastGood(within)``, ``Degraded(value)``, in place of those that the
                task itself names; none at all: the call has no fallback.

        Raises:
            InvalidOption: One of them could never answer.
        """
        return self._carried_out(call_fallback(self._task("with_fallback"), fallbacks))

    def with_options(self, **options: Unpack[CallKeywords]) -> Self:
        """Carry out this call with other options than its task has (calls of tasks only).

        Raises:
            InvalidOption: One makes no sense, or would weaken the declared effect.
            NameTaken: A task has other options under the key of a limit or a breaker.
        """
        return self._carried_out(call_options(self._task("with_options"), options))

    def with_priority(self, priority: int) -> Self:
        """Let this call go before others that wait for the same limit, the higher number first.

        The priority of the run is added to it.

        Raises:
            InvalidOption: It is no whole number from -1,000 to 1,000.
        """
        return self.with_options(priority=priority)

    def with_alternative(self) -> Self:
        """Say that the program has another answer if the task fails (calls of tasks only).

        A breaker with ``when_open="auto"`` that is open then fails the call at once instead of
        letting it wait.
        """
        self._task("with_alternative")
        self.options["has_fallback"] = True
        return self

    async def outcome(self) -> Outcome[R_co]:
        """Await it and tell what it came to: value or error, who answered, how old that is.

        It raises nothing that the step does. Use it in place of awaiting the call.
        """
        context = current_context.get()
        if context is None:
            self._start()
            return await settled(self.callee.run_plain(self), self.callee.name)
        return await self.begin_outcome(context)

    def begin(
        self, context: Context, scope: Scope | None = None, path: str | None = None
    ) -> asyncio.Future[R_co]:
        """Start it in a workflow: take its path, ask for it, return the future."""
        self._start()
        if path is None:
            path = (scope or current_scope.get()).name(self.label)
        return self.callee.begin(context, path, self)

    def begin_outcome(
        self, context: Context, scope: Scope | None = None, path: str | None = None
    ) -> asyncio.Future[Outcome[R_co]]:
        """Start it in a workflow; the future brings what it came to."""
        self._start()
        if path is None:
            path = (scope or current_scope.get()).name(self.label)
        return self.callee.begin_outcome(context, path, self)

    def _task(self, method: str) -> TaskSpec:
        """Return the task as this call has it."""
        if not isinstance(self.callee, Task):
            raise InvalidOption(
                f"{self.callee.name}(…).{method}(…): {self.callee.name} is a workflow; calls of "
                "tasks have options. A child run can be given an id with .with_id(…)."
            )
        spec: TaskSpec = self.options.get("spec") or self.callee.spec
        return spec

    def _carried_out(self, options: TaskOptions) -> Self:
        self.options["spec"] = self._task("with_options").with_options(options)
        return self

    def __await__(self) -> Generator[Any, Any, R_co]:
        context = current_context.get()
        if context is None:
            self._start()
            return cast("Generator[Any, Any, R_co]", self.callee.run_plain(self).__await__())
        return cast("Generator[Any, Any, R_co]", self.begin(context).__await__())

    def send(self, value: Any) -> Any:
        """Advance it, as the coroutine of an asyncio task."""
        if self._driver is None:
            self._driver = iter(self.__await__())
        driver = self._driver
        return next(driver) if value is None else cast("Any", driver).send(value)

    def throw(self, *error: Any) -> Any:
        """Throw into it, as the coroutine of an asyncio task."""
        if self._driver is None:
            self.started = True
            raise error[1] if len(error) > 1 and error[1] is not None else error[0]
        return cast("Any", self._driver).throw(*error)

    def close(self) -> None:
        """Give it up."""
        self.started = True
        if self._driver is not None:
            cast("Any", self._driver).close()

    def _start(self) -> None:
        if self.started:
            raise RuntimeError(
                f"{self.callee.name}(…) was already awaited; make a new call for each step."
            )
        self.started = True
        self._place = None

    def __del__(self) -> None:
        if not self.started and self._maker is not None and self._place is not None:
            self._maker.forgotten(self.callee.name, _line(*self._place))

    def __repr__(self) -> str:
        return f"<call of {self.callee.name} as {self.label!r}>"


def _line(code: CodeType, instruction: int) -> str:
    """Return ``file:line`` of an instruction."""
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= instruction < end and number is not None:
            line = number
    return f"{code.co_filename}:{line}"


class Task(Generic[P, R, F]):
    """A function that does something outside; made by :func:`podium.task`.

    Attributes:
        fn: The plain function.
        spec: Its definition.
    """

    def __init__(self, function: F, spec: TaskSpec) -> None:
        self.fn: F = function
        self.spec: TaskSpec = spec
        self.name: str = spec.name
        self.__name__: str = getattr(function, "__name__", spec.name)
        self.__qualname__: str = getattr(function, "__qualname__", spec.name)
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """Return a call of it."""
        return Call(self, args, kwargs)

    def begin(self, context: Context, path: str, call: Call[Any]) -> asyncio.Future[Any]:
        """Ask the Context for a step."""
        spec, options = self._as_called(call)
        bound = spec.binder.bind(call.args, call.kwargs)
        if spec.options.fallback:
            return Chain(context, path, spec, bound, options).begin()
        return context.step(path, spec, bound, options)

    def begin_outcome(
        self, context: Context, path: str, call: Call[Any]
    ) -> asyncio.Future[Outcome[Any]]:
        """Ask the Context for a step; the future brings what it came to."""
        spec, options = self._as_called(call)
        bound = spec.binder.bind(call.args, call.kwargs)
        return Chain(context, path, spec, bound, options).begin_outcome()

    def _as_called(self, call: Call[Any]) -> tuple[TaskSpec, StepOptions]:
        """Return the task as a call has it, and what else the step is asked for with."""
        given = call.options
        if not given:
            return self.spec, NO_OPTIONS
        asked = StepOptions(given.get("compensate"), bool(given.get("has_fallback")))
        return given.get("spec") or self.spec, asked

    async def run_plain(self, call: Call[Any]) -> Any:
        """Just run it: outside a workflow, or in the body of a task."""
        if self.spec.is_async:
            return await self.fn(*call.args, **call.kwargs)
        return await asyncio.to_thread(self.fn, *call.args, **call.kwargs)

    def __repr__(self) -> str:
        return f"<task {self.name} ({self.spec.effect})>"


class Workflow(Generic[P, R]):
    """A program over the durable Context; made by :func:`podium.workflow`.

    Attributes:
        fn: The plain coroutine function.
        spec: Its definition.
    """

    def __init__(self, function: Callable[P, Coroutine[Any, Any, R]], spec: WorkflowSpec) -> None:
        self.fn: Callable[P, Coroutine[Any, Any, R]] = function
        self.spec: WorkflowSpec = spec
        self.name: str = spec.name
        self.__name__: str = getattr(function, "__name__", spec.name)
        self.__qualname__: str = getattr(function, "__qualname__", spec.name)
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """Return a call of it: a child run inside a workflow."""
        return Call(self, args, kwargs)

    def begin(self, context: Context, path: str, call: Call[Any]) -> asyncio.Future[Any]:
        """Ask the Context for a child run."""
        bound = self.spec.binder.bind(call.args, call.kwargs)
        return context.child(path, self.spec, bound, call.options.get("run_id"))

    def begin_outcome(
        self, context: Context, path: str, call: Call[Any]
    ) -> asyncio.Future[Outcome[Any]]:
        """Ask the Context for a child run; the future brings what it came to."""
        future = self.begin(context, path, call)
        task = context.new_task(Scope(path), settled(future, self.name, path))
        task.add_done_callback(lambda _: future.cancel())
        return task

    async def run_plain(self, call: Call[Any]) -> Any:
        """Just run it, without durability: its tasks run, its primitives refuse."""
        return await self.fn(*call.args, **call.kwargs)

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"
