"""Rates and limits of concurrency, as one pure decision: who may have how many permits when.

A limit has ``limit`` permits. A holder (one worker's life) takes some, uses each for one call, and
gives them back. A used permit cools for the limit's period before anybody has it again: a limit of
concurrency has no period; a strict rate cools from the end of the call, so that the other side
never counts more than ``limit`` in any period; a lax rate cools from when the permit was given out.
Whatever is unclear (a holder that died, a machine that was restarted) cools from when it is known:
permission may be lost for a period, and is never gained.

Holders whose wish was not fulfilled stand in line. What is free is dealt out to all that stand in
line, even when only one of them is asking: the others' part is kept for them until they ask again.
The line is ordered by priority with aging (``HEAD_START_US``). The first in line and all that are
not below its priority share evenly: each has a tag that counts what it got, the least tag is next,
and one that comes anew begins with the least tag of those, not below its own last one. (Start-time
fair queueing, P. Goyal, H. Vin, H. Cheng, 1996.) Who got something goes to the end of the line.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

import msgspec

from podium.policy.book import HEAD_START_US, Book, Now, read_event, read_state

KIND: Final = "permits"
PATIENCE_US: Final = 3_000_000
"""A holder in line asks again within this time, or within this time after ``retry_at_us``; else it
loses its place. Its worker may be dead."""
BUCKETS: Final = 100
"""Into so many points of time the ends of cooling are gathered, later rather than earlier."""


# events ----------------------------------------------------------------------------------


class Take(msgspec.Struct, frozen=True, tag="take", omit_defaults=True):
    """A holder wants permits; asked again, it replaces what it wanted before.

    Attributes:
        holder: Who, such as a worker with its epoch.
        want: How many more it can use now; 0 is a :class:`Withdraw`.
        limit: How many permits there are.
        period_us: How long a used one cools.
        is_strict: It cools from the end of its call, not from now.
        priority: Of the most urgent call that waits for it.
    """

    holder: str
    want: int
    limit: int
    period_us: int = 0
    is_strict: bool = True
    priority: int = 0


class Give(msgspec.Struct, frozen=True, tag="give", omit_defaults=True):
    """A holder gives permits back.

    Attributes:
        holder: Who.
        used: How many calls with one have ended.
        unused: How many it has not begun a call with.
        use_by_us: Of a lax rate: the time that was granted with the unused ones.
    """

    holder: str
    used: int = 0
    unused: int = 0
    use_by_us: int | None = None


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """A holder died: what it has cools from now."""

    holder: str


class Withdraw(msgspec.Struct, frozen=True, tag="withdraw"):
    """A holder does not wait any more; it keeps what it has."""

    holder: str


Event = Take | Give | Lost | Withdraw


# decisions -------------------------------------------------------------------------------


class Granted(msgspec.Struct, frozen=True, tag="granted", omit_defaults=True):
    """What a holder got.

    Attributes:
        count: How many permits.
        retry_at_us: When to ask for the rest; ``None``: nobody knows, ask within ``PATIENCE_US``.
        use_by_us: Of a lax rate: calls with them begin before this time, or not at all.
        others: How many other holders stand in line.
    """

    count: int
    retry_at_us: int | None = None
    use_by_us: int | None = None
    others: int = 0


class Noted(msgspec.Struct, frozen=True, tag="noted", omit_defaults=True):
    """What followed from a :class:`Give`, :class:`Lost` or :class:`Withdraw`.

    Attributes:
        ready: Holders in line that would be granted something if they asked now, first one first.
    """

    ready: tuple[str, ...] = ()


Decision = Granted | Noted


# state -----------------------------------------------------------------------------------


class Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place in the line.

    Attributes:
        want: How many permits.
        since_us: When it came to the end of the line.
        until_us: When it loses the place unless it asks again.
        priority: As in :class:`Take`.
        tag: How many permits it seems to have got.
    """

    want: int
    since_us: int
    until_us: int
    priority: int = 0
    tag: int = 0

    @property
    def rank(self) -> int:
        """When it seems to have come; the least is first in line."""
        return self.since_us - self.priority * HEAD_START_US


class Permits(msgspec.Struct, omit_defaults=True):
    """The state of one limit. Times are in microseconds since ``boot``.

    Attributes:
        boot: When the machine was started, as a name.
        at_us: When this was decided; time never goes back from there.
        limit: As in the last :class:`Take`; so are ``period_us`` and ``is_strict``.
        held: How many each holder has.
        cooling: (when they are free, how many), first one first.
        waiting: The line, by holder.
        tag: The least that one in line may have, and with which a new one begins.
        tags: Those of holders that have left the line and got more than that.
    """

    boot: str = ""
    at_us: int = 0
    limit: int = 0
    period_us: int = 0
    is_strict: bool = True
    held: dict[str, int] = msgspec.field(default_factory=dict)
    cooling: list[tuple[int, int]] = msgspec.field(default_factory=list)
    waiting: dict[str, Waiting] = msgspec.field(default_factory=dict)
    tag: int = 0
    tags: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def free(self) -> int:
        """How many permits nobody has."""
        return max(0, self.limit - self.out)

    @property
    def out(self) -> int:
        """How many permits somebody has, or are cooling."""
        return sum(self.held.values()) + sum([n for _, n in self.cooling])

    @property
    def is_idle(self) -> bool:
        """Nothing is out and nobody waits: there is nothing to remember."""
        return not (self.held or self.cooling or self.waiting)


