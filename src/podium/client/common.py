"""What the runs and workers of a database share, as it is shown: breakers, limits, locks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from podium.client.budgets import BudgetView, BudgetViews
from podium.core.ports import Clock
from podium.journal.store import Reader
from podium.policy import breaker, lock, permits
from podium.policy.breaker import Circuit
from podium.policy.permits import Permits
from podium.policy.shared import Now, holder_name


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """A breaker changed its state.

    Attributes:
        at: When.
        before: The state it left.
        after: The state it came to: ``closed``, ``open`` or ``half_open``.
        reason: Why, with the numbers.
        by: The run whose call did it, or who reset it.
        path: The step of that call.
    """

    at: datetime
    before: str
    after: str
    reason: str
    by: str
    path: str


@dataclass(frozen=True, slots=True)
class BreakerView:
    """How a breaker stands.

    Attributes:
        key: Its name.
        state: ``closed``, ``open`` or ``half_open``.
        open_until: While it is open: when a call may try again.
        failures: So many in a row, while it is closed.
        calls: How many have ended in the window of its shares.
        failed: How many of them failed.
        slow: How many of them were slow.
        probes: Calls that try it just now.
        waiting: Steps that wait behind it.
        changes: The last ones, oldest first.
    """

    key: str
    state: str
    open_until: datetime | None
    failures: int
    calls: int
    failed: int
    slow: int
    probes: int
    waiting: int
    changes: tuple[BreakerChange, ...]

    @property
    def last(self) -> BreakerChange | None:
        """Why it is as it is."""
        return self.changes[-1] if self.changes else None


@dataclass(frozen=True, slots=True)
class LimitView:
    """How a rate or a limit of concurrency is used just now. Unused ones are not listed.

    Attributes:
        kind: ``rate`` or ``concurrency``.
        key: Its name.
        limit: How many calls.
        period_s: In which time, of a rate; 0 for calls at once.
        held: How many permits each worker has.
        cooling: Permits of a rate that are used up for now.
        free_at: When the next of those is free.
        workers_waiting: Workers in line for more.
        waiting: Steps in line.
    """

    kind: str
    key: str
    limit: int
    period_s: float
    held: dict[str, int]
    cooling: int
    free_at: datetime | None
    workers_waiting: tuple[str, ...]
    waiting: int


@dataclass(frozen=True, slots=True)
class LockPlace:
    """A place in a run that has a lock, or waits for it.

    Attributes:
        run_id: The run.
        path: The place in it.
        since: Since when.
        fence: Of who has it: the number of this grant.
    """

    run_id: str
    path: str
    since: datetime
    fence: int = 0


@dataclass(frozen=True, slots=True)
class LockView:
    """A lock that somebody has.

    Attributes:
        key: Its name.
        holder: Who has it.
        queue: Who waits, the next one first.
    """

    key: str
    holder: LockPlace
    queue: tuple[LockPlace, ...]


class CommonViews:
    """Reads what is shared."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock

    def now(self) -> Now:
        """Return the time by which shared policies decide."""
        boot, seconds = self._clock.boot()
        return Now(boot, round(seconds * 1e6), self._clock.wall_us())

    def breakers(self) -> list[BreakerView]:
        """Return every breaker that a call was ever reported to."""
        waiting = self._waiting("breaker")
        found = []
        for key, state in self._reader.common.states(breaker.KIND).items():
            circuit, _ = breaker.decide(breaker.read(state, key), breaker.Look(), self.now())
            found.append(self._breaker(key, circuit, waiting[key]))
        return found

    def _breaker(self, key: str, circuit: Circuit, waiting: int) -> BreakerView:
        until = self._wall(circuit.open_until_us) if circuit.state == "open" else None
        slices = circuit.slices
        failed, slow = sum(one.failed for one in slices), sum(one.slow for one in slices)
        changes = tuple(
            BreakerChange(_moment(one.at_us), one.before, one.after, one.reason, one.by, one.path)
            for one in circuit.changes
        )
        return BreakerView(
            key=key, state=circuit.state, open_until=until, failures=circuit.in_row,
            calls=failed + slow + sum(one.ok for one in slices), failed=failed, slow=slow,
            probes=sum(circuit.out.values()), waiting=waiting, changes=changes,
        )  # fmt: skip

    def budgets(self, *, with_ended: bool) -> list[BudgetView]:
        """Return every budget in which something was ever reserved."""
        views = BudgetViews(self._reader)
        return views.all(self.now(), self._waiting("budget"), with_ended=with_ended)

    def limits(self) -> list[LimitView]:
        """Return the rates and limits of concurrency of which something is in use."""
        names = {
            holder_name(row.id): row.name or f"worker {row.id}" for row in self._reader.workers()
        }
        found = []
        for name, state in self._reader.common.states(permits.KIND).items():
            known = permits.read(state, name)
            used, _ = permits.decide(known, permits.Withdraw(""), self.now())
            if not used.is_idle:
                found.append(self._limit(name, used, names))
        return found

    def _limit(self, name: str, used: Permits, names: dict[str, str]) -> LimitView:
        kind, _, key = name.partition(":")
        return LimitView(
            kind=kind, key=key, limit=used.limit, period_s=used.period_us / 1e6,
            held={names.get(who, who): count for who, count in used.held.items()},
            cooling=sum(count for _, count in used.cooling),
            free_at=self._wall(used.cooling[0][0]) if used.cooling else None,
            workers_waiting=tuple(names.get(who, who) for who in used.waiting),
            waiting=self._waiting(kind)[key],
        )  # fmt: skip

    def locks(self) -> list[LockView]:
        """Return every lock that somebody has."""
        found = []
        for key, state in self._reader.common.states(lock.KIND).items():
            known = lock.read(state, key)
            holder = known.holder
            found.append(
                LockView(
                    key,
                    LockPlace(holder.run, holder.path, _moment(holder.since_us), holder.fence),
                    tuple(
                        LockPlace(one.run, one.path, _moment(one.since_us)) for one in known.queue
                    ),
                )
            )
        return found

    def _waiting(self, kind: str) -> Counter[str]:
        """Count the steps that wait for each key of a kind."""
        counts: Counter[str] = Counter()
        for row in self._reader.runs(statuses=("waiting",), limit=10_000):
            for entry in msgspec.json.decode(row.waits or b"[]"):
                if entry["kind"] == kind:
                    counts[entry["name"]] += 1
        return counts

    def _wall(self, at_us: int) -> datetime:
        now = self.now()
        return _moment(now.wall_us + at_us - now.at_us)


def _moment(wall_us: int) -> datetime:
    return datetime.fromtimestamp(wall_us / 1e6, UTC)
