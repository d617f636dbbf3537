"""What may be spent, as options: money, tokens, calls, steps, time. No decisions.

Money is counted in whole nano-dollars (1,000,000,000 are one US dollar), so that sums are exact.
"""

from __future__ import annotations

import math
import string

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, Final, TypedDict, Unpack

import msgspec

from podium.core.durations import Duration, some_seconds, text
from podium.core.errors import InvalidOption

Money = int | float | str | Decimal
"""US dollars: ``0.5``, ``"0.000125"``, ``Decimal("2")``."""
NANOS: Final = 1_000_000_000
"""Nano-dollars of a dollar."""
USD_MAX: Final = 1_000_000_000
COUNT_MAX: Final = 10**15
PERIODS: Final = ("hour", "day", "month")
AT_LIMIT: Final = ("stop", "ask", "cheaper", "wait")
DIMENSIONS: Final = ("usd", "tokens", "calls", "steps")
"""What is counted; time is not counted but looked at."""
NAME_CHARS_MAX: Final = 200


class Amount(msgspec.Struct, frozen=True, array_like=True):
    """So much of each: money in nano-dollars, tokens, calls, steps."""

    usd: int = 0
    tokens: int = 0
    calls: int = 0
    steps: int = 0

    def plus(self, other: Amount) -> Amount:
        """Return the sum."""
        return Amount(
            self.usd + other.usd, self.tokens + other.tokens, self.calls + other.calls,
            self.steps + other.steps,
        )  # fmt: skip

    def minus(self, other: Amount) -> Amount:
        """Return what is left, at least nothing."""
        return Amount(
            max(0, self.usd - other.usd), max(0, self.tokens - other.tokens),
            max(0, self.calls - other.calls), max(0, self.steps - other.steps),
        )  # fmt: skip

    def __bool__(self) -> bool:
        return bool(self.usd or self.tokens or self.calls or self.steps)


NOTHING: Final = Amount()


class Said(msgspec.Struct, frozen=True):
    """What a body says that it has used; None: nothing is said of that."""

    usd: int | None = None
    tokens: int | None = None
    calls: int | None = None


@dataclass(frozen=True, slots=True, init=False)
class Spend:
    """What one call may cost at worst, or has cost.

    Attributes:
        nanos: Money in nano-dollars; None: nobody knows.
        tokens: Of a model; None: nobody knows.
        calls: How many calls of something outside it is.
    """

    nanos: int | None
    tokens: int | None
    calls: int

    def __init__(self, usd: Money | None = 0, *, tokens: int | None = 0, calls: int = 1) -> None:
        put = object.__setattr__
        put(self, "nanos", None if usd is None else nanos_of(usd, "Spend(usd)"))
        put(self, "tokens", None if tokens is None else count_of(tokens, "Spend(tokens)"))
        put(self, "calls", count_of(calls, "Spend(calls)"))

    @property
    def usd(self) -> float | None:
        """Money in dollars, for people; ``nanos`` is exact."""
        return None if self.nanos is None else self.nanos / NANOS

    @property
    def unknown(self) -> frozenset[str]:
        """What of it nobody knows."""
        found = {"usd": self.nanos, "tokens": self.tokens}
        return frozenset(name for name, value in found.items() if value is None)

    def amount(self) -> Amount:
        """Return it as numbers; what nobody knows is nothing."""
        return Amount(self.nanos or 0, self.tokens or 0, self.calls)


class BudgetLimits(TypedDict, total=False):
    """What a budget limits; the attributes of :class:`Budget` say what they mean."""

    usd: Money
    tokens: int
    calls: int
    steps: int
    time: Duration


class BudgetKeywords(BudgetLimits, total=False):
    """Options of :class:`Budget`; its attributes say what they mean."""

    per: str
    at_limit: str
    unknown: str