_EVENTS: Final = msgspec.json.Decoder(Event)
_STATES: Final = msgspec.json.Decoder(Permits)


def read(state: bytes, key: str) -> Permits:
    """Return the state of a limit as the book has it, for those who show it."""
    return read_state(_STATES, state, KIND, key)


def apply(book: Book, key: str, event: bytes, now: Now) -> bytes:
    """Decide on an event and keep what follows; return the decision as JSON."""
    asked = read_event(_EVENTS, event, KIND, key)
    kept = book.get(KIND, key)
    state = Permits() if kept is None else read(kept, key)
    decision = _decide(state, asked, now)
    if not state.is_idle:
        book.put(KIND, key, msgspec.json.encode(state))
    elif kept is not None:
        book.put(KIND, key, None)
    return msgspec.json.encode(decision)


def decide(state: Permits, event: Event, now: Now) -> tuple[Permits, Decision]:
    """Return the next state, and what to answer. The given state is left as it is."""
    state = msgspec.structs.replace(
        state,
        held=dict(state.held),
        cooling=list(state.cooling),
        waiting=dict(state.waiting),
        tags=dict(state.tags),
    )
    return state, _decide(state, event, now)


def _decide(state: Permits, event: Event, now: Now) -> Decision:
    """Bring a state to what follows, and return what to answer."""
    _advance(state, now)
    match event:
        case Take():
            _configure(state, event)
            return _take(state, event)
        case Give():
            _give(state, event)
        case Lost():
            _cool(state, state.held.pop(event.holder, 0))
            _leave(state, event.holder)
        case Withdraw():
            _leave(state, event.holder)
    return Noted(tuple(_deal(state)))


def _advance(state: Permits, now: Now) -> None:
    """Bring a state to the present."""
    if state.boot == now.boot:
        state.at_us = at_us = max(now.at_us, state.at_us)
        if state.cooling and state.cooling[0][0] <= at_us:
            state.cooling = [(until_us, n) for until_us, n in state.cooling if until_us > at_us]
        for holder, one in list(state.waiting.items()):
            if one.until_us <= at_us:
                _leave(state, holder)
        return
    # The machine was restarted: how long that took is unknown, and all holders are dead.
    out = state.out
    state.boot, state.at_us, state.tag = now.boot, now.at_us, 0
    state.held, state.cooling, state.waiting, state.tags = {}, [], {}, {}
    _cool(state, out)


def _configure(state: Permits, event: Take) -> None:
    """Follow a change of the limit's options. What is out stays out."""
    before_us = _cooling_us(state)
    state.limit, state.period_us, state.is_strict = event.limit, event.period_us, event.is_strict
    longer_us = _cooling_us(state) - before_us
    if longer_us and state.cooling:
        cooling, state.cooling = state.cooling, []
        for until_us, n in cooling:
            _cool(state, n, until_us + longer_us)


def _take(state: Permits, event: Take) -> Granted:
    holder = event.holder
    others = len(state.waiting.keys() - {holder})
    if event.want <= 0:
        _leave(state, holder)
        return Granted(0, others=others)
    if not state.waiting and event.want <= state.free:  # nobody to share with
        return Granted(event.want, use_by_us=_hand_out(state, holder, event.want))
    _enter(state, event)
    count = _deal(state).get(holder, 0)
    use_by_us = _hand_out(state, holder, count) if count else None
    if count:
        _serve(state, holder, count)
    if count == event.want:
        _leave(state, holder)
        return Granted(count, use_by_us=use_by_us, others=others)
    retry_at_us = _free_at(state, _before(state, holder) + 1)
    state.waiting[holder] = msgspec.structs.replace(
        state.waiting[holder], until_us=(retry_at_us or state.at_us) + PATIENCE_US
    )
    return Granted(count, retry_at_us, use_by_us, others)


def _hand_out(state: Permits, holder: str, count: int) -> int | None:
    """Let a holder have permits; return when it must have used them, if that is limited."""
    if state.is_strict or not state.period_us:
        state.held[holder] = state.held.get(holder, 0) + count
        return None
    use_by_us = state.at_us + _slack_us(state)
    _cool(state, count)
    return use_by_us


def _give(state: Permits, event: Give) -> None:
    if event.use_by_us is not None:
        _take_back(state, event.use_by_us, event.unused)
        return
    held = state.held.pop(event.holder, 0)
    used = min(max(0, event.used), held)
    left = held - used - max(0, event.unused)
    _cool(state, used)
    if left > 0:
        state.held[event.holder] = left


def _take_back(state: Permits, use_by_us: int, unused: int) -> None:
    """Free permits of a lax rate, if they are cooling still: they were never used."""
    if state.is_strict:  # the options have changed since
        return
    end_us = _rounded(state, use_by_us + state.period_us)
    for index, (until_us, n) in enumerate(state.cooling):
        if until_us == end_us:
            left = n - min(max(0, unused), n)
            state.cooling[index : index + 1] = [(until_us, left)] if left else []
            return


