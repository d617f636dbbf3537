"""Budgets, as one pure decision: what may still be reserved, and what was spent.

A budget has an account. Before a call its worst case is reserved in the accounts of all budgets that
it stands under; afterwards the reservation is settled by what the call has used, or released where
it certainly did not begin. What is spent and what is reserved never come to more than a limit, but
by calls that cost more than their price said.

A reservation belongs to an attempt of a step, and names the worker that carries it out. When that
worker is gone, what had begun counts as spent, and what had not is free again: a death loses
permission, and never gains it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from podium.core.budgets import DIMENSIONS, NOTHING, RUNS, Amount, Line, Said
from podium.policy.book import Book, Now, read_event, read_state

KIND: Final = "budget"
"""Accounts that runs share; and what all events are sent to."""
RUN_KIND: Final = "budget.run"
"""Accounts of one run and its children: of the run, a part of it, a call."""
HELD_KIND: Final = "budget.held"
"""What is reserved, and what is asked: by run and place."""
RAISES_MAX: Final = 20
_ASKS: Final = "\nask"
_END: Final = "\n"

How = Literal["known", "unknown", "not-done"]
"""How much is known of an attempt that is over: its body has ended; it was cut, or given up, or its
process died; it certainly did not happen."""
Action = Literal["stop", "ask", "cheaper", "wait", "later", "refused"]
"""What a step does that does not fit: as its budget says; ``later``: wait for calls in flight, for it
fits if they cost less than they may; ``refused``: a person would not raise the limit."""


# events ----------------------------------------------------------------------------------


class Reserve(msgspec.Struct, frozen=True, tag="reserve"):
    """An attempt asks whether it may begin.

    Attributes:
        run: Its id.
        path: The step.
        attempt: Which try.
        holder: The worker.
        lines: The budgets, from the innermost to the outermost.
        want: What it may cost at worst.
        at_us: The time of the run.
    """

    run: str
    path: str
    attempt: int
    holder: str
    lines: tuple[Line, ...]
    want: Amount
    at_us: int


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """The body of an attempt begins: from here on its reservation counts as spent if it is lost."""

    run: str
    path: str
    attempt: int


class Settle(msgspec.Struct, frozen=True, tag="settle"):
    """An attempt is over; ``used`` is what counts as spent. It has no reservation any more."""

    run: str
    path: str
    attempt: int
    used: Amount


class Release(msgspec.Struct, frozen=True, tag="release"):
    """An attempt certainly did not begin."""

    run: str
    path: str
    attempt: int


class Charge(msgspec.Struct, frozen=True, tag="charge"):
    """Something was used that nobody had announced."""

    lines: tuple[Line, ...]
    used: Amount


class Raise(msgspec.Struct, frozen=True, tag="raise"):
    """Somebody raises limits of the account with the event's key, for as long as its period lasts."""

    limits: dict[str, int]
    by: str


class Refuse(msgspec.Struct, frozen=True, tag="refuse"):
    """A person was asked to raise the limit, and would not."""

    by: str


class Unask(msgspec.Struct, frozen=True, tag="unask"):
    """A place asks nobody any more."""

    run: str
    path: str


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """A run is over, or was set aside: what it still has reserved counts as spent; it asks nobody."""

    run: str


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """The worker is gone that holds the reservation with the event's key."""

    holder: str


Event = Reserve | Begin | Settle | Release | Charge | Raise | Refuse | Unask | Ended | Lost


