"""Every error of Podium, in one tree.

::

    PodiumError                       anything Podium raises on purpose
    ├── UsageError                    the call was wrong; nothing was written
    │   ├── InputInvalid              input or argument does not fit its declared type
    │   ├── InvalidOption             an option of a task, workflow or app makes no sense
    │   ├── NameTaken                 two different definitions under one name
    │   ├── UnknownWorkflow           no workflow of that name is registered here
    │   ├── NotInWorkflow             a durable primitive was used outside a workflow
    │   ├── ForgottenAwait            a call was made in a workflow and never awaited
    │   ├── SecretInvalid             a reference to a secret that can never give one
    │   ├── NotKnown                  nothing shared has that name
    │   │   ├── BreakerNotFound       … no call was ever reported to such a breaker
    │   │   ├── BudgetNotFound        … nothing was ever reserved in such a budget
    │   │   └── LockNotFound          … nobody has such a lock
    │   ├── FlowInvalid               a flow document has errors; every one is named
    │   ├── FlowNotFound              there is no flow document at a path
    │   └── TaskMissing               a flow names a task or module that is not here
    ├── RunError                      about one run
    │   ├── RunNotFound               no run of that id
    │   ├── IdInUse                   the id belongs to a run with other input
    │   ├── RunEnded                  a signal, answer or cancel for a finished run
    │   ├── AskNotFound               no open ask of that id
    │   ├── RunFailed                 the run ended with an error
    │   ├── RunCancelled              the run was cancelled
    │   └── RunBlocked                the run cannot go on until somebody acts
    ├── StepFailed                    what a workflow sees of a failed step
    │   ├── StepTimedOut              … its time was over
    │   ├── LockDeadlock              … it would wait for a lock for ever
    │   ├── BudgetExceeded            … it did not fit into a budget
    │   ├── PriceUnknown              … nobody knows what it costs, and a budget limits that
    │   ├── OutcomeUnknown            … a ``once`` may or may not have happened
    │   └── ResultUnusable            … it happened, its result cannot be used
    ├── SecretMissing                 a secret that a reference names is not there
    ├── NotDone                       raised by a task: it certainly did not happen
    ├── RetryLater                    raised by a task: try again, but not before a time
    ├── Nondeterminism                the program did something else than is recorded
    │   └── Refused                   something a workflow can never do deterministically
    ├── ValueNotPortable              a value that does not survive the journal
    │   └── PayloadTooLarge           … because of its size
    ├── SourceError                   a text is no YAML or JSON that a flow could be
    ├── ExpressionError               an expression of a flow has no result
    ├── LimitReached                  a named limit of sizes, depths or fan-outs
    ├── Deadlocked                    nothing can ever wake the run again
    ├── CompensationFailed            a run was not undone as a whole
    └── StoreError                    the database file
        ├── StoreBusy                 another process holds it for too long
        ├── StoreFull                 no room on the disk
        ├── StoreCorrupt              the file is damaged
        ├── StoreForeign              the file is not Podium's
        ├── StoreNewer                the file was written by a newer Podium
        ├── StoreOnNetwork            the file lies on a network file system
        ├── StoreFenced               another worker took over; this one stops
        └── StoreSyncFailed           the disk refused to make data durable

    RunSuspended(BaseException)       control flow: this process lets go of the run
    RestartRequested(BaseException)   control flow: ``restart_with`` ends the incarnation

Cancellation inside a workflow is :class:`asyncio.CancelledError`, a ``BaseException`` too.
"""

from __future__ import annotations

import difflib

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

ROOTS = ("Exception", "BaseException")
"""Names of the classes that every exception is derived from; no record keeps them."""


ExceptionClass = type[BaseException]


