"""Locks on resources, as one pure decision: who has it, who waits, and who would wait for ever.

A lock is held by a place in a run, not by a worker: it survives crashes, and is let go by the run
itself, by its end, or by an operator. Each grant carries a fence, a number that only grows: what
keeps the resource can refuse a holder whose number is less than one it has seen.

**Deadlocks.** A request waits for the holder of its lock. A holder cannot go on before each request
at or under its place is granted; a child run is under the place that started it. Where this leads from a new request back to itself,
nobody on the way could ever go on: the newcomer is refused, and told of everybody on the way. A
lock that passes to the next in line cannot close such a circle, as nothing under it has begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from podium.policy.book import HEAD_START_US, Book, Now, read_event, read_state

KIND: Final = "lock"
RUN_KIND: Final = "lock.run"
"""Kind of the entries that tell what each run holds and waits for."""
FENCE_KIND: Final = "lock.fence"
"""Kind of the one entry, with an empty key, that keeps the last fence. It is one for all locks, so
that a lock which nobody holds needs no entry, and its fences grow all the same."""


# events ----------------------------------------------------------------------------------


class Acquire(msgspec.Struct, frozen=True, tag="acquire", omit_defaults=True):
    """A place in a run wants the lock. Asked again, it gets the same answer, or a newer one.

    Attributes:
        run: The run's id.
        path: The place: everything at and under it is done while holding the lock.
        priority: Order of the line, with aging (``HEAD_START_US``).
        above: The places of other runs that this one is under, as (run, path): where its parent
            started it, where its parent was started, and so on.
    """

    run: str
    path: str
    priority: int = 0
    above: tuple[tuple[str, str], ...] = ()


class Release(msgspec.Struct, frozen=True, tag="release"):
    """A place does not hold the lock any more, or does not wait for it any more."""

    run: str
    path: str


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """A run has ended: it holds nothing and waits for nothing. The key says nothing here."""

    run: str


class Break(msgspec.Struct, frozen=True, tag="break"):
    """An operator takes the lock from whoever has it."""

    by: str


Event = Acquire | Release | Ended | Break


# state -----------------------------------------------------------------------------------


class Holder(msgspec.Struct, frozen=True):
    """Who has a lock; ``since_us`` in microseconds since 1970, for people."""

    run: str
    path: str
    fence: int
    since_us: int


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who waits for a lock; ``since_us`` as in :class:`Holder`, never less than of those before."""

    run: str
    path: str
    since_us: int
    priority: int = 0
    above: tuple[tuple[str, str], ...] = ()

    @property
    def rank(self) -> int:
        """When it seems to have come; the least is first in line."""
        return self.since_us - self.priority * HEAD_START_US


class Lock(msgspec.Struct, omit_defaults=True):
    """The state of a lock that somebody holds; without a holder there is none.

    Attributes:
        holder: Who has it.
        queue: Who waits, next one first.
    """

    holder: Holder
    queue: list[Request] = msgspec.field(default_factory=list)


class Wish(msgspec.Struct, frozen=True, array_like=True):
    """A request of a run or of one below it: at ``at`` of the run, ``path`` of ``run`` wants ``key``."""

    key: str
    at: str
    run: str
    path: str


class RunLocks(msgspec.Struct, omit_defaults=True):
    """What a run holds, as (key, path), and what it and the runs below it wait for."""

    held: list[tuple[str, str]] = msgspec.field(default_factory=list)
    waiting: list[Wish] = msgspec.field(default_factory=list)


# decisions -------------------------------------------------------------------------------


class Granted(msgspec.Struct, frozen=True, tag="granted"):
    """The place has the lock."""

    fence: int


class Waiting(msgspec.Struct, frozen=True, tag="waiting"):
    """The place waits; a :class:`Passed` to somebody will name it.

    Attributes:
        position: In the line, from 1.
        holder: Who has the lock.
    """

    position: int
    holder: Holder


class Knot(msgspec.Struct, frozen=True):
    """One request of a deadlock: it waits for ``wants`` and its place holds ``holds``."""

    run: str
    path: str
    wants: str
    holds: str


