"""From a recorded outcome to what the program's future brings."""

from __future__ import annotations

from typing import Any

from podium.core.context import Origin
from podium.core.errors import (
    ErrorInfo,
    OutcomeUnknown,
    ResultUnusable,
    StepFailed,
    ValueNotPortable,
    step_failure,
)
from podium.engine.commands import MISSING, RunState, Wait
from podium.journal.records import Result, Status, decode_value

_BY_STATUS: dict[str, type[StepFailed]] = {
    Status.UNKNOWN: OutcomeUnknown,
    Status.UNUSABLE: ResultUnusable,
}


def failure(path: str, error: ErrorInfo, status: str = Status.FAILED) -> StepFailed:
    """Return the exception a program sees: the same live and replayed."""
    kind = _BY_STATUS.get(status)
    return step_failure(path, error) if kind is None else kind(path, error)


def resolve_result(state: RunState, wait: Wait, result: Result) -> None:
    """Give a step's outcome to the future that waits for it."""
    if wait.future.done():
        return
    if result.by:
        wait.future.origin = Origin(result.by, result.o)
    if result.x is not None:
        wait.future.set_exception(failure(wait.path, result.x, result.st))
    elif wait.copy is not MISSING:
        wait.future.set_result(wait.copy)
    else:
        _set(wait, state.settings.resolve(bytes(result.v)) or b"null")


def resolve_value(state: RunState, wait: Wait, record_body: bytes) -> None:
    """Give a signal, an answer or a child's output to the future that waits for it."""
    value = decode_value(record_body)
    if value.x is not None:
        wait.future.set_exception(failure(wait.path, value.x))
    else:
        _set(wait, state.settings.resolve(bytes(value.v)) or b"null")


def _set(wait: Wait, encoded: bytes) -> None:
    try:
        value: Any = wait.codec.decode(encoded)
    except ValueNotPortable as problem:
        error = ErrorInfo(
            type="ValueNotPortable", message=str(problem), code=problem.code, path=wait.path
        )
        wait.future.set_exception(ResultUnusable(wait.path, error))
    else:
        wait.future.set_result(value)