class ErrorInfo(msgspec.Struct, omit_defaults=True, frozen=True):
    """A recorded error: what the journal keeps and every reader gets.

    Attributes:
        type: Name of the exception class.
        message: Its text.
        code: A stable word to branch on.
        cause: The error it came from.
        path: The step it came from.
        traceback: Bounded text of the traceback, for people.
        bases: Names of the classes that the exception class was derived from.
        fallbacks: Where fallbacks were tried: why each of them did not answer either.
        status: The status that the exception carried, such as 503 of HTTP.
        gave_up: Why there is no further attempt: ``attempts exhausted (5 of 5)``, ``not
            retryable: ValueError``, ``deadline…``; empty where one attempt is all there was to be.
        details: What an error of Podium's says as data: the verdicts behind ``refused-by-gate``.
    """

    type: str
    message: str = ""
    code: str = "error"
    cause: ErrorInfo | None = None
    path: str | None = None
    traceback: str | None = None
    bases: tuple[str, ...] = ()
    fallbacks: tuple[ErrorInfo, ...] = ()
    status: int | None = None
    gave_up: str = ""
    details: dict[str, Any] | None = None

    def line(self) -> str:
        """Say the error, its causes and what became of its fallbacks in one line."""
        text = f"{self.type}: {self.message}" if self.message else self.type
        if self.cause:
            text = f"{text} ← {self.cause.line()}"
        if self.fallbacks:
            text = f"{text}; fallbacks: {'; '.join(one.line() for one in self.fallbacks)}"
        return text

    def is_a(self, kind: ExceptionClass | str) -> bool:
        """Tell whether the exception was of a class or of one derived from it, by their names."""
        name = kind if isinstance(kind, str) else kind.__name__
        return name == self.type or name in self.bases or name in ROOTS


class PodiumError(Exception):
    """Anything Podium raises on purpose."""

    code: ClassVar[str] = "error"


class UsageError(PodiumError):
    """The call was wrong; nothing was written."""

    code = "usage"


class InputInvalid(UsageError):
    """An input or argument does not fit its declared type."""

    code = "input-invalid"


class InvalidOption(UsageError, ValueError):
    """An option of a task, workflow or app makes no sense."""

    code = "invalid-option"


class NameTaken(UsageError):
    """Two different definitions ask for one name."""

    code = "name-taken"


class UnknownWorkflow(UsageError):
    """No workflow of that name is registered in this process."""

    code = "unknown-workflow"


class NotInWorkflow(UsageError):
    """A durable primitive was used outside a workflow."""

    code = "not-in-workflow"

    def __init__(self, primitive: str) -> None:
        super().__init__(
            f"podium.{primitive}() was called outside a workflow, where nothing can be recorded. "
            "Call it in an `async def` decorated with @workflow, in the workflow's own tasks."
        )


class ForgottenAwait(UsageError):
    """A call was made in a workflow and never awaited."""

    code = "forgotten-await"

    def __init__(self, task: str, where: str) -> None:
        super().__init__(
            f"{task}(…) was called at {where} and never awaited, so it would never run. "
            f"Write `await {task}(…)`, or hand it to gather, race or create_task."
        )


class SecretInvalid(UsageError):
    """A reference to a secret that is none, or whose source can never give it."""

    code = "secret-invalid"


class NotKnown(UsageError):
    """There is nothing shared of that name."""

    code = "not-known"

    def __init__(self, what: str, key: str, known: Iterable[str]) -> None:
        near = difflib.get_close_matches(key, sorted(known), n=3)
        hint = f" Did you mean {', '.join(map(repr, near))}?" if near else ""
        super().__init__(f"{what} {key!r}.{hint}")


class BreakerNotFound(NotKnown):
    """No call was ever reported to a breaker of that name."""

    code = "breaker-not-found"

    def __init__(self, key: str, known: Iterable[str]) -> None:
        super().__init__("No call was ever reported to a breaker", key, known)


class BudgetNotFound(NotKnown):
    """Nothing was ever reserved in a budget of that name."""

    code = "budget-not-found"

    def __init__(self, key: str, known: Iterable[str]) -> None:
        super().__init__("Nothing was ever reserved in a budget", key, known)


class LockNotFound(NotKnown):
    """Nobody has a lock of that name."""

    code = "lock-not-found"

    def __init__(self, key: str, known: Iterable[str]) -> None:
        super().__init__("Nobody has a lock", key, known)


