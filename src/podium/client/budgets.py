"""Budgets, as they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from podium.core.budgets import DIMENSIONS, Amount
from podium.journal.store import Reader
from podium.policy import budget
from podium.policy.budget import Account, Held
from podium.policy.shared import Now


@dataclass(frozen=True, slots=True)
class BudgetRaise:
    """Somebody has raised a limit.

    Attributes:
        at: When.
        by: Who.
        limits: To how much, as in :class:`BudgetView`.
    """

    at: datetime
    by: str
    limits: dict[str, int]


@dataclass(frozen=True, slots=True)
class BudgetPlace:
    """A step that has something reserved, or asks a person for more."""

    run_id: str
    path: str


@dataclass(frozen=True, slots=True)
class BudgetView:
    """How a budget stands.

    Attributes:
        key: Its name; ``run:…`` is that of a run, a part of it, or a call.
        name: What people call it.
        run_id: The run that it belongs to; empty where runs share it.
        limits: Dimension → limit, raises included: ``usd`` in nano-dollars, ``time`` in µs.
        spent: Of each, in this period.
        reserved: Of each, by calls in flight.
        earlier: Spent in all periods before.
        per: ``hour``, ``day``, ``month``; empty: it counts for ever.
        ends_at: When the next period begins.
        at_limit: ``stop``, ``ask``, ``cheaper`` or ``wait``.
        since: From when its time counts.
        raises: The last ones, oldest first.
        asked: Who asks a person to raise it.
        is_refused: Whether somebody would not raise it.
        waiting: Steps that wait for room.
        holders: Steps that have something reserved.
    """

    key: str
    name: str
    run_id: str
    limits: dict[str, int]
    spent: Amount
    reserved: Amount
    earlier: Amount
    per: str
    ends_at: datetime | None
    at_limit: str
    since: datetime | None
    raises: tuple[BudgetRaise, ...]
    asked: BudgetPlace | None
    is_refused: bool
    waiting: int
    holders: tuple[BudgetPlace, ...]

    def left(self, dimension: str) -> int | None:
        """Return what may still be reserved; None where that is not limited."""
        limit = self.limits.get(dimension)
        if limit is None or dimension not in DIMENSIONS:
            return None
        used: int = getattr(self.spent, dimension) + getattr(self.reserved, dimension)
        return max(0, limit - used)


class BudgetViews:
    """Reads the accounts of budgets."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def all(self, now: Now, waiting: Counter[str], *, with_ended: bool) -> list[BudgetView]:
        """Return every account: those that runs share, then those of runs.

        Args:
            now: The time.
            waiting: How many steps wait, by key.
            with_ended: Whether those of runs that have ended are among them.
        """
        common = self._reader.common
        holders = self._holders()
        found = []
        for kind in (budget.KIND, budget.RUN_KIND):
            for key, state in common.states(kind).items():
                account = budget.at_present(budget.read(state, key), now)
                if with_ended or not self._is_over(account.run):
                    found.append(_view(key, account, waiting[key], holders.get(key, ())))
        return found

    def _is_over(self, run_id: str) -> bool:
        row = self._reader.run(run_id) if run_id else None
        return row is not None and row.is_ended

    def _holders(self) -> dict[str, list[BudgetPlace]]:
        found: dict[str, list[BudgetPlace]] = {}
        for name, state in self._reader.common.states(budget.HELD_KIND).items():
            held = budget.read_held(state, name)
            for key in _keys(held):
                found.setdefault(key, []).append(BudgetPlace(held.run, budget.path_of(name)))
        return found


def _keys(held: Held) -> list[str]:
    return [key for key, _ in held.keys] if held.holder else []


def _view(key: str, account: Account, waiting: int, holders: Iterable[BudgetPlace]) -> BudgetView:
    asked = account.asked
    limits = {name: account.limit(name) or 0 for name in account.limits}
    ends = budget.end_of(account.per, account.period)
    return BudgetView(
        key=key, name=account.name, run_id=account.run, limits=limits, spent=account.spent,
        reserved=account.held, earlier=account.earlier, per=account.per,
        ends_at=_moment(ends) if ends else None, at_limit=account.at_limit,
        since=_moment(account.since_us) if account.since_us else None,
        raises=tuple(BudgetRaise(_moment(one.at_us), one.by, one.limits) for one in account.raises),
        asked=None if asked is None else BudgetPlace(asked.run, asked.path),
        is_refused=account.is_refused, waiting=waiting, holders=tuple(holders),
    )  # fmt: skip


def _moment(wall_us: int) -> datetime:
    return datetime.fromtimestamp(wall_us / 1e6, UTC)