# decisions -------------------------------------------------------------------------------


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It is so; a reservation was made."""


class Full(msgspec.Struct, frozen=True, tag="full", omit_defaults=True):
    """A reservation does not fit.

    Attributes:
        key: The account.
        name: What people call the budget.
        dimension: Of what there is not enough; ``time`` in µs.
        limit: Of it.
        spent: Of it, by now; of time, what has passed.
        held: Of it, by calls in flight.
        want: Of it.
        does: What the step shall do.
        run: Who asks a person; the one that reserves, if nobody did.
        path: Of that run.
        until_us: Of a budget with periods: when the next one begins, µs since 1970.
        version: Of the account: with another one it may fit.
    """

    key: str
    name: str
    dimension: str
    limit: int
    spent: int
    held: int
    want: int
    does: Action
    run: str = ""
    path: str = ""
    until_us: int = 0
    version: int = 0


Decision = Done | Full


# state -----------------------------------------------------------------------------------


class Place(msgspec.Struct, frozen=True):
    """A step of a run."""

    run: str
    path: str

    @property
    def name(self) -> str:
        """Under which what it asks for is kept."""
        return f"{self.run}{_END}{self.path}{_ASKS}"


class Raised(msgspec.Struct, frozen=True):
    """Limits were raised.

    Attributes:
        at_us: When, in µs since 1970.
        by: Who did it.
        limits: To how much.
    """

    at_us: int
    by: str
    limits: dict[str, int]


class Account(msgspec.Struct, omit_defaults=True):
    """What is known of one budget.

    Attributes:
        name: What people call it.
        run: The run that it belongs to; empty where runs share it.
        limits: As the run that came last has it.
        per: As in a line.
        at_limit: As in a line.
        since_us: As in a line.
        period: The number of the present period; 0 for ever.
        spent: In it.
        held: Reserved in it by attempts that are not over.
        earlier: Spent in all periods before.
        raised: Limits that somebody has raised, until the period is over.
        is_refused: Whether somebody would not raise them.
        asked: Who asks a person to raise them.
        raises: The last ones, oldest first.
        version: Grows with every change.
    """

    name: str = ""
    run: str = ""
    limits: dict[str, int] = msgspec.field(default_factory=dict)
    per: str = ""
    at_limit: str = "stop"
    since_us: int = 0
    period: int = 0
    spent: Amount = NOTHING
    held: Amount = NOTHING
    earlier: Amount = NOTHING
    raised: dict[str, int] = msgspec.field(default_factory=dict)
    is_refused: bool = False
    asked: Place | None = None
    raises: list[Raised] = msgspec.field(default_factory=list)
    version: int = 0

    def limit(self, dimension: str) -> int | None:
        """Return the limit that holds; None where there is none."""
        told = self.limits.get(dimension)
        return None if told is None else max(told, self.raised.get(dimension, 0))


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an attempt has reserved, or whom a place asks to raise.

    Attributes:
        run: Its id.
        keys: The accounts, each with the period in which it was reserved.
        holder: The worker; empty for an ask.
        amount: How much.
        is_begun: Whether the body may have begun.
    """

    run: str
    keys: tuple[tuple[str, int], ...]
    holder: str = ""
    amount: Amount = NOTHING
    is_begun: bool = False


_EVENTS: Final = msgspec.json.Decoder(Event)
_ACCOUNTS: Final = msgspec.json.Decoder(Account)
_HELD: Final = msgspec.json.Decoder(Held)
_encode: Final = msgspec.json.encode
_DONE: Final = Done()


def read(state: bytes, key: str) -> Account:
    """Return an account as the book has it, for those who show it."""
    return read_state(_ACCOUNTS, state, KIND, key)


def read_held(state: bytes, key: str) -> Held:
    """Return a reservation as the book has it, for those who show it."""
    return read_state(_HELD, state, HELD_KIND, key)


def kind_of(key: str) -> str:
    """Return the kind of an account."""
    return RUN_KIND if key.startswith(RUNS) else KIND


def apply(book: Book, key: str, event: bytes, now: Now) -> bytes:
    """Decide on an event and keep what follows; return the decision as JSON."""
    asked = read_event(_EVENTS, event, KIND, key)
    return _encode(_Books(book, now).decide(key, asked))


# what an attempt comes to ----------------------------------------------------------------


def used(reserved: Amount, said: Iterable[Said], how: How) -> Amount:
    """Return what counts as spent by an attempt.

    Args:
        reserved: What it might cost at worst.
        said: What its body said that it has used.
        how: Whether that is the whole truth. What is not known counts as spent.
    """
    sums: dict[str, int] = {}
    for one in said:
        for name in ("usd", "tokens", "calls"):
            value = getattr(one, name)
            if value is not None:
                sums[name] = sums.get(name, 0) + value

    def of(name: str) -> int:
        worst: int = getattr(reserved, name)
        if how == "unknown":
            return max(worst, sums.get(name, 0))
        return sums.get(name, worst if how == "known" else 0)

    return Amount(of("usd"), of("tokens"), of("calls"), reserved.steps)


def unpriced(lines: Iterable[Line], unknown: Iterable[str]) -> tuple[Line, str] | None:
    """Return the first budget that limits what nobody knows of a price, and does not allow that."""
    names = list(unknown)
    for line in lines:
        for name in names:
            if name in line.limits and line.unknown == "refuse" and line.at_limit != "exceed":
                return line, name
    return None


# periods ---------------------------------------------------------------------------------


