"""What the models that a part of a program asks have used: told by the replies, so the same in a replay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from podium.models.messages import Reply, Usage


class Tally:
    """What was used so far.

    Attributes:
        calls: Replies that were had.
        usage: Their tokens.
        cost_usd: In US dollars; None where the price of one is not known.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.usage = Usage()
        self.cost_usd: float | None = 0.0

    def add(self, reply: Reply) -> None:
        """Count one more reply."""
        self.calls += 1
        self.usage += reply.usage
        is_known = self.cost_usd is not None and reply.cost_usd is not None
        self.cost_usd = (self.cost_usd or 0.0) + (reply.cost_usd or 0.0) if is_known else None


_open: Final[ContextVar[tuple[Tally, ...]]] = ContextVar("podium_tallies", default=())


@contextmanager
def tallied() -> Iterator[Tally]:
    """Count the replies that models give to what is done in the block, and to tasks that it starts."""
    tally = Tally()
    token = _open.set((*_open.get(), tally))
    try:
        yield tally
    finally:
        _open.reset(token)


def counted(reply: Reply) -> Reply:
    """Return a reply, counted wherever somebody counts."""
    for tally in _open.get():
        tally.add(reply)
    return reply
