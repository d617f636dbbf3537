"""What a call says about the outside, as a document has it: limits, a breaker, a cache, fallbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from podium.core.errors import InvalidOption
from podium.core.policies import Breaker, Cache, Concurrency, Degraded, LastGood, Rate
from podium.flow.builder.calls import undoing
from podium.flow.builder.words import duration_text

Write = Callable[[Any, str], Any]
"""Writes a value down, with the references in it; the text says what it is for."""


def outside_words(given: Mapping[str, Any], write: Write) -> dict[str, Any]:
    """Return what a document says for these options.

    Raises:
        InvalidOption: One is not what it has to be.
        UsageError: A value has no form as JSON.
    """
    found: dict[str, Any] = {}
    for word, (kind, written) in _WRITTEN.items():
        if word in given:
            if not isinstance(given[word], kind):
                text = f"{word} is {given[word]!r:.80}; expected {kind.__name__}(…)."
                raise InvalidOption(text)
            found[word] = written(given[word])
    if "fallback" in given:
        chain = given["fallback"]
        many = chain if isinstance(chain, list | tuple) else [chain]
        entries = [_fallback(one, write) for one in many]
        found["fallback"] = entries if isinstance(chain, list | tuple) else entries[0]
    return found


def _rate(rate: Rate) -> Any:
    text = f"{rate.limit}/{rate.period_s:.6f}".rstrip("0").rstrip(".") + "s"
    text = f"{rate.limit}/s" if rate.period_s == 1 else text
    more: dict[str, Any] = {"key": rate.key} if rate.key else {}
    if not rate.is_strict:
        more["strict"] = False
    return {"limit": text, **more} if more else text


def _concurrency(concurrency: Concurrency) -> Any:
    if not concurrency.key:
        return concurrency.limit
    return {"limit": concurrency.limit, "key": concurrency.key}


def _breaker(breaker: Breaker) -> Any:
    usual = Breaker()
    found: dict[str, Any] = {}
    for slot in Breaker.__slots__:
        value = getattr(breaker, slot)
        if value == getattr(usual, slot):
            continue
        if slot.endswith("_s"):
            found[slot.removesuffix("_s")] = duration_text(value)
        else:
            found[slot] = sorted(value) if isinstance(value, frozenset) else value
    return breaker.key if found.keys() == {"key"} else found


def _cache(cache: Cache) -> Any:
    ttl = duration_text(cache.ttl_s)
    return {"ttl": ttl, "key": [*cache.key]} if cache.key else ttl


_WRITTEN: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "rate": (Rate, _rate),
    "concurrency": (Concurrency, _concurrency),
    "breaker": (Breaker, _breaker),
    "cache": (Cache, _cache),
}


def _fallback(given: Any, write: Write) -> Any:
    if isinstance(given, LastGood):
        return {"last_good": duration_text(given.within_s)}
    if isinstance(given, Degraded):
        return {"value": write(given.value, "fallback")}
    other = undoing(given, write)
    return {"call": other} if isinstance(other, str) else other
