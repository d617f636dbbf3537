"""Where time comes from."""

import time

from typing import Protocol


class Clock(Protocol):
    """Tells the time, and waits."""

    def now(self) -> float:
        """Return seconds, which never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""
        ...


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Return seconds, which never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""
        time.sleep(seconds)


class ManualClock:
    """A clock that stands still until somebody moves it, or sleeps on it."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def now(self) -> float:
        """Return seconds, which never go back."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move by so many seconds at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move by so many seconds."""
        self._now += seconds
