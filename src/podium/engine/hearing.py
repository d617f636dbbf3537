"""What the bodies of tasks say through ``logging`` and ``warnings``: kept with their attempt.

Nothing of the user's is changed: no handler is added (a handler of ours at the root would keep
``logging.basicConfig`` and the handler of last resort from working), no level is set. Every record
of the process is made by the factory of ``logging``, and ours looks whose attempt it is. So a
record exists, and is heard, only where its logger's level lets it through. Before any handler sees
it, the secrets that are known are taken out of it.
"""

from __future__ import annotations

import functools
import logging
import traceback
import warnings

from collections.abc import Callable
from typing import Any, TextIO

from podium.core.context import current_attempt
from podium.core.memory import redactor_for
from podium.core.notes import LINE_CHARS_MAX, WARNING
from podium.core.ports import Attempt
from podium.core.redaction import Redactor
from podium.core.shown import screen_of_environment

_OURS = "podium"
"""Name of the logger that Podium itself writes to."""


def install() -> None:
    """Listen, where tasks are carried out; what is already listened to stays as it is."""
    _install_factory()
    if not isinstance(warnings.showwarning, _Shown):  # pytest, for one, puts back what it found
        warnings.showwarning = _Shown(warnings.showwarning)


@functools.cache
def _install_factory() -> None:
    logging.setLogRecordFactory(_Factory(logging.getLogRecordFactory()))


def enter(attempt: Attempt) -> None:
    """Begin a body in its own context: from here on what is said is this attempt's."""
    current_attempt.set(attempt)
    level = attempt.spec.options.capture_level
    if level < logging.WARNING:
        logger = logging.getLogger(attempt.spec.module)
        if not logger.isEnabledFor(level):
            name, least = (
                logging.getLevelName(level),
                logging.getLevelName(logger.getEffectiveLevel()),
            )
            text = (
                f"capture_logs={name!r}: logger {logger.name!r} lets nothing below {least} through; "
                f"to have it kept, logging.getLogger({logger.name!r}).setLevel({name!r})"
            )
            attempt.notes.add(WARNING, "logs-unheard", text)


class _Factory:
    """Makes the records of ``logging`` as before, and looks at each."""

    def __init__(self, inner: Callable[..., logging.LogRecord]) -> None:
        self._inner = inner

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._inner(*args, **kwargs)
        attempt = current_attempt.get()
        redactor = redactor_for(attempt)
        is_kept = attempt is not None and record.levelno >= attempt.spec.options.capture_level
        if record.name == _OURS:
            _screen(record)
        if redactor is None and not is_kept:
            return record
        text, trace = _message(record), _trace(record)
        if redactor is not None:
            text, trace = _clean(record, redactor, text, trace)
        if attempt is not None and is_kept:
            said = text if not trace else f"{text}\n{trace[-LINE_CHARS_MAX // 2 :]}"
            attempt.notes.add(record.levelname, record.name, said)
        return record


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - logging itself complains of it, later and in its own way
        return str(record.msg)


def _trace(record: logging.LogRecord) -> str:
    found = record.exc_info
    if not found or found[0] is None:
        return ""
    return "".join(traceback.format_exception(*found)).rstrip("\n")


def _screen(record: logging.LogRecord) -> None:
    """Hide in a line of Podium's own what looks like a secret: it may quote what users wrote."""
    text = _message(record)
    shown = screen_of_environment().text(text)
    if shown != text:
        record.msg, record.args = shown, None


def _clean(record: logging.LogRecord, redactor: Redactor, text: str, trace: str) -> tuple[str, str]:
    """Take known secrets out of a record, of its exception too; return its two texts."""
    cleaned = redactor.text(text)
    if cleaned is not text:
        record.msg, record.args = cleaned, None
    cleaned_trace = redactor.text(trace)
    if cleaned_trace is not trace:
        record.exc_info, record.exc_text = None, cleaned_trace
    return cleaned, cleaned_trace


class _Shown:
    """Shows warnings as before; those of an attempt are kept with it."""

    def __init__(self, inner: Callable[..., None]) -> None:
        self._inner = inner

    def __call__(
        self, message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: TextIO | None = None, line: str | None = None,
    ) -> None:  # fmt: skip
        text = str(message)
        attempt = current_attempt.get()
        redactor = redactor_for(attempt)
        if redactor is not None:
            cleaned = redactor.text(text)
            if cleaned is not text:
                text, message = cleaned, UserWarning(cleaned)
        is_logged = getattr(self._inner, "__module__", "") == "logging"
        if (
            attempt is not None
            and not is_logged
            and attempt.spec.options.capture_level <= logging.WARNING
        ):
            attempt.notes.add("WARNING", category.__name__, f"{text} ({filename}:{lineno})")
        self._inner(message, category, filename, lineno, file, line)