@dataclass(frozen=True, slots=True, init=False)
class Budget:
    """How much may be spent, and what happens at the limit.

    Attributes:
        name: What it is called. In ``Podium(budgets=…)`` it names whose it is by attributes of the
            run: ``"user:{user}"`` is one budget for each user; a run without that attribute has none.
        nanos: Money, in nano-dollars.
        tokens: Tokens of models.
        calls: Calls of tools and of tasks that have a price; each attempt is one.
        steps: Steps, however often each is tried.
        time_s: Seconds from where it begins; nothing starts in it after that.
        per: ``hour``, ``day`` or ``month`` (UTC): what is spent counts anew in each; empty: never.
        at_limit: What becomes of a step that does not fit. ``stop``: it fails with the code
            ``budget-exceeded``. ``ask``: a person is asked to raise the limit, and it waits.
            ``cheaper``: it fails with the code ``budget-cheaper``, and a chain of models goes on
            with the next. ``wait``: it waits for the next period.
        unknown: What becomes of a step of which nobody knows the price, where money or tokens are
            limited: ``refuse`` (code ``price-unknown``) or ``allow``.
    """

    name: str
    nanos: int | None
    tokens: int | None
    calls: int | None
    steps: int | None
    time_s: float | None
    per: str
    at_limit: str
    unknown: str

    def __init__(self, name: str = "", /, **options: Unpack[BudgetKeywords]) -> None:
        _require_known("Budget", options)
        put = object.__setattr__
        put(self, "name", _name(name))
        usd, time = options.get("usd"), options.get("time")
        put(self, "nanos", None if usd is None else nanos_of(usd, "Budget(usd)"))
        for one in ("tokens", "calls", "steps"):
            value: Any = options.get(one)
            put(self, one, None if value is None else count_of(value, f"Budget({one})"))
        put(self, "time_s", None if time is None else some_seconds(time, what="Budget(time)"))
        put(self, "per", _word("per", options.get("per") or "", ("", *PERIODS)))
        put(self, "at_limit", _word("at_limit", options.get("at_limit", "stop"), AT_LIMIT))
        put(
            self, "unknown", _word("unknown", options.get("unknown", "refuse"), ("refuse", "allow"))
        )
        self._require_sense()

    def _require_sense(self) -> None:
        if all(
            getattr(self, one) is None for one in ("nanos", "tokens", "calls", "steps", "time_s")
        ):
            raise InvalidOption(
                f"Budget({self.name!r}) limits nothing; give it usd=, tokens=, calls=, steps= or time=."
            )
        if self.at_limit == "wait" and not self.per:
            raise InvalidOption(
                f"Budget({self.name!r}, at_limit='wait') would wait for ever: give it "
                "per='hour', 'day' or 'month', or another at_limit."
            )
        if self.per and self.time_s is not None:
            raise InvalidOption(
                f"Budget({self.name!r}): time is for one run or a part of it, and is not counted "
                f"per {self.per}."
            )

    @property
    def limits(self) -> dict[str, int]:
        """What is limited, and to how much; money in nano-dollars."""
        found = {"usd": self.nanos, "tokens": self.tokens, "calls": self.calls, "steps": self.steps}
        return {name: value for name, value in found.items() if value is not None}


def nanos_of(usd: Any, what: str) -> int:
    """Return dollars as whole nano-dollars, rounded up.

    Raises:
        InvalidOption: It is no amount of money.
    """
    try:
        if isinstance(usd, bool) or not isinstance(usd, int | float | str | Decimal):
            raise InvalidOperation
        value = Decimal(str(usd))
        if not value.is_finite() or not 0 <= value <= USD_MAX:
            raise InvalidOperation
        return int((value * NANOS).to_integral_value(ROUND_CEILING))
    except InvalidOperation:
        raise InvalidOption(
            f"{what} is {usd!r:.80}; expected US dollars from 0 to {USD_MAX:,}, such as 0.25."
        ) from None


