"""The options of ``@task``: what may be written, and the checks before anything is registered."""

from __future__ import annotations

import inspect
import string

from collections.abc import Callable, Sequence
from typing import Any, TypedDict, TypeVar, cast

from podium.core.durations import Duration, seconds
from podium.core.effects import Effect, effect_named
from podium.core.errors import InvalidOption
from podium.core.policies import Breaker, Cache, Concurrency, Degraded, LastGood, Rate
from podium.core.retry import NO_RETRY, Retry
from podium.core.spec import TaskOptions, TaskSpec
from podium.functions.calls import Task

T = TypeVar("T")
Fallback = Task[..., Any, Any] | LastGood | Degraded
"""What may answer in place of a task that failed."""

PRIORITY_MAX = 1000
_POLICIES: dict[str, Any] = {"rate": Rate, "concurrency": Concurrency, "breaker": Breaker}
_WRITTEN = {
    Retry: "Retry(attempts=…)",
    Rate: "Rate('10/s')",
    Concurrency: "Concurrency(4)",
    Breaker: "Breaker('orders-api')",
    Cache: "Cache('10m')",
}


class CommonKeywords(TypedDict, total=False):
    """Options that tasks and tools share.

    Attributes:
        name: What the step is called; the function's name unless given.
        retry: When and how often a failed attempt is tried again.
        timeout: The longest an attempt may take.
        total_timeout: The longest the step may take over all attempts.
        queue_timeout: The longest the step may wait for a limit, a breaker or a lock.
        heartbeat_timeout: The longest an attempt may be silent: without ``podium.heartbeat()``.
        isolation: ``thread`` (sync functions) or ``process`` (heavy compute; can be killed).
        overlap: Whether a new attempt may start beside a thread that cannot be killed.
        rate: How many calls in a period.
        concurrency: How many calls at once.
        priority: Among the steps that wait for one limit, higher goes first; 0 unless given.
        breaker: When calls of a failing service stop.
        cache: For ``pure`` and ``read``: for how long a result is used again.
        fallback: What answers when the task failed for good: another task, ``LastGood``,
            ``Degraded``, or several of these, tried in order.
        unknown: For ``once``: ``ask`` a person, or ``raise`` OutcomeUnknown in the program.
        reconcile: For ``once``: a task that finds out what happened. It is given the step's
            arguments by name and ``idempotency_key``; it returns the result, or raises NotDone.
        compensate: A task that undoes the step when the run fails or is cancelled. It is given,
            by name, the step's arguments, ``result`` and ``outcome``.
        not_done: Exception types that mean: this certainly did not happen.
        expect: How long it usually takes; over 50 ms its start is committed whatever its effect.
    """

    name: str
    retry: Retry
    timeout: Duration
    total_timeout: Duration
    queue_timeout: Duration
    heartbeat_timeout: Duration
    isolation: str
    overlap: bool
    rate: Rate
    concurrency: Concurrency
    priority: int
    breaker: Breaker
    cache: Cache
    fallback: Fallback | Sequence[Fallback]
    unknown: str
    reconcile: Task[..., Any, Any]
    compensate: Task[..., Any, Any]
    not_done: tuple[type[BaseException], ...]
    expect: Duration


class TaskKeywords(CommonKeywords, total=False):
    """Options of :func:`podium.task`: the common ones and the effect.

    Attributes:
        effect: ``pure``, ``read``, ``write`` (the default) or ``once``.
    """

    effect: str | Effect


