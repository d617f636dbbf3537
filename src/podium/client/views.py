"""What handles show: runs, steps, asks, as plain frozen values with aware UTC times."""

from __future__ import annotations

import re

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from podium.core.errors import ErrorInfo
from podium.core.notes import WARNING
from podium.journal.records import (
    LOCK,
    RECALL,
    SEND,
    Kind,
    Status,
    decode_beat,
    decode_failed_attempt,
    decode_note,
    decode_result,
    decode_started,
    decode_value,
)
from podium.journal.store import AskRow, RecordRow, RunRow


@dataclass(frozen=True, slots=True)
class NoteView:
    """Something that was said about a run, or in the body of a task.

    Attributes:
        kind: ``warning`` (``podium.warn``, or Podium's own), ``log`` (``logging`` or ``warnings``
            in a body), ``drift``, ``late``.
        code: Of a warning; of a line of a log, the name of its logger.
        text: What was said.
        path: The step, or where the workflow said it.
        at: When it was recorded; for what an attempt said, when the attempt ended.
        level: Of a line of a log, such as ``WARNING``.
        attempt: Which try of the step said it; 0 for a remark on the run.
    """

    kind: str
    code: str
    text: str
    path: str
    at: datetime
    level: str = ""
    attempt: int = 0


@dataclass(slots=True)
class StepView:
    """One step of a run.

    Attributes:
        path: Its name by place.
        task: The task (or ``timer signal ask child send lock last_good``).
        effect: What repeating it would do; empty for what is no task.
        status: ``started succeeded failed cancelled unknown unusable late``.
        attempts: How many tries have begun.
        started_at: When the first try began.
        ended_at: When the outcome was recorded.
        error: What went wrong, last.
        arguments: Envelope of the arguments, if recorded.
        result: Envelope of the result, if any.
        next_at: When the next try is due.
        notes: What its attempts have said.
        answered_by: What the value is from, where the task did not make it: ``cache``; of a step
            that failed, ``last_good``, ``degraded`` or the task of the last fallback that succeeded.
        made_at: When the value was made, where it is from the cache or the last good one.
        heartbeat: How far its newest attempt to say so was, as it said itself.
        heartbeat_at: When that was recorded.
    """

    path: str
    task: str
    effect: str = ""
    status: str = Status.STARTED
    attempts: int = 1
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: ErrorInfo | None = None
    arguments: bytes = field(default=b"", repr=False)
    result: bytes = field(default=b"", repr=False)
    next_at: datetime | None = None
    key: str = ""
    notes: list[NoteView] = field(default_factory=list)
    answered_by: str = ""
    made_at: datetime | None = None
    heartbeat: Any = None
    heartbeat_at: datetime | None = None

    @property
    def duration_s(self) -> float | None:
        """How long it took, in seconds."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class AskView:
    """An open question to a person."""

    id: str
    path: str
    form: Any
    to: str
    asked_at: datetime
    deadline: datetime | None
    run_id: str = ""

    @classmethod
    def of(cls, row: AskRow, run_id: str) -> AskView:
        """Build it from a row."""
        return cls(
            row.id, row.path, msgspec.json.decode(row.form), row.to, moment(row.at),
            None if row.deadline is None else moment(row.deadline), run_id,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunView:
    """A run, as far as its row tells.

    Attributes:
        status: ``accepted running waiting blocked paused succeeded failed cancelled quarantined``.
        waits: What it waits for, each with ``kind``, ``path`` and ``since`` (µs).
        error: Why it failed or was set aside.
        deadline: When its time is over, if it was given one.
    """

    id: str
    workflow: str
    status: str
    created_at: datetime
    ended_at: datetime | None
    waits: list[dict[str, Any]]
    error: ErrorInfo | None
    parent: int | None
    incarnation: int
    version: str
    owner: int | None
    deadline: datetime | None = None

    @classmethod
    def of(cls, row: RunRow) -> RunView:
        """Build it from a row."""
        return cls(
            row.id, row.workflow, row.status, moment(row.created_at),
            None if row.ended_at is None else moment(row.ended_at),
            msgspec.json.decode(row.waits) if row.waits else [],
            msgspec.json.decode(row.error, type=ErrorInfo) if row.error else None,
            row.parent, row.incarnation, row.version, row.owner,
            None if row.deadline is None else moment(row.deadline),
        )  # fmt: skip


def moment(at_us: int) -> datetime:
    """Return a recorded time."""
    return datetime.fromtimestamp(at_us / 1e6, UTC)


def steps_of(rows: list[RecordRow]) -> list[StepView]:
    """Arrange a run's records by step, in the order the steps were first heard of."""
    steps: dict[str, StepView] = {}
    for row in rows:
        read_record(steps, row)
    return list(steps.values())


