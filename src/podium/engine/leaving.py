"""What leaves the body of a task, without the secrets that are known."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.core.codec import encode, short
from podium.core.errors import ErrorInfo, ValueNotPortable
from podium.core.failures import describe_failure
from podium.core.memory import redactor_for
from podium.core.notes import WARNING, Line
from podium.core.ports import Attempt
from podium.core.redaction import Redactor
from podium.core.spec import TaskSpec

_LATE_CHARS = 500


def failure_of(attempt: Attempt | None, error: BaseException) -> ErrorInfo:
    """Return what is recorded of an exception."""
    redactor = redactor_for(attempt)
    return (
        describe_failure(error) if redactor is None else describe_failure(error, 0, redactor.text)
    )


def result_of(
    spec: TaskSpec, attempt: Attempt | None, value: Any, limit_bytes: int
) -> tuple[bytes, Any]:
    """Return a result as JSON and as the program receives it.

    Raises:
        ValueNotPortable: It has no JSON form that comes back the same; or it held a secret, and
            does not fit its declared type without it.
    """
    encoded, copy = spec.returns.copy(value, f"the result of {spec.name}", limit_bytes)
    redactor = redactor_for(attempt)
    if redactor is None:
        return encoded, copy
    cleaned = redactor.encoded(encoded)
    if cleaned is encoded:
        return encoded, copy
    found = ", ".join(redactor.found_in(cleaned.decode()))
    if attempt is not None:
        text = f"the result of {spec.name} held {found}; the value was replaced by its reference"
        attempt.notes.add(WARNING, "secret-in-result", text)
    try:
        return cleaned, spec.returns.decode(cleaned)
    except ValueNotPortable as problem:
        raise ValueNotPortable(
            f"The result of {spec.name} held {found}. The value was replaced by its reference, "
            f"which does not fit the declared type: {problem}"
        ) from None


def late_text(attempt: Attempt, value: Any) -> str:
    """Say a result that came too late."""
    redactor = redactor_for(attempt)
    if redactor is None:
        return short(value, _LATE_CHARS)
    try:
        said = redactor.encoded(encode(value)).decode()
    except ValueNotPortable:
        said = redactor.text(short(value, _LATE_CHARS))
    return said if len(said) <= _LATE_CHARS else f"{said[:_LATE_CHARS]}…"


def said(attempt: Attempt | None) -> list[Line]:
    """Return what an attempt has said since this was last asked."""
    if attempt is None:
        return []
    lines = attempt.notes.take()
    if not lines:
        return lines
    redactor = redactor_for(attempt)
    return lines if redactor is None else [_clean(redactor, line) for line in lines]


def _clean(redactor: Redactor, line: Line) -> Line:
    return msgspec.structs.replace(line, c=redactor.text(line.c), t=redactor.text(line.t))
