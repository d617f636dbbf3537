"""Ctrl-C and SIGTERM: the first lets go cleanly, the second quits at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from podium.cli import terminal
from podium.cli.exits import Exit

_SHOW_CURSOR = "\x1b[?25h"


class Interrupts:
    """Tells the event loop once; a second signal ends the process on the spot.

    The handlers are Python's own, not the loop's: they also work while something blocks the loop.

    Attributes:
        asked: Whether the process was asked to stop.
    """

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None
        self.asked = False

    def attach(self) -> asyncio.Event:
        """Return an event of the running loop that is set when the process shall stop."""
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        if self.asked:
            self._event.set()
        return self._event

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals for as long as the work goes on."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)  # under nohup it stays ignored
        before: dict[int, Any] = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            _quit()
        self.asked = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        assert self._event is not None
        if not self._event.is_set():
            self._event.set()
            self._say()


def _quit() -> None:
    if terminal.is_terminal(sys.stderr):
        os.write(2, _SHOW_CURSOR.encode())
    os.write(2, b"\nQuit at once; what was committed is safe.\n")
    os._exit(Exit.INTERRUPTED)
