"""``podium.budget``: how much a part of a workflow may spend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Unpack

from podium.core.budgets import Budget, BudgetKeywords, Line, current_budgets, part_budget
from podium.core.context import Context, context_of
from podium.core.scope import current_scope, escape


@contextmanager
def budget(name: str | Budget = "", /, **options: Unpack[BudgetKeywords]) -> Iterator[None]:
    """Limit what a block spends: ``with podium.budget("research", usd=0.5, calls=40):``.

    What is begun in the block, child runs too, stands under it, and under all budgets around it. The
    names of steps are the same with and without it. After a crash it goes on where it was.

    Args:
        name: What it is called; or a :class:`podium.Budget`.
        options: As of :class:`podium.Budget`.

    Raises:
        InvalidOption: An option makes no sense.
        NotInWorkflow: The caller is not a workflow.
    """
    context = context_of("budget")
    option = name if isinstance(name, Budget) and not options else Budget(name, **options)  # type: ignore[arg-type]
    part_budget("budget", option)
    base = f"budget:{escape(option.name)}" if option.name else "budget"
    path = current_scope.get().name(base)
    with under(context, option, path, option.name or path):
        yield


@contextmanager
def under(context: Context, option: Budget, path: str, name: str) -> Iterator[None]:
    """Limit what a block spends; the account is named by a path, and called by a name."""
    line: Line = context.shared.budget(path, option, name)
    token = current_budgets.set((line, *current_budgets.get()))
    try:
        yield
    finally:
        current_budgets.reset(token)