# cooling ---------------------------------------------------------------------------------


def _slack_us(state: Permits) -> int:
    """Return how long a permit of a lax rate may lie about before it is used.

    Without it, a late use and an early next one of one permit would be less than a period apart.
    """
    if state.is_strict or not state.period_us:
        return 0
    return min(max(state.period_us // 20, 20_000), 1_000_000)


def _cooling_us(state: Permits) -> int:
    return state.period_us + _slack_us(state)


def _rounded(state: Permits, until_us: int) -> int:
    """Return the point of time, not before the given one, at which many are free together."""
    step_us = max(1, _cooling_us(state) // BUCKETS)
    return -(-until_us // step_us) * step_us


def _cool(state: Permits, count: int, until_us: int | None = None) -> None:
    """Let permits cool, from now on unless it is said until when."""
    until_us = _rounded(state, state.at_us + _cooling_us(state) if until_us is None else until_us)
    if count <= 0 or until_us <= state.at_us:
        return
    index = bisect_left(state.cooling, (until_us, 0))
    if index < len(state.cooling) and state.cooling[index][0] == until_us:
        state.cooling[index] = until_us, state.cooling[index][1] + count
    else:
        state.cooling.insert(index, (until_us, count))


# the line --------------------------------------------------------------------------------


def _enter(state: Permits, event: Take) -> None:
    """Let a holder stand in line, where it stands already if it does."""
    before = state.waiting.get(event.holder)
    if before is None:
        tag = state.tags.pop(event.holder, state.tag)
        before = Waiting(event.want, state.at_us, state.at_us, tag=tag)
    state.waiting[event.holder] = msgspec.structs.replace(
        before, want=event.want, priority=event.priority
    )


def _serve(state: Permits, holder: str, count: int) -> None:
    """Send one that got permits to the end of the line, for the rest that it wants."""
    first = next(iter(_groups(state)))
    state.tag = max(state.tag, min(state.waiting[who].tag for who in first))
    one = state.waiting[holder]
    state.waiting[holder] = msgspec.structs.replace(
        one,
        want=one.want - count,
        since_us=state.at_us,
        tag=max(one.tag, state.tag) + count,
    )


def _leave(state: Permits, holder: str) -> None:
    """Let a holder stand in line no more; its tag is kept as long as it says something."""
    one = state.waiting.pop(holder, None)
    if one is not None:
        state.tags[holder] = one.tag
    is_contested = bool(state.waiting)
    state.tags = {who: n for who, n in state.tags.items() if is_contested and n > state.tag}


def _groups(state: Permits) -> Iterator[list[str]]:
    """Yield those that are served together, in order: the first in line and all not below it."""
    line = state.waiting
    left = sorted(line, key=lambda who: (line[who].rank, who))
    while left:
        floor = line[left[0]].priority
        yield [who for who in left if line[who].priority >= floor]
        left = [who for who in left if line[who].priority < floor]


def _deal(state: Permits) -> dict[str, int]:
    """Return who would get how many of the free permits."""
    dealt: dict[str, int] = {}
    if not state.waiting:
        return dealt
    free = state.free
    for group in _groups(state):
        if not free:
            break
        counts = _share([_wish(state, who) for who in group], free)
        dealt.update((who, n) for who, n in zip(group, counts, strict=True) if n)
        free -= sum(counts)
    return dealt


def _wish(state: Permits, holder: str) -> tuple[int, int]:
    """Return a holder's tag, and how many it wants."""
    one = state.waiting[holder]
    return max(one.tag, state.tag), one.want


def _share(wishes: list[tuple[int, int]], free: int) -> list[int]:
    """Return how many each gets where one after the other goes to the least tag, which grows by it.

    Among equal tags the first goes first.
    """

    def up_to(level: int) -> list[int]:
        return [min(want, max(0, level - tag)) for tag, want in wishes]

    low = min(tag for tag, _ in wishes)
    high = max(tag + want for tag, want in wishes)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(up_to(middle)) <= free:
            low = middle
        else:
            high = middle - 1
    counts = up_to(low)
    left = free - sum(counts)
    for index, (tag, want) in enumerate(wishes):
        if left and tag <= low and counts[index] < want:
            counts[index] += 1
            left -= 1
    return counts


def _before(state: Permits, holder: str) -> int:
    """Return how many permits are dealt before a holder's first one."""
    count = 0
    for group in _groups(state):
        wishes = [_wish(state, who) for who in group]
        if holder not in group:
            count += sum(want for _, want in wishes)
            continue
        place = group.index(holder)
        tag, _ = wishes[place]
        for index, (other, want) in enumerate(wishes):
            if index != place:
                count += min(want, max(0, tag - other + (index < place)))
        break
    return count


def _free_at(state: Permits, count: int) -> int | None:
    """Return when so many permits will have cooled; ``None``: it depends on who holds them."""
    free = state.limit - state.out
    for until_us, n in state.cooling:
        free += n
        if free >= count:
            return until_us
    return None
