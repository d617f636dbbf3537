"""Where an agent's steps are: scopes by number; outside of a workflow there are none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from podium.agents.limits import Limits
from podium.core.context import current_context
from podium.core.scope import Scope, current_scope, item
from podium.functions.budgets import budget
from podium.functions.primitives import scope, warn


@contextmanager
def place(base: str, number: int) -> Iterator[None]:
    """Name the steps inside: ``helper/turn[2]/…``; outside of a workflow nothing is named."""
    if current_context.get() is None:
        yield
        return
    path = current_scope.get().path
    token = current_scope.set(Scope(item(f"{path}/{base}" if path else base, number)))
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