class RunError(PodiumError):
    """Something about one run."""

    code = "run"

    def __init__(self, run_id: str, message: str) -> None:
        super().__init__(message)
        self.run_id = run_id


class RunNotFound(RunError):
    """No run has that id in this database."""

    code = "run-not-found"

    def __init__(self, run_id: str, database: str = "", near: str | None = None) -> None:
        place = f" in {database}" if database else ""
        hint = f" Did you mean {near!r}?" if near else " `podium runs list` shows what is there."
        super().__init__(run_id, f"There is no run {run_id!r}{place}.{hint}")


class IdInUse(RunError):
    """The id belongs to a run with another workflow or other input."""

    code = "id-in-use"

    def __init__(self, run_id: str, difference: str) -> None:
        super().__init__(
            run_id,
            f"Run id {run_id!r} is taken by a run with {difference}. "
            "The same id and input give the same run; for another run use another id.",
        )


class RunEnded(RunError):
    """A signal, an answer or a cancel came for a finished run."""

    code = "run-ended"

    def __init__(self, run_id: str, status: str, what: str) -> None:
        super().__init__(
            run_id,
            f"Run {run_id!r} has ended ({status}); {what} can only reach a run that is still going. "
            "Nothing was recorded.",
        )


class AskNotFound(RunError):
    """The run has no open ask of that id."""

    code = "ask-not-found"

    def __init__(self, run_id: str, ask_id: str, open_ids: list[str]) -> None:
        known = ", ".join(open_ids) or "none"
        super().__init__(
            run_id, f"Run {run_id!r} has no open ask {ask_id!r}; open asks: {known}. "
            f"`podium runs show {run_id}` lists them.",
        )  # fmt: skip


class RunFailed(RunError):
    """The run ended with an error (a cancelled run raises :class:`RunCancelled`)."""

    code = "run-failed"

    def __init__(self, run_id: str, error: ErrorInfo) -> None:
        super().__init__(run_id, f"Run {run_id!r} failed: {error.line()}")
        self.error = error


class RunCancelled(RunError):
    """The run was cancelled."""

    code = "run-cancelled"

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id, f"Run {run_id!r} was cancelled.")


class RunBlocked(RunError):
    """The run cannot go on until somebody acts; nothing of it is lost."""

    code = "run-blocked"

    def __init__(self, run_id: str, status: str, error: ErrorInfo | None) -> None:
        reason = error.line() if error else "no reason was recorded"
        super().__init__(
            run_id,
            f"Run {run_id!r} is {status}: {reason} "
            f"When the cause is mended: `podium runs resume {run_id}`.",
        )
        self.status = status
        self.error = error


class StepFailed(PodiumError):
    """What a workflow sees of a failed step, the same live and replayed.

    Attributes:
        path: The step.
        error: The recorded error with its causes.
    """

    code = "step-failed"

    def __init__(self, path: str, error: ErrorInfo) -> None:
        super().__init__(f"Step {path!r} failed: {error.line()}")
        self.path = path
        self.error = error

    @property
    def type(self) -> str:
        """Name of the exception class the task raised."""
        return self.error.type

    @property
    def message(self) -> str:
        """Text of the exception the task raised."""
        return self.error.message

    def is_a(self, kind: ExceptionClass | str) -> bool:
        """Tell whether the task raised an exception of a class, or of one derived from it.

        Classes are told apart by their names, for that is what a record keeps.
        """
        return self.error.is_a(kind)


class StepTimedOut(StepFailed):
    """The step's time was over; the outside may have been touched."""

    code = "timeout"


class LockDeadlock(StepFailed):
    """The lock can never be had: its holder waits for one that this run holds."""

    code = "lock-deadlock"


class OutcomeUnknown(StepFailed):
    """A ``once`` step may or may not have happened (``unknown="raise"`` only)."""

    code = "outcome-unknown"


class ResultUnusable(StepFailed):
    """The step happened, but its result cannot be recorded or used; it is not repeated."""

    code = "result-unusable"


