"""What the body of a task emits, as readers of the run's stream get it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Piece(NamedTuple):
    """A chunk that the body of a task has emitted.

    It is provisional until the step has its result: when an attempt fails or its process dies, the
    next one begins anew. So a piece of a higher attempt of a path puts away what came before it.

    Attributes:
        path: The step.
        attempt: Which attempt of it, from 1.
        offset: How many pieces the attempt has emitted before this one.
        value: What it emitted.
    """

    path: str
    attempt: int
    offset: int
    value: Any