def period_of(per: str, wall_us: int) -> int:
    """Return the number of the period (UTC) that a time lies in; 0 where there are none."""
    if per in _LENGTHS_US:
        return wall_us // _LENGTHS_US[per]
    if per == "month":
        day = datetime.fromtimestamp(wall_us / 1e6, UTC)
        return day.year * 12 + day.month - 1
    return 0


def end_of(per: str, period: int) -> int:
    """Return when a period ends, in µs since 1970; 0 where there are none."""
    if per in _LENGTHS_US:
        return (period + 1) * _LENGTHS_US[per]
    if per == "month":
        year, month = divmod(period + 1, 12)
        return round(datetime(year, month + 1, 1, tzinfo=UTC).timestamp() * 1e6)
    return 0


def at_present(account: Account, now: Now) -> Account:
    """Begin the next period of an account when its time has come; return it.

    It never goes back to an earlier one, whatever is done to the clock.
    """
    period = period_of(account.per, now.wall_us)
    if period > account.period:
        account.earlier = account.earlier.plus(account.spent)
        account.period, account.spent, account.held = period, NOTHING, NOTHING
        account.raised, account.is_refused = {}, False
    return account


_LENGTHS_US: Final = {"hour": 3_600_000_000, "day": 86_400_000_000}


# decisions -------------------------------------------------------------------------------


class _Books:
    """The accounts in the course of one decision."""

    def __init__(self, book: Book, now: Now) -> None:
        self._book = book
        self._now = now

    def decide(self, key: str, event: Event) -> Decision:
        """Decide on an event."""
        match event:
            case Reserve():
                return self._reserve(event)
            case Begin():
                self._begin(_name(event.run, event.path, event.attempt))
            case Settle():
                self._settle(_name(event.run, event.path, event.attempt), event.used)
            case Release():
                self._settle(_name(event.run, event.path, event.attempt), NOTHING)
            case Charge():
                self._charge(event)
            case Raise():
                self._raise(key, event)
            case Refuse():
                self._refuse(key)
            case Unask():
                self._unask(Place(event.run, event.path).name)
            case Ended():
                self._ended(event.run)
            case Lost():
                self._lost(key, event.holder)
        return _DONE

    # reservations

    def _reserve(self, event: Reserve) -> Decision:
        accounts = [self._account(line) for line in event.lines]
        full = _first_full(event, accounts)
        if full is not None:
            return self._refusal(event, *full, accounts)
        keys: list[tuple[str, int]] = []
        for line, account in zip(event.lines, accounts, strict=True):
            account.held = account.held.plus(event.want)
            self._put(line.key, account)
            keys.append((line.key, account.period))
        held = Held(event.run, tuple(keys), event.holder, event.want)
        self._put_held(_name(event.run, event.path, event.attempt), held)
        self._unask(Place(event.run, event.path).name)
        return _DONE

    def _refusal(self, event: Reserve, index: int, dimension: str, accounts: list[Account]) -> Full:
        """Say why it does not fit, and what it shall do; who comes first to ask is to ask."""
        line, account = event.lines[index], accounts[index]
        limit = account.limit(dimension) or 0
        if dimension == "time":
            spent, held, want = event.at_us - line.since_us, 0, 0
        else:
            spent, held = getattr(account.spent, dimension), getattr(account.held, dimension)
            want = getattr(event.want, dimension)
        does = _action(
            line, account, is_later=held > 0 and spent + want <= limit, is_never=want > limit
        )
        asked, place = account.asked, Place(event.run, event.path)
        if does != "ask" or asked != place:
            self._unask(place.name)  # what it may have asked for somewhere else
        if does == "ask" and asked is None:
            asked = account.asked = place
            self._put(line.key, account)
            self._put_held(place.name, Held(event.run, ((line.key, account.period),)))
        until_us = end_of(account.per, account.period) if account.per else 0
        return Full(
            line.key, line.name, dimension, limit, spent, held, want, does,
            "" if asked is None else asked.run, "" if asked is None else asked.path, until_us,
            account.version,
        )  # fmt: skip

    def _begin(self, name: str) -> None:
        held = self._held(name)
        if held is not None:
            self._put_held(name, msgspec.structs.replace(held, is_begun=True))

    def _settle(self, name: str, amount: Amount) -> None:
        """Take a reservation out of the accounts, and put what was used into them.

        What was reserved in a period that is over is no longer held; what it cost is among the
        earlier.
        """
        held = self._held(name)
        if held is None:
            return
        self._book.put(HELD_KIND, name, None)
        for key, period in held.keys:
            account = self._known(key)
            if account is None:
                continue
            if period == account.period:
                account.held = account.held.minus(held.amount)
                account.spent = account.spent.plus(amount)
            else:
                account.earlier = account.earlier.plus(amount)
            self._put(key, account)

    def _charge(self, event: Charge) -> None:
        for line in event.lines:
            account = self._account(line)
            account.spent = account.spent.plus(event.used)
            self._put(line.key, account)

    def _ended(self, run: str) -> None:
        for name in self._book.keys(HELD_KIND, f"{run}{_END}"):
            held = self._held(name)
            if held is None or held.run != run:
                continue
            if name.endswith(_ASKS):
                self._unask(name)
            else:
                self._settle(name, held.amount if held.is_begun else NOTHING)

    def _lost(self, name: str, holder: str) -> None:
        held = self._held(name)
        if held is not None and held.holder == holder:
            self._settle(name, held.amount if held.is_begun else NOTHING)

    # people

    def _raise(self, key: str, event: Raise) -> None:
        account = self._known(key)
        if account is None:
            return
        for dimension, limit in event.limits.items():
            if dimension in account.limits:
                account.raised[dimension] = max(limit, account.raised.get(dimension, 0))
        raised = Raised(self._now.wall_us, event.by, event.limits)
        account.raises = [*account.raises, raised][-RAISES_MAX:]
        account.is_refused = False
        self._put(key, account)

    def _refuse(self, key: str) -> None:
        account = self._known(key)
        if account is not None:
            account.is_refused = True
            self._put(key, account)

    def _unask(self, name: str) -> None:
        held = self._held(name)
        if held is None:
            return
        self._book.put(HELD_KIND, name, None)
        for key, _ in held.keys:
            account = self._known(key)
            if account is not None and account.asked is not None and account.asked.name == name:
                account.asked = None
                self._put(key, account)

    # accounts

    def _account(self, line: Line) -> Account:
        """Return the account of a budget in the present period, as the line has its limits."""
        kept = self._book.get(kind_of(line.key), line.key)
        account = Account() if kept is None else read(kept, line.key)
        account.name, account.run = line.name, line.run
        account.limits, account.per = dict(line.limits), line.per
        account.at_limit = line.at_limit if line.at_limit != "exceed" else account.at_limit
        account.since_us = line.since_us
        return at_present(account, self._now)

    def _known(self, key: str) -> Account | None:
        kept = self._book.get(kind_of(key), key)
        if kept is None:
            return None
        return at_present(read(kept, key), self._now)

    def _put(self, key: str, account: Account) -> None:
        account.version += 1
        self._book.put(kind_of(key), key, _encode(account))

    def _held(self, name: str) -> Held | None:
        kept = self._book.get(HELD_KIND, name)
        return None if kept is None else read_held(kept, name)

    def _put_held(self, name: str, held: Held) -> None:
        self._book.put(HELD_KIND, name, _encode(held))


