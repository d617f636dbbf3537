"""What a node says about the outside: limits, a breaker, a cache, fallbacks, a lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from podium.core.budgets import Budget, BudgetLimits
from podium.core.errors import InvalidOption
from podium.core.policies import Breaker, Cache, Concurrency, LastGood, Rate
from podium.flow.model import Fallback, FixedValue, Lock, OtherTask
from podium.flow.parse.words import Words
from podium.flow.places import child

BREAKER: Final = (
    "key", "failures", "failure_share", "slow", "slow_share", "window", "calls_min", "open", "probes",
    "when_open", "on", "not_on",
)  # fmt: skip
BUDGET: Final = ("name", *BudgetLimits.__annotations__, "at_limit", "unknown")
FALLBACK: Final = ("call", "args", "last_good", "value")
PRIORITY_MAX: Final = 1_000


class Outside(NamedTuple):
    """What a call says about the service that it calls."""

    rate: Rate | None
    concurrency: Concurrency | None
    breaker: Breaker | None
    cache: Cache | None
    fallbacks: tuple[Fallback, ...] | None


def read_outside(words: Words, *, is_call: bool) -> Outside:
    """Read the words that only a call can have."""
    return Outside(
        rate=_made(words, "rate", _rate),
        concurrency=_made(words, "concurrency", _concurrency) if is_call else None,
        breaker=_made(words, "breaker", _breaker),
        cache=_made(words, "cache", _cache),
        fallbacks=_fallbacks(words),
    )


def read_lock(words: Words) -> Lock | None:
    """Read ``lock: "customer:${input.id}"`` or ``{key: …, timeout: 30s}``."""
    if "lock" not in words:
        return None
    given, at = words.take("lock"), words.at_word("lock")
    if isinstance(given, str) and given:
        return Lock(words.template("lock"), None)
    inner = Words(words.reading, words.reading.mapping(given, at, "key and timeout"), at)
    inner.refuse_others(("key", "timeout"), "a lock")
    inner.require("key", "say what is locked")
    return Lock(inner.template("key", ""), inner.duration_s("timeout"))


def read_budget(words: Words) -> Budget | None:
    """Read ``budget: {usd: 0.5, calls: 40, time: 10m, at_limit: ask}``."""

    def made(words: Words, given: Any) -> Budget:
        inner = _inner(words, "budget", given, BUDGET, "what a budget limits")
        inner.duration_s("time")
        options: Any = {word: inner.take(word) for word in inner if word != "name"}
        return Budget(inner.text("name"), **options)

    return cast("Budget | None", _made(words, "budget", made))


def read_priority(words: Words) -> int | None:
    """Read a priority, which may be below zero."""
    if "priority" not in words:
        return None
    return words.whole("priority", 0, least=-PRIORITY_MAX, most=PRIORITY_MAX)


def _made(words: Words, word: str, make: Callable[[Words, Any], Any]) -> Any:
    """Make an option; what it refuses is found fault with."""
    if word not in words:
        return None
    try:
        return make(words, words.take(word))
    except (InvalidOption, TypeError) as problem:
        words.reading.fault("wrong-type", words.at_word(word), str(problem))
        return None


def _inner(words: Words, word: str, given: Any, known: tuple[str, ...], what: str) -> Words:
    at = words.at_word(word)
    inner = Words(words.reading, words.reading.mapping(given, at, what), at)
    inner.refuse_others(known, word)
    return inner


def _rate(words: Words, given: Any) -> Rate:
    if isinstance(given, str):
        return Rate(given)
    inner = _inner(words, "rate", given, ("limit", "key", "strict"), "limit and key")
    inner.require("limit", "say how many calls in which time: 10/s")
    is_strict = inner.flag("strict") if "strict" in inner else True
    return Rate(inner.text("limit", "1/s"), key=inner.text("key"), strict=is_strict)


def _concurrency(words: Words, given: Any) -> Concurrency:
    if isinstance(given, int):
        return Concurrency(given)
    inner = _inner(words, "concurrency", given, ("limit", "key"), "limit and key")
    inner.require("limit", "say how many calls at once")
    return Concurrency(inner.whole("limit", 1), key=inner.text("key"))


def _breaker(words: Words, given: Any) -> Breaker:
    if isinstance(given, str):
        return Breaker(given)
    inner = _inner(words, "breaker", given, BREAKER, "key and what opens it")
    lists = {name: inner.texts(name) for name in ("on", "not_on") if name in inner}
    options = {name: inner.take(name) for name in inner if name in BREAKER and name != "key"}
    options |= lists
    return Breaker(inner.text("key"), **options)


def _cache(words: Words, given: Any) -> Cache:
    if isinstance(given, str):
        return Cache(given)
    inner = _inner(words, "cache", given, ("ttl", "key"), "ttl and key")
    inner.require("ttl", "say for how long")
    return Cache(inner.take("ttl", "1s"), key=inner.texts("key"))


def _fallbacks(words: Words) -> tuple[Fallback, ...] | None:
    if "fallback" not in words:
        return None
    given, at = words.take("fallback"), words.at_word("fallback")
    if not isinstance(given, list):
        one = _fallback(words, given, at)
        return () if one is None else (one,)
    found = [_fallback(words, one, child(at, index)) for index, one in enumerate(given)]
    return tuple(one for one in found if one is not None)


def _fallback(words: Words, given: Any, at: str) -> Fallback | None:
    if isinstance(given, str) and given:
        return OtherTask(given, None, at)
    inner = Words(words.reading, words.reading.mapping(given, at, "call, last_good or value"), at)
    inner.refuse_others(FALLBACK, "a fallback")
    kinds = [word for word in ("call", "last_good", "value") if word in inner]
    if len(kinds) != 1:
        hint = "Write a list to have several, tried in order."
        inner.reading.fault(
            "wrong-type", at, "a fallback has one of 'call', 'last_good' and 'value'.", hint
        )
        return None
    if kinds == ["call"]:
        return OtherTask(
            inner.text("call"), inner.arguments("args") if "args" in inner else None, at
        )
    if kinds == ["value"]:
        return FixedValue(inner.template("value"), at)
    within_s = inner.duration_s("last_good")
    if within_s == 0:
        inner.reading.fault(
            "bad-duration", inner.at_word("last_good"), "it must be longer than nothing."
        )
    return LastGood(inner.take("last_good")) if within_s else None
