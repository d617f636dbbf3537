"""What a program writes, within bounds: the beginning and the end are kept."""

from __future__ import annotations

from collections import deque


class Output:
    """Takes bytes for ever and keeps so many: the first half and the last.

    Args:
        bytes_max: How many are kept.
    """

    def __init__(self, bytes_max: int) -> None:
        self._half = max(1, bytes_max // 2)
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0

    @property
    def is_cut(self) -> bool:
        """Whether something was left out."""
        return bool(self._dropped)

    def take(self, data: bytes) -> None:
        """Take what was written next."""
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data)
        self._tail_size += len(data)
        while self._tail_size - len(self._tail[0]) >= self._half:
            gone = self._tail.popleft()
            self._tail_size -= len(gone)
            self._dropped += len(gone)
        over = self._tail_size - self._half
        if over > 0:
            self._tail[0] = self._tail[0][over:]
            self._tail_size -= over
            self._dropped += over

    def text(self) -> str:
        """Return what was kept as text; what is no UTF-8 becomes �."""
        head, tail = bytes(self._head), b"".join(self._tail)
        if not self._dropped:
            return (head + tail).decode(errors="replace")
        middle = f"\n… {self._dropped:,} bytes left out …\n"
        return f"{head.decode(errors='replace')}{middle}{tail.decode(errors='replace')}"
