"""A run in memory: its program, its steps in flight, its timers, and what it writes.

Facts are appended to the log when they happen and delivered in that order, so the journal is the
order the program saw. While recorded facts are left the run only replays: what the program asks
for is kept, and carried out once the journal is exhausted.
"""

from __future__ import annotations

import hashlib

from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from podium.core.codec import decode_any
from podium.core.errors import Deadlocked, ErrorInfo, LimitReached, PodiumError
from podium.core.limits import CLAIMS_MAX, RECORDS_MAX, RECORDS_WARN
from podium.core.ports import Cancellable
from podium.core.spec import WorkflowSpec
from podium.engine.attempts import Step
from podium.engine.commands import (
    AskForLock,
    CancelStep,
    Command,
    Emit,
    GiveLockBack,
    OpenAsk,
    Publish,
    Recall,
    Remark,
    Send,
    Settings,
    StartChild,
    StartStep,
    StartTimer,
)
from podium.engine.deadline import Deadline
from podium.engine.guard import Suspicion
from podium.engine.history import Fact, History
from podium.engine.lock_places import LockPlaces
from podium.engine.program import Program
from podium.engine.questions import Questions
from podium.engine.roles import RunEngine
from podium.engine.terms import budgets_of
from podium.engine.waiting import waits_of
from podium.journal.records import DEADLOCK, EMPTY, Kind, Note, Value, body, decode_value
from podium.journal.store import InboxRow, RunRow, StreamRow

_RAW = msgspec.Raw
_DEADLOCK_CANCELS = 100
"""How often a program that swallows its cancellation is cancelled, before the run is set aside."""
_WALL_CHECK_S = 30.0
"""A timer that follows the wall clock looks at it again at least this often."""


