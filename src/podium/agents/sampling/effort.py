"""How much may be tried: a word, a number, or a budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from podium.agents.verify.verdict import Cost
from podium.core.budgets import NANOS, Budget
from podium.core.context import current_context
from podium.core.errors import InvalidOption
from podium.functions.budgets import budget

Effort = str | int | Budget
"""How much to try: ``low``, ``medium`` or ``high``, a number of samples, or what may be spent."""
WORDS: Final[Mapping[str, int]] = {"low": 3, "medium": 7, "high": 15}
"""Samples by word; odd numbers, so that votes are not tied by themselves."""
SAMPLES_MAX: Final = 1_000
_BUDGET_SAMPLES: Final = 100
"""Samples under a budget that does not count calls."""


@dataclass(frozen=True, slots=True)
class Dial:
    """An effort that was read.

    Attributes:
        samples: How many there are at most.
        budget: What may be spent; None where the number is all that bounds them.
        began: When it began, where time is bounded.
    """

    samples: int
    budget: Budget | None = None
    began: datetime | None = None

    def is_spent(self, total: Cost, dearest: Cost, count: int) -> bool:
        """Tell whether so many more samples, each like the dearest so far, may not be afforded."""
        budget = self.budget
        if budget is None:
            return False
        usd = (total.usd or 0.0) + count * (dearest.usd or 0.0)
        limits = (
            (budget.nanos, round(usd * NANOS)),
            (budget.tokens, total.tokens + count * dearest.tokens),
            (budget.calls, total.calls + count * dearest.calls),
        )
        if any(limit is not None and value > limit for limit, value in limits):
            return True
        return self._is_late(budget)

    def _is_late(self, budget: Budget) -> bool:
        context = current_context.get()
        if budget.time_s is None or context is None or self.began is None:
            return False
        return (context.now() - self.began).total_seconds() >= budget.time_s


@contextmanager
def spending(read: Dial) -> Iterator[None]:
    """Keep what is done in the block within the budget of an effort; outside a workflow nobody does."""
    if read.budget is None or current_context.get() is None:
        yield
        return
    with budget(read.budget):
        yield


def dial(effort: Effort, method: str, words: Mapping[str, int] = WORDS) -> Dial:
    """Read an effort.

    Raises:
        InvalidOption: It is none.
    """
    match effort:
        case Budget():
            context = current_context.get()
            if effort.time_s is not None and context is None:
                raise InvalidOption(
                    f"{method}: a budget of time needs a workflow, which has a clock."
                )
            began = None if context is None else context.now()
            return Dial(min(effort.calls or _BUDGET_SAMPLES, SAMPLES_MAX), effort, began)
        case str() if effort in words:
            return Dial(words[effort])
        case int() if not isinstance(effort, bool) and 1 <= effort <= SAMPLES_MAX:
            return Dial(effort)
        case _:
            raise InvalidOption(
                f"{method}({effort!r:.80}, …): expected how much to try: {', '.join(words)}, a number "
                f"from 1 to {SAMPLES_MAX:,}, or a Budget."
            )
