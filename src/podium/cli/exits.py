"""What a command's exit code says, and the error that carries one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from podium.core.errors import PodiumError, RunBlocked, RunCancelled, RunFailed, UsageError


class Exit(IntEnum):
    """The exit codes. Numbers are forever; 3 and 4 belong to documents and to permissions."""

    OK = 0
    ERROR = 1
    USAGE = 2
    DOCUMENT_INVALID = 3
    NOT_ALLOWED = 4
    RUN_FAILED = 5
    RUN_WAITS = 6
    INTERRUPTED = 130


TABLE = """\
\b
Exit codes:
  0    done; the run succeeded
  1    an error
  2    the command was not understood, or its input does not fit
  3    a document is invalid
  4    not allowed
  5    the run failed or was cancelled
  6    the run waits for a signal or an answer, is blocked or quarantined
  130  interrupted
"""


class CommandFailed(Exception):
    """A command cannot go on; the text says why and what to do."""

    def __init__(self, message: str, code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.code = code

    def details(self) -> Iterable[str]:
        """Return what is said before the message."""
        return ()

    def as_dict(self) -> dict[str, Any] | None:
        """Return it for programs, where there is more than the message."""
        return None


def exit_of(error: BaseException) -> Exit:
    """Return the exit code for an error."""
    if isinstance(error, CommandFailed):
        return error.code
    if isinstance(error, UsageError):
        return Exit.USAGE
    if isinstance(error, RunFailed | RunCancelled):
        return Exit.RUN_FAILED
    if isinstance(error, RunBlocked):
        return Exit.RUN_WAITS
    if isinstance(error, PodiumError):
        return Exit.ERROR
    if isinstance(error, KeyboardInterrupt):
        return Exit.INTERRUPTED
    return Exit.ERROR
