"""Where the steps of agents' programs are: scopes by name and number; outside of a workflow there are none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from podium.agents.limits import Limits
from podium.core.context import current_context
from podium.core.scope import current_scope, escape, item
from podium.functions.budgets import budget
from podium.functions.primitives import scope, warn


@contextmanager
def place(name: str, number: int | None = None) -> Iterator[None]:
    """Name the steps inside: ``helper/turn[2]/…``; outside of a workflow nothing is named.

    Args:
        name: What the place is called.
        number: Which one it is, where there are several.
    """
    if current_context.get() is None:
        yield
        return
    base = escape(name) if number is None else item(escape(name), number)
    token = current_scope.set(current_scope.get().enter(base))
    try:
        yield
    finally:
        current_scope.reset(token)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Name the steps inside: ``helper/…``, the second time ``helper#2/…``."""
    if current_context.get() is None:
        yield
        return
    with scope(name):
        yield


@contextmanager
def limited(name: str, limits: Limits) -> Iterator[None]:
    """Reserve what everything inside costs from the agent's money, if it has a limit of it."""
    if current_context.get() is None or limits.usd is None:
        yield
        return
    with budget(name, usd=limits.usd):
        yield


def record_warning(code: str, message: str) -> None:
    """Record a warning with the run; outside of one there is nowhere to."""
    if current_context.get() is not None:
        warn(code, message)