def count_of(value: Any, what: str) -> int:
    """Return a count.

    Raises:
        InvalidOption: It is none.
    """
    if isinstance(value, float) and value.is_integer() and math.isfinite(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= COUNT_MAX:
        raise InvalidOption(
            f"{what} is {value!r:.80}; expected a whole number that is not negative."
        )
    return value


def said_of(usd: Any, tokens: Any, calls: Any) -> Said:
    """Return what a body says that it has used.

    Raises:
        InvalidOption: It is no amount.
    """
    return Said(
        None if usd is None else nanos_of(usd, "spend(usd)"),
        None if tokens is None else count_of(tokens, "spend(tokens)"),
        None if calls is None else count_of(calls, "spend(calls)"),
    )


def said_limits(given: Mapping[str, Any], what: str) -> dict[str, int]:
    """Return limits that somebody has written: ``{"usd": 2, "time": "10m"}``.

    Raises:
        InvalidOption: There is none, or one is none.
    """
    limits: dict[str, int] = {}
    for name, value in given.items():
        if name == "usd":
            limits[name] = nanos_of(value, f"{what}: usd")
        elif name == "time":
            limits[name] = round(some_seconds(value, what=f"{what}: time") * 1e6)
        elif name in DIMENSIONS:
            limits[name] = count_of(value, f"{what}: {name}")
        else:
            known = ", ".join((*DIMENSIONS, "time"))
            raise InvalidOption(f"{what}: {name!r:.80} is not limited; known: {known}.")
    if not limits:
        raise InvalidOption(f"{what} names no limit; expected such as usd=2.")
    return limits


def require_higher(key: str, limits: Mapping[str, int], raised: Mapping[str, int]) -> None:
    """Make sure that a raise is one.

    Args:
        key: Of the account.
        limits: Those that hold.
        raised: Those that shall hold.

    Raises:
        InvalidOption: Something is not limited, or not lower.
    """
    for name, limit in raised.items():
        if name not in limits:
            raise InvalidOption(
                f"The budget {key!r} does not limit {name}; it limits {', '.join(limits)}."
            )
        if limit <= limits[name]:
            raise InvalidOption(
                f"The budget {key!r} has {shown(name, limits[name])} already; "
                f"{shown(name, limit)} would not be more."
            )


def plain_dollars(nanos: int) -> int | float | str:
    """Return money as one writes it: a number where that is exact, else a text."""
    value = Decimal(nanos) / NANOS
    number = int(value) if value == int(value) else float(value)
    return number if nanos_of(number, "usd") == nanos else f"{value:f}"


def dollars(nanos: int) -> str:
    """Say money: ``$0.50``, ``$0.000125``."""
    value = Decimal(nanos) / NANOS
    plain = f"{value.normalize():f}"
    cents = plain.partition(".")[2]
    return f"${value:,.2f}" if len(cents) <= 2 else f"${value.normalize():,f}"


def shown(dimension: str, value: int) -> str:
    """Say so much of a dimension: ``$0.50``, ``1,000 tokens``, ``1 call``."""
    if dimension == "usd":
        return dollars(value)
    if dimension == "time":
        return text(value / 1e6)
    return f"{value:,} {dimension if value != 1 else dimension.removesuffix('s')}"


def _require_known(what: str, given: Mapping[str, Any]) -> None:
    for option in given:
        if option not in BudgetKeywords.__annotations__:
            known = ", ".join(BudgetKeywords.__annotations__)
            raise InvalidOption(f"{what}({option}=…): no such option; known: {known}.")


def _name(name: Any) -> str:
    if not isinstance(name, str) or len(name) > NAME_CHARS_MAX:
        raise InvalidOption(
            f"Budget({name!r:.80}): its name is a text of at most {NAME_CHARS_MAX} characters."
        )
    return name


def _word(option: str, given: Any, known: tuple[str, ...]) -> str:
    if given not in known:
        words = " or ".join(repr(one) for one in known if one)
        raise InvalidOption(f"Budget({option}={given!r:.80}); expected {words}.")
    return str(given)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One budget, as a step stands under it.

    Attributes:
        key: Names its account. ``run:…`` is that of a run, a part of it, or a call.
        name: What people call it.
        limits: Dimension → limit: money in nano-dollars, ``time`` in µs.
        since_us: From when its time counts, in µs of the run's time.
        per: ``hour``, ``day``, ``month``; empty: for ever.
        at_limit: As in :class:`Budget`; ``exceed`` where nothing is kept from starting any more:
            what undoes a run is never refused.
        unknown: As in :class:`Budget`.
        run: The run that it belongs to; empty where runs share it.
    """

    key: str
    name: str
    limits: dict[str, int]
    since_us: int = 0
    per: str = ""
    at_limit: str = "stop"
    unknown: str = "refuse"
    run: str = ""

    @classmethod
    def of(cls, budget: Budget, key: str, name: str = "", since_us: int = 0, run: str = "") -> Line:
        """Return a budget as one whose account has a key."""
        limits = budget.limits
        if budget.time_s is not None:
            limits["time"] = round(budget.time_s * 1e6)
        return cls(
            key, name or budget.name, limits, since_us, budget.per, budget.at_limit, budget.unknown,
            run,
        )  # fmt: skip


RUNS: Final = "run:"
"""How the keys of accounts begin that belong to one run."""
Lines = tuple[Line, ...]
"""Budgets from the innermost to the outermost: a reservation must fit in all of them."""
current_budgets: ContextVar[Lines] = ContextVar("podium_budgets", default=())


def without_limit(lines: Lines) -> Lines:
    """Return budgets in which everything is counted and nothing refused."""
    return tuple(msgspec.structs.replace(line, at_limit="exceed") for line in lines)


def run_budgets(run_id: str, began_us: int, own: tuple[Budget | None, str], outer: Lines) -> Lines:
    """Return the budgets of a new run: its own, and those that it is started under.

    Args:
        run_id: Its id.
        began_us: When it is accepted.
        own: Its own budget, if it has one, and what that is called if it has no name.
        outer: Those of the app, or of the place in another run that starts it.
    """
    budget, name = own
    if budget is None:
        return outer
    return (Line.of(budget, f"{RUNS}{run_id}", budget.name or name, began_us, run_id), *outer)


def renewed(recorded: Lines, known: Lines) -> Lines:
    """Return the budgets that a run was started under, those of the app as it has them now."""
    now = {line.key: line for line in known}
    mine = tuple(now.pop(line.key, line) for line in recorded)
    return (*mine, *now.values())


def matching(budgets: Iterable[Budget], headers: Mapping[str, Any]) -> Lines:
    """Return those budgets of the app that a run with these attributes stands under, in order.

    One that names an attribute which the run does not have is not among them.
    """
    found: dict[str, Line] = {}
    for budget in budgets:
        values = {field: headers.get(field) for field in _fields(budget.name)}
        if all(isinstance(value, str | int) and value != "" for value in values.values()):
            name = budget.name.format_map(values)
            key = f"{name}/{budget.per}" if budget.per else name
            found.setdefault(key, Line.of(budget, key, key))
    return tuple(found.values())


def checked_budgets(given: Iterable[Any]) -> tuple[Budget, ...]:
    """Return the budgets of an app.

    Raises:
        InvalidOption: One is none, has no name, or has name and period of another.
    """
    found = tuple(given)
    for one in found:
        if not isinstance(one, Budget):
            raise InvalidOption(f"Podium(budgets=…): {one!r:.200} is no Budget(…).")
        if not one.name or one.name.startswith(RUNS):
            raise InvalidOption(
                f"Podium(budgets=…): a budget is called {one.name!r}; expected a name that says whose "
                f"it is, such as 'user:{{user}}', and that does not begin with {RUNS!r}."
            )
        if one.time_s is not None:
            raise InvalidOption(
                f"Budget({one.name!r}): time is for one run or a part of it; give it to @workflow, "
                "start(…) or podium.budget(…)."
            )
        _fields(one.name)
    names = [(one.name, one.per) for one in found]
    if len(set(names)) < len(names):
        text = ", ".join(name for name, _ in names)
        raise InvalidOption(f"Podium(budgets=…): two budgets have one name and period: {text}.")
    return found


def part_budget(what: str, given: Any) -> Budget:
    """Return a budget of a run, a part of it, or a call.

    Raises:
        InvalidOption: It is none, or it counts anew in each period.
    """
    if not isinstance(given, Budget):
        raise InvalidOption(f"{what}={given!r:.200}; expected Budget(usd=…, tokens=…, calls=…).")
    if given.per:
        raise InvalidOption(
            f"{what}: a budget per {given.per} is shared by runs; give it to Podium(budgets=[…])."
        )
    return given


def _fields(name: str) -> list[str]:
    """Return the attributes that a name has in it.

    Raises:
        InvalidOption: It is no template.
    """
    try:
        found = [field for _, field, _, _ in string.Formatter().parse(name) if field is not None]
    except ValueError as problem:
        raise InvalidOption(f"Budget({name!r}): {problem}.") from None
    for field in found:
        if not field.isidentifier():
            raise InvalidOption(f"Budget({name!r}): {field!r} is no name of an attribute.")
    return found


UNKNOWN: Final = Spend(None, tokens=None)
"""The price of a call of which nobody knows what it costs."""