class SecretMissing(PodiumError):
    """A secret is not where its reference says; trying again does not help."""

    code = "secret-missing"

    def __init__(self, reference: str, remedy: str) -> None:
        super().__init__(reference, remedy)
        self.reference = reference
        self.remedy = remedy

    def __str__(self) -> str:
        return f"There is no secret {self.reference}: {self.remedy}"


class BudgetExceeded(StepFailed):
    """The step did not fit into a budget; it certainly did not happen."""

    code = "budget-exceeded"


class PriceUnknown(StepFailed):
    """Nobody knows what the step costs, and a budget limits that; it certainly did not happen."""

    code = "price-unknown"


NEVER_BEGAN = frozenset(
    {"queue-timeout", "circuit-open", "budget-exceeded", "budget-cheaper", "price-unknown"}
)
"""Codes of failures that kept an attempt from beginning."""
_BY_CODE: dict[str, type[StepFailed]] = {
    kind.code: kind
    for kind in (
        BudgetExceeded, LockDeadlock, OutcomeUnknown, PriceUnknown, ResultUnusable, StepTimedOut,
    )
}  # fmt: skip
_BY_CODE["budget-cheaper"] = BudgetExceeded
_BY_CODE["queue-timeout"] = _BY_CODE["heartbeat-timeout"] = StepTimedOut


def step_failure(path: str, error: ErrorInfo) -> StepFailed:
    """Return what a workflow sees of a failed step: the same live and replayed."""
    return _BY_CODE.get(error.code, StepFailed)(path, error)


class NotDone(PodiumError):
    """Raise it in a task to declare: this certainly did not happen, it may be tried again."""

    code = "not-done"


class Nondeterminism(PodiumError):
    """The program asked for something else than what is recorded."""

    code = "nondeterminism"


class Refused(Nondeterminism):
    """A workflow used something that can never be made deterministic."""

    code = "refused"

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} cannot be used inside a workflow: {remedy}")


class ValueNotPortable(PodiumError, ValueError):
    """A value that would come back from the journal as another value."""

    code = "value-not-portable"


class PayloadTooLarge(ValueNotPortable):
    """A value over the payload limit."""

    code = "payload-too-large"

    def __init__(self, what: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"{what} takes {size_bytes:,} bytes as JSON; the limit is {limit_bytes:,}. "
            "Return a podium.File or a reference to where the data lies, "
            "or raise Podium(payload_bytes_max=…)."
        )


class LimitReached(PodiumError):
    """A named limit was hit before damage was done."""

    code = "limit-reached"


class Deadlocked(PodiumError):
    """The program waits for something that nothing can ever bring."""

    code = "deadlocked"


class CompensationFailed(PodiumError):
    """What a failed or cancelled run had done was not undone as a whole."""

    code = "compensation-failed"


class StoreError(PodiumError):
    """Something about the database file."""

    code = "store"


class StoreBusy(StoreError):
    """Another process holds the file for too long."""

    code = "store-busy"


class StoreFull(StoreError):
    """There is no room on the disk; what is in memory is held and tried again."""

    code = "store-full"


class StoreCorrupt(StoreError):
    """The file is damaged."""

    code = "store-corrupt"


class StoreForeign(StoreError):
    """The file is not Podium's."""

    code = "store-foreign"


class StoreNewer(StoreError):
    """The file was written by a newer Podium."""

    code = "store-newer"


class StoreOnNetwork(StoreError):
    """The file lies on a network file system, where locks cannot be trusted."""

    code = "store-on-network"


class StoreFenced(StoreError):
    """Another worker took over this worker's runs; this one must stop."""

    code = "store-fenced"


class StoreSyncFailed(StoreError):
    """The disk refused to make data durable; the worker stops and recovery reads the file."""

    code = "store-sync-failed"


class RunSuspended(BaseException):
    """This process lets go of the run; nothing that happens after it is recorded."""


class RestartRequested(BaseException):
    """The program asked to begin again with other input and an empty journal."""

    def __init__(self, bound: dict[str, object]) -> None:
        super().__init__("restart_with")
        self.bound = bound
