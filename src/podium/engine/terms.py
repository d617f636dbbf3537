"""On what terms a run is started, beside its input: how long it may take, how much it may spend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from podium.core.budgets import Budget, Line, Lines, matching, renewed, run_budgets
from podium.core.spec import WorkflowSpec
from podium.engine.deadline import deadline_us
from podium.journal.store import RunRow

_LINES: Final = msgspec.json.Decoder(tuple[Line, ...])


class Terms(NamedTuple):
    """What its start says, in place of what its workflow says.

    Attributes:
        timeout_s: The longest it may take, from its acceptance.
        budget: How much it and its children may spend.
    """

    timeout_s: float | None = None
    budget: Budget | None = None


NO_TERMS: Final = Terms()


def set_terms(row: RunRow, spec: WorkflowSpec, terms: Terms, outer: Lines) -> None:
    """Write them into the row of a new run.

    Args:
        row: The run.
        spec: Its workflow.
        terms: What its start says.
        outer: The budgets of the app, or of the place in another run that starts it.
    """
    row.deadline = deadline_us(row.created_at, terms.timeout_s or spec.timeout_s)
    own = terms.budget or spec.budget, spec.name
    lines = run_budgets(row.id, row.created_at, own, outer)
    row.budgets = msgspec.json.encode(lines) if lines else None


def budgets_of(row: RunRow, headers: Mapping[str, Any], known: Sequence[Budget]) -> Lines:
    """Return the budgets that a run stands under.

    Args:
        row: The run, as it was started.
        headers: Its attributes.
        known: The budgets of the app, as this worker has them.
    """
    recorded = () if row.budgets is None else _LINES.decode(row.budgets)
    return renewed(recorded, matching(known, headers)) if known or recorded else ()
