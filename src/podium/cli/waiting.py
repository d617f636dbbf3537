"""What a run waits for, since when, what will unblock it, and what to type for that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from podium.cli.options import command
from podium.cli.terminal import as_json, clean, clock, cut, iso, shown_value
from podium.client.views import moment
from podium.engine.compensation import KIND, OPERATOR
from podium.journal.sqlite import SqliteReader
from podium.journal.store import HELD_STATUSES, AskRow, RunRow

FORM_CHARS = 300
_ANSWERS_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Wait:
    """One thing that a run waits for.

    Attributes:
        kind: ``signal ask unknown timer retry child send rate concurrency breaker lock budget``.
        what: What it is, for people.
        unblocked_by: What will let the run go on.
        commands: What to type for that, if anything.
        is_for_people: Whether nothing but a person or another run can move it.
    """

    kind: str
    path: str
    since: datetime
    what: str
    unblocked_by: str
    commands: tuple[str, ...] = ()
    is_for_people: bool = False
    due: datetime | None = None
    ask: AskRow | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "kind": self.kind, "path": self.path, "since": iso(self.since), "due": iso(self.due),
            "what": self.what, "unblocked_by": self.unblocked_by, "commands": list(self.commands),
        }  # fmt: skip


def waits_of(reader: SqliteReader, row: RunRow, database: str | None = None) -> list[Wait]:
    """Return what a run rests on, as its row tells; nothing if something is in flight."""
    if row.status != "waiting" or not row.waits:
        return []
    asks = {ask.path: ask for ask in reader.asks(row.num)}
    found = []
    for entry in msgspec.json.decode(row.waits):
        make = _KINDS.get(entry["kind"], _other)
        found.append(make(_Place(reader, row, database, asks), entry))
    return found


def together(waits: Iterable[Wait]) -> list[list[Wait]]:
    """Arrange waits for the same thing in one group, in the order they were first heard of."""
    groups: dict[str, list[Wait]] = {}
    for wait in waits:
        groups.setdefault(wait.what, []).append(wait)
    return list(groups.values())


def sum_of(group: list[Wait]) -> str:
    """Say what a group waits for, and how many steps do."""
    return group[0].what if len(group) == 1 else f"{len(group):,} steps wait: {group[0].what}"


def needs_people(reader: SqliteReader, row: RunRow) -> bool:
    """Whether only a signal, an answer or somebody's decision can move the run, and none is under way."""
    if row.status in HELD_STATUSES:
        return True
    waits = waits_of(reader, row)
    if not waits or (row.owner is not None and _has_mail(reader, row)):
        return False
    return all(wait.is_for_people for wait in waits)


def form_of(ask: AskRow) -> str:
    """Return the question of an ask in a line."""
    return cut(clean(as_json(shown_value(msgspec.json.decode(ask.form)))), FORM_CHARS)


def _has_mail(reader: SqliteReader, row: RunRow) -> bool:
    assert row.owner is not None
    return any(message.run == row.num for message in reader.inbox(row.owner))


@dataclass(frozen=True)
class _Place:
    """Where a wait is."""

    reader: SqliteReader
    row: RunRow
    database: str | None
    asks: dict[str, AskRow]

    def type(self, *words: str) -> str:
        """Return a command about this run."""
        return command("runs", *words, database=self.database)


def _signal(place: _Place, entry: dict[str, Any]) -> Wait:
    name = entry["name"]
    return Wait(
        kind="signal", path=entry["path"], since=moment(entry["since"]), is_for_people=True,
        what=f"the signal {clean(name)!r}", unblocked_by="whoever sends that signal",
        commands=(place.type("signal", place.row.id, name, "VALUE"),),
    )  # fmt: skip


def _ask(place: _Place, entry: dict[str, Any]) -> Wait:
    ask = place.asks.get(entry["path"])
    to = clean(ask.to) if ask is not None else "anyone"
    if ask is not None and (step := _not_undone(ask)) is not None:
        return _compensation(place, entry, ask, step)
    due = moment(ask.deadline) if ask is not None and ask.deadline is not None else None
    commands = () if ask is None else _answers(place, ask)
    return Wait(
        kind="ask", path=entry["path"], since=moment(entry["since"]), is_for_people=due is None,
        what=f"an answer of {to}" + (f" until {clock(due)}" if due else ""),
        unblocked_by=f"an answer of {to}", commands=commands, due=due, ask=ask,
    )  # fmt: skip


def _answers(place: _Place, ask: AskRow) -> tuple[str, ...]:
    """Return a command for each answer that the question itself names; else one to be filled in."""
    form = msgspec.json.decode(ask.form)
    named = form.get("answer") if isinstance(form, dict) else None
    if not isinstance(named, list) or not 0 < len(named) <= _ANSWERS_SHOWN:
        return (place.type("answer", place.row.id, ask.id, "VALUE"),)
    said = [msgspec.json.encode(one).decode() for one in named]
    return tuple(place.type("answer", place.row.id, ask.id, clean(one)) for one in said)


def _not_undone(ask: AskRow) -> str | None:
    """Return the step that could not be undone, where that is what is asked about."""
    form = msgspec.json.decode(ask.form)
    is_ours = isinstance(form, dict) and ask.to == OPERATOR and form.get("kind") == KIND
    return str(form.get("step")) if is_ours else None


