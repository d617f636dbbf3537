"""Schemas of what a node says about the outside: limits, a breaker, a cache, fallbacks, a lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.core.policies import PERMITS_MAX
from podium.flow.parse.resilience import PRIORITY_MAX
from podium.flow.schema.words import (
    ANY,
    Schema,
    arguments,
    closed,
    described,
    duration,
    either,
    text_or_texts,
    words,
)

_RATE: Final = r"^\s*\d+\s*/\s*\d*\.?\d*\s*(ms|s|sec|second|m|min|minute|h|hour|d|day)\s*$"
_KEY: Final = {"type": "string", "maxLength": 200, "examples": ["crm", "crm:{account}"]}
_KEY_TEXT: Final = (
    "What calls share it with others; it may name arguments of the call: crm:{account}."
)
_COUNT: Final = {"type": "integer", "minimum": 1, "maximum": PERMITS_MAX}
_SHARE: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_NAMES: Final = text_or_texts({"type": "string", "examples": ["TimeoutError"]})


def outside_words(task: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the words about the outside.

    Args:
        task: Schema of the name of a task.
    """
    return {
        "lock": _lock(),
        "budget": budget_word(),
        "priority": described(
            "Priority", "Among those that wait for one limit the higher number goes first.",
            {"type": "integer", "minimum": -PRIORITY_MAX, "maximum": PRIORITY_MAX, "default": 0},
        ),
        "rate": _rate(),
        "breaker": _breaker(),
        "cache": _cache(),
        "fallback": _fallback(task),
        "queue_timeout": duration(
            "Queue timeout", "The longest it may wait for a limit or a breaker.", "5m"
        ),
        "heartbeat_timeout": duration(
            "Heartbeat timeout", "The longest an attempt may be silent.", "30s"
        ),
    }  # fmt: skip


def concurrency_word() -> Schema:
    """Return how many calls of a task there may be at once."""
    long = closed({
        "limit": described("Limit", "How many calls at once.", _COUNT),
        "key": described("Key", _KEY_TEXT, _KEY),
    }, "limit")  # fmt: skip
    return described(
        "Concurrency", "How many calls there may be at once, of all runs and workers together.",
        {"examples": [4], **either(long, _COUNT, "integer")},
    )  # fmt: skip


def budget_word() -> Schema:
    """Return how much may be spent."""
    limit = {"type": "integer", "minimum": 0}
    money = {
        "type": ["number", "string"], "minimum": 0, "examples": [0.5, "0.000125"],
        "pattern": r"^\d+(\.\d+)?$",
        "patternErrorMessage": "Expected US dollars, such as 0.5.",
    }  # fmt: skip
    words = {
        "name": described("Name", "What it is called in messages.", {"type": "string"}),
        "usd": described("Money", "US dollars.", money),
        "tokens": described("Tokens", "Tokens of models.", limit),
        "calls": described("Calls", "Calls of tools and of what has a price.", limit),
        "steps": described("Steps", "However often each is tried.", limit),
        "time": duration("Time", "Nothing starts in it after that.", "10m"),
        "at_limit": described(
            "At the limit", "What becomes of a step that does not fit.",
            {"enum": ["stop", "ask", "cheaper"], "default": "stop"},
        ),
        "unknown": described(
            "Unknown prices", "Whether a step of which nobody knows the price may begin.",
            {"enum": ["refuse", "allow"], "default": "refuse"},
        ),
    }  # fmt: skip
    some = [{"required": [word]} for word in ("usd", "tokens", "calls", "steps", "time")]
    return described(
        "Budget", "How much may be spent, with all attempts, bodies and child runs.",
        {**closed(words), "anyOf": some},
    )  # fmt: skip


def _lock() -> Schema:
    key = {"type": "string", "minLength": 1, "examples": ["customer:${input.id}"]}
    long = closed({
        "key": described("Key", "What is locked.", key),
        "timeout": duration("Timeout", "How long it is waited for; for ever unless given.", "30s"),
    }, "key")  # fmt: skip
    text = "Of all runs only one has it at a time; the node holds it while it works."
    return described("Lock", text, either(long, key))


def _rate() -> Schema:
    rate = {
        "type": "string", "pattern": _RATE, "examples": ["10/s", "500/min"],
        "patternErrorMessage": "Expected calls per period, such as 10/s, 500/min, 3/10s.",
    }  # fmt: skip
    long = closed({
        "limit": described("Limit", "How many calls in which time.", rate),
        "key": described("Key", _KEY_TEXT, _KEY),
        "strict": described(
            "Strict", "Count a call until one period after its end, so that it is never one too many.",
            {"type": "boolean", "default": True},
        ),
    }, "limit")  # fmt: skip
    text = "How many calls in a period, of all runs and workers together."
    return described("Rate", text, either(long, rate))


def _breaker() -> Schema:
    long = closed({
        "key": described("Key", _KEY_TEXT, _KEY),
        "failures": described("Failures", "So many in a row open it.", _COUNT | {"default": 5}),
        "failure_share": described(
            "Failure share", "Opens it where this share of the window's calls failed.", _SHARE
        ),
        "slow": duration("Slow", "A call that took longer was slow.", "2s"),
        "slow_share": described(
            "Slow share", "Opens it where this share of the window's calls was slow.",
            _SHARE | {"default": 0.5},
        ),
        "window": duration("Window", "How far back shares look.", "60s"),
        "calls_min": described(
            "Calls", "Shares are not looked at with fewer calls.", _COUNT | {"default": 10}
        ),
        "open": duration("Open", "How long it stays open.", "30s"),
        "probes": described(
            "Probes", "How many calls try it, and must succeed to close it.", _COUNT | {"default": 1}
        ),
        "when_open": described("When open", "What a call does then.", words({
            "auto": "Fail where the call has a fallback, and wait otherwise.",
            "wait": "Wait until it lets calls pass.",
            "fail": "Fail at once.",
        }) | {"default": "auto"}),
        "on": described("On", "Names of errors that count; all unless given.", _NAMES),
        "not_on": described("Not on", "Names of errors that say nothing about it.", _NAMES),
    })  # fmt: skip
    text = "Stops calling a service that fails, and tries it again with few calls after a while."
    return described("Breaker", text, either(long, _KEY | {"examples": ["orders-api"]}))


def _cache() -> Schema:
    ttl = duration("Time to live", "For how long the result is used again.", "10m")
    long = closed({
        "ttl": ttl,
        "key": described(
            "Key", "Names of the arguments that make two calls the same; all unless given.",
            text_or_texts({"type": "string"}),
        ),
    }, "ttl")  # fmt: skip
    text = "For a task that only reads: its result is used again, by every run of the database."
    return described("Cache", text, either(long, ttl))


def _fallback(task: Mapping[str, Any]) -> Schema:
    one = either(
        {
            **closed({
                "call": dict(task),
                "args": arguments("Its arguments; those of this call unless given."),
                "last_good": duration("Last good", "How old the newest success may be.", "24h"),
                "value": described("Value", "A fixed value, with expressions in it.", ANY),
            }),
            "oneOf": [{"required": [word]} for word in ("call", "last_good", "value")],
        },
        task, shown=dict(task),
    )  # fmt: skip
    text = (
        "What answers if the call has failed for good: another task, {last_good: 24h}, {value: …}, "
        "or a list of them, tried in order."
    )
    return described("Fallback", text, {"anyOf": [one, {"type": "array", "items": one}]})
