"""What a call came to, told and not raised: its value or error, who answered, and how old that is."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar, cast

import msgspec

from podium.core.context import current_context
from podium.core.errors import (
    ErrorInfo,
    Nondeterminism,
    OutcomeUnknown,
    ResultUnusable,
    StepFailed,
    step_failure,
)
from podium.core.failures import describe_failure

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[R_co]):
    """What a call came to.

    Attributes:
        path: The step; empty outside a workflow.
        status: ``ok``: there is a value; ``failed``: there is none.
        value: The value; None where it failed.
        answered_by: The name of the task that made the value, the call's own or that of a
            fallback; ``cache``, ``last_good``, ``degraded`` where none did; empty where it failed.
        is_stale: Whether the value is the last good one, of an earlier call.
        at: When the value was made; None where it failed, and outside a workflow.
        error: Why the call's own task did not answer, with what became of its fallbacks.
        warnings: What was recorded about the value, in words.
    """

    path: str = ""
    status: Literal["ok", "failed"] = "ok"
    value: R_co | None = None
    answered_by: str = ""
    is_stale: bool = False
    at: datetime | None = None
    error: ErrorInfo | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether there is a value."""
        return self.status == "ok"

    def result(self) -> R_co:
        """Return the value.

        Raises:
            StepFailed: There is none.
        """
        if self.status == "failed" and self.error is not None:
            raise step_failure(self.path, self.error)
        return cast("R_co", self.value)  # where it is ok, None is a value like another


def failed(path: str, error: Exception) -> Outcome[T]:
    """Return what a call that raised came to.

    Raises:
        Nondeterminism: The error is not the call's: it stops the run.
    """
    if isinstance(error, Nondeterminism):
        raise error
    if isinstance(error, StepFailed):
        own = error.error
        if isinstance(error, ResultUnusable | OutcomeUnknown):  # what :meth:`result` raises again
            own = msgspec.structs.replace(own, code=error.code)
        return Outcome(path=error.path, status="failed", error=own)
    return Outcome(path=path, status="failed", error=describe_failure(error))


async def settled(call: Awaitable[T], name: str, path: str = "") -> Outcome[T]:
    """Wait for something that gives a value of its own; return what it came to.

    Args:
        call: What to wait for.
        name: Who answers.
        path: Its place.
    """
    try:
        value = await call
    except Exception as error:  # noqa: BLE001 - whatever it raised is what it came to
        return failed(path, error)
    context = current_context.get()
    at = None if context is None else context.now()
    return Outcome(path=path, value=value, answered_by=name, at=at)
