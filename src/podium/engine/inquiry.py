"""The part of a step that finds out what became of a ``once`` whose outcome is not known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec

from podium.core.codec import decode_any
from podium.core.errors import ErrorInfo, NotDone, PodiumError, ValueNotPortable
from podium.core.ports import Attempt, Executing
from podium.core.spec import TaskSpec
from podium.engine.commands import Wait
from podium.engine.compensation import OPERATOR
from podium.engine.leaving import failure_of, said
from podium.engine.roles import StepRun
from podium.journal.records import LOST, FailedAttempt, Kind, Note, Result, Status, body


class Inquiry(ABC):
    """Asks a task, the program or a person whether it happened; then the step goes on."""

    __slots__ = (
        "_bodied", "_executing", "_is_noted", "_is_reconciling", "first_at", "is_cancelled", "is_over", "is_unknown",
        "number", "path", "run", "spec", "wait",
    )  # fmt: skip

    run: StepRun
    wait: Wait
    path: str
    spec: TaskSpec
    number: int
    first_at: int
    is_over: bool
    is_cancelled: bool
    is_unknown: bool
    _is_noted: bool
    _is_reconciling: bool
    _bodied: Attempt | None
    """The attempt (or reconciliation) whose body began last."""
    _executing: Executing | None

    @abstractmethod
    def _attempt(self) -> None: ...
    @abstractmethod
    def _succeeded(self, value: Any) -> None: ...
    @abstractmethod
    def _end(self, result: Result) -> None: ...
    @abstractmethod
    def _retry_or_fail(self, described: ErrorInfo, asked_s: float = 0.0) -> None: ...

    def _lost(self) -> ErrorInfo:
        text = f"the process died while attempt {self.number} of {self.spec.name} was in flight"
        return ErrorInfo(type=LOST, message=text, code="lost", path=self.path)

    def _unknown(self, cause: ErrorInfo, *, is_recorded: bool = False) -> None:
        """It may or may not have happened: reconcile, tell the program, or ask a person."""
        self.is_unknown = True
        run, options = self.run, self.spec.options
        if not is_recorded:
            run.record(
                Kind.UNKNOWN, self.path, body(Note("unknown", cause.line(), said(self._bodied)))
            )
        self.wait.command = cause
        if options.reconcile is not None:
            run.log.after(run.log.appended, self._reconcile)
        elif options.unknown == "raise":
            self._end(Result(x=_unknown_error(self.path, self.spec.name, cause), st=Status.UNKNOWN))
        else:
            self._ask_person()
        run.engine.wake()

    def _reconcile(self) -> None:
        run = self.run
        if self.is_over or run.is_closed or run.engine.is_closing:
            return
        spec: TaskSpec = self.spec.options.reconcile
        offered = {
            **self.spec.binder.decode(self.wait.encoded),
            "idempotency_key": run.key(self.path),
        }
        wanted = {k: v for k, v in offered.items() if k in spec.binder.parameters}
        try:
            encoded, copy = spec.binder.copy(wanted, run.engine.options.payload_bytes_max)
        except PodiumError as problem:
            self._reconcile_failed(problem)
            return
        attempt = Attempt(spec, copy, encoded, run.id, self.path, self.number, run.key,
                          run.headers, run.files)  # fmt: skip
        self._is_reconciling = True
        self._bodied = attempt
        run.engine.in_flight += 1
        self._executing = run.engine.executor.start(attempt, self._reconciled)

    def _reconciled(self, value: Any, error: BaseException | None) -> None:
        run = self.run
        self._is_reconciling = False
        self._executing = None
        run.engine.in_flight -= 1
        if run.is_closed or self.is_over:
            return
        if error is None:
            self.is_unknown = False
            self._succeeded(value)
        elif isinstance(error, NotDone):
            self.is_unknown = False
            self._did_not_happen(failure_of(self._bodied, error))
        else:
            self._reconcile_failed(error)
        run.engine.wake()

    def _reconcile_failed(self, error: BaseException) -> None:
        note = Note("reconcile-failed", failure_of(self._bodied, error).line(), said(self._bodied))
        self.run.record(Kind.UNKNOWN, self.path, body(note))
        self._ask_person()

    def _did_not_happen(self, described: ErrorInfo) -> None:
        described = msgspec.structs.replace(described, code="not-done")
        cause = self.wait.command
        if isinstance(cause, ErrorInfo) and cause.code == "lost" and not self.is_cancelled:
            self._repeat_lost(described)
        else:
            self._retry_or_fail(described)

    def _repeat_lost(self, described: ErrorInfo) -> None:
        """An attempt that a crash kept from happening is no failure: the crash must not show."""
        self._record_lost(described)
        self._is_noted = False
        self._attempt()

    def _record_lost(self, described: ErrorInfo) -> None:
        now = self.run.clock_us()
        self._record_failed(msgspec.structs.replace(described, type=LOST), now, now)

    def _record_failed(self, described: ErrorInfo, at: int, due: int) -> None:
        """Record a failed attempt, and when the next one is due."""
        failed = FailedAttempt(
            self.spec.name, self.spec.effect.value, self.wait.fingerprint, self.number,
            self.first_at, described, due, said(self._bodied),
        )  # fmt: skip
        self.run.record(Kind.FAILED_ATTEMPT, self.path, body(failed), at)

    def _ask_person(self, problem: str = "") -> None:
        cause = self.wait.command
        form = {
            "kind": "unknown-outcome",
            "step": self.path,
            "task": self.spec.name,
            "arguments": decode_any(self.wait.encoded),
            "cause": cause.line() if isinstance(cause, ErrorInfo) else "",
            "question": f"Did {self.spec.name} happen? It must not be repeated unless it certainly did not.",
            "answer": {"happened": True, "result": "what it returned"},
            "or": {"happened": False},
        }
        if problem:
            form["problem"] = f"The last answer could not be used: {problem}"
        self.run.questions.open(
            self.path, msgspec.json.encode(form), OPERATOR, None, is_of_step=True
        )
        self.run.engine.ready(self.run)  # it has something new to wait for

    def answered(self, answer: Any) -> None:
        """A person has said what became of it; an answer that does not say so is asked for again."""
        happened = answer.get("happened") if isinstance(answer, dict) else None
        if happened is True:
            self._told(answer.get("result"))
        elif happened is not False:
            self._ask_person(f"{answer!r} does not say whether it happened")
        else:
            self.is_unknown = False
            self._did_not_happen(
                ErrorInfo(
                    type="NotDone", message="a person said that it did not happen", path=self.path
                )
            )
        self.run.engine.wake()

    def _told(self, result: Any) -> None:
        """Take the result that a person gave, as JSON, under the task's declared type."""
        try:
            value = self.spec.returns.decode(msgspec.json.encode(result))
        except ValueNotPortable as problem:
            self._ask_person(str(problem))
        else:
            self.is_unknown = False
            self._succeeded(value)


def _unknown_error(path: str, task: str, cause: ErrorInfo) -> ErrorInfo:
    return ErrorInfo(
        type="OutcomeUnknown",
        message=f"{task} may or may not have happened ({cause.line()}). Ask the outside before repeating it.",
        code="outcome-unknown", cause=cause, path=path,
    )  # fmt: skip
