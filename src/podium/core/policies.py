"""What keeps the outside usable, as options: limits, breakers, caches, fallbacks. No decisions.

What is shared between runs and workers has a key. Two options of one key must be equal: the
first one wins otherwise, and nobody would know which (``core.spec.Registry`` refuses it).
"""

from __future__ import annotations

import re

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self, TypedDict, Unpack

from podium.core.durations import Duration, seconds
from podium.core.errors import InvalidOption

KEY_CHARS_MAX: Final = 200
PERMITS_MAX: Final = 1_000_000
_RATE = re.compile(r"\s*(\d+)\s*/\s*(\d*\.?\d*)\s*(ms|s|sec|second|m|min|minute|h|hour|d|day)\s*")
_PERIOD_S: Final = {
    "ms": 1e-3, "s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True, init=False)
class Rate:
    """At most so many calls in any period, of all runs and workers of the database together.

    Attributes:
        limit: How many calls.
        period_s: The length of the period in seconds.
        key: Names the quota; calls with one key share it. It may name arguments of the call:
            ``"crm:{account}"``. Empty: the name of the task.
        is_strict: A call counts from its start until one period after its end, so that the other
            side never counts more, however long messages are on the way. Else it counts for one
            period from its start: faster for slow calls, and a late message may be refused.
    """

    limit: int
    period_s: float
    key: str
    is_strict: bool

    def __init__(self, rate: str, *, key: str = "", strict: bool = True) -> None:
        found = _RATE.fullmatch(rate) if isinstance(rate, str) else None
        if found is None:
            raise InvalidOption(
                f"Rate({rate!r}): expected calls per period, such as '10/s', '500/min', '3/10s'."
            )
        limit, period_s = int(found[1]), float(found[2] or 1) * _PERIOD_S[found[3]]
        _require_limit(f"Rate({rate!r})", limit)
        if period_s <= 0:
            raise InvalidOption(f"Rate({rate!r}): the period must be longer than nothing.")
        put = object.__setattr__
        put(self, "limit", limit)
        put(self, "period_s", period_s)
        put(self, "key", _key("Rate", key))
        put(self, "is_strict", bool(strict))

    def keyed(self, key: str) -> Self:
        """Return the same rate under a key, unless it has one."""
        return self if self.key else _with_key(self, key)


@dataclass(frozen=True, slots=True, init=False)
class Concurrency:
    """At most so many calls at once, of all runs and workers of the database together.

    Attributes:
        limit: How many.
        key: As in :class:`Rate`.
    """

    limit: int
    key: str

    def __init__(self, limit: int, *, key: str = "") -> None:
        _require_limit("Concurrency", limit)
        put = object.__setattr__
        put(self, "limit", limit)
        put(self, "key", _key("Concurrency", key))

    def keyed(self, key: str) -> Self:
        """Return the same limit under a key, unless it has one."""
        return self if self.key else _with_key(self, key)


class BreakerKeywords(TypedDict, total=False):
    """Options of :class:`Breaker`; its attributes say what they mean."""

    failures: int
    failure_share: float
    slow: Duration
    slow_share: float
    window: Duration
    calls_min: int
    open: Duration
    probes: int
    when_open: str
    on: Iterable[type[BaseException] | str]
    not_on: Iterable[type[BaseException] | str]


@dataclass(frozen=True, slots=True, init=False)
class Breaker:
    """Stops calling a service that fails, and tries it again with few calls after a while.

    Closed, calls pass and their ends are counted. Open, none passes. After ``open_for`` it is half
    open: ``probes`` calls may pass at once; when so many of them have succeeded it closes, and one
    failure opens it again. After M. Nygard, "Release It!" (2007), chapter "Circuit Breaker".

    Attributes:
        key: Names the service; everything with this key shares the breaker. As in :class:`Rate`.
        failures: So many failures in a row open it.
        failure_share: Opens it where this share of the window's calls failed; None: not looked at.
        slow_s: A call that took longer was slow; None: no call is.
        slow_share: Opens it where this share of the window's calls was slow.
        window_s: How far back shares look.
        calls_min: Shares are not looked at with fewer calls in the window.
        open_s: How long it stays open.
        probes: How many calls pass at once while it is half open, and must succeed to close it.
        when_open: ``wait`` (until it lets calls pass; the step's own limits of time hold) or
            ``fail`` (the step fails with code ``circuit-open``; it certainly did not happen).
            ``auto`` fails where the call has a fallback, and waits otherwise.
        on: Names of exception classes that count as failures; empty: all but ``not_on``.
        not_on: Names of exception classes that say nothing about the service.
    """

    key: str
    failures: int
    failure_share: float | None
    slow_s: float | None
    slow_share: float
    window_s: float
    calls_min: int
    open_s: float
    probes: int
    when_open: str
    on: frozenset[str]
    not_on: frozenset[str]

    def __init__(self, key: str = "", **options: Unpack[BreakerKeywords]) -> None:
        for name in options:
            if name not in BreakerKeywords.__annotations__:
                known = ", ".join(BreakerKeywords.__annotations__)
                raise InvalidOption(f"Breaker({name}=…): no such option; known: {known}.")
        put = object.__setattr__
        put(self, "key", _key("Breaker", key))
        put(self, "failures", _count("failures", options.get("failures", 5)))
        put(self, "failure_share", _share("failure_share", options.get("failure_share")))
        slow = options.get("slow")
        put(self, "slow_s", None if slow is None else _some_s(slow, "Breaker(slow)"))
        put(self, "slow_share", _share("slow_share", options.get("slow_share", 0.5)))
        put(self, "window_s", _some_s(options.get("window", "60s"), "Breaker(window)"))
        put(self, "calls_min", _count("calls_min", options.get("calls_min", 10)))
        put(self, "open_s", _some_s(options.get("open", "30s"), "Breaker(open)"))
        put(self, "probes", _count("probes", options.get("probes", 1)))
        put(self, "when_open", _when_open(options.get("when_open", "auto")))
        put(self, "on", frozenset(map(class_name, options.get("on", ()))))
        put(self, "not_on", frozenset(map(class_name, options.get("not_on", ()))))

    def keyed(self, key: str) -> Self:
        """Return the same breaker under a key, unless it has one."""
        return self if self.key else _with_key(self, key)


@dataclass(frozen=True, slots=True, init=False)
class Cache:
    """A result of a ``pure`` or ``read`` task that is used again, by every run of the database.

    Attributes:
        ttl_s: For how long, in seconds.
        key: Names of the arguments that make two calls the same; empty: all of them.
    """

    ttl_s: float
    key: tuple[str, ...]

    def __init__(self, ttl: Duration, *, key: Iterable[str] | str = ()) -> None:
        put = object.__setattr__
        put(self, "ttl_s", _some_s(ttl, "Cache(ttl)"))
        put(self, "key", (key,) if isinstance(key, str) else tuple(key))


@dataclass(frozen=True, slots=True, init=False)
class LastGood:
    """A fallback: the newest recorded success of the same call, marked stale.

    Attributes:
        within_s: How old it may be, in seconds.
    """

    within_s: float

    def __init__(self, within: Duration) -> None:
        object.__setattr__(self, "within_s", _some_s(within, "LastGood(within)"))


@dataclass(frozen=True, slots=True)
class Degraded:
    """A fallback: a fixed value, marked as degraded.

    Attributes:
        value: JSON that fits the task's declared result.
    """

    value: Any


def class_name(kind: type[BaseException] | str) -> str:
    """Return the name that recorded errors are matched by."""
    return kind if isinstance(kind, str) else kind.__name__


def _count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidOption(f"Breaker({name}={value!r}): a whole number of at least 1.")
    return value


def _share(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise InvalidOption(f"Breaker({name}={value!r}): a share above 0 and up to 1.")
    return float(value)


def _when_open(value: Any) -> str:
    if value not in ("auto", "wait", "fail"):
        raise InvalidOption(f"Breaker(when_open={value!r}): expected 'auto', 'wait' or 'fail'.")
    return str(value)


def _require_limit(what: str, limit: Any) -> None:
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= PERMITS_MAX:
        raise InvalidOption(
            f"{what}: {limit!r} is no limit; a whole number from 1 to {PERMITS_MAX:,}."
        )


def _key(what: str, key: Any) -> str:
    if not isinstance(key, str) or len(key) > KEY_CHARS_MAX:
        raise InvalidOption(
            f"{what}(key={key!r:.80}): a text of at most {KEY_CHARS_MAX} characters."
        )
    return key


def _some_s(duration: Duration, what: str) -> float:
    value_s = seconds(duration, what=what)
    if value_s <= 0:
        raise InvalidOption(f"{what} is {duration!r}; it must be longer than nothing.")
    return value_s


def _with_key(option: Any, key: str) -> Any:
    copy = object.__new__(type(option))
    for name in type(option).__slots__:
        object.__setattr__(copy, name, getattr(option, name))
    object.__setattr__(copy, "key", key)
    return copy
