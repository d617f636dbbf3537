"""Budgets: the books balance, nothing is overspent, and no reservation is lost or leaked."""

from __future__ import annotations

import random

from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import pytest

from hypothesis import given
from hypothesis import strategies as st

from podium.core.budgets import DIMENSIONS, NOTHING, Amount, Line, Said
from podium.policy import budget
from podium.policy.budget import (
    Begin,
    Charge,
    Done,
    Ended,
    Full,
    Lost,
    Raise,
    Refuse,
    Release,
    Reserve,
    Settle,
    Unask,
    end_of,
    period_of,
    unpriced,
    used,
)
from podium.policy.shared import Now, lost
from tests.policy.shelf import Shelf

MORNING_US = round(datetime(2026, 3, 1, 9, tzinfo=UTC).timestamp() * 1e6)
HOUR_US = 3_600_000_000


def at(wall_us: int = MORNING_US) -> Now:
    return Now("boot", wall_us, wall_us)


class Desk:
    """Asks the policy through its door, and reads the accounts as those do who show them."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.wall_us = MORNING_US

    def ask(self, event: budget.Event, key: str = "") -> budget.Decision:
        return self.shelf.ask(budget.KIND, key, event, at(self.wall_us))

    def reserve(
        self, *lines: Line, want: Amount, run: str = "r", path: str = "p", attempt: int = 1,
        holder: str = "w1", at_us: int = 0,
    ) -> budget.Decision:  # fmt: skip
        return self.ask(Reserve(run, path, attempt, holder, lines, want, at_us))

    def account(self, key: str) -> budget.Account:
        state = self.shelf.get(budget.kind_of(key), key)
        return budget.Account() if state is None else budget.read(state, key)

    def held(self) -> dict[str, budget.Held]:
        return {
            key: budget.read_held(state, key)
            for (kind, key), state in self.shelf.states.items()
            if kind == budget.HELD_KIND
        }


def line(key: str = "b", **limits: int) -> Line:
    return Line(key, key, limits)


# one by one ------------------------------------------------------------------------------


def test_it_must_fit_in_all() -> None:
    """A reservation has room in each of its budgets, or in none of them is anything reserved."""
    desk = Desk()
    small, large = line("small", usd=10), line("large", usd=100)

    assert desk.reserve(small, large, want=Amount(8)) == Done()
    full = desk.reserve(small, large, want=Amount(3), path="q")

    assert isinstance(full, Full)
    assert (full.key, full.dimension, full.limit, full.spent, full.held) == (
        "small",
        "usd",
        10,
        0,
        8,
    )
    assert desk.account("large").held == Amount(8)


def test_calls_in_flight_may_cost_less() -> None:
    """Where it would fit if calls in flight cost nothing it waits for them, whatever the policy."""
    desk = Desk()
    one = line(usd=10)
    desk.reserve(one, want=Amount(8))

    assert desk.reserve(one, want=Amount(3), path="q").does == "later"
    desk.ask(Settle("r", "p", 1, Amount(8)))
    assert desk.reserve(one, want=Amount(3), path="q").does == "stop"
    assert desk.reserve(one, want=Amount(2), path="q") == Done()


def test_what_was_not_announced_is_counted() -> None:
    """A call may cost more than its price said: then the account is over, and nothing more fits."""
    desk = Desk()
    one = line(usd=10)
    desk.reserve(one, want=Amount(1))
    desk.ask(Settle("r", "p", 1, Amount(40)))
    desk.ask(Charge((one,), Amount(2)))

    assert desk.account("b").spent == Amount(42)
    assert isinstance(desk.reserve(one, want=Amount(1)), Full)


def test_a_death_loses_permission() -> None:
    """Of a worker that is gone, what had begun is spent, and what had not is free again."""
    desk = Desk()
    one = line(usd=10)
    desk.reserve(one, want=Amount(4), path="begun")
    desk.ask(Begin("r", "begun", 1))
    desk.reserve(one, want=Amount(5), path="queued")
    desk.reserve(one, want=Amount(1), path="w1", run="w1", holder="w2")

    lost(desk.shelf, "w1", at())

    assert (desk.account("b").spent, desk.account("b").held) == (Amount(4), Amount(1))
    desk.ask(Settle("r", "begun", 1, Amount(4)))  # it comes too late
    assert desk.account("b").spent == Amount(4)


def test_a_run_that_ends_leaves_nothing() -> None:
    """What it has reserved counts as spent, and nobody is asked for it; other runs keep theirs."""
    desk = Desk()
    one = Line("b", "b", {"usd": 10}, at_limit="ask")
    desk.reserve(one, want=Amount(10))
    desk.ask(Begin("r", "p", 1))
    desk.reserve(one, want=Amount(10), run="r/p", path="p")
    desk.ask(Ended("r"))

    assert desk.account("b").spent == Amount(10)
    assert desk.reserve(one, want=Amount(1), run="r", path="x").does == "ask"
    desk.ask(Ended("r"))
    assert desk.account("b").asked is None
    assert desk.held() == {}


def test_one_asks_for_all() -> None:
    """One place asks a person; the others hear who does. A raise is enough for all of them."""
    desk = Desk()
    one = Line("b", "b", {"usd": 10}, at_limit="ask")
    desk.reserve(one, want=Amount(10))
    desk.ask(Settle("r", "p", 1, Amount(10)))
    first = desk.reserve(one, want=Amount(1), path="x")
    second = desk.reserve(one, want=Amount(1), path="y")

    assert (first.run, first.path, second.run, second.path) == ("r", "x", "r", "x")
    desk.ask(Raise({"usd": 20, "tokens": 5}, "ann"), key="b")
    assert desk.reserve(one, want=Amount(1), path="x") == Done()
    assert desk.account("b").asked is None
    assert desk.account("b").limit("usd") == 20
    assert desk.account("b").limit("tokens") is None
    assert desk.account("b").raises[0].by == "ann"


def test_a_refusal_holds_until_somebody_raises() -> None:
    """Who comes after a refusal is not asked for again."""
    desk = Desk()
    one = Line("b", "b", {"usd": 1}, at_limit="ask")
    assert desk.reserve(one, want=Amount(2)).does == "ask"
    desk.ask(Refuse("ann"), key="b")

    assert desk.reserve(one, want=Amount(2)).does == "refused"
    assert desk.reserve(one, want=Amount(2), path="y").does == "refused"
    desk.ask(Raise({"usd": 5}, "bob"), key="b")
    assert desk.reserve(one, want=Amount(2), path="y") == Done()


def test_who_asks_elsewhere_asks_here_no_more() -> None:
    """A place asks for one budget at a time; where it gives up, the next one asks."""
    desk = Desk()
    inner = Line("inner", "inner", {"usd": 1}, at_limit="ask")
    outer = Line("outer", "outer", {"usd": 1}, at_limit="ask")
    desk.reserve(inner, outer, want=Amount(2), path="x")
    desk.reserve(inner, outer, want=Amount(2), path="y")
    desk.ask(Raise({"usd": 9}, "ann"), key="inner")
    assert desk.reserve(inner, outer, want=Amount(2), path="x").key == "outer"

    assert desk.account("inner").asked is None
    desk.ask(Unask("r", "x"))
    assert desk.account("outer").asked is None
    assert desk.reserve(inner, outer, want=Amount(2), path="y").path == "y"


@pytest.mark.parametrize(
    ("per", "end"),
    [
        ("hour", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("day", datetime(2026, 3, 2, tzinfo=UTC)),
        ("month", datetime(2026, 4, 1, tzinfo=UTC)),
    ],
)
def test_periods(per: str, end: datetime) -> None:
    """In each period it counts anew; what was reserved before is spent before."""
    desk = Desk()
    one = Line("b", "b", {"usd": 10}, per=per, at_limit="wait")
    desk.reserve(one, want=Amount(4))
    desk.reserve(one, want=Amount(6), path="late")
    desk.ask(Settle("r", "p", 1, Amount(4)))
    desk.ask(Raise({"usd": 11}, "ann"), key="b")
    full = desk.reserve(one, want=Amount(9), path="q")

    assert (full.does, full.until_us) == ("wait", round(end.timestamp() * 1e6))
    assert desk.reserve(one, want=Amount(12), path="q").does == "stop"  # it never would
    desk.wall_us = full.until_us
    assert desk.reserve(one, want=Amount(9), path="q") == Done()
    desk.ask(Settle("r", "late", 1, Amount(5)))
    account = desk.account("b")
    assert (account.spent, account.held, account.earlier) == (NOTHING, Amount(9), Amount(9))
    assert account.limit("usd") == 10
    desk.wall_us -= 1  # somebody has set the clock
    assert isinstance(desk.reserve(one, want=Amount(2), path="z"), Full)


def test_time() -> None:
    """Nothing starts after its time; a raise gives more."""
    desk = Desk()
    one = Line("b", "b", {"time": 100}, since_us=50)

    assert desk.reserve(one, want=NOTHING, at_us=150) == Done()
    full = desk.reserve(one, want=NOTHING, at_us=151, path="q")
    assert (full.dimension, full.spent, full.limit, full.does) == ("time", 101, 100, "stop")
    desk.ask(Raise({"time": 200}, "ann"), key="b")
    assert desk.reserve(one, want=NOTHING, at_us=151, path="q") == Done()


def test_undoing_is_never_refused() -> None:
    """Where everything may exceed, everything is counted and nothing refused."""
    desk = Desk()
    one = Line("b", "b", {"usd": 1, "time": 1}, at_limit="exceed")

    assert desk.reserve(one, want=Amount(50), at_us=99) == Done()
    assert unpriced((one,), {"usd"}) is None


def test_unknown_prices() -> None:
    """What is limited must be known, unless the budget allows that."""
    money, calls = line("m", usd=1), line("c", calls=1)
    lax = Line("l", "l", {"usd": 1}, unknown="allow")

    assert unpriced((calls, lax, money), {"usd", "tokens"}) == (money, "usd")
    assert unpriced((calls, lax), {"usd", "tokens"}) is None


@given(st.integers(0, 9), st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=4))
def test_what_counts_as_used(worst: int, said: list[int | None]) -> None:
    """What is not known counts as spent; what certainly did not happen only as far as it is said."""
    words = [Said(usd=one) for one in said]
    total = sum(one or 0 for one in said)
    is_said = any(one is not None for one in said)
    of = {how: used(Amount(worst), words, how).usd for how in ("known", "unknown", "not-done")}  # type: ignore[arg-type]

    assert of["known"] == (total if is_said else worst)
    assert of["unknown"] == max(total, worst)
    assert of["not-done"] == total


@given(st.sampled_from(["hour", "day", "month"]), st.integers(0, 4 * 10**15))
def test_periods_follow_each_other(per: str, wall_us: int) -> None:
    """Each moment is in one period, and the end of one is the beginning of the next."""
    period = period_of(per, wall_us)

    assert wall_us < end_of(per, period)
    assert end_of(per, period - 1) <= wall_us
    assert period_of(per, end_of(per, period)) == period + 1


# many, through deaths --------------------------------------------------------------------


@dataclass
class Call:
    """An attempt, as the world knows it."""

    run: str
    path: str
    holder: str
    lines: tuple[Line, ...]
    want: Amount
    has_begun: bool = False


@dataclass
class Model:
    """A naive book: every call in flight, and every amount that was ever spent."""

    calls: list[Call] = field(default_factory=list)
    spent: dict[str, list[Amount]] = field(default_factory=dict)

    def total(self, key: str) -> Amount:
        found = NOTHING
        for one in self.spent.get(key, []):
            found = found.plus(one)
        return found

    def held(self, key: str) -> Amount:
        found = NOTHING
        for call in self.calls:
            if any(one.key == key for one in call.lines):
                found = found.plus(call.want)
        return found

    def spend(self, call: Call, amount: Amount) -> None:
        self.calls.remove(call)
        for one in call.lines:
            self.spent.setdefault(one.key, []).append(amount)


@given(st.integers(0, 10**9))
def test_the_books_balance(seed: int) -> None:
    """Runs of several workers reserve, begin, settle, release, die and end in any order: at no time
    is more spent and held than a limit, and the accounts agree with every call that there was."""
    chance = random.Random(seed)
    desk, model = Desk(), Model()
    shared = Line(
        "tenant", "tenant", {"usd": chance.randrange(5, 60), "calls": chance.randrange(2, 30)}
    )
    own = {run: Line(f"run:{run}", run, {"usd": chance.randrange(5, 40)}) for run in "abc"}
    for number in range(chance.randrange(1, 60)):
        _step(chance, desk, model, own, shared, number)
        for one in (shared, *own.values()):
            account = desk.account(one.key)
            assert account.spent == model.total(one.key)
            assert account.held == model.held(one.key)
            for dimension in DIMENSIONS:
                limit = one.limits.get(dimension)
                known = getattr(account.spent, dimension) + getattr(account.held, dimension)
                assert limit is None or known <= limit
    for run in own:
        desk.ask(Ended(run))
        for call in [one for one in model.calls if one.run == run]:
            model.spend(call, call.want if call.has_begun else NOTHING)
    assert desk.held() == {}
    for one in (shared, *own.values()):
        account = desk.account(one.key)
        assert (account.spent, account.held) == (model.total(one.key), NOTHING)


def _step(
    chance: random.Random, desk: Desk, model: Model, own: dict[str, Line], shared: Line, number: int
) -> None:
    """Let something happen."""
    what = chance.choice(["reserve", "reserve", "reserve", "begin", "settle", "release", "die"])
    if what == "reserve":
        run = chance.choice("abc")
        want = Amount(chance.randrange(0, 9), calls=1)
        call = Call(run, f"p{number}", chance.choice(["w1", "w2"]), (own[run], shared), want)
        decision = desk.reserve(*call.lines, want=want, run=run, path=call.path, holder=call.holder)
        fits = all(
            getattr(model.total(one.key), d) + getattr(model.held(one.key), d) + getattr(want, d)
            <= one.limits.get(d, 1 << 60)
            for one in call.lines
            for d in DIMENSIONS
            if getattr(want, d)
        )
        assert isinstance(decision, Done) == fits
        if fits:
            model.calls.append(call)
    elif what == "die":
        victim = chance.choice(["w1", "w2"])
        lost(desk.shelf, victim, at())
        for call in [one for one in model.calls if one.holder == victim]:
            model.spend(call, call.want if call.has_begun else NOTHING)
    elif model.calls:
        call = chance.choice(model.calls)
        if what == "begin":
            call.has_begun = True
            desk.ask(Begin(call.run, call.path, 1))
        elif what == "settle":
            cost = Amount(chance.randrange(0, call.want.usd + 1), calls=call.want.calls)
            desk.ask(Settle(call.run, call.path, 1, cost))
            model.spend(call, cost)
        elif not call.has_begun:
            desk.ask(Release(call.run, call.path, 1))
            model.spend(call, NOTHING)


def test_states_of_other_versions_are_refused() -> None:
    """A state that nobody can read is not taken for an empty one."""
    desk = Desk()
    desk.shelf.put(budget.KIND, "b", b"[]")

    with pytest.raises(Exception, match="cannot be read"):
        desk.reserve(line("b", usd=1), want=Amount(1))
    assert msgspec.json.decode(desk.shelf.states[budget.KIND, "b"]) == []


def test_lost_asks_nothing_of_others() -> None:
    """A reservation is taken only from the worker that holds it."""
    desk = Desk()
    desk.reserve(line(usd=10), want=Amount(4))
    (name,) = desk.held()
    desk.shelf.ask(budget.HELD_KIND, name, Lost("w9"), at())

    assert desk.account("b").held == Amount(4)
