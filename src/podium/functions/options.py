"""The options of ``@task`` and of one call: what may be written, and the checks before it counts."""

from __future__ import annotations

import inspect
import logging
import string

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import Parameter
from typing import Any, Final, NamedTuple, Protocol, TypedDict, TypeVar

from podium.core.budgets import Budget, Spend, part_budget
from podium.core.codec import Codec, codec_for, encode, short, type_hints
from podium.core.durations import Duration, seconds, some_seconds
from podium.core.effects import Effect, effect_named
from podium.core.errors import InvalidOption, ValueNotPortable
from podium.core.notes import NOTHING
from podium.core.policies import Breaker, Cache, Concurrency, Degraded, LastGood, Rate
from podium.core.priority import checked_priority
from podium.core.retry import NO_RETRY, Retry
from podium.core.spec import TaskOptions, TaskSpec, registry

T = TypeVar("T")


class Registered(Protocol):
    """What ``@task`` or ``@tool`` has made of a function."""

    @property
    def spec(self) -> TaskSpec:
        """Its definition."""
        ...


Fallback = Registered | LastGood | Degraded
"""What may answer in place of a task that failed."""

_POLICIES: dict[str, Any] = {"rate": Rate, "concurrency": Concurrency, "breaker": Breaker}
_WRITTEN = {
    Retry: "Retry(attempts=…)",
    Rate: "Rate('10/s')",
    Concurrency: "Concurrency(4)",
    Breaker: "Breaker('orders-api')",
    Cache: "Cache('10m')",
}
_RISING: Final = (Effect.PURE, Effect.READ, Effect.WRITE, Effect.ONCE)


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
        capture_logs: From which level records of ``logging`` are kept with the attempt: ``INFO``,
            ``WARNING`` (the default) or another; False keeps none.
        expect: How long it usually takes; over 50 ms its start is committed whatever its effect.
        price: What a call costs at worst: a ``Spend``, or a function that is given the call's
            arguments by name and returns one (None: nobody knows). What a call really used its
            body says with ``podium.spend``.
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
    reconcile: Registered
    compensate: Registered
    not_done: tuple[type[BaseException], ...]
    capture_logs: str | bool
    expect: Duration
    price: Spend | Callable[..., Spend | None]


class TaskKeywords(CommonKeywords, total=False):
    """Options of :func:`podium.task`: the common ones and the effect.

    Attributes:
        effect: ``pure``, ``read``, ``write`` (the default) or ``once``.
    """

    effect: str | Effect


class CallKeywords(TypedDict, total=False):
    """Options of one call, in place of its task's: see :class:`CommonKeywords`. None takes one away.

    Attributes:
        effect: Only a stronger one: of ``pure``, ``read``, ``write``, ``once`` a later one.
        budget: How much this call may spend, over all its attempts.
    """

    effect: str | Effect
    retry: Retry | None
    timeout: Duration | None
    total_timeout: Duration | None
    queue_timeout: Duration | None
    heartbeat_timeout: Duration | None
    rate: Rate | None
    concurrency: Concurrency | None
    priority: int
    breaker: Breaker | None
    cache: Cache | None
    unknown: str
    not_done: tuple[type[BaseException], ...]
    expect: Duration
    price: Spend | Callable[..., Spend | None] | None
    budget: Budget | None


class _Subject(NamedTuple):
    """What options are written for.

    Attributes:
        what: How a message calls it.
        name: Of the task.
        parameters: Of the task.
        returns: Gives the codec of its result.
    """

    what: str
    name: str
    parameters: Mapping[str, Parameter]
    returns: Callable[[], Codec]


def task_options(target: Callable[..., Any], given: TaskKeywords) -> TaskOptions:
    """Return the checked options of a task.

    Args:
        target: The task's function.
        given: What was written.

    Raises:
        InvalidOption: One makes no sense.
    """
    what = f"@task {target.__name__}"
    _require_known(what, given, TaskKeywords.__annotations__)
    name = given.get("name") or target.__name__
    # not the spec's own codec: it is kept, and a type that is defined further down is not there yet
    subject = _Subject(what, name, inspect.signature(target).parameters, lambda: _returns(target))
    effect = effect_named(given.get("effect", Effect.WRITE))
    options = TaskOptions(effect=effect, is_declared="effect" in given, **_checked(subject, given))
    _require_sense(what, options, given)
    return options


def call_options(spec: TaskSpec, given: CallKeywords) -> TaskOptions:
    """Return the checked options of one call of a task.

    Args:
        spec: The task.
        given: What was written for the call.

    Raises:
        InvalidOption: One makes no sense, or would weaken what the effect promises.
        NameTaken: A task has other options under the key of a limit or a breaker.
    """
    what = f"{spec.name}(…).with_options"
    _require_known(what, given, CallKeywords.__annotations__)
    changed = replace(spec.options, **_checked(_subject(what, spec), given))
    if "effect" in given:
        changed = replace(changed, effect=_raised(what, spec, given["effect"]))
    _require_sense(what, changed, given)
    registry.require_one_option(spec, changed)
    return changed


