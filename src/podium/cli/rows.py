"""What several commands show of a run: its status in its colour, its row for programs."""

from __future__ import annotations

from typing import Any

from podium.cli import terminal
from podium.cli.failure import error_dict
from podium.cli.waiting import waits_of
from podium.client.spending import RunSpending
from podium.client.views import DEGRADED, NoteView, RunView, StepView
from podium.journal.sqlite import SqliteReader
from podium.journal.store import RunRow

_COLOURS = {
    "succeeded": "green", "failed": "red", "cancelled": "bright_black", "blocked": "magenta",
    "quarantined": "magenta", "waiting": "yellow", "running": "cyan", "accepted": "blue",
    "ok": "green", "skipped": "bright_black", "started": "cyan", "unknown": "magenta", "unusable": "red", "late": "yellow",
}  # fmt: skip

_ANSWERS = {"cache": "the cache", "last_good": "the last good result", DEGRADED: "a fixed value"}


def coloured(status: str) -> str:
    """Return a status in its colour."""
    return terminal.styled(status, fg=_COLOURS.get(status))


def note_dict(note: NoteView) -> dict[str, Any]:
    """Return a remark for programs."""
    return {
        "kind": note.kind, "code": note.code, "level": note.level or None,
        "text": terminal.shown(note.text, plain=True), "path": note.path,
        "attempt": note.attempt or None, "at": terminal.iso(note.at),
    }  # fmt: skip


def answered(step: StepView) -> str:
    """Say what a value is from that a step's task did not make."""
    who = _ANSWERS.get(step.answered_by, step.answered_by)
    made = "" if step.made_at is None else f", made {terminal.ago(step.made_at)}"
    return f"answered by {terminal.clean(who)}{made}"


def run_dict(reader: SqliteReader, row: RunRow, database: str | None = None) -> dict[str, Any]:
    """Return a run's row for programs."""
    view = RunView.of(row)
    parent = None if row.parent is None else reader.run_by_num(row.parent)
    return {
        "id": view.id, "workflow": view.workflow, "status": view.status,
        "created_at": terminal.iso(view.created_at), "ended_at": terminal.iso(view.ended_at),
        "deadline": terminal.iso(view.deadline),
        "parent": parent.id if parent else None, "incarnation": view.incarnation,
        "version": view.version, "error": error_dict(view.error),
        "waits": [wait.as_dict() for wait in waits_of(reader, row, database)],
    }  # fmt: skip


def spent_dict(spending: RunSpending) -> dict[str, Any]:
    """Return what a run has spent, for programs; money in nano-dollars."""
    return {
        name: {
            "nanos": one.nanos, "tokens": one.tokens, "calls": one.calls, "steps": one.steps,
            "open_nanos": one.open_nanos, "open_tokens": one.open_tokens,
        }
        for name, one in (("own", spending.own), ("tree", spending.tree))
    }  # fmt: skip