def _compensation(place: _Place, entry: dict[str, Any], ask: AskRow, step: str) -> Wait:
    answers = ('{"retry": true}', '{"skip": true, "reason": "…"}')
    return Wait(
        kind="ask", path=entry["path"], since=moment(entry["since"]), is_for_people=True,
        what=f"an operator to say what becomes of {clean(step)}, which could not be undone",
        unblocked_by="your answer: try again, or leave it as it is and say why", ask=ask,
        commands=tuple(place.type("answer", place.row.id, ask.id, one) for one in answers),
    )  # fmt: skip


def _unknown(place: _Place, entry: dict[str, Any]) -> Wait:
    ask = place.asks.get(entry["path"])
    commands: tuple[str, ...] = ()
    if ask is not None:
        answers = ('{"happened": true, "result": …}', '{"happened": false}')
        commands = tuple(place.type("answer", place.row.id, ask.id, one) for one in answers)
    return Wait(
        kind="unknown", path=entry["path"], since=moment(entry["since"]), is_for_people=True,
        what=f"somebody to say whether {entry['path']} happened (it must not be repeated)",
        unblocked_by="your answer, after a look at the system it touches",
        commands=commands, ask=ask,
    )  # fmt: skip


def _timer(_place: _Place, entry: dict[str, Any]) -> Wait:
    due = moment(entry["due"])
    return Wait(
        kind="timer", path=entry["path"], since=moment(entry["since"]), due=due,
        what=f"a timer until {clock(due)}", unblocked_by="time",
    )  # fmt: skip


def _retry(_place: _Place, entry: dict[str, Any]) -> Wait:
    due = moment(entry["due"]) if "due" in entry else None
    return Wait(
        kind="retry", path=entry["path"], since=moment(entry["since"]), due=due,
        what=f"try {entry['attempt']} of {entry['path']}" + (f" at {clock(due)}" if due else ""),
        unblocked_by="time",
    )  # fmt: skip


def _child(place: _Place, entry: dict[str, Any]) -> Wait:
    child = place.reader.run(entry["run"])
    status = "not there yet" if child is None else child.status
    return Wait(
        kind="child", path=entry["path"], since=moment(entry["since"]),
        is_for_people=child is not None and needs_people(place.reader, child),
        what=f"the child run {entry['run']} ({status})", unblocked_by="the end of that run",
        commands=(place.type("show", entry["run"]),),
    )  # fmt: skip


def _shared(place: _Place, entry: dict[str, Any]) -> Wait:
    """A limit or a breaker: the text says which, and why."""
    due = moment(entry["until"]) if "until" in entry else None
    commands: tuple[str, ...] = ()
    unblocked_by = "time" if due else "a call that ends"
    if entry["kind"] == "breaker":
        commands = (command("breakers", "show", entry["name"], database=place.database),)
        unblocked_by = "the service, when it works again"
    return Wait(
        kind=entry["kind"], path=entry["path"], since=moment(entry["since"]), due=due,
        what=f"{clean(entry['text'])}" + (f" (until {clock(due)})" if due else ""),
        unblocked_by=unblocked_by, commands=commands,
    )  # fmt: skip


def _budget(place: _Place, entry: dict[str, Any]) -> Wait:
    """A budget: a person may raise it, in the run that asks or by its name."""
    due = moment(entry["until"]) if "until" in entry else None
    ask = place.asks.get(entry["path"])
    commands = [command("budgets", "show", entry["name"], database=place.database)]
    unblocked_by = "time" if due else "a raise, or calls in flight that cost less than they may"
    if ask is not None:
        form = msgspec.json.decode(ask.form)
        answer = msgspec.json.encode(form["answer"]).decode()
        commands = [
            place.type("answer", place.row.id, ask.id, one) for one in (answer, '{"refuse": true}')
        ]
        unblocked_by = "your answer: the new limit, or a refusal"
    return Wait(
        kind="budget", path=entry["path"], since=moment(entry["since"]), due=due, ask=ask,
        what=clean(entry["text"]) + (f" (until {clock(due)})" if due else ""),
        unblocked_by=unblocked_by, commands=tuple(commands), is_for_people=ask is not None,
    )  # fmt: skip


def _lock(place: _Place, entry: dict[str, Any]) -> Wait:
    text = clean(entry["text"])
    return Wait(
        kind="lock", path=entry["path"], since=moment(entry["since"]),
        what=f"the lock {clean(entry['name'])!r}" + (f": {text}" if text else ""),
        unblocked_by="the run that has it",
        commands=(command("locks", "list", database=place.database),),
    )  # fmt: skip


def _other(_place: _Place, entry: dict[str, Any]) -> Wait:
    return Wait(
        kind=entry["kind"], path=entry["path"], since=moment(entry["since"]),
        what=f"{entry['kind']} at {entry['path']}", unblocked_by="the worker, in a moment",
    )  # fmt: skip


_KINDS = {
    "signal": _signal,
    "ask": _ask,
    "unknown": _unknown,
    "timer": _timer,
    "retry": _retry,
    "child": _child,
    "rate": _shared,
    "concurrency": _shared,
    "breaker": _shared,
    "lock": _lock,
    "budget": _budget,
}
