"""What is known of tasks from the runs of a database, for the estimate of a plan."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Final

from podium.agents.planning.estimate import Known
from podium.cli.database import reading
from podium.client.locations import database_path
from podium.client.views import steps_of
from podium.core.budgets import NANOS
from podium.core.errors import StoreError
from podium.journal.records import Kind, Status, decode_spent

RUNS_MAX: Final = 200
"""So many runs, the newest, are looked at."""
_RECORDS_MAX: Final = 2_000


def known_from(database: str | None) -> dict[str, Known]:
    """Return how long calls of tasks took in the middle, and what they cost at most.

    A database that is not there, or cannot be read, knows nothing.
    """
    path = database_path(database)
    if path == ":memory:" or not Path(path).exists():
        return {}
    seconds: dict[str, list[float]] = defaultdict(list)
    dollars: dict[str, float] = {}
    try:
        with reading(database) as reader:
            for row in reader.runs(limit=RUNS_MAX):
                rows = reader.records(row.num, row.base, _RECORDS_MAX)
                spent = {
                    one.path: decode_spent(one.body).u.usd / NANOS
                    for one in rows if one.kind == Kind.SPENT
                }  # fmt: skip
                for step in steps_of(rows):
                    if step.status != Status.SUCCEEDED or not step.effect:
                        continue
                    if step.started_at is not None and step.ended_at is not None:
                        took = (step.ended_at - step.started_at).total_seconds()
                        seconds[step.task].append(took)
                    if step.path in spent:
                        dollars[step.task] = max(dollars.get(step.task, 0.0), spent[step.path])
    except StoreError:
        return {}
    return {
        task: Known(round(median(many), 3), dollars.get(task)) for task, many in seconds.items()
    }