def task_options(target: Callable[..., Any], given: TaskKeywords) -> TaskOptions:
    """Return the checked options of a task.

    Args:
        target: The task's function.
        given: What was written.

    Raises:
        InvalidOption: One makes no sense.
    """
    what = f"@task {target.__name__}"
    known = TaskKeywords.__annotations__
    for option in given:
        if option not in known:
            raise InvalidOption(f"{what}: no option {option!r}; known: {', '.join(known)}.")
    effect = effect_named(given.get("effect", Effect.WRITE))
    _require_word(what, "isolation", given.get("isolation", "thread"), ("thread", "process"))
    _require_word(what, "unknown", given.get("unknown", "ask"), ("ask", "raise"))
    if effect is not Effect.ONCE and ("reconcile" in given or "unknown" in given):
        raise InvalidOption(f"{what}: reconcile and unknown are for effect='once', not {effect!s}.")
    if effect.touches and "cache" in given:
        raise InvalidOption(
            f"{what}: cache is for effect='pure' or 'read', not {effect!s}: "
            "an effect that is answered from a cache would not happen."
        )
    name = given.get("name") or target.__name__
    return TaskOptions(
        effect=effect,
        is_declared="effect" in given,
        retry=_of_type(what, "retry", given.get("retry"), Retry) or NO_RETRY,
        timeout_s=_seconds(given.get("timeout"), f"{what}: timeout"),
        total_timeout_s=_seconds(given.get("total_timeout"), f"{what}: total_timeout"),
        queue_timeout_s=_some_s(given.get("queue_timeout"), f"{what}: queue_timeout"),
        heartbeat_timeout_s=_some_s(given.get("heartbeat_timeout"), f"{what}: heartbeat_timeout"),
        isolation=given.get("isolation", "thread"),
        overlap=given.get("overlap", False),
        rate=_shared(target, name, "rate", given.get("rate")),
        concurrency=_shared(target, name, "concurrency", given.get("concurrency")),
        priority=_priority(what, given.get("priority", 0)),
        breaker=_shared(target, name, "breaker", given.get("breaker")),
        cache=_cache(target, given.get("cache")),
        fallback=_fallback(what, given.get("fallback", ())),
        unknown=given.get("unknown", "ask"),
        reconcile=_spec_of(given.get("reconcile"), what, "reconcile"),
        compensate=_spec_of(given.get("compensate"), what, "compensate"),
        not_done=tuple(given.get("not_done", ())),
        expect_s=_seconds(given.get("expect"), f"{what}: expect") or 0.0,
    )


def _require_word(what: str, option: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        raise InvalidOption(
            f"{what}: {option}={value!r}; expected {' or '.join(map(repr, words))}."
        )


def _of_type(what: str, option: str, given: Any, kind: type[T]) -> T | None:
    if given is not None and not isinstance(given, kind):
        raise InvalidOption(f"{what}: {option}={given!r}; expected {_WRITTEN[kind]}.")
    return given


def _seconds(duration: Duration | None, what: str) -> float | None:
    return None if duration is None else seconds(duration, what=what)


def _some_s(duration: Duration | None, what: str) -> float | None:
    value_s = _seconds(duration, what)
    if value_s == 0:
        raise InvalidOption(f"{what} is {duration!r}; it must be longer than nothing.")
    return value_s


def _priority(what: str, given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or abs(given) > PRIORITY_MAX:
        raise InvalidOption(
            f"{what}: priority={given!r}; expected a whole number "
            f"from -{PRIORITY_MAX:,} to {PRIORITY_MAX:,}, higher goes first."
        )
    return given


def _shared(target: Callable[..., Any], name: str, option: str, given: Any) -> Any:
    """Return a limit or breaker under its key: its own, or the name of the task."""
    what = f"@task {target.__name__}"
    policy = _of_type(what, option, given, _POLICIES[option])
    if policy is None:
        return None
    try:
        fields = [
            field for _, field, _, _ in string.Formatter().parse(policy.key) if field is not None
        ]
    except ValueError as problem:
        raise InvalidOption(f"{what}: {option}: the key {policy.key!r}: {problem}.") from None
    _require_parameters(target, f"{option}: the key {policy.key!r} names", fields)
    return policy.keyed(name)


def _cache(target: Callable[..., Any], given: Any) -> Cache | None:
    cache = _of_type(f"@task {target.__name__}", "cache", given, Cache)
    if cache is not None:
        _require_parameters(target, "cache: key names", cache.key)
    return cache


def _require_parameters(target: Callable[..., Any], what: str, names: Sequence[str]) -> None:
    """Refuse a name that no argument of the task can have."""
    if not names:
        return
    parameters = inspect.signature(target).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return
    for name in names:
        if name not in parameters:
            raise InvalidOption(
                f"@task {target.__name__}: {what} {name!r}, which is no parameter of "
                f"{target.__name__}({', '.join(parameters)})."
            )


def _fallback(what: str, given: Any) -> tuple[TaskSpec | LastGood | Degraded, ...]:
    chain: Any = given if isinstance(given, tuple | list) else (given,)
    found: list[TaskSpec | LastGood | Degraded] = []
    for one in chain:
        if isinstance(one, LastGood | Degraded):
            found.append(one)
        elif isinstance(one, Task):
            found.append(cast("Task[..., Any, Any]", one).spec)
        else:
            raise InvalidOption(
                f"{what}: fallback={one!r:.200}; expected a function decorated with @task, "
                "LastGood('24h'), Degraded(value), or a list of these."
            )
    return tuple(found)


def _spec_of(given: Any, what: str, option: str) -> TaskSpec | None:
    if given is None:
        return None
    if not isinstance(given, Task):
        raise InvalidOption(
            f"{what}: {option}={given!r}; expected a function decorated with @task."
        )
    return cast("Task[..., Any, Any]", given).spec
