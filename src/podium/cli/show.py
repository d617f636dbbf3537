"""``podium runs show``: one run, for a person who wants to know what to do next."""

from __future__ import annotations

import sys
import textwrap

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from podium.cli import terminal
from podium.cli.failure import deepest_traceback, error_line, error_lines
from podium.cli.folding import NodeState, folded
from podium.cli.modules import make_importable
from podium.cli.options import command
from podium.cli.rows import answered, coloured, note_dict, run_dict, spent_dict
from podium.cli.terminal import shown, shown_value
from podium.cli.waiting import Wait, form_of, sum_of, together, waits_of
from podium.cli.workers import Worker, workers
from podium.client.app import Podium
from podium.client.spending import RunSpending, Spending
from podium.client.views import NoteView, RunView, StepView, notes_of, steps_of
from podium.core.budgets import dollars
from podium.journal.records import Status
from podium.journal.sqlite import SqliteReader
from podium.journal.store import HELD_STATUSES, RunRow

VALUE_CHARS = 2_000
MOST = 8
"""Lines of one kind that are shown before the rest is only counted."""
_LABEL = 11
_WHOLE = ("next", "input", "output", "published", "asked", "steps", "children")
NOTE_CHARS = 500


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """Everything that is known about a run, read once."""

    reader: SqliteReader
    database: str | None
    row: RunRow
    view: RunView
    waits: list[Wait]
    steps: list[StepView]
    notes: list[NoteView]
    input: Any
    output: Any
    published: dict[str, Any]
    owner: Worker | None
    others: list[Worker]
    children: list[RunRow]
    nodes: list[tuple[str, NodeState]]
    spending: RunSpending

    @classmethod
    async def of(cls, app: Podium, run_id: str, database: str | None) -> Portrait:
        """Read a run.

        Raises:
            RunNotFound: There is none.
        """
        handle = await app.get(run_id)
        row, reader = app.desk.row(run_id), app.desk.reader
        records = handle.records()
        registered = workers(reader)
        return cls(
            reader=reader, database=database, row=row, view=RunView.of(row),
            waits=waits_of(reader, row, database), steps=steps_of(records), notes=notes_of(records),
            input=await handle.input(),
            output=None if row.output is None else handle.value(row.output),
            published=await handle.published(),
            owner=next((one for one in registered if one.row.id == row.owner), None),
            others=[one for one in registered if one.row.id != row.owner and one.state == "alive"],
            children=reader.children(row.num), nodes=await _nodes_of(reader, row),
            spending=await handle.spent(),
        )  # fmt: skip

    # for programs -----------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            **run_dict(self.reader, self.row, self.database),
            "input": shown_value(self.input), "output": shown_value(self.output),
            "published": shown_value(self.published),
            "doing": self.doing(), "next": list(self.next_commands()),
            "worker": None if self.owner is None else self.owner.as_dict(),
            "spent": spent_dict(self.spending),
            "steps": dict(Counter(step.status for step in self.steps)),
            "nodes": [
                {"path": path, "kind": node.kind, "status": node.status, "progress": node.tally or None,
                 "reason": node.reason or None}
                for path, node in self.nodes
            ],
            "children": [{"id": one.id, "workflow": one.workflow, "status": one.status} for one in self.children],
            "notes": [note_dict(note) for note in self.notes],
        }  # fmt: skip

    # for people -------------------------------------------------------------------------

    def show(self, *, traceback: bool = False) -> None:
        """Write it to standard output."""
        view = self.view
        terminal.out(
            f"{terminal.styled(terminal.clean(view.id), bold=True)}  {terminal.styled(view.workflow, dim=True)}"
        )
        for label, lines in self._parts():
            for number, line in enumerate(_wrapped(label, lines)):
                head = terminal.styled(f"{'' if number else label:<{_LABEL}}", dim=True)
                terminal.out(f"  {head}{line}")
        text = deepest_traceback(view.error) if view.error is not None and traceback else None
        if text:
            terminal.out(f"\n{shown(text, lines=True).rstrip()}")

    def _parts(self) -> Iterator[tuple[str, list[str]]]:
        yield "status", [self._status()]
        yield "doing", [self.doing()]
        yield "tried" if self.waits else "in flight", _at_most(list(self._in_flight()))
        yield "waits for", _at_most([_wait_line(group) for group in together(self.waits)])
        yield "unblocked", _at_most(self._unblocked())
        yield "asked", _at_most([form_of(wait.ask) for wait in self.waits if wait.ask is not None])
        yield "error", list(error_lines(self.view.error)) if self.view.error is not None else []
        yield "worker", [self._worker()] if self.view.ended_at is None else []
        yield "began", [self._began()]
        yield "time-out", self._time_out()
        yield "nodes", list(self._node_lines())
        yield "steps", [self._step_counts()]
        yield "spent", self._spent()
        yield "cached", _at_most(list(_cached_lines(self.steps)))
        yield (
            "failed",
            _at_most([_failed_line(step) for step in self.steps if step.status == Status.FAILED]),
        )
        yield (
            "children",
            _at_most(
                [f"{terminal.clean(one.id)}  {coloured(one.status)}" for one in self.children]
            ),
        )
        yield "notes", _at_most([_note_line(note) for note in self.notes])
        yield (
            "published",
            _at_most(
                [f"{key} = {_value(value)}" for key, value in shown_value(self.published).items()]
            ),
        )
        yield "input", [_value(self.input)]
        yield "output", [_value(self.output)] if self.view.status == "succeeded" else []
        yield "next", [self._hinted(line) for line in self.next_commands()]

    def _status(self) -> str:
        view = self.view
        if view.ended_at is not None:
            took = terminal.took((view.ended_at - view.created_at).total_seconds())
            return f"{coloured(view.status)} {terminal.ago(view.ended_at)}, after {took}"
        return coloured(view.status)

    def doing(self) -> str:
        """Say in a sentence what the run does."""
        status, owner = self.view.status, self.owner
        if status in ("succeeded", "failed", "cancelled"):
            return "nothing more: it has ended"
        if status in HELD_STATUSES:
            return "nothing; it was set aside, and nothing of it is lost"
        if owner is not None and owner.state == "gone":
            return "nothing: its worker has died; the next worker goes on where it was"
        if owner is not None and owner.state == "frozen":
            return "nothing: its worker is frozen; any other worker takes over after 10 s"
        if status == "waiting":
            return "it waits" if owner is not None else "it waits; no worker has it just now"
        if owner is None:
            return (
                "nothing yet: no worker has taken it"
                if status == "accepted"
                else "nothing: no worker has it just now"
            )
        return "it runs"

    def _in_flight(self) -> Iterator[str]:
        if self.view.ended_at is not None:
            return
        for step in self.steps:
            if step.status != Status.STARTED or step.task in ("ask", "child"):
                continue
            since = "" if step.started_at is None else f", since {_since(step.started_at)}"
            tries = f", try {step.attempts}" if step.attempts > 1 else ""
            due = "" if step.next_at is None else f", next try at {terminal.clock(step.next_at)}"
            error = "" if step.error is None else f": {error_line(step.error)}"
            yield f"{terminal.clean(step.path)} ({step.effect}{tries}{since}{due}){error}{_heard(step)}"

    def _unblocked(self) -> list[str]:
        if self.view.status in HELD_STATUSES:
            return ["by you: mend the cause, then resume it"]
        is_idle = self.owner is None or self.owner.state != "alive"
        once = ", once a worker is alive" if is_idle else ""
        return list(dict.fromkeys(f"by {wait.unblocked_by}{once}" for wait in self.waits))

    def _worker(self) -> str:
        if self.owner is not None:
            return str(self.owner)
        return (
            f"none; {len(self.others)} alive on this database"
            if self.others
            else "none, and none is alive on this database"
        )

    def _began(self) -> str:
        text = _since(self.view.created_at)
        return (
            text
            if not self.view.incarnation
            else f"{text}, incarnation {self.view.incarnation + 1}"
        )

    def _time_out(self) -> list[str]:
        deadline = self.view.deadline
        if deadline is None or self.view.ended_at is not None:
            return []
        limit = terminal.took((deadline - self.view.created_at).total_seconds())
        return [f"{_since(deadline)}, {limit} after it was accepted"]

    def _step_counts(self) -> str:
        counts = Counter(step.status for step in self.steps)
        return (
            ", ".join(f"{count:,} {coloured(status)}" for status, count in counts.items())
            or "none yet"
        )

    def _spent(self) -> list[str]:
        """Say what the run has spent, and what its children have with it."""
        own, tree = self.spending.own, self.spending.tree
        lines = [_amount(own)] if own.is_any else []
        if tree != own and tree.is_any:
            lines.append(f"{_amount(tree)}, its children included")
        return lines

    def _node_lines(self) -> Iterator[str]:
        """Count the nodes of a document, and name those that are under way or did not go as usual."""
        if not self.nodes:
            return
        counts = Counter(node.status for _, node in self.nodes)
        yield ", ".join(f"{count:,} {coloured(status)}" for status, count in counts.items())
        named = [one for one in self.nodes if one[1].status not in ("ok", "waiting")]
        yield from _at_most([_node_line(path, node) for path, node in named])

    # what to type -----------------------------------------------------------------------

    def next_commands(self) -> Iterator[str]:
        """Return what to type next."""
        if self.view.status in HELD_STATUSES:
            yield self._type("resume")
            yield self._type("cancel")
        yield from dict.fromkeys(word for wait in self.waits[:MOST] for word in wait.commands)
        is_open = self.view.ended_at is None and self.view.status not in HELD_STATUSES
        if is_open and (self.owner is None or self.owner.state != "alive"):
            modules = () if self.row.document is not None else ("MODULE",)
            yield command("worker", *modules, database=self.database)
        elif is_open and not self.waits:
            yield self._type("show")
        if self.view.status == "failed":
            yield self._type("show", "--traceback")
        if not is_open:
            yield self._type("steps")
        if self.row.document is not None:
            yield self._type("graph")

    def _hinted(self, line: str) -> str:
        hint = f"  # the module of workflow {self.view.workflow!r}" if " MODULE" in line else ""
        return line + terminal.styled(hint, dim=True)

    def _type(self, word: str, *more: str) -> str:
        return command("runs", word, self.view.id, *more, database=self.database)


