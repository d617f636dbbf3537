"""Names of the places in which agents' programs do their steps, in a workflow and outside of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from podium.core.context import current_context
from podium.core.scope import current_scope, escape, item


@contextmanager
def place(name: str, index: int | None = None) -> Iterator[None]:
    """Name the steps inside: ``verified/round[1]/podium.model``. Outside a workflow it does nothing.

    Args:
        name: What the place is called.
        index: Its number, where there are several.
    """
    if current_context.get() is None:
        yield
        return
    base = escape(name) if index is None else item(escape(name), index)
    token = current_scope.set(current_scope.get().enter(base))
    try:
        yield
    finally:
        current_scope.reset(token)