def _name(run: str, path: str, attempt: int) -> str:
    return f"{run}{_END}{path}{_END}{attempt}"


def path_of(name: str) -> str:
    """Return the step of a reservation, by the key under which it is kept."""
    return name.split(_END)[-2]


def _first_full(event: Reserve, accounts: list[Account]) -> tuple[int, str] | None:
    """Return the first budget in which it does not fit, and of what there is not enough.

    One in which it would not fit if calls in flight cost nothing goes before those in which it would.
    """
    later: tuple[int, str] | None = None
    for index, (line, account) in enumerate(zip(event.lines, accounts, strict=True)):
        if line.at_limit == "exceed":
            continue
        time_limit = account.limit("time")
        if time_limit is not None and event.at_us - line.since_us > time_limit:
            return index, "time"
        for dimension in DIMENSIONS:
            limit, want = account.limit(dimension), getattr(event.want, dimension)
            if limit is None or not want:
                continue
            spent, held = getattr(account.spent, dimension), getattr(account.held, dimension)
            if spent + want > limit:
                return index, dimension
            if later is None and spent + held + want > limit:
                later = index, dimension
    return later


def _action(line: Line, account: Account, *, is_later: bool, is_never: bool) -> Action:
    if is_later:
        return "later"
    if line.at_limit == "ask":
        return "refused" if account.is_refused else "ask"
    if line.at_limit == "cheaper":
        return "cheaper"
    if line.at_limit == "wait":
        return "stop" if is_never else "wait"
    return "stop"
