"""From an exception to what the journal keeps of it."""

from __future__ import annotations

import asyncio
import traceback

from collections.abc import Callable
from typing import Any

import msgspec

from podium.core.errors import ROOTS, ErrorInfo, PodiumError, StepFailed
from podium.core.hints import status_of
from podium.core.limits import TRACEBACK_CHARS_MAX

_CAUSES_MAX = 8
_MESSAGE_CHARS_MAX = 4_000


def describe_failure(
    error: BaseException, depth: int = 0, clean: Callable[[str], str] = str
) -> ErrorInfo:
    """Return type, message, code, cause chain and a bounded traceback of an exception.

    Args:
        error: The exception.
        depth: How many exceptions it is the cause of.
        clean: Takes out of a text what must not be recorded, before the text is cut.
    """
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    described = None
    if isinstance(error, StepFailed):
        described = error.error
    elif cause is not None and cause is not error and depth < _CAUSES_MAX:
        described = describe_failure(cause, depth + 1, clean)
    return ErrorInfo(
        type=type(error).__name__,
        message=_bounded(clean(_text(error)), _MESSAGE_CHARS_MAX),
        code=code_of(error),
        cause=described,
        path=getattr(error, "path", None) if isinstance(error, StepFailed) else None,
        traceback=_trace(error, clean) if depth == 0 else None,
        bases=tuple(name for name in class_names(error)[1:] if name not in ROOTS),
        status=status_of(error),
        details=_details(error, clean),
    )


def code_of(error: BaseException) -> str:
    """Return the word to branch on."""
    code = getattr(error, "code", None)
    if isinstance(code, str) and code:
        return code
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    return "error"


def class_names(error: BaseException) -> tuple[str, ...]:
    """Return the names of an exception's class and of all its bases."""
    return tuple(kind.__name__ for kind in type(error).__mro__ if kind is not object)


def _details(error: BaseException, clean: Callable[[str], str]) -> dict[str, Any] | None:
    """Return what an error of Podium's says as data, without what must not be recorded."""
    details = getattr(error, "details", None)
    if not isinstance(error, PodiumError) or not isinstance(details, dict):
        return None
    try:
        kept: dict[str, Any] = msgspec.json.decode(clean(msgspec.json.encode(details).decode()))
    except (TypeError, ValueError, NotImplementedError):  # no JSON, or none any more
        return None
    return kept


def _text(error: BaseException) -> str:
    """Return an exception's own words; those of its cause are told by the cause."""
    return f"step {error.path!r} failed" if isinstance(error, StepFailed) else str(error)


def _trace(error: BaseException, clean: Callable[[str], str]) -> str | None:
    lines = traceback.format_exception(type(error), error, error.__traceback__, chain=False)
    text = clean("".join(lines))
    return text[-TRACEBACK_CHARS_MAX:] if error.__traceback__ else None


def _bounded(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[:chars]}… ({len(text):,} characters)"
