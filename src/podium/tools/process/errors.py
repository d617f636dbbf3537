"""What becomes of a program that a tool starts."""

from __future__ import annotations

import signal

from podium.core.errors import InvalidOption, NotDone, PodiumError


class CommandFailed(PodiumError):
    """A program ended with an exit code that is none of success.

    Attributes:
        exit_code: Its exit code; negative where a signal ended it.
        stdout: What it wrote, its middle left out where it was much.
        stderr: The same of its error output.
    """

    code = "command-failed"

    def __init__(
        self, message: str, exit_code: int = 0, stdout: str = "", stderr: str = ""
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr


class CommandTimedOut(PodiumError, TimeoutError):
    """A program was ended, with all it had started, because its time was over."""

    code = "command-timed-out"


class CommandNotStarted(NotDone):
    """A program did not start, so nothing happened: it is not there, or must not be run."""

    code = "command-not-started"


class PathRefused(InvalidOption):
    """A path leads out of the folder that it must stay in, or to what is no plain file."""

    code = "path-refused"


class SandboxMissing(NotDone):
    """The sandbox that was asked for cannot be had on this machine; nothing was run."""

    code = "sandbox-missing"


def ended_by(exit_code: int) -> str:
    """Say an exit code: its number, or the signal that it stands for."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"ended by signal {-exit_code}"