class Deadlock(msgspec.Struct, frozen=True, tag="deadlock"):
    """The request is refused, as it could never be granted.

    Attributes:
        cycle: The newcomer first; what each wants, the next one holds, and the last one's wish is
            held by the first.
    """

    cycle: tuple[Knot, ...]


class Handed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A lock has changed hands; ``holder`` is ``None`` if nobody waited for it."""

    key: str
    holder: Holder | None = None


class Passed(msgspec.Struct, frozen=True, tag="passed", omit_defaults=True):
    """What followed from a :class:`Release`, :class:`Ended` or :class:`Break`.

    Attributes:
        to: The locks that were let go, and who has them now.
        was: Whom a :class:`Break` took it from.
    """

    to: tuple[Handed, ...] = ()
    was: Holder | None = None


Decision = Granted | Waiting | Deadlock | Passed


_EVENTS: Final = msgspec.json.Decoder(Event)
_LOCKS: Final = msgspec.json.Decoder(Lock)
_RUNS: Final = msgspec.json.Decoder(RunLocks)
_FENCES: Final = msgspec.json.Decoder(int)


def read(state: bytes, key: str) -> Lock:
    """Return the state of a lock as the book has it, for those who show it."""
    return read_state(_LOCKS, state, KIND, key)


def apply(book: Book, key: str, event: bytes, now: Now) -> bytes:
    """Decide on an event and keep what follows; return the decision as JSON."""
    asked: Event = read_event(_EVENTS, event, KIND, key)
    decision: Decision
    match asked:
        case Acquire():
            decision = _acquire(book, key, asked, now)
        case Release():
            decision = _release(book, key, asked, now)
        case Ended():
            decision = _ended(book, asked.run, now)
        case Break():
            decision = _break(book, key, now)
    return msgspec.json.encode(decision)


# deciding --------------------------------------------------------------------------------


def _acquire(book: Book, key: str, event: Acquire, now: Now) -> Granted | Waiting | Deadlock:
    lock = _lock(book, key)
    if lock is None:
        return Granted(_grant(book, key, event, [], now).fence)
    if (lock.holder.run, lock.holder.path) == (event.run, event.path):
        return Granted(lock.holder.fence)
    position = _position(lock, event.run, event.path)
    if position is None:
        cycle = _cycle(book, key, event)
        if cycle is not None:
            return Deadlock(cycle)
        position = _enqueue(book, key, lock, event, now)
    return Waiting(position + 1, lock.holder)


def _enqueue(book: Book, key: str, lock: Lock, event: Acquire, now: Now) -> int:
    """Put a request into the line; return its index."""
    since_us = max((one.since_us for one in lock.queue), default=0)
    request = Request(
        event.run, event.path, max(now.wall_us, since_us), event.priority, event.above
    )
    index = sum(one.rank <= request.rank for one in lock.queue)
    lock.queue.insert(index, request)
    book.put(KIND, key, msgspec.json.encode(lock))
    for run_id, at in _places(request):
        run = _run(book, run_id)
        run.waiting.append(Wish(key, at, event.run, event.path))
        _put_run(book, run_id, run)
    return index


def _release(book: Book, key: str, event: Release, now: Now) -> Passed:
    lock = _lock(book, key)
    if lock is None:
        return Passed()
    if (lock.holder.run, lock.holder.path) == (event.run, event.path):
        return Passed((_pass_on(book, key, lock, now),))
    _leave(book, key, lock, event.run, event.path)
    return Passed()


def _ended(book: Book, run_id: str, now: Now) -> Passed:
    run = _run(book, run_id)
    for wish in run.waiting:  # first: it must not be handed what it is about to let go
        lock = _lock(book, wish.key)
        if lock is not None and wish.run == run_id:
            _leave(book, wish.key, lock, run_id, wish.path)
    handed = []
    for key, _ in run.held:
        lock = _lock(book, key)
        if lock is not None:
            handed.append(_pass_on(book, key, lock, now))
    return Passed(tuple(handed))


def _break(book: Book, key: str, now: Now) -> Passed:
    lock = _lock(book, key)
    if lock is None:
        return Passed()
    return Passed((_pass_on(book, key, lock, now),), lock.holder)


def _pass_on(book: Book, key: str, lock: Lock, now: Now) -> Handed:
    """Take a lock from its holder and give it to the next in line."""
    run = _run(book, lock.holder.run)
    run.held.remove((key, lock.holder.path))
    _put_run(book, lock.holder.run, run)
    if not lock.queue:
        book.put(KIND, key, None)
        return Handed(key)
    first, *rest = lock.queue
    _forget(book, key, first)
    return Handed(key, _grant(book, key, first, rest, now))


def _grant(book: Book, key: str, to: Acquire | Request, queue: list[Request], now: Now) -> Holder:
    """Let a place have a lock that nobody has."""
    kept = book.get(FENCE_KIND, "")
    fence = 1 + (0 if kept is None else read_state(_FENCES, kept, FENCE_KIND, ""))
    book.put(FENCE_KIND, "", msgspec.json.encode(fence))
    holder = Holder(to.run, to.path, fence, now.wall_us)
    book.put(KIND, key, msgspec.json.encode(Lock(holder, queue)))
    run = _run(book, to.run)
    run.held.append((key, to.path))
    _put_run(book, to.run, run)
    return holder


def _leave(book: Book, key: str, lock: Lock, run_id: str, path: str) -> None:
    """Take a request out of the line, if it is in it."""
    position = _position(lock, run_id, path)
    if position is None:
        return
    request = lock.queue.pop(position)
    book.put(KIND, key, msgspec.json.encode(lock))
    _forget(book, key, request)


def _forget(book: Book, key: str, request: Request) -> None:
    """Take a request from all the runs that it keeps from going on."""
    for run_id, at in _places(request):
        run = _run(book, run_id)
        run.waiting.remove(Wish(key, at, request.run, request.path))
        _put_run(book, run_id, run)


# deadlocks -------------------------------------------------------------------------------


def is_under(path: str, place: str) -> bool:
    """Tell whether a path is at a place or within it."""
    return not place or path == place or path.startswith((f"{place}/", f"{place}["))


def _cycle(book: Book, key: str, event: Acquire) -> tuple[Knot, ...] | None:
    """Return how a new request would wait for itself; ``None``: it would not."""
    new = Knot(event.run, event.path, key, "")
    seen: set[tuple[str, str, str]] = set()
    way = [new]
    ahead = [_blocking(book, key, new, event)]
    while ahead:
        knot = next(ahead[-1], None)
        if knot is None:
            ahead.pop()
            way.pop()
            continue
        request = knot.run, knot.path, knot.wants
        if request == (new.run, new.path, new.wants):
            return (knot, *way[1:])
        if request not in seen:
            seen.add(request)
            way.append(knot)
            ahead.append(_blocking(book, knot.wants, new, event))
    return None


def _blocking(book: Book, key: str, new: Knot, event: Acquire) -> Iterator[Knot]:
    """Yield the requests that must be granted before a lock can be let go, the new one included."""
    lock = _lock(book, key)
    if lock is None:
        return
    holder = lock.holder
    if any(run == holder.run and is_under(at, holder.path) for run, at in _places(event)):
        yield Knot(new.run, new.path, new.wants, key)
    for wish in _run(book, holder.run).waiting:
        if is_under(wish.at, holder.path):
            yield Knot(wish.run, wish.path, wish.key, key)


# the book --------------------------------------------------------------------------------


def _places(request: Acquire | Request) -> tuple[tuple[str, str], ...]:
    """Return the place of a request in its own run and in each one above, as (run, path)."""
    return ((request.run, request.path), *request.above)


def _position(lock: Lock, run_id: str, path: str) -> int | None:
    for index, one in enumerate(lock.queue):
        if one.run == run_id and one.path == path:
            return index
    return None


def _lock(book: Book, key: str) -> Lock | None:
    kept = book.get(KIND, key)
    return None if kept is None else read(kept, key)


def _run(book: Book, run_id: str) -> RunLocks:
    kept = book.get(RUN_KIND, run_id)
    return RunLocks() if kept is None else read_state(_RUNS, kept, RUN_KIND, run_id)


def _put_run(book: Book, run_id: str, run: RunLocks) -> None:
    is_needed = run.held or run.waiting
    book.put(RUN_KIND, run_id, msgspec.json.encode(run) if is_needed else None)