def notes_of(rows: list[RecordRow]) -> list[NoteView]:
    """Return what was said about a run and by its attempts, in the order it was recorded."""
    found: list[NoteView] = []
    attempts: dict[str, int] = {}
    for row in rows:
        kind = _NOTES.get(Kind(row.kind))
        if kind is not None:
            note = decode_note(row.body)
            found.append(NoteView(kind, note.code, note.text, row.path, moment(row.at)))
        if row.kind == Kind.STARTED:
            attempts[row.path] = decode_started(row.body).n
        found += _said(row, attempts.get(row.path, 1))
    return found


def _said(row: RecordRow, attempt: int) -> list[NoteView]:
    """Return what an attempt has said, as far as a record tells."""
    decode = _SAYING.get(row.kind)
    if decode is None:
        return []
    record = decode(row.body)
    number = getattr(record, "n", 0) or attempt
    return [
        NoteView("warning", line.c, line.t, row.path, moment(row.at), "", number)
        if line.l == WARNING
        else NoteView("log", line.c, line.t, row.path, moment(row.at), line.l, number)
        for line in record.w
    ]


def read_record(steps: dict[str, StepView], row: RecordRow) -> None:
    """Bring steps by path up to date with the next record of their run."""
    reader = _READERS.get(row.kind)
    if reader is not None:
        reader(steps, row)
    step = steps.get(row.path)
    if step is not None:
        step.notes += _said(row, step.attempts)


def _step(steps: dict[str, StepView], path: str, task: str) -> StepView:
    found = steps.get(path)
    if found is None:
        found = steps[path] = StepView(path, task)
    return found


def _started(steps: dict[str, StepView], row: RecordRow) -> None:
    record = decode_started(row.body)
    step = _step(steps, row.path, record.k)
    step.effect, step.attempts, step.status = record.e, record.n, Status.STARTED
    step.started_at = step.started_at or moment(row.at)
    step.arguments = step.arguments or bytes(record.a)
    step.key, step.next_at = record.key, None


def _failed(steps: dict[str, StepView], row: RecordRow) -> None:
    record = decode_failed_attempt(row.body)
    step = _step(steps, row.path, record.k)
    step.effect, step.attempts, step.error = record.e, record.n, record.x
    step.started_at = step.started_at or moment(record.s)
    step.next_at = moment(record.next_at)


def _result(steps: dict[str, StepView], row: RecordRow) -> None:
    record = decode_result(row.body)
    step = _step(steps, row.path, _OWN.get(record.k, record.k))
    step.effect = step.effect or record.e
    step.attempts = max(record.n, 1)
    step.started_at = step.started_at or moment(row.at - record.d)
    step.ended_at, step.error, step.next_at = moment(row.at), record.x, None
    step.status = record.st if record.x is None or record.st != Status.SUCCEEDED else Status.FAILED
    step.arguments = step.arguments or bytes(record.a)
    step.result = bytes(record.v)
    step.answered_by, step.made_at = record.by, moment(record.o) if record.o else None
    if record.k == RECALL:
        _recalled(step)
    if step.status == Status.SUCCEEDED:
        _stands_in(steps, step.path, step.task, step.made_at)


