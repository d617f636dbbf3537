"""The words that any node can have besides its kind."""

from __future__ import annotations

import re

from typing import Any, Final

from podium.core.effects import Effect
from podium.core.errors import InvalidOption
from podium.core.retry import Retry, RetryRule
from podium.flow.expression.errors import near
from podium.flow.model import After, Compensation, Join, Policy
from podium.flow.parse.resilience import read_budget, read_lock, read_outside, read_priority
from podium.flow.parse.verifying import read_verify
from podium.flow.parse.words import Words
from podium.flow.places import child

COMMON: Final = (
    "description", "when", "after", "join", "on_error", "retry", "timeout", "total_timeout", "effect",
    "compensate", "lock", "priority", "rate", "breaker", "cache", "fallback", "queue_timeout",
    "heartbeat_timeout", "budget", "verify", "on_refusal",
)  # fmt: skip
_AFTER = re.compile(r"[a-z][a-z0-9_]*\??")
_NUMBERS: Final = ("attempts", "backoff", "factor", "backoff_max", "jitter")
_RETRY: Final = (
    *_NUMBERS, "on", "not_on", "on_status", "not_on_status", "rules", "retry_after_max",
)  # fmt: skip
_RULE: Final = (*_NUMBERS, "on", "on_status")
EFFECTS: Final = tuple(one for one in Effect if one is not Effect.TRANSACTION)
"""What a flow can raise a task to; a transaction is one by how it was written."""


def read_policy(words: Words, kind: str) -> Policy:
    """Read what a node says over the options of its task."""
    outside = read_outside(words, is_call=kind == "call")
    return Policy(
        **outside._asdict(),
        lock=read_lock(words),
        budget=read_budget(words),
        verify=read_verify(words),
        priority=read_priority(words),
        queue_timeout_s=words.duration_s("queue_timeout"),
        heartbeat_timeout_s=words.duration_s("heartbeat_timeout"),
        retry=_retry(words),
        timeout_s=words.duration_s("timeout"),
        total_timeout_s=words.duration_s("total_timeout"),
        effect=_effect(words),
        compensate=_compensation(words),
    )


def read_after(words: Words) -> tuple[After, ...]:
    """Read ``after: pay`` or ``after: [pay, ship?]``."""
    found: list[After] = []
    for entry in words.texts("after"):
        if _AFTER.fullmatch(entry):
            found.append(After(entry.removesuffix("?"), entry.endswith("?")))
        else:
            hint = "Write the id of a node, with '?' behind it if its end does not matter."
            words.reading.fault(
                "wrong-type", words.at_word("after"), f"{entry!r:.80} is no id.", hint
            )
    return tuple(found)


def read_join(words: Words) -> Join:
    """Read ``all``, ``settled``, ``any``, a number, or ``{of: any, rest: continue}``."""
    given, at = words.take("join", "all"), words.at_word("join")
    cancels_rest = True
    if isinstance(given, dict):
        inner = Words(words.reading, given, at)
        inner.refuse_others(("of", "rest"), "a join")
        inner.require("of", "say how many dependencies decide")
        rest = inner.text("rest", "cancel")
        if rest not in ("cancel", "continue"):
            inner.reading.fault(
                "wrong-type",
                inner.at_word("rest"),
                f"rest: {rest!r:.40}; expected cancel or continue.",
            )
        cancels_rest = rest != "continue"
        given = inner.take("of", "all")
    match given:
        case "all":
            return Join()
        case "settled":
            return Join(takes_any_end=True)
        case "any":
            return Join(count=1, cancels_rest=cancels_rest)
        case int() if not isinstance(given, bool) and given >= 1:
            return Join(count=given, cancels_rest=cancels_rest)
        case _:
            hint = "A join is all, any, settled, or how many must have succeeded."
            words.reading.fault("wrong-type", at, f"{given!r:.80} is no join.", hint)
            return Join()


def _retry(words: Words) -> Retry | None:
    if "retry" not in words:
        return None
    given, at = words.take("retry"), words.at_word("retry")
    if isinstance(given, int) and not isinstance(given, bool):
        given = {"attempts": given}
    inner = Words(words.reading, words.reading.mapping(given, at, "what retry says"), at)
    inner.refuse_others(_RETRY, "retry")
    usual = Retry()
    longest: Any = {}
    if inner.duration_s("retry_after_max") is not None:
        longest["retry_after_max"] = inner.take("retry_after_max")
    try:
        return Retry(
            inner.whole("attempts", usual.attempts),
            _duration_text(inner, "backoff", "100ms"),
            factor=inner.share("factor", usual.factor, least=1, most=1_000),
            backoff_max=_duration_text(inner, "backoff_max", "60s"),
            jitter=inner.share("jitter", usual.jitter, least=0, most=1),
            on=inner.texts("on"),
            not_on=inner.texts("not_on"),
            on_status=inner.wholes("on_status"),
            not_on_status=inner.wholes("not_on_status"),
            rules=_rules(inner),
            **longest,
        )
    except InvalidOption as problem:
        words.reading.fault("wrong-type", at, str(problem))
        return None


def _rules(words: Words) -> list[RetryRule]:
    given, at = words.take("rules", []), words.at_word("rules")
    if not isinstance(given, list):
        words.reading.fault("wrong-type", at, f"expected a list of rules; got {given!r:.80}.")
        return []
    found: list[RetryRule] = []
    for index, one in enumerate(given):
        place = child(at, index)
        rule = Words(words.reading, words.reading.mapping(one, place, "a rule"), place)
        rule.refuse_others(_RULE, "a rule")
        options: Any = {name: rule.take(name) for name in rule if name in _NUMBERS}
        try:
            found.append(
                RetryRule(on=rule.texts("on"), on_status=rule.wholes("on_status"), **options)
            )
        except InvalidOption as problem:
            words.reading.fault("wrong-type", place, str(problem))
    return found


def _duration_text(words: Words, word: str, usual: str) -> str:
    return words.text(word, usual) if words.duration_s(word) is not None else usual


def _effect(words: Words) -> Effect | None:
    if "effect" not in words:
        return None
    given = words.take("effect")
    if given in EFFECTS:
        return Effect(given)
    known = [effect.value for effect in EFFECTS]
    hint = near(str(given), known) or f"Effects are {', '.join(known)}."
    text = f"{given!r:.80} is no effect that a flow can give."
    words.reading.fault("wrong-type", words.at_word("effect"), text, hint)
    return None


def _compensation(words: Words) -> Compensation | None:
    if "compensate" not in words:
        return None
    given: Any = words.take("compensate")
    at = words.at_word("compensate")
    match given:
        case str() if given:
            return Compensation(given)
        case dict():
            inner = Words(words.reading, given, at)
            inner.refuse_others(("call", "args"), "compensate")
            inner.require("call", "name the task that undoes the node")
            return Compensation(
                inner.text("call"), inner.arguments("args") if "args" in inner else None
            )
        case _:
            hint = "Write the name of a task, or {call: …, args: {…}}."
            words.reading.fault("wrong-type", at, f"{given!r:.80} is no compensation.", hint)
            return None
