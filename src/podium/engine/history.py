"""What is recorded of a run, arranged for replay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from podium.core.errors import ErrorInfo
from podium.journal.records import (
    LOST,
    FailedAttempt,
    Kind,
    Result,
    Started,
    decode_beat,
    decode_failed_attempt,
    decode_note,
    decode_result,
    decode_started,
    decode_value,
)
from podium.journal.store import RecordRow


class Fact(NamedTuple):
    """One fact, as it is delivered to the program."""

    kind: int
    path: str
    at: int
    body: bytes


@dataclass(slots=True)
class Known:
    """What the journal knows of one path."""

    task: str = ""
    fingerprint: str = ""
    effect: str = ""
    attempts: int = 0
    """How many attempts have begun."""
    beat: bytes | None = None
    """What an attempt has said last about how far it is, as JSON."""
    failed: list[ErrorInfo] = field(default_factory=list)
    """Those of them that ended in failure."""
    first_at: int = 0
    next_at: int = 0
    """When the next attempt is due, if one was decided."""
    is_open: bool = False
    """An attempt that changes the world has begun and has no end."""
    is_unknown: bool = False
    is_closed: bool = False
    is_foreign: bool = False
    """It was recorded by other code than the last part."""
    error: ErrorInfo | None = None


@dataclass(slots=True)
class History:
    """A run's journal since its current incarnation began."""

    facts: list[Fact] = field(default_factory=list)
    steps: dict[str, Known] = field(default_factory=dict)
    noted: set[tuple[int, str]] = field(default_factory=set)
    """(kind, path) of notes that a program must not make twice."""
    env: dict[str, bytes] = field(default_factory=dict)
    patches: set[str] = field(default_factory=set)
    asks: dict[str, str] = field(default_factory=dict)
    """Path → ask id."""
    children: dict[str, str] = field(default_factory=dict)
    """Path → run id."""
    compensations: list[tuple[str, str]] = field(default_factory=list)
    code: str = ""
    """Version of the code that recorded the last part."""
    foreign_facts: int = 0
    """How many facts other code has recorded before that."""
    records: int = 0
    last_at: int = 0
    began_at: int = 0
    """When this incarnation began; 0 for the first."""

    @classmethod
    def of(cls, rows: Iterable[RecordRow], code: str) -> History:
        """Arrange committed records; ``code`` is the version recorded with the run."""
        history = cls(code=code)
        history.take(rows)
        return history

    def take(self, rows: Iterable[RecordRow]) -> None:
        """Add the records that follow."""
        for row in rows:
            self.records += 1
            self.last_at = max(self.last_at, row.at)
            if row.kind < Kind.STARTED:
                self.facts.append(Fact(row.kind, row.path, row.at, row.body))
            self._note(row)

    def _note(self, row: RecordRow) -> None:
        kind, path = row.kind, row.path
        if kind == Kind.RESULT:
            self._on_result(path, decode_result(row.body))
        elif kind == Kind.STARTED:
            self._on_started(path, row.at, decode_started(row.body))
        elif kind == Kind.FAILED_ATTEMPT:
            self._on_failed(path, decode_failed_attempt(row.body))
        elif kind in (Kind.UNKNOWN, Kind.HEARTBEAT):
            self._on_word(self._step(path), row)
        elif kind == Kind.ENV:
            self.env[path] = row.body
        elif kind == Kind.PATCHED:
            self.patches.add(path)
        elif kind in (Kind.ASKED, Kind.ANSWERED):
            self._on_question(row)
        elif kind == Kind.CHILD_STARTED:
            self.children[path] = decode_value(row.body).name
        elif kind == Kind.RESTARTED:
            self.began_at = row.at
        elif kind == Kind.CODE:
            self._on_code(decode_note(row.body).code)
        elif kind >= Kind.STARTED:
            self.noted.add((kind, path))

    def _on_word(self, known: Known, row: RecordRow) -> None:
        if row.kind == Kind.UNKNOWN:
            known.is_unknown = True
        else:
            known.beat = bytes(decode_beat(row.body).v)

    def _on_question(self, row: RecordRow) -> None:
        if row.kind == Kind.ASKED:
            self.asks[row.path] = decode_value(row.body).name
        else:
            self.asks.pop(row.path, None)

    def _on_code(self, code: str) -> None:
        """From here on other code recorded."""
        self.code, self.foreign_facts = code, len(self.facts)
        for known in self.steps.values():
            known.is_foreign = True

    def _step(self, path: str) -> Known:
        known = self.steps.get(path)
        if known is None:
            known = self.steps[path] = Known()
        return known

    def _on_result(self, path: str, result: Result) -> None:
        known = self._step(path)
        if result.k:
            known.task, known.effect, known.fingerprint = result.k, result.e, result.f
        known.attempts = max(known.attempts, result.n)
        known.is_open, known.is_closed, known.error = False, True, result.x
        self.asks.pop(path, None)  # what was asked about it is answered

    def _on_started(self, path: str, at: int, started: Started) -> None:
        known = self._step(path)
        known.task, known.effect, known.fingerprint = started.k, started.e, started.f
        known.attempts, known.next_at = started.n, 0
        known.is_unknown = False
        self.asks.pop(path, None)  # what was asked about an earlier attempt is answered
        known.first_at = known.first_at or at
        known.is_open = started.e in ("write", "transaction", "once")

    def _on_failed(self, path: str, failed: FailedAttempt) -> None:
        known = self._step(path)
        known.task, known.effect, known.fingerprint = failed.k, failed.e, failed.f
        known.attempts = max(known.attempts, failed.n)
        if failed.x.type != LOST:
            known.failed.append(failed.x)
        known.first_at = known.first_at or failed.s
        known.next_at, known.is_open, known.error = failed.next_at, False, failed.x
