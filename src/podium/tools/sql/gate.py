"""Who may have a connection now: first come, first served, from threads and event loops alike."""

from __future__ import annotations

import asyncio
import threading

from collections import deque
from concurrent.futures import Future

from podium.tools.sql.errors import DatabaseUnavailable


class Gate:
    """So many places, for ``with`` and ``async with``; who finds none waits in line.

    SQLite lets one writer in and lets the others try again and again, which starves some; a line
    within the process costs nothing and is fair.

    Args:
        places: How many may be inside.
        wait_s: How long one waits at most.
        what: The database, for messages.

    Raises:
        DatabaseUnavailable: On entering, where no place came in time.
    """

    def __init__(self, places: int, wait_s: float, what: str) -> None:
        self._lock = threading.Lock()
        self._free = places
        self._line: deque[Future[None]] = deque()
        self._wait_s = wait_s
        self._what = what

    def __enter__(self) -> None:
        ticket = self._ticket()
        try:
            ticket.result(self._wait_s)
        except BaseException as problem:
            self._give_up(ticket, problem)
            raise

    def __exit__(self, *_: object) -> None:
        self._leave()

    async def __aenter__(self) -> None:
        ticket = self._ticket()
        try:
            await asyncio.wait_for(asyncio.wrap_future(ticket), self._wait_s)
        except BaseException as problem:
            self._give_up(ticket, problem)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        """Give the place to the next in line."""
        with self._lock:
            while self._line:
                ticket = self._line.popleft()
                if ticket.set_running_or_notify_cancel():
                    ticket.set_result(None)
                    return
            self._free += 1

    def _ticket(self) -> Future[None]:
        ticket: Future[None] = Future()
        with self._lock:
            if self._free:
                self._free -= 1
                ticket.set_running_or_notify_cancel()
                ticket.set_result(None)
            else:
                self._line.append(ticket)
        return ticket

    def _give_up(self, ticket: Future[None], problem: BaseException) -> None:
        """Leave the line, or the place that was given in the same moment."""
        if not ticket.cancel():
            self._leave()
        if isinstance(problem, TimeoutError):
            raise DatabaseUnavailable(
                f"{self._what}: no turn came in {self._wait_s:g} s; others of this process hold "
                "their transactions for too long. Keep what is slow out of them, or raise "
                "Database(wait=…)."
            ) from None