async def _nodes_of(reader: SqliteReader, row: RunRow) -> list[tuple[str, NodeState]]:
    """Return how the nodes of a document stand; nothing where its tasks are not here."""
    if row.document is None:
        return []
    from podium.cli.flow_progress import progress_of

    make_importable()
    progress = progress_of(reader, row)
    if progress is None:
        return []
    try:
        return await progress.look(row)
    finally:
        await progress.close()


def _amount(spent: Spending) -> str:
    parts = [dollars(spent.nanos)]
    parts += [f"{spent.tokens:,} tokens"] if spent.tokens else []
    parts.append(f"{spent.calls:,} call{'' if spent.calls == 1 else 's'}")
    if spent.open_nanos:
        parts.append(f"at most {dollars(spent.open_nanos)} more by calls in flight")
    return ", ".join(parts)


def _node_line(path: str, node: NodeState) -> str:
    tally = f", {node.tally}" if node.tally else ""
    remark = f": {' '.join(shown(node.remark, lines=True).split())}" if node.remark else ""
    return f"{terminal.clean(path)} {coloured(node.status)}{tally}{remark}"


def _wrapped(label: str, lines: list[str]) -> Iterator[str]:
    """Break long sentences for a terminal; what is copied (commands, values, names) stays whole."""
    room = terminal.width() - _LABEL - 2
    for line in lines:
        if (
            label in _WHOLE
            or terminal.columns(line) <= room
            or not terminal.is_terminal(sys.stdout)
        ):
            yield line
        else:
            yield from textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False)


