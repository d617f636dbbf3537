"""The Context: all that a program may ask for. Front ends use it, backends provide it.

Paths are computed above it (``core.scope``), values cross it encoded (``core.codec``), so that
the same program runs on each backend. Futures it returns belong to the program's own loop.
"""

from __future__ import annotations

import asyncio

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NamedTuple, NoReturn, Protocol

from podium.core.budgets import Budget, Line
from podium.core.codec import Codec
from podium.core.errors import NotInWorkflow
from podium.core.ports import Attempt
from podium.core.scope import Scope
from podium.core.spec import TaskSpec, WorkflowSpec


class About(NamedTuple):
    """Which run a program is.

    Attributes:
        run_id: Its id.
        headers: The attributes given at its start.
        version: Of the workflow's code and of Podium, where it was accepted.
    """

    run_id: str
    headers: dict[str, Any]
    version: str


class StepOptions(NamedTuple):
    """What one step is asked for with, beside its arguments and the options of its task.

    Attributes:
        compensate: The task that undoes it, instead of the one that its task names.
        has_fallback: Whether the program has another answer if it fails: a breaker with
            ``when_open="auto"`` that is open then fails it at once instead of letting it wait.
    """

    compensate: TaskSpec | None = None
    has_fallback: bool = False


NO_OPTIONS = StepOptions()


class Origin(NamedTuple):
    """Where the result of a step comes from that did not make it.

    Attributes:
        by: Who answered: ``"cache"``.
        at_us: When the value was made, in µs of the wall clock.
    """

    by: str
    at_us: int


class Recalled(NamedTuple):
    """What is remembered of an earlier success of a call.

    Attributes:
        found: Whether there is one.
        value: Its result, decoded; None where nothing was found.
        at_us: When it was made, in µs of the wall clock; 0 where nothing was found.
    """

    found: bool
    value: Any = None
    at_us: int = 0


class Shared(Protocol):
    """What a run has together with all other runs of the database."""

    def recall(
        self, path: str, spec: TaskSpec, bound: dict[str, Any], within_s: float
    ) -> asyncio.Future[Recalled]:
        """Ask for the newest recorded success of the same call, of any run, within an age."""
        ...

    def lock(
        self, path: str, key: str, timeout_s: float | None, priority: int, place: str = ""
    ) -> asyncio.Future[int]:
        """Ask for a lock that only one place of one run has at a time, across crashes.

        The future brings the fence, a number that grows with each holder of the key. It raises
        ``StepTimedOut``, or ``LockDeadlock`` where waiting for it could never end.

        Args:
            path: The place that holds it; what is asked for below it is done under the lock.
            key: What is locked.
            place: The place that holds it, where that is another than the path.
            timeout_s: How long to wait for it; None: for ever.
            priority: Among those who wait, the higher number goes first.
        """
        ...

    def unlock(self, path: str) -> None:
        """Give back the lock that a place holds, or no longer ask for it."""
        ...

    def budget(self, path: str, budget: Budget, name: str = "") -> Line:
        """Return a budget of a part of the run, whose account is named by a path.

        What is asked for while it is among ``core.budgets.current_budgets`` stands under it.
        """
        ...


class Context(Protocol):
    """Durable primitives of one run.

    Attributes:
        shared: What it has together with other runs.
        seen: The labels of what calls by name have given the program so far (``tools/labels.py``).
    """

    shared: Shared
    seen: set[str]

    @property
    def about(self) -> About:
        """Return which run this is."""
        ...

    def step(
        self, path: str, spec: TaskSpec, bound: dict[str, Any], options: StepOptions | None = None
    ) -> asyncio.Future[Any]:
        """Ask for a task; the future brings its decoded result or raises ``StepFailed``.

        The future has an attribute ``origin`` (see :func:`origin_of`) where the result was not
        made by this step.
        """
        ...

    def undo(self, path: str, spec: TaskSpec, offer: Callable[[], dict[str, Any] | None]) -> None:
        """Undo the work at a path with a task if the run fails or is cancelled, like a step.

        Args:
            path: What is undone; its place among compensations is that of this call.
            spec: The task.
            offer: Gives, then, what the task may be given; None where nothing happened.
        """
        ...

    def child(
        self, path: str, spec: WorkflowSpec, bound: dict[str, Any], run_id: str | None = None
    ) -> asyncio.Future[Any]:
        """Ask for a run of another workflow in this run's family."""
        ...

    def sleep(
        self, path: str, delay_s: float | None, until: datetime | None
    ) -> asyncio.Future[None]:
        """Ask for a durable timer: after a delay, or at a time of the wall clock."""
        ...

    def receive(self, path: str, name: str, codec: Codec) -> asyncio.Future[Any]:
        """Ask for the next signal of that name, first in, first out."""
        ...

    def send(self, path: str, run_id: str, name: str, value: Any) -> asyncio.Future[None]:
        """Send a signal to another run; fails with ``StepFailed`` where there is none."""
        ...

    def ask(self, path: str, form: Any, to: str, timeout_s: float | None) -> asyncio.Future[Any]:
        """Ask a person; the future brings the answer, or ``StepTimedOut``."""
        ...

    def effects_settled(self, prefix: str) -> asyncio.Future[None] | None:
        """Return a future for the end of effects in flight under a path; None if there is none."""
        ...

    def fan_out(self, path: str, count: int) -> None:
        """Tell how many items a map has, for those who watch its progress."""
        ...

    def publish(self, path: str, key: str, value: Any) -> None: ...
    def emit(self, path: str, chunk: Any) -> None: ...
    def warn(self, path: str, code: str, message: str) -> None: ...
    def env(self, name: str) -> str | None: ...
    def patched(self, patch_id: str) -> bool: ...
    def now(self) -> datetime: ...
    def random(self, scope: Scope) -> Any: ...
    def restart_with(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NoReturn: ...
    def forgotten(self, name: str, where: str) -> None:
        """Tell that a call was dropped without ever being awaited; the run fails for it."""
        ...

    def new_task(self, scope: Scope, coroutine: Any) -> asyncio.Task[Any]:
        """Run a coroutine as a task of the program in a given scope."""
        ...


current_context: ContextVar[Context | None] = ContextVar("podium_context", default=None)
current_attempt: ContextVar[Attempt | None] = ContextVar("podium_attempt", default=None)


def context_of(primitive: str) -> Context:
    """Return the Context of the running workflow.

    Raises:
        NotInWorkflow: The caller is not a workflow.
    """
    context = current_context.get()
    if context is None:
        raise NotInWorkflow(primitive)
    return context


def origin_of(future: asyncio.Future[Any]) -> Origin | None:
    """Return where the result of a step's future comes from; None: from the step itself."""
    origin: Origin | None = getattr(future, "origin", None)
    return origin
