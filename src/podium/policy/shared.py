"""The one door to shared state: which policy decides on which kind of it.

A store calls :func:`apply` within the transaction of a commit, so that a decision is atomic,
durable, and in one order over all workers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from podium.core.errors import PodiumError
from podium.policy import breaker, budget, lock, permits
from podium.policy.book import Book, Now

__all__ = ["Book", "Now", "apply", "holder_name", "lost"]

_POLICIES: Final[dict[str, Callable[[Book, str, bytes, Now], bytes]]] = {
    permits.KIND: permits.apply,
    breaker.KIND: breaker.apply,
    lock.KIND: lock.apply,
    budget.KIND: budget.apply,
    budget.HELD_KIND: budget.apply,
}


_LOST: Final[dict[str, Callable[[str], msgspec.Struct]]] = {
    permits.KIND: permits.Lost,
    breaker.KIND: breaker.Lost,
    budget.HELD_KIND: budget.Lost,
}
"""What is told to the states of a kind when a worker is gone; locks belong to runs."""


def holder_name(worker: int) -> str:
    """Return what a worker is called in shared states. Its number is never used again."""
    return f"w{worker}"


def lost(book: Book, holder: str, now: Now) -> None:
    """Take from a worker that is gone whatever it holds."""
    for kind, event in _LOST.items():
        told = msgspec.json.encode(event(holder))
        for key in book.keys(kind):
            state = book.get(kind, key)
            if state is not None and f'"{holder}"'.encode() in state:
                apply(book, kind, key, told, now)


def apply(book: Book, kind: str, key: str, event: bytes, now: Now) -> bytes:
    """Decide on an event of a shared state; keep the next state, and return the decision.

    Args:
        book: Where states are read from and put into.
        kind: Which policy decides.
        key: Which of its states.
        event: What happened or is asked: JSON of one of the policy's events.
        now: The time of the commit.

    Raises:
        StoreError: The state cannot be read.
        PodiumError: There is no such kind, or the event is none of it. The book is as it was.
    """
    policy = _POLICIES.get(kind)
    if policy is None:
        raise PodiumError(
            f"There is no shared state of kind {kind!r} (asked for {key!r}); "
            f"known kinds: {', '.join(_POLICIES)}."
        )
    return policy(book, key, event, now)
