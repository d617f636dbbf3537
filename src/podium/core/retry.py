"""How often and how soon a task is tried again: the option, not the decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from podium.core.durations import Duration, seconds, text
from podium.core.errors import InvalidOption, PodiumError

Kinds = Iterable[type[BaseException] | str]
"""Exception classes or their names; a name stands for its subclasses too."""


class RetryLater(PodiumError):
    """Raise it in a task to be tried again, but not before a time.

    It is an attempt like any other, and is retried whatever ``Retry(on=…)`` says.

    Attributes:
        retry_after_s: The shortest wait before the next attempt, in seconds.
    """

    code = "retry-later"

    def __init__(self, after: Duration, message: str = "") -> None:
        self.after = after
        self.retry_after_s: float = seconds(after, what="RetryLater(after)")
        super().__init__(message or f"to be tried again in {text(self.retry_after_s)}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.after, str(self))


class RuleKeywords(TypedDict, total=False):
    """Options of :class:`RetryRule`; its attributes say what they mean."""

    on: Kinds
    on_status: Iterable[int]
    attempts: int
    backoff: Duration
    factor: float
    backoff_max: Duration
    jitter: float


@dataclass(frozen=True, slots=True, init=False)
class RetryRule:
    """Other numbers for some failures. What is not given is as in the :class:`Retry` around it.

    Attributes:
        on: Names of exception classes that it is for.
        on_status: Statuses that it is for.
        attempts: How many attempts may fail of this rule.
        backoff_s: Seconds after the first failure of this rule.
        factor: What each further wait is multiplied by.
        backoff_max_s: The longest wait in seconds.
        jitter: Share of the wait that chance may take away, 0 to 1.
    """

    on: frozenset[str]
    on_status: frozenset[int]
    attempts: int | None
    backoff_s: float | None
    factor: float | None
    backoff_max_s: float | None
    jitter: float | None

    def __init__(self, **options: Unpack[RuleKeywords]) -> None:
        _require_known("RetryRule", options, RuleKeywords)
        put = object.__setattr__
        put(self, "on", _names("RetryRule(on)", options.get("on", ())))
        put(self, "on_status", _statuses("RetryRule(on_status)", options.get("on_status", ())))
        if not self.on and not self.on_status:
            raise InvalidOption(
                "RetryRule(…) is for no failure: give it on=[SomeError] or on_status=[429]. "
                "What is for every failure stands in Retry(…) itself."
            )
        for name, value in _numbers("RetryRule", options).items():
            put(self, name, value)

    @property
    def label(self) -> str:
        """What it is for, in a word or two."""
        return ", ".join([*sorted(self.on), *map(str, sorted(self.on_status))])


class RetryKeywords(TypedDict, total=False):
    """Options of :class:`Retry`; its attributes say what they mean."""

    factor: float
    backoff_max: Duration
    jitter: float
    on: Kinds
    not_on: Kinds
    on_status: Iterable[int]
    not_on_status: Iterable[int]
    rules: Sequence[RetryRule]
    retry_after_max: Duration


@dataclass(frozen=True, slots=True, init=False)
class Retry:
    """How often and how soon a task is tried again.

    A failure's status is the whole number in its ``status``, ``status_code`` or
    ``response.status_code``. The first rule that fits a failure decides about it; where none
    fits, ``on``, ``not_on``, ``on_status`` and ``not_on_status`` do.

    Attributes:
        attempts: How many tries in all; the first one counts.
        backoff_s: Seconds before the second try.
        factor: What each further wait is multiplied by.
        backoff_max_s: The longest wait in seconds.
        jitter: Share of the wait that chance may take away, 0 to 1.
        on: Names of exception classes to retry.
        not_on: Names of exception classes never to retry.
        on_status: Statuses to retry. With neither ``on`` nor ``on_status`` any failure is retried.
        not_on_status: Statuses never to retry.
        rules: Other numbers for some failures, the first that fits wins.
        retry_after_max_s: The longest wait, in seconds, that the other side may ask for.
    """

    attempts: int
    backoff_s: float
    factor: float
    backoff_max_s: float
    jitter: float
    on: frozenset[str]
    not_on: frozenset[str]
    on_status: frozenset[int]
    not_on_status: frozenset[int]
    rules: tuple[RetryRule, ...]
    retry_after_max_s: float

    def __init__(
        self, attempts: int = 3, backoff: Duration = "100ms", **options: Unpack[RetryKeywords]
    ) -> None:
        _require_known("Retry", options, RetryKeywords)
        put = object.__setattr__
        usual: dict[str, Any] = {"factor": 2.0, "backoff_max": "60s", "jitter": 0.5}
        given = {**usual, **options, "attempts": attempts, "backoff": backoff}
        for name, value in _numbers("Retry", given).items():
            put(self, name, value)
        put(self, "on", _names("Retry(on)", options.get("on", ())))
        put(self, "not_on", _names("Retry(not_on)", options.get("not_on", ())))
        put(self, "on_status", _statuses("Retry(on_status)", options.get("on_status", ())))
        not_on_status = _statuses("Retry(not_on_status)", options.get("not_on_status", ()))
        put(self, "not_on_status", not_on_status)
        put(self, "rules", _rules(options.get("rules", ())))
        longest = seconds(options.get("retry_after_max", "1h"), what="Retry(retry_after_max)")
        put(self, "retry_after_max_s", longest)


def _require_known(what: str, given: Any, keywords: type) -> None:
    for name in given:
        if name not in keywords.__annotations__:
            known = ", ".join(keywords.__annotations__)
            raise InvalidOption(f"{what}({name}=…): no such option; known: {known}.")


def _numbers(what: str, given: Any) -> dict[str, Any]:
    """Return the checked numbers of a policy by the names of its attributes; None if not given."""
    attempts, factor, jitter = given.get("attempts"), given.get("factor"), given.get("jitter")
    if attempts is not None and (
        not isinstance(attempts, int) or isinstance(attempts, bool) or attempts < 1
    ):
        raise InvalidOption(f"{what}(attempts={attempts!r}): the first try counts, so at least 1.")
    if factor is not None and not (_is_number(factor) and factor >= 1):
        raise InvalidOption(f"{what}(factor={factor!r}): waits must not shrink, so at least 1.")
    if jitter is not None and not (_is_number(jitter) and 0 <= jitter <= 1):
        raise InvalidOption(f"{what}(jitter={jitter!r}): a share between 0 and 1.")
    backoff, longest = given.get("backoff"), given.get("backoff_max")
    return {
        "attempts": attempts,
        "backoff_s": None if backoff is None else seconds(backoff, what=f"{what}(backoff)"),
        "factor": None if factor is None else float(factor),
        "backoff_max_s": None if longest is None else seconds(longest, what=f"{what}(backoff_max)"),
        "jitter": None if jitter is None else float(jitter),
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _names(what: str, kinds: Kinds) -> frozenset[str]:
    if isinstance(kinds, str | type):
        raise InvalidOption(f"{what} is {kinds!r}; expected a list: [{kinds!r}].")
    return frozenset(kind if isinstance(kind, str) else kind.__name__ for kind in kinds)


def _statuses(what: str, given: Iterable[int]) -> frozenset[int]:
    if isinstance(given, int):
        raise InvalidOption(f"{what} is {given!r}; expected a list: [{given!r}].")
    found = frozenset(given)
    for status in found:
        if not isinstance(status, int) or isinstance(status, bool):
            raise InvalidOption(f"{what} has {status!r}; a status is a whole number, such as 429.")
    return found


def _rules(given: Sequence[RetryRule]) -> tuple[RetryRule, ...]:
    rules = tuple(given) if isinstance(given, tuple | list) else (given,)
    for rule in rules:
        if not isinstance(rule, RetryRule):
            raise InvalidOption(f"Retry(rules): {rule!r} is no RetryRule(…).")
    return rules


NO_RETRY = Retry(attempts=1)
