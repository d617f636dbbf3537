"""How often and how soon a task is tried again: the option, not the decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podium.core.durations import Duration, seconds
from podium.core.errors import InvalidOption


@dataclass(frozen=True, slots=True, init=False)
class Retry:
    """How often and how soon a task is tried again.

    Attributes:
        attempts: How many tries in all; the first one counts.
        backoff_s: Seconds before the second try.
        factor: What each further wait is multiplied by.
        backoff_max_s: The longest wait in seconds.
        jitter: Share of the wait that chance may take away, 0 to 1.
        on: Names of exception classes to retry; empty means any.
        not_on: Names of exception classes never to retry.
    """

    attempts: int
    backoff_s: float
    factor: float
    backoff_max_s: float
    jitter: float
    on: frozenset[str]
    not_on: frozenset[str]

    def __init__(
        self,
        attempts: int = 3,
        backoff: Duration = "100ms",
        *,
        factor: float = 2.0,
        backoff_max: Duration = "60s",
        jitter: float = 0.5,
        on: Iterable[type[BaseException] | str] = (),
        not_on: Iterable[type[BaseException] | str] = (),
    ) -> None:
        if attempts < 1:
            raise InvalidOption(
                f"Retry(attempts={attempts!r}): the first try counts, so at least 1."
            )
        if factor < 1:
            raise InvalidOption(f"Retry(factor={factor!r}): waits must not shrink, so at least 1.")
        if not 0 <= jitter <= 1:
            raise InvalidOption(f"Retry(jitter={jitter!r}): a share between 0 and 1.")
        put = object.__setattr__
        put(self, "attempts", attempts)
        put(self, "backoff_s", seconds(backoff, what="Retry(backoff)"))
        put(self, "factor", float(factor))
        put(self, "backoff_max_s", seconds(backoff_max, what="Retry(backoff_max)"))
        put(self, "jitter", float(jitter))
        put(self, "on", frozenset(map(_class_name, on)))
        put(self, "not_on", frozenset(map(_class_name, not_on)))


def _class_name(kind: type[BaseException] | str) -> str:
    return kind if isinstance(kind, str) else kind.__name__


NO_RETRY = Retry(attempts=1)
