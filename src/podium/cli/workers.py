"""Who is registered in a database, and whether it lives."""

from __future__ import annotations

import socket
import time

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podium.cli.terminal import clean
from podium.journal.sqlite import SqliteReader
from podium.journal.store import WorkerRow

WATCH_S = 3.0
"""A living worker moves its counter every second."""


@dataclass(frozen=True)
class Worker:
    """A worker and its state: ``alive``, ``frozen`` or ``gone``."""

    row: WorkerRow
    state: str

    def __str__(self) -> str:
        name = f"{clean(self.row.name)}, " if self.row.name else ""
        where = "" if self.row.host == socket.gethostname() else f" on {clean(self.row.host)}"
        return f"worker {self.row.id} ({name}process {self.row.pid}{where}), {self.state}"

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        row = self.row
        return {
            "id": row.id,
            "name": row.name,
            "pid": row.pid,
            "host": row.host,
            "state": self.state,
        }


def workers(reader: SqliteReader, *, watch: bool = False) -> list[Worker]:
    """Return every worker.

    Args:
        reader: Of the database.
        watch: Watch the counters until each has moved (seconds if one is frozen), rather than
            only ask the system whether a process is stopped.
    """
    rows = reader.workers()
    still = _still(reader, rows) if watch else {row.id for row in rows if _is_stopped(row)}
    return [Worker(row, _state(row, still)) for row in rows]


def _state(row: WorkerRow, still: Iterable[int]) -> str:
    if row.is_gone:
        return "gone"
    return "frozen" if row.id in still else "alive"


def _still(reader: SqliteReader, rows: list[WorkerRow]) -> set[int]:
    """Return who does not move its counter while we watch."""
    before = {row.id: row.beat for row in rows if not row.is_gone}
    until = time.monotonic() + WATCH_S
    while before and time.monotonic() < until:
        time.sleep(0.05)
        now = {row.id: row.beat for row in reader.workers() if not row.is_gone}
        before = {number: beat for number, beat in before.items() if now.get(number) == beat}
    return set(before)


def _is_stopped(row: WorkerRow) -> bool:
    """Whether the system says that the very process is stopped (Linux)."""
    try:
        text = Path(f"/proc/{row.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return False
    return text[0] in "Tt" and row.started.endswith(f" {text[19]}")
