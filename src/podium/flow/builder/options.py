"""The words that any node can have, as a document has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from podium.core.budgets import Budget, part_budget, plain_dollars
from podium.core.durations import Duration, seconds
from podium.core.effects import Effect, effect_named
from podium.core.errors import InvalidOption
from podium.core.policies import Breaker, Cache, Concurrency, Degraded, LastGood, Rate
from podium.core.retry import Retry, RetryRule
from podium.flow.builder.outside import Write, outside_words
from podium.flow.builder.references import Reference, term_of
from podium.flow.builder.scopes import Scope
from podium.flow.builder.words import duration_text
from podium.functions.calls import Call, Task


class JoinOf(TypedDict):
    """A join that leaves the dependencies that are not settled alone, or cancels them."""

    of: Literal["any"] | int
    rest: Literal["cancel", "continue"]


class LockOf(TypedDict):
    """A lock that is not waited for longer than so."""

    key: str
    timeout: Duration


Verifying = str | bool | Mapping[str, object] | Sequence[str | bool | Mapping[str, object]]
"""Gates: a condition such as ``"size(draft.text) > 0"``, a gate such as ``{"judge": …}``, or several."""


class NodeOptions(TypedDict, total=False):
    """The words that any node can have (docs/flows.md).

    Attributes:
        description: What it is for.
        when: A condition; if it is false, the node is skipped.
        after: Nodes to wait for though no value flows: references, marked or not, or ids.
        join: How its dependencies decide.
        on_error: ``fail``, ``continue``, or the id of the node that handles its failure.
        retry: How often and how soon it is tried again.
        timeout: The longest an attempt may take.
        total_timeout: The longest it may take with all its attempts.
        effect: At least what the task declares.
        lock: What it holds while it works: a text, with references in it, or ``LockOf``.
        budget: How much it may spend, with all its attempts, bodies and child runs.
        verify: What its value must pass, as documents have it: conditions as texts, gates as mappings,
            with references in them.
        on_refusal: What happens to a value that was refused, as documents have it.
    """

    description: str
    when: bool
    after: object
    join: Literal["all", "any", "settled"] | int | JoinOf
    on_error: str
    retry: Retry | int
    timeout: Duration
    total_timeout: Duration
    effect: Literal["pure", "read", "write", "once"] | Effect
    lock: str | LockOf
    budget: Budget
    verify: Verifying
    on_refusal: str | Mapping[str, object] | Sequence[str | Mapping[str, object]]


OtherAnswer = LastGood | Degraded | Task[..., Any, Any] | Call[Any]
"""What may answer in place of a call; a ``Degraded`` has references in its value."""


class CallOptions(NodeOptions, total=False):
    """The words that a call can have besides (docs/flows.md, docs/resilience.md).

    Attributes:
        rate: How many calls in a period.
        concurrency: How many calls at once.
        breaker: When calls of a failing service stop.
        cache: For how long a result is used again.
        fallback: What answers if it has failed for good: the first that can.
        queue_timeout: The longest it may wait for a limit or a breaker.
        heartbeat_timeout: The longest an attempt may be silent.
        priority: Among those that wait for one limit, the higher goes first.
    """

    rate: Rate
    concurrency: Concurrency
    breaker: Breaker
    cache: Cache
    fallback: OtherAnswer | Sequence[OtherAnswer]
    queue_timeout: Duration
    heartbeat_timeout: Duration
    priority: int


def before_kind(given: NodeOptions, scope: Scope) -> dict[str, Any]:
    """Return what a document says before the node's kind: when it starts.

    Raises:
        InvalidOption: There is no such option, or it makes no sense.
    """
    for option in given:
        if option not in CallOptions.__annotations__:
            known = ", ".join(CallOptions.__annotations__)
            raise InvalidOption(f"A node has no option {option!r}; known: {known}.")
    found: dict[str, Any] = {}
    if "description" in given:
        found["description"] = given["description"]
    if "when" in given:
        found["when"] = condition(given["when"], "when", scope)
    if "after" in given:
        found["after"] = _after(given["after"], scope)
    if "join" in given:
        found["join"] = given["join"]
    return found


def behind_kind(given: Mapping[str, Any], write: Write) -> dict[str, Any]:
    """Return what a document says behind the node's kind: policies, and what a failure does.

    Args:
        given: The options.
        write: Writes down values with references in them.

    Raises:
        InvalidOption: An option makes no sense.
    """
    found: dict[str, Any] = {}
    if "retry" in given:
        found["retry"] = _retry(given["retry"])
    for word in ("timeout", "total_timeout", "queue_timeout", "heartbeat_timeout"):
        if word in given:
            found[word] = duration(given[word], word)
    found |= outside_words(given, write)
    if "priority" in given:
        found["priority"] = given["priority"]
    if "lock" in given:
        found["lock"] = _lock(given["lock"], write)
    if "budget" in given:
        found["budget"] = budget_words(given["budget"])
    for word in ("verify", "on_refusal"):
        if word in given:
            found[word] = _gates(given[word], write, word)
    if "effect" in given:
        found["effect"] = str(effect_named(given["effect"]))
    if "on_error" in given:
        found["on_error"] = given["on_error"]
    return found


def condition(given: Any, what: str, scope: Scope) -> str:
    """Return a condition as a bare expression.

    Raises:
        InvalidOption: It is no expression.
        UsageError: It uses what is not known here.
    """
    if not isinstance(given, Reference):
        hint = (
            f"Write raw({given!r})."
            if isinstance(given, str)
            else "Python computed it before the run: for `is None` write is_null(…), for `in` "
            "contains(…)."
        )
        raise InvalidOption(f"{what} is {given!r}, which is no expression. {hint}")
    term = term_of(given)
    scope.admit(term.uses)
    return term.source


def duration(given: Duration, what: str) -> str:
    """Return a duration as text: one that is a text already stays as it is.

    Raises:
        InvalidOption: It is none.
    """
    value_s = seconds(given, what=what)
    return given if isinstance(given, str) else duration_text(value_s)


def _after(given: Any, scope: Scope) -> str | list[str]:
    if isinstance(given, list | tuple):
        return [_entry(each, scope) for each in given]
    return _entry(given, scope)


def _entry(given: Any, scope: Scope) -> str:
    if isinstance(given, str):
        return given
    term = term_of(given) if isinstance(given, Reference) else None
    if term is None or not term.node:
        shown = given if term is None else term.source
        raise InvalidOption(
            f"after has {shown}; expected a node's value as a whole, maybe(…) of it, or its id."
        )
    scope.admit(term.uses)
    return term.source


def budget_words(given: Budget) -> dict[str, Any]:
    """Return a budget as a document says it.

    Raises:
        InvalidOption: It is none, or it is of a period.
    """
    budget = part_budget("budget", given)
    found: dict[str, Any] = {"name": budget.name} if budget.name else {}
    for name, limit in budget.limits.items():
        found[name] = limit if name != "usd" else plain_dollars(limit)
    if budget.time_s is not None:
        found["time"] = duration_text(budget.time_s)
    for name, usual in (("at_limit", "stop"), ("unknown", "refuse")):
        if getattr(budget, name) != usual:
            found[name] = getattr(budget, name)
    return found


def _lock(given: str | LockOf, write: Write) -> Any:
    if not isinstance(given, dict):
        return write(given, "lock")
    return {
        "key": write(given["key"], "lock"),
        "timeout": duration(given["timeout"], "lock: timeout"),
    }


def _gates(given: Any, write: Write, word: str) -> Any:
    """Write gates down; a text that stands alone is a condition as it is."""
    if isinstance(given, list | tuple):
        return [_gates(one, write, word) for one in given]
    if isinstance(given, Mapping):
        return {key: _gate(key, value, write, word) for key, value in given.items()}
    return given if isinstance(given, str | bool) else write(given, word)


def _gate(key: str, value: Any, write: Write, word: str) -> Any:
    if key in ("gates", "quorum", "ladder"):
        return _gates(value, write, word)
    return value if key in ("cel", "schema") else write(value, word)


def _retry(given: Retry | int) -> Any:
    if isinstance(given, int):
        return given
    usual = Retry()
    found: dict[str, Any] = {"attempts": given.attempts} | {
        word: value for word, value in _numbers(given).items() if value != _numbers(usual).get(word)
    }
    for word in ("on", "not_on", "on_status", "not_on_status"):
        if names := getattr(given, word):
            found[word] = sorted(names)
    if given.rules:
        found["rules"] = [_rule(rule) for rule in given.rules]
    if given.retry_after_max_s != usual.retry_after_max_s:
        found["retry_after_max"] = duration_text(given.retry_after_max_s)
    return found


def _rule(given: RetryRule) -> dict[str, Any]:
    lists = {word: sorted(getattr(given, word)) for word in ("on", "on_status")}
    return {word: names for word, names in lists.items() if names} | _numbers(given)


def _numbers(given: Retry | RetryRule) -> dict[str, Any]:
    """Return how often and how soon, as far as that is said."""
    found: dict[str, Any] = {
        "attempts": given.attempts, "backoff": given.backoff_s, "factor": given.factor,
        "backoff_max": given.backoff_max_s, "jitter": given.jitter,
    }  # fmt: skip
    return {
        word: duration_text(value) if word.startswith("backoff") else value
        for word, value in found.items()
        if value is not None
    }