def _recalled(step: StepView) -> None:
    """Tell a recall that has found nothing from one that has."""
    if step.made_at is None:
        text = "no result of the same call is kept that is young enough"
        step.status = Status.FAILED
        step.error = ErrorInfo("NoLastGood", text, "no-last-good", path=step.path)


def _stands_in(steps: dict[str, StepView], path: str, by: str, made_at: datetime | None) -> None:
    """Note at the step that failed, and at those it stands in for itself, what answered in its place."""
    while (found := _FALLBACK.fullmatch(path)) is not None:
        path = found[1]
        step = steps.get(path)
        if step is not None and step.status == Status.FAILED:
            step.answered_by, step.made_at = by, made_at


def _warned(steps: dict[str, StepView], row: RecordRow) -> None:
    if decode_note(row.body).code == DEGRADED:
        _stands_in(steps, row.path, DEGRADED, None)


def _unknown(steps: dict[str, StepView], row: RecordRow) -> None:
    step = _step(steps, row.path, "")
    note = decode_note(row.body)
    step.status = Status.UNKNOWN
    step.error = ErrorInfo(type="OutcomeUnknown", message=note.text, code=note.code, path=row.path)


def _beat(steps: dict[str, StepView], row: RecordRow) -> None:
    step = _step(steps, row.path, "")
    step.heartbeat = msgspec.json.decode(decode_beat(row.body).v)
    step.heartbeat_at = moment(row.at)


def _timer(steps: dict[str, StepView], row: RecordRow) -> None:
    step = _step(steps, row.path, "timer")
    step.status, step.started_at, step.ended_at = Status.SUCCEEDED, moment(row.at), moment(row.at)


def _signal(steps: dict[str, StepView], row: RecordRow) -> None:
    step = _step(steps, f"signal:{row.path}@{row.seq}", "signal")
    step.status, step.started_at, step.ended_at = Status.SUCCEEDED, moment(row.at), moment(row.at)
    step.result = bytes(decode_value(row.body).v)


def _begun(task: str, steps: dict[str, StepView], row: RecordRow) -> None:
    step = _step(steps, row.path, task)
    step.started_at = moment(row.at)


def _ended(task: str, steps: dict[str, StepView], row: RecordRow) -> None:
    record = decode_value(row.body)
    step = _step(steps, row.path, task)
    step.started_at = step.started_at or moment(row.at)
    step.ended_at, step.error, step.result = moment(row.at), record.x, bytes(record.v)
    step.status = Status.SUCCEEDED if record.x is None else Status.FAILED


DEGRADED = "degraded"
_OWN = {LOCK: "lock", RECALL: "last_good", SEND: "send"}
_FALLBACK = re.compile(r"(.+)/fallback\[\d+\]")
_NOTES = {Kind.WARNING: "warning", Kind.DRIFT: "drift", Kind.LATE: "late"}
_SAYING: dict[int, Any] = {
    Kind.FAILED_ATTEMPT: decode_failed_attempt,
    Kind.RESULT: decode_result,
    Kind.UNKNOWN: decode_note,
    Kind.LATE: decode_note,
}
_READERS: dict[int, Any] = {
    Kind.STARTED: _started,
    Kind.FAILED_ATTEMPT: _failed,
    Kind.RESULT: _result,
    Kind.UNKNOWN: _unknown,
    Kind.WARNING: _warned,
    Kind.HEARTBEAT: _beat,
    Kind.TIMER: _timer,
    Kind.SIGNAL: _signal,
    Kind.ASKED: lambda steps, row: _begun("ask", steps, row),
    Kind.ANSWER: lambda steps, row: _ended("ask", steps, row),
    Kind.CHILD_STARTED: lambda steps, row: _begun("child", steps, row),
    Kind.CHILD: lambda steps, row: _ended("child", steps, row),
}