class ActiveRun:
    """One run that this worker advances."""

    def __init__(
        self, engine: RunEngine, row: RunRow, spec: WorkflowSpec, history: History
    ) -> None:
        self.engine = engine
        self.log = engine.log
        self.row = row
        self.num = row.num
        self.id = row.id
        self.spec = spec
        self.payloads = engine.book.of(row.family)
        self.files = engine.files_of(row.family)
        self.headers: dict[str, Any] = decode_any(row.headers)
        self.steps: dict[str, Step] = {}
        self.timers: dict[str, Cancellable] = {}
        self.children: dict[str, str] = {}
        self.places = LockPlaces(self)
        self.questions = Questions(self)
        self.dues_s: dict[str, float] = {}
        """When each timer is due, by the monotonic clock."""
        self.queue: deque[Fact] = deque(history.facts)
        self._deadline = Deadline(self, history.facts)
        self._early: list[InboxRow] = []
        self.pending: list[Command] = []
        self.records = history.records
        self.is_ready = False
        self.is_started = False
        self.is_closed = False
        self.is_shown_waiting = row.status != "running"
        self.is_suspect = row.claims >= CLAIMS_MAX - 1
        self._last_at = max(history.last_at, row.created_at)
        self._shift_us = max(0, self._last_at - engine.clock_us())
        self.program = self._new_program(history)

    def _new_program(self, history: History) -> Program:
        row = self.row
        settings = Settings(
            run_id=row.id, uid=row.uid, incarnation=row.incarnation, headers=self.headers,
            payload_bytes_max=self.engine.options.payload_bytes_max,
            fingerprint=self.payloads.fingerprint, resolve=self.payloads.open,
            child_id=self._child_id, environment=self.engine.environment,
            code=self.engine.code_of(self.spec), accepted=row.version,
            budgets=budgets_of(row, self.headers, self.engine.options.budgets),
        )  # fmt: skip
        if history.code != settings.code:
            self.record(Kind.CODE, "", body(Note(settings.code)))
        encoded = self.payloads.open(row.input)
        began_at = history.began_at or row.created_at
        return Program(self.spec, encoded, began_at, history, settings, self.engine.entropy)

    # time, chance, keys -----------------------------------------------------------------

    def clock_us(self) -> int:
        """Return the run's time: it never goes back, whatever the wall clock does."""
        now = self.engine.clock_us() + self._shift_us
        if now < self._last_at:
            return self._last_at
        self._last_at = now
        return now

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """Call back unless the engine has stopped."""
        return self.engine.clock.call_later(delay_s, callback)

    def chance(self, seed: str) -> float:
        """Return a number in [0, 1) that is the same whenever this run asks for this seed."""
        number: float = self.engine.entropy.generator(f"{self.row.uid}/{seed}").random()
        return number

    def key(self, path: str) -> str:
        """Return the idempotency key of a step (DESIGN §4)."""
        text = f"{self.row.uid}/{self.row.incarnation}/{path}/0"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _child_id(self, path: str) -> str:
        suffix = f"~{self.row.incarnation}" if self.row.incarnation else ""
        plain = f"{self.id}:{path}{suffix}"
        if len(plain) <= 120:
            return plain
        return f"{self.id[:60]}:{hashlib.blake2b(plain.encode(), digest_size=12).hexdigest()}"

    # the journal ------------------------------------------------------------------------

    def record(self, kind: int, path: str, record_body: bytes, at: int = 0) -> int:
        """Append a record; return its number in the FIFO."""
        self.records += 1
        return self.log.record(self.num, kind, path, at or self.clock_us(), record_body)

    def fact(self, kind: int, path: str, record_body: bytes) -> None:
        """Append a fact and let the program see it in its turn."""
        if self.engine.has_probe:
            self.engine.probe("before-append", self.id, path)
        at = self.clock_us()
        self.record(kind, path, record_body, at)
        self.queue.append(Fact(kind, path, at, record_body))
        if self.row.claims:
            self.absolve()
        if self.engine.has_probe:
            self.engine.probe("appended", self.id, path)
        self.engine.ready(self)

    def absolve(self) -> None:
        """It got on, rests or has ended: no death so far was its fault."""
        self.row.claims = 0
        self.log.batch.change(self.num).claims = 0

    def step_ended(self, path: str, record_body: bytes) -> None:
        """Take the outcome of a step."""
        self.steps.pop(path, None)
        self.fact(Kind.RESULT, path, record_body)

    # advancing --------------------------------------------------------------------------

    def advance(self, must_yield: Callable[[], bool]) -> None:
        """Deliver what has happened; carry out what the program asks for.

        Raises:
            Nondeterminism: The program does not fit its journal.
            LimitReached: The run has grown over a limit.
        """
        program = self.program
        if not self.is_started:
            self.is_started = True
            self._deadline.arm()
            program.start()
            self.pending += program.take_commands()
        queue = self.queue
        while queue and program.ending is None:
            fact = queue.popleft()
            if self.engine.has_probe:
                self.engine.probe("before-deliver", self.id, fact.path)
            program.deliver(fact)
            if program.state.commands:
                self.pending += program.take_commands()
            if self.engine.has_probe:
                self.engine.probe("delivered", self.id, fact.path)
            if queue and must_yield():
                self.engine.ready(self)
                if not program.is_replaying:
                    self._carry_out()
                return
        self._carry_out()
        if program.ending is not None:
            self.engine.finish(self)
            return
        if self._early:
            self._take_early()
        self._check_size()
        if not self.steps or not any(step.is_awaited for step in self.steps.values()):
            self._rest()

    def _carry_out(self) -> None:
        while self.pending and not self.is_closed:
            commands, self.pending = self.pending, []
            for command in commands:
                self._do[type(command)](self, command)

    def _rest(self) -> None:
        """Nothing is in flight: find a deadlock, or show what the run waits for."""
        if self.queue or self.program.ending is not None:
            return
        waits = self.waits()
        if not waits:
            if not self.steps and not self.program.open_effects:
                self._end_deadlock()
            return
        if self.row.claims:
            self.absolve()
        change = self.log.batch.change(self.num)
        change.status = "waiting"
        change.waits = msgspec.json.encode(waits)
        self.is_shown_waiting = True
        self.log.mark(len(change.waits))
        self.log.flush()
        self.engine.sleepers.rested(self)

    def _end_deadlock(self) -> None:
        """Cancel the program until it ends, or asks for something that can wake it again.

        That is a fact, for what the program does on its way out is replayed behind it.
        """
        if self.program.deadlocks >= _DEADLOCK_CANCELS:
            raise Deadlocked(
                f"Run {self.id!r} waits for nothing that can come, and caught its cancellation "
                f"{_DEADLOCK_CANCELS} times. Let CancelledError pass."
            )
        self.fact(Kind.CANCEL, DEADLOCK, EMPTY)

    @property
    def is_quiet(self) -> bool:
        """Whether it may leave memory: it waits for what the file or its timers will bring."""
        is_busy = self.is_ready or self.is_closed or self.queue or self.steps or self.pending
        return not (is_busy or self.places.are_waited_for)

    def first_due_s(self) -> float | None:
        """Return the seconds until its first timer is due."""
        now_s, now_us = self.engine.clock.monotonic_s(), self.clock_us()
        left = [self.dues_s.get(path, now_s) - now_s for path in self.program.timers]
        if (asked_us := self.questions.first_due_us()) is not None:
            left.append((asked_us - now_us) / 1e6)
        if (whole_s := self._deadline.left_s()) is not None:
            left.append(whole_s)
        return max(0.0, min(left)) if left else None

    def show_running(self) -> None:
        """Correct a row that says ``waiting``."""
        if self.is_shown_waiting:
            self.is_shown_waiting = False
            change = self.log.batch.change(self.num)
            change.status, change.waits = "running", None
            self.log.mark()

    @property
    def is_ended(self) -> bool:
        """Whether the program has come to its end, and this worker still records."""
        return self.program.ending is not None and not self.log.is_stopped

    def waits(self) -> list[dict[str, Any]]:
        """Return what the run waits for: what, where, since when, until when; [] if in flight."""
        return waits_of(self)

    def _check_size(self) -> None:
        if self.records < RECORDS_WARN:
            return
        if self.records > RECORDS_MAX:
            raise LimitReached(
                f"Run {self.id!r} has {self.records:,} records; the limit is {RECORDS_MAX:,}. "
                "Use podium.restart_with(…) in long loops, or child workflows."
            )
        if (Kind.WARNING, "large-journal") not in self.program.history.noted:
            self.program.history.noted.add((Kind.WARNING, "large-journal"))
            text = f"the journal has {self.records:,} records; podium.restart_with keeps it short"
            self.record(Kind.WARNING, "large-journal", body(Note("large-journal", text)))

    # commands ---------------------------------------------------------------------------

    def _start_step(self, command: StartStep) -> None:
        wait = command.wait
        path = wait.path
        if path not in self.program.waits:
            return
        if wait.future.done() and path not in self.program.open_effects:
            return
        step = self.steps[path] = Step(self, wait)
        if wait.future.done():
            step.is_cancelled = True
        step.begin()

    def _cancel_step(self, command: CancelStep) -> None:
        path = command.path
        if command.what == "step":
            step = self.steps.get(path)
            if step is not None:
                step.cancel(is_run=self.program.is_cancelled)
        elif command.what == "timer":
            timer = self.timers.pop(path, None)
            if timer is not None:  # else it has fired, and its fact is on the way to the program
                timer.cancel()
                self.program.timers.pop(path, None)
        elif command.what == "child":
            child_id = self.children.get(path)
            if child_id is not None:
                self.engine.relations.cancel_child(self, child_id)
        elif command.what == "lock":
            self.places.give_up(path)
        elif command.what == "ask":
            self.questions.give_up(path)

    def _start_timer(self, command: StartTimer) -> None:
        path = command.path
        if path not in self.program.timers:
            return
        if command.follows_wall:
            self._follow_wall(path, command.due_us)
            return
        known = self.engine.neighbours.recovered_timer(self.num, path)
        asked_s = (command.due_us - self.program.loop.now_us) / 1e6
        if known is not None:
            left_s = min(known, max(asked_s, 0.0)) if asked_s > 0 else known
        else:
            left_s = min(asked_s, (command.due_us - self.clock_us()) / 1e6)
        self.dues_s[path] = self.engine.clock.monotonic_s() + left_s
        self.timers[path] = self.call_later(max(0.0, left_s), lambda: self._fire(path))

    def _follow_wall(self, path: str, due_us: int) -> None:
        left_s = (due_us - self.engine.clock.wall_us()) / 1e6
        self.dues_s[path] = self.engine.clock.monotonic_s() + left_s
        if left_s <= 0:
            self.timers[path] = self.call_later(0.0, lambda: self._fire(path))
        else:
            self.timers[path] = self.call_later(
                min(left_s, _WALL_CHECK_S), lambda: self._follow_wall(path, due_us)
            )

    def _fire(self, path: str) -> None:
        if self.timers.pop(path, None) is not None and not self.is_closed:
            timer = self.program.timers.get(path)
            if (
                timer is not None
            ):  # what has been waited for has passed, whatever the wall clock says
                self._shift_us += max(0, round(timer.when() * 1e6) - self.clock_us())
            self.fact(Kind.TIMER, path, b"{}")

    def _start_child(self, command: StartChild) -> None:
        if command.wait.future.cancelled() and command.wait.path in self.program.history.children:
            self.children[command.wait.path] = (
                command.run_id
            )  # begun before the crash; it is told next
        if command.wait.future.done():
            return
        self.children[command.wait.path] = command.run_id
        self.engine.relations.start_child(self, command)

    def child_ended(self, path: str, row: RunRow) -> bool:
        """Take the outcome of a child, once; False where the program has not asked for it (yet)."""
        if self.children.get(path) != row.id:
            return False
        del self.children[path]
        self.fact(Kind.CHILD, path, child_outcome(row))
        return True

    def _open_ask(self, command: OpenAsk) -> None:
        self.questions.ask(command)

    def _send(self, command: Send) -> None:
        if command.path in self.program.waits:
            self.fact(Kind.RESULT, command.path, self.engine.relations.send(command))

    def _publish(self, command: Publish) -> None:
        self.record(Kind.PUBLISHED, command.path, body(Value(name=command.key)))
        self.log.batch.published[self.num, command.key] = self.payloads.pack(command.value)
        self.log.mark(len(command.value))

    def _emit(self, command: Emit) -> None:
        at = self.clock_us()
        self.record(Kind.EMITTED, command.path, b"{}", at)
        chunk = self.payloads.pack(command.chunk)
        self.log.batch.stream.append(StreamRow(self.num, at, chunk, command.path))
        self.log.mark(len(command.chunk))

    def _remark(self, command: Remark) -> None:
        self.record(command.kind, command.path, command.body)

    # what it has together with other runs -------------------------------------------------

    def _recall(self, command: Recall) -> None:
        if command.path in self.program.waits:
            found = self.engine.results.recall(command.spec, command.arguments, command.within_s)
            value = _RAW(self.payloads.pack(msgspec.json.encode(found)))
            self.fact(Kind.RESULT, command.path, found.record(value))

    def _ask_for_lock(self, command: AskForLock) -> None:
        self.places.ask(command)

    def _give_lock_back(self, command: GiveLockBack) -> None:
        self.record(Kind.UNLOCKED, command.path, EMPTY)
        self.places.give_back(command)

    _do: ClassVar[dict[type, Callable[[ActiveRun, Any], None]]] = {
        StartStep: _start_step,
        CancelStep: _cancel_step,
        StartTimer: _start_timer,
        StartChild: _start_child,
        OpenAsk: _open_ask,
        Send: _send,
        Publish: _publish,
        Emit: _emit,
        Remark: _remark,
        Recall: _recall,
        AskForLock: _ask_for_lock,
        GiveLockBack: _give_lock_back,
    }

    # messages from outside --------------------------------------------------------------

    def take(self, message: InboxRow) -> None:
        """Turn a message into a fact; it leaves the inbox with the commit that records it."""
        is_early = not self.is_started or self.program.is_replaying
        if is_early and message.kind in ("answer", "child"):
            self._early.append(message)  # it is asked for once the replay has come to it
            return
        self.log.take_message(message.id, self.num)
        if message.kind == "signal":
            value = Value(name=message.name, v=_RAW(message.payload or b"null"))
            self.fact(Kind.SIGNAL, message.name, body(value))
        elif message.kind == "cancel":
            self.fact(Kind.CANCEL, "", b"{}")
        elif message.kind == "child":
            if self.children.get(message.name) == decode_value(message.payload).name:
                del self.children[message.name]
                self.fact(Kind.CHILD, message.name, message.payload)
        elif message.kind == "answer":
            self.questions.take(message)
        self.log.flush()

    def _take_early(self) -> None:
        early, self._early = self._early, []
        for message in early:
            self.take(message)

    def suspect(self, suspicion: Suspicion) -> None:
        """Record a warning, once for each code and text."""
        path = f"guard:{suspicion.code}:{hashlib.blake2b(suspicion.text.encode(), digest_size=4).hexdigest()}"
        noted = self.program.history.noted
        if (Kind.WARNING, path) not in noted:
            noted.add((Kind.WARNING, path))
            self.record(Kind.WARNING, path, body(Note(suspicion.code, suspicion.text)))

    def close(self) -> None:
        """Let go of everything in memory; nothing is recorded from here on."""
        self.is_closed = True
        for step in list(self.steps.values()):
            step.close()
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()
        self._deadline.close()
        self.places.close()
        try:
            self.program.suspend()
        except PodiumError:
            return

    def begin_again(self, bound: dict[str, Any]) -> None:
        """``restart_with``: a new incarnation with other input and an empty journal."""
        encoded, _ = self.spec.binder.copy(bound, self.engine.options.payload_bytes_max)
        at, row = self.clock_us(), self.row
        restarted = Value(name=str(row.incarnation + 1))
        if not row.incarnation:  # what the run was started with stays known: id and input name it
            restarted.v = _RAW(row.input)
        self.record(Kind.RESTARTED, "", body(restarted), at)
        row.incarnation += 1
        row.version = self.engine.code_of(self.spec)
        row.input = self.payloads.pack(encoded)
        change = self.log.batch.change(self.num)
        change.incarnation, change.input, change.status = row.incarnation, row.input, "running"
        change.version = row.version
        self.log.mark(len(row.input))
        self.places.end()
        messages = self._end_incarnation()
        self.program = self._new_program(History(code=row.version, began_at=at))
        for message in messages:
            self.fact(message.kind, message.path, message.body)

    def _end_incarnation(self) -> list[Fact]:
        """Drop what is still under way; return the messages that the program has not used."""
        unused = [
            Fact(Kind.SIGNAL, name, 0, signal)
            for name, waiting in self.program.state.signals.items() for signal in waiting
        ]  # fmt: skip
        unused += [fact for fact in self.queue if fact.kind in (Kind.SIGNAL, Kind.CANCEL)]
        for step in self.steps.values():
            step.close()
        for timer in self.timers.values():
            timer.cancel()
        for left in (self.steps, self.timers, self.children):
            left.clear()
        self.questions.forget()
        self.queue.clear()
        self.pending.clear()
        self.records = 0
        self.is_started = self.is_shown_waiting = False
        return unused


def child_outcome(row: RunRow) -> bytes:
    """Return the body of the fact that tells a parent how a child ended."""
    if row.status == "succeeded":
        return body(Value(name=row.id, v=_RAW(row.output or b"null")))
    cause = msgspec.json.decode(row.error, type=ErrorInfo) if row.error else None
    code = "child-cancelled" if row.status == "cancelled" else "child-failed"
    text = f"child run {row.id!r} {row.status}"
    return body(
        Value(name=row.id, x=ErrorInfo(type="ChildFailed", message=text, code=code, cause=cause))
    )