def _at_most(lines: list[str]) -> list[str]:
    if len(lines) <= MOST:
        return lines
    return [*lines[:MOST], terminal.styled(f"… and {len(lines) - MOST:,} more", dim=True)]


def _wait_line(group: list[Wait]) -> str:
    first = min(group, key=lambda wait: wait.since)
    place = terminal.clean(first.path)
    if len(group) > 1:
        place = f"{place} and {len(group) - 1:,} more"
    return f"{sum_of(group)}, since {_since(first.since)}, at {place}"


def _cached_lines(steps: list[StepView]) -> Iterator[str]:
    """Say which steps the cache has answered; those whose paths differ only by number in one line."""
    groups: dict[str, list[StepView]] = {}
    for step in steps:
        if step.answered_by and step.status == Status.SUCCEEDED:
            groups.setdefault(folded(step.path), []).append(step)
    for name, group in groups.items():
        oldest = min(group, key=lambda step: step.made_at or datetime.max.replace(tzinfo=UTC))
        one = f"{terminal.clean(oldest.path)} {answered(oldest)}"
        many = f"{len(group):,} steps {terminal.clean(name)}, the oldest {answered(oldest)}"
        yield one if len(group) == 1 else many


def _heard(step: StepView) -> str:
    """Say what the body of a step has said of itself, and when."""
    if step.heartbeat_at is None:
        return ""
    text = terminal.cut(terminal.clean(terminal.as_json(terminal.shown_value(step.heartbeat))), 200)
    return f"; said {terminal.ago(step.heartbeat_at)}: {text}"


def _failed_line(step: StepView) -> str:
    error = "" if step.error is None else f": {error_line(step.error)}"
    tries = f" after {step.attempts} tries" if step.attempts > 1 else ""
    instead = f"; {answered(step)}" if step.answered_by else ""
    return f"{terminal.clean(step.path)}{tries}{error}{instead}"


def _note_line(note: NoteView) -> str:
    place = "" if note.path in ("", note.code) else f" at {terminal.clean(note.path)}"
    who = f" try {note.attempt}" if note.attempt > 1 else ""
    word = f"{note.kind} {note.level}" if note.level else note.kind
    text = terminal.cut(shown(note.text), NOTE_CHARS)
    return f"{word} {terminal.clean(note.code)}{place}{who}: {text}"


def _since(when: datetime) -> str:
    return f"{terminal.clock(when)} ({terminal.ago(when)})"


def _value(value: Any) -> str:
    text = terminal.clean(terminal.as_json(shown_value(value)))
    if len(text) <= VALUE_CHARS:
        return text
    return f"{text[:VALUE_CHARS]}… ({len(text):,} characters; --json shows all)"
