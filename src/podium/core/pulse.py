"""The signs of life of one attempt, which its body gives from whatever thread it runs in."""

from __future__ import annotations

import asyncio

from collections.abc import Callable

DETAIL_BYTES_MAX = 4_096
"""What one sign of life may carry, as JSON."""


class Pulse:
    """Where a body says that it lives, and is told that it shall stop.

    Attributes:
        last: The newest detail of the attempts before this one, as JSON.
        detail: The newest detail of this attempt, as JSON.
        is_stopped: Whether nobody waits for the body any more; its next sign of life raises.
        tell: Told of signs of life, with this, in the thread that gives them; once until they are
            looked at.
        is_pending: Whether it was told and they were not looked at yet.
        relay: Takes each sign instead: in a process whose parent looks at them.
    """

    __slots__ = ("detail", "is_pending", "is_stopped", "last", "relay", "tell")

    def __init__(self) -> None:
        self.last: bytes | None = None
        self.detail: bytes | None = None
        self.is_stopped = False
        self.is_pending = False
        self.tell: Callable[[Pulse], None] | None = None
        self.relay: Callable[[bytes | None], None] | None = None

    def beat(self, detail: bytes | None) -> None:
        """Give a sign of life; the newest detail counts.

        Raises:
            asyncio.CancelledError: The attempt was timed out or cancelled.
        """
        if self.is_stopped:
            raise asyncio.CancelledError("nobody waits for this attempt any more")
        if self.relay is not None:
            self.relay(detail)
        else:
            self.keep(detail)

    def keep(self, detail: bytes | None) -> None:
        """Take a sign of life."""
        if detail is not None:
            self.detail = detail
        if not self.is_pending and self.tell is not None:
            self.is_pending = True
            self.tell(self)
