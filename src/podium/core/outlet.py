"""What the body of one attempt emits, on its way to the stream of the run; from any thread of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from podium.core.errors import LimitReached
from podium.core.limits import CHUNKS_MAX


class Outlet:
    """Chunks that an attempt has emitted and the engine has not taken yet, as JSON.

    Attributes:
        taken: How many the engine has taken.
        tell: Told of chunks, in the thread that emits them; once until they are taken.
        relay: Takes each chunk instead: in a process whose parent takes them.
        is_closed: Whether nobody takes them any more.
    """

    __slots__ = ("_count", "_is_pending", "_waiting", "is_closed", "relay", "taken", "tell")

    def __init__(self) -> None:
        self._count = 0
        self._waiting: deque[bytes] = deque()
        self._is_pending = False
        self.is_closed = False
        self.taken = 0
        self.tell: Callable[[], None] | None = None
        self.relay: Callable[[bytes], None] | None = None

    def put(self, chunk: bytes) -> None:
        """Emit a chunk.

        Raises:
            LimitReached: The attempt has emitted too many.
        """
        if self._count >= CHUNKS_MAX:
            raise LimitReached(
                f"podium.emit: the attempt has emitted {CHUNKS_MAX:,} chunks, which is the limit. "
                "Emit several pieces as one chunk."
            )
        self._count += 1
        if self.relay is not None:
            self.relay(chunk)
        else:
            self.keep(chunk)

    def keep(self, chunk: bytes) -> None:
        """Take a chunk that was counted already."""
        if self.is_closed or self.tell is None:
            return
        self._waiting.append(chunk)
        if not self._is_pending:
            self._is_pending = True
            self.tell()

    def take(self) -> list[bytes]:
        """Return the chunks that wait."""
        self._is_pending = False  # before they are looked at, so that none is missed
        chunks = []
        while self._waiting:
            chunks.append(self._waiting.popleft())
        return chunks
