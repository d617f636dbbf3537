"""Undoes what a run has done, backwards; what cannot be undone is decided by the operator.

A program over the Context like any other: its steps and asks are recorded, so a crash amid the
undoing leaves the rest to the next worker.
"""

from __future__ import annotations

import asyncio

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from podium.core.codec import decode_any, short
from podium.core.errors import (
    CompensationFailed,
    ErrorInfo,
    Nondeterminism,
    ResultUnusable,
    StepFailed,
)
from podium.core.failures import describe_failure
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.core.spec import TaskSpec
from podium.engine.commands import Undo

OPERATOR = "operator"
KIND = "compensation-failed"
_ARGUMENTS_BYTES_MAX = 2_000
_QUESTION = (
    "Try again, once the cause is mended? Or leave it as it is, for instance because you have undone "
    "it by hand? Then say why; the run ends as failed and names it."
)


class UndoContext(Protocol):
    """The Context, as far as undoing goes."""

    def step(self, path: str, spec: TaskSpec, bound: dict[str, Any]) -> asyncio.Future[Any]: ...
    def ask(
        self, path: str, form: Any, to: str, timeout_s: float | None
    ) -> asyncio.Future[Any]: ...


class Left(NamedTuple):
    """What was not undone.

    Attributes:
        path: The step.
        error: Why its compensation failed, last.
        reason: Why the operator let that stand.
    """

    path: str
    error: ErrorInfo
    reason: str


async def compensate(context: UndoContext, undos: Iterable[Undo]) -> list[Left]:
    """Undo one after the other; return what the operator has decided to leave.

    Args:
        context: Of the run.
        undos: How, in order.
    """
    left = [await _undo(context, undo) for undo in undos]
    return [one for one in left if one is not None]


def failure_of(left: list[Left], cause: ErrorInfo | None) -> ErrorInfo:
    """Return the error of a run that could not be undone as a whole.

    Args:
        left: What was not undone.
        cause: Why the run was to be undone; None if it was cancelled.
    """
    names = "; ".join(f"{one.path} ({one.error.line()}; left so: {one.reason})" for one in left)
    failed = describe_failure(CompensationFailed(f"not undone: {names}"))
    cancelled = ErrorInfo(type="CancelledError", message="the run was cancelled", code="cancelled")
    return ErrorInfo(
        type=failed.type, message=failed.message, code=failed.code, bases=failed.bases,
        cause=cause or cancelled,
    )  # fmt: skip


async def _undo(context: UndoContext, undo: Undo) -> Left | None:
    """Undo one step, as often as the operator wants."""
    tries = 0
    while True:
        tries += 1
        place = f"compensate{f'#{tries}' if tries > 1 else ''}/{undo.path}"
        problem = await _try(context, place, undo)
        if problem is None:
            return None
        reason = await _decision(context, place, undo, problem)
        if reason is not None:
            return Left(undo.path, problem, reason)


async def _try(context: UndoContext, place: str, undo: Undo) -> ErrorInfo | None:
    """Carry out the task that undoes; return why it failed."""
    try:
        offered = undo.offer()
        if offered is not None:
            await context.step(place, undo.spec, undo.spec.undo_arguments(offered))
    except ResultUnusable:  # it happened, and nobody wants its result
        return None
    except Nondeterminism:
        raise
    except StepFailed as error:
        return error.error
    except Exception as error:  # noqa: BLE001 - its arguments are not what it takes, or have no value
        return describe_failure(error)
    return None


async def _decision(context: UndoContext, place: str, undo: Undo, problem: ErrorInfo) -> str | None:
    """Ask the operator; return why the step is left as it is, None to try again."""
    form = {
        "kind": KIND,
        "step": undo.path,
        "task": undo.spec.name,
        "arguments": _shown(undo),
        "cause": problem.line(),
        "question": _QUESTION,
        "answer": {"retry": True},
        "or": {"skip": True, "reason": "why it may stay as it is"},
    }
    asked = 0
    while True:
        asked += 1
        path = f"{place}/ask{f'#{asked}' if asked > 1 else ''}"
        answer = await context.ask(path, form, OPERATOR, None)
        given: dict[str, Any] = answer if isinstance(answer, dict) else {}
        reason = given.get("reason")
        if given.get("retry") is True and given.get("skip") is not True:
            return None
        if given.get("skip") is True and isinstance(reason, str) and reason.strip():
            return reason.strip()
        form["problem"] = (
            f"The last answer could not be used: {short(answer, 200)} says neither "
            '{"retry": true} nor {"skip": true, "reason": "…"}.'
        )


def _shown(undo: Undo) -> Any:
    """Return the arguments of the compensating task, for a person."""
    try:
        given = undo.spec.undo_arguments(undo.offer() or {})
        encoded, _ = undo.spec.binder.copy(given, PAYLOAD_BYTES_MAX)
    except Exception:  # noqa: BLE001 - then that is what the operator is told of
        return None
    is_short = len(encoded) <= _ARGUMENTS_BYTES_MAX
    return decode_any(encoded) if is_short else short(encoded, _ARGUMENTS_BYTES_MAX)