def call_fallback(spec: TaskSpec, given: Sequence[Fallback]) -> TaskOptions:
    """Return the options of one call of a task with other fallbacks.

    Raises:
        InvalidOption: One of them could never answer.
    """
    subject = _subject(f"{spec.name}(…).with_fallback", spec)
    return replace(spec.options, fallback=_fallback(subject, "fallback", given))


def _subject(what: str, spec: TaskSpec) -> _Subject:
    return _Subject(what, spec.name, spec.binder.parameters, lambda: spec.returns)


def _returns(target: Callable[..., Any]) -> Codec:
    return codec_for(type_hints(target).get("return", Any))


def _require_known(what: str, given: Iterable[str], known: Mapping[str, Any]) -> None:
    for option in given:
        if option not in known:
            raise InvalidOption(f"{what}: no option {option!r}; known: {', '.join(known)}.")


def _checked(subject: _Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was written as fields of :class:`TaskOptions`."""
    found: dict[str, Any] = {}
    for option, value in given.items():
        if option in _CHECKS:
            field, check = _CHECKS[option]
            found[field] = check(subject, option, value)
    return found


def _require_sense(what: str, options: TaskOptions, given: Iterable[str]) -> None:
    """Refuse options that do not go together."""
    effect = options.effect
    if effect is not Effect.ONCE and ("reconcile" in given or "unknown" in given):
        raise InvalidOption(f"{what}: reconcile and unknown are for effect='once', not {effect!s}.")
    if effect.touches and options.cache is not None:
        raise InvalidOption(
            f"{what}: cache is for effect='pure' or 'read', not {effect!s}: "
            "an effect that is answered from a cache would not happen."
        )


def _raised(what: str, spec: TaskSpec, given: str | Effect) -> Effect:
    """Return the effect of a call: what a task declares holds for every call of it, at least."""
    effect = effect_named(given)
    if effect is spec.effect:
        return effect
    stronger = _RISING[_RISING.index(spec.effect) + 1 :] if spec.effect in _RISING else ()
    if effect not in stronger:
        known = " or ".join(map(str, stronger)) or "nothing else"
        raise InvalidOption(
            f"{what}(effect={str(effect)!r}): {spec.name} is declared as {spec.effect!s}, and a call "
            f"may only say more than that: {known}."
        )
    return effect


# single options --------------------------------------------------------------------------


def _word(*words: str) -> Callable[[_Subject, str, Any], str]:
    def check(subject: _Subject, option: str, value: Any) -> str:
        if value not in words:
            raise InvalidOption(
                f"{subject.what}: {option}={value!r}; expected {' or '.join(map(repr, words))}."
            )
        return str(value)

    return check


def _of_type(subject: _Subject, option: str, given: Any, kind: type[T]) -> T | None:
    if given is not None and not isinstance(given, kind):
        raise InvalidOption(f"{subject.what}: {option}={given!r}; expected {_WRITTEN[kind]}.")
    return given


def _retry(subject: _Subject, option: str, given: Any) -> Retry:
    return _of_type(subject, option, given, Retry) or NO_RETRY


def _seconds(subject: _Subject, option: str, given: Duration | None) -> float | None:
    return None if given is None else seconds(given, what=f"{subject.what}: {option}")


def _some_s(subject: _Subject, option: str, given: Duration | None) -> float | None:
    return None if given is None else some_seconds(given, what=f"{subject.what}: {option}")


def _expect(subject: _Subject, option: str, given: Duration | None) -> float:
    return _seconds(subject, option, given) or 0.0


def _level(subject: _Subject, option: str, given: Any) -> int:
    if isinstance(given, bool):
        return logging.WARNING if given else NOTHING
    level = logging.getLevelNamesMapping().get(given) if isinstance(given, str) else None
    if not level:
        raise InvalidOption(
            f"{subject.what}: {option}={given!r}; expected the name of a level, as 'INFO', or False."
        )
    return level


def _flag(_subject: _Subject, _option: str, given: Any) -> bool:
    return bool(given)


def _types(_subject: _Subject, _option: str, given: Any) -> tuple[Any, ...]:
    return tuple(given)


def _priority(subject: _Subject, option: str, given: Any) -> int:
    return checked_priority(f"{subject.what}: {option}", given)


def _shared(subject: _Subject, option: str, given: Any) -> Any:
    """Return a limit or breaker under its key: its own, or the name of the task."""
    policy = _of_type(subject, option, given, _POLICIES[option])
    if policy is None:
        return None
    try:
        fields = [
            field for _, field, _, _ in string.Formatter().parse(policy.key) if field is not None
        ]
    except ValueError as problem:
        raise InvalidOption(
            f"{subject.what}: {option}: the key {policy.key!r}: {problem}."
        ) from None
    _require_parameters(subject, f"{option}: the key {policy.key!r} names", fields)
    return policy.keyed(subject.name)


def _price(subject: _Subject, option: str, given: Any) -> Any:
    """Return what a call costs: a constant, or a function of the call's arguments."""
    if given is None or isinstance(given, Spend):
        return given
    if not callable(given) or inspect.iscoroutinefunction(given):
        raise InvalidOption(
            f"{subject.what}: {option}={given!r:.200}; expected Spend(0.02) or a plain function that "
            "is given arguments of the call by name and returns one."
        )
    _require_parameters(subject, f"{option} wants", _wanted_by(given))
    return given


def _budget(subject: _Subject, option: str, given: Any) -> Budget | None:
    return None if given is None else part_budget(f"{subject.what}: {option}", given)


def _wanted_by(function: Callable[..., Any]) -> list[str]:
    """Return the parameters of a function that have no default."""
    rest = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    return [
        one.name for one in inspect.signature(function).parameters.values()
        if one.default is one.empty and one.kind not in rest
    ]  # fmt: skip


def _cache(subject: _Subject, option: str, given: Any) -> Cache | None:
    cache = _of_type(subject, option, given, Cache)
    if cache is not None:
        _require_parameters(subject, "cache: key names", cache.key)
    return cache


def _takes_any(parameters: Mapping[str, Parameter]) -> bool:
    return any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def _require_parameters(subject: _Subject, what: str, names: Sequence[str]) -> None:
    """Refuse a name that no argument of the task can have."""
    parameters = subject.parameters
    if _takes_any(parameters):
        return
    for name in names:
        if name not in parameters:
            raise InvalidOption(
                f"{subject.what}: {what} {name!r}, which is no parameter of "
                f"{subject.name}({', '.join(parameters)})."
            )


def _fallback(
    subject: _Subject, option: str, given: Any
) -> tuple[TaskSpec | LastGood | Degraded, ...]:
    chain: Any = given if isinstance(given, tuple | list) else (given,)
    return tuple(_one_fallback(subject, option, one) for one in chain)


def _one_fallback(subject: _Subject, option: str, one: Any) -> TaskSpec | LastGood | Degraded:
    if isinstance(one, LastGood):
        return one
    if isinstance(one, Degraded):
        _require_value(subject, option, one.value)
        return one
    spec = getattr(one, "spec", None)
    if not isinstance(spec, TaskSpec):
        raise InvalidOption(
            f"{subject.what}: {option}={one!r:.200}; expected a function decorated with @task, "
            "LastGood('24h'), Degraded(value), or a list of these."
        )
    _require_arguments(subject, option, spec)
    return spec


def _require_value(subject: _Subject, option: str, value: Any) -> None:
    """Refuse a degraded value that does not fit the declared result."""
    try:
        subject.returns().decode(encode(value, "the value"))
    except ValueNotPortable as problem:
        raise InvalidOption(
            f"{subject.what}: {option}=Degraded({short(value)}) can never answer: {problem}"
        ) from problem


def _require_arguments(subject: _Subject, option: str, other: TaskSpec) -> None:
    """Refuse a task that needs an argument which no call of this one has."""
    if _takes_any(subject.parameters):
        return
    rest = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    missing = [
        one.name for one in other.binder.parameters.values()
        if one.default is one.empty and one.kind not in rest and one.name not in subject.parameters
    ]  # fmt: skip
    if missing:
        raise InvalidOption(
            f"{subject.what}: {option}={other.name} can never answer: it needs "
            f"{', '.join(map(repr, missing))}, which is no parameter of "
            f"{subject.name}({', '.join(subject.parameters)}). It is given the same arguments, by name."
        )


def _spec_of(subject: _Subject, option: str, given: Any) -> TaskSpec | None:
    spec = None if given is None else getattr(given, "spec", None)
    if given is not None and not isinstance(spec, TaskSpec):
        raise InvalidOption(
            f"{subject.what}: {option}={given!r}; expected a function decorated with @task."
        )
    return spec


_CHECKS: Final[dict[str, tuple[str, Callable[[_Subject, str, Any], Any]]]] = {
    "retry": ("retry", _retry),
    "timeout": ("timeout_s", _seconds),
    "total_timeout": ("total_timeout_s", _seconds),
    "queue_timeout": ("queue_timeout_s", _some_s),
    "heartbeat_timeout": ("heartbeat_timeout_s", _some_s),
    "isolation": ("isolation", _word("thread", "process")),
    "overlap": ("overlap", _flag),
    "rate": ("rate", _shared),
    "concurrency": ("concurrency", _shared),
    "priority": ("priority", _priority),
    "breaker": ("breaker", _shared),
    "cache": ("cache", _cache),
    "fallback": ("fallback", _fallback),
    "unknown": ("unknown", _word("ask", "raise")),
    "reconcile": ("reconcile", _spec_of),
    "compensate": ("compensate", _spec_of),
    "not_done": ("not_done", _types),
    "capture_logs": ("capture_level", _level),
    "expect": ("expect_s", _expect),
    "price": ("price", _price),
    "budget": ("budget", _budget),
}
"""Option → the field of :class:`TaskOptions` it becomes, and what checks it."""
