"""A worker's engine: which runs it holds, which are ready, what they are woken by.

A state machine behind ports (clock, entropy, executor, notifier, store). It runs in one thread,
from plain call-backs of the outer loop: ``_pump`` advances ready runs and then lets the log commit.
"""

from __future__ import annotations

import logging

from collections import deque
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from podium.core.budgets import Budget, Lines, matching
from podium.core.errors import NotDone, PodiumError, StoreError
from podium.core.failures import describe_failure
from podium.core.limits import (
    PAYLOAD_BYTES_MAX,
    SHOW_STARTED_AFTER_S,
    TURN_S,
)
from podium.core.ports import Clock, Entropy, Executor, Notifier
from podium.core.spec import Registry, StoredDocument, WorkflowSpec
from podium.core.version import VERSION
from podium.engine import guard, hearing
from podium.engine.admission import Admission
from podium.engine.admission.desk import Desk
from podium.engine.attempts import Step
from podium.engine.book import PayloadBook
from podium.engine.commands import Ending
from podium.engine.history import History
from podium.engine.locks import Locks
from podium.engine.log import Committer, Log
from podium.engine.neighbours import BLOCKED_AFTER_S, LOOK_AROUND_EVERY_S, WATCH_EVERY_S, Neighbours
from podium.engine.relations import Relations
from podium.engine.results import PRUNE_EVERY_S, Results
from podium.engine.roles import RelatedRun
from podium.engine.run import ActiveRun
from podium.engine.sleepers import Sleepers
from podium.engine.terms import NO_TERMS, Terms, set_terms
from podium.journal.records import Kind, Note, Value, body
from podium.journal.store import (
    Batch,
    CommitResult,
    Reader,
    RunRow,
    Store,
    WorkerIdentity,
)

_logger = logging.getLogger("podium")
OWNED_FOR_S = 5.0
"""So long after a commit nobody can have taken this worker for dead (see ``neighbours``)."""


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Settings of one worker.

    Attributes:
        payload_bytes_max: Largest value as JSON.
        runs_max: Runs it takes from other processes or clients at most.
        resident_max: Runs held in memory before quiet ones leave it until something wakes them.
        only: Run ids it may execute; ``None`` for any.
        budgets: What runs may spend together, by their attributes.
    """

    payload_bytes_max: int = PAYLOAD_BYTES_MAX
    runs_max: int = 1_000
    resident_max: int = 10_000
    only: frozenset[str] | None = None
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The doors to the real world."""

    clock: Clock
    entropy: Entropy
    executor: Executor
    notifier: Notifier
    store: Store
    reader: Reader
    committer: Committer
    environment: Callable[[str], str | None]
    interpret: Callable[[StoredDocument], WorkflowSpec]
    """Turns a document into the workflow that it is."""


class Engine:
    """Advances the runs this worker holds.

    Args:
        ports: The doors to the real world.
        worker: Who commits.
        registry: Which workflows and tasks exist.
        options: Settings.
        probe: Called at each crash point (simulator only).
        on_fatal: Told once when the worker must stop.
    """

    def __init__(
        self, ports: Ports, worker: WorkerIdentity, registry: Registry, options: EngineOptions, *,
        probe: Callable[[str, str, str], None] | None = None,
        on_fatal: Callable[[BaseException], None] | None = None,
        files: Callable[[int], Any] | None = None,
    ) -> None:  # fmt: skip
        self.clock = ports.clock
        self.entropy = ports.entropy
        self.executor = ports.executor
        self.notifier = ports.notifier
        self.store = ports.store
        self.reader = ports.reader
        self.environment = ports.environment
        self._interpret = ports.interpret
        self._documents: dict[str, WorkflowSpec] = {}
        """Workflows that are documents, by hash."""
        self.worker = worker
        self.registry = registry
        self.options = options
        self.has_probe = probe is not None
        self.probe = probe or _no_probe
        self._on_fatal = on_fatal
        self._files = files
        self.log = Log(
            ports.committer, ports.clock, on_commit=self._on_commit, on_refused=self._on_refused,
            on_fatal=self._on_log_fatal,
        )  # fmt: skip
        self.neighbours = Neighbours(self)
        self.sleepers = Sleepers(
            options.resident_max, ports.clock, self.log,
            resident=lambda: len(self.runs), leave=lambda num: self._forget(self.runs[num]), load=self._load_sleeper,
        )  # fmt: skip
        self.runs: dict[int, ActiveRun] = {}
        self.by_id: dict[str, ActiveRun] = {}
        self.in_flight = 0
        self.is_closing = False
        self.is_closed = False
        self.fatal: BaseException | None = None
        self.ended: dict[int, list[Callable[[], None]]] = {}
        """Who is told when a run has ended durably, by run."""
        self.on_close: set[Callable[[], None]] = set()
        """Who is told when this engine lets go of everything."""
        self.taken: set[str] = set()
        """Ids of runs that another process created first."""
        self._ready: deque[ActiveRun] = deque()
        self._is_pump_posted = False
        self._turn_began = 0.0
        self._now_s = 0.0
        self._wall_us = ports.clock.wall_us()
        self._monotonic_s = ports.clock.monotonic_s()
        self.book = PayloadBook(worker.id, self.log, ports.reader, ports.entropy, self.new_num)
        self.relations = Relations(self)
        self.desk = Desk(self, worker.id)
        self.admission = Admission(self.desk)
        self.locks = Locks(self.desk)
        self.results = Results(self)
        self._last_num = 0
        self._young: deque[tuple[float, Step]] = deque()
        self._young_timer: Any = None
        self._timers: list[Any] = []
        self._scans: dict[str, list[guard.Suspicion]] = {}
        self._client_parts: deque[tuple[Batch, int, int, Callable[[CommitResult], None]]] = deque()

    # life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Recover what dead workers left, take free runs, begin to watch the file."""
        guard.install()
        hearing.install()
        self.neighbours.begin()
        self._every(WATCH_EVERY_S, self.neighbours.watch)
        self._every(LOOK_AROUND_EVERY_S, self.neighbours.look_around)
        self._every(PRUNE_EVERY_S, self.results.prune)

    def begin_closing(self) -> None:
        """Start nothing new; effects in flight go on."""
        self.is_closing = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    @property
    def has_effects_in_flight(self) -> bool:
        """Whether a body that touches the world still runs."""
        return any(
            step.is_executing and step.spec.touches
            for run in self.runs.values() for step in run.steps.values()
        )  # fmt: skip

    def close(self) -> None:
        """Let go of every run; they stay resumable."""
        self.is_closing = self.is_closed = True
        for run in list(self.runs.values()):
            run.close()
        self.admission.close()
        self.runs.clear()
        self.by_id.clear()
        self._ready.clear()
        self.sleepers.close()
        self.log.is_stopped = True
        for callback in [*self.on_close, *(one for told in self.ended.values() for one in told)]:
            callback()
        self.ended.clear()

    def stop(self, problem: BaseException) -> None:
        """Stop this worker: another one has its runs, or the disk cannot be trusted."""
        if self.fatal is None and not self.is_closed:
            self._on_log_fatal(problem)

    def require_ownership(self) -> None:
        """Make sure that no other worker has taken over; may be called from any thread.

        Raises:
            NotDone: This one stood still for so long that another one has its runs.
        """
        stood_still_s = self.clock.boot()[1] - self.log.confirmed_s
        if stood_still_s > OWNED_FOR_S and not self.store.beat(self.worker):
            raise NotDone("Another worker has taken over this run; here the call was not made.")

    def append_for_client(self, batch: Batch, told: Callable[[CommitResult], None]) -> None:
        """Put what a handle asks for into the FIFO; ``told`` gets what could not be delivered."""
        mine = self.log.batch
        self._client_parts.append((mine, len(mine.inbox_new), len(batch.inbox_new), told))
        mine.inbox_new += batch.inbox_new
        mine.families += batch.families
        mine.runs_new += batch.runs_new
        mine.run_changes.update(batch.run_changes)
        mine.file_chunks += batch.file_chunks
        mine.documents.update(batch.documents)
        mine.unkept += batch.unkept
        self.log.mark()
        self.log.flush()

    def _every(self, period_s: float, action: Callable[[], None]) -> None:
        handle: dict[str, Any] = {}

        def tick() -> None:
            if self.is_closing:
                return
            handle["timer"] = self.clock.call_later(period_s, tick)
            try:
                action()
            except StoreError as problem:
                _logger.warning("podium: %s", problem)

        handle["timer"] = self.clock.call_later(period_s, tick)

        class _Periodic:
            def cancel(self) -> None:
                handle["timer"].cancel()

        self._timers.append(_Periodic())

    # time and ids -----------------------------------------------------------------------

    def clock_us(self) -> int:
        """Return a wall time that jumps of the wall clock cannot disturb while we run."""
        return self._wall_us + int((self.clock.monotonic_s() - self._monotonic_s) * 1e6)

    def new_num(self) -> int:
        """Return a fresh number for a run or family: time, then this worker."""
        num = (self.clock_us() << 12) | (self.worker.id & 0xFFF)
        if num <= self._last_num:
            num = self._last_num + (1 << 12)
        self._last_num = num
        return num

    def code_of(self, spec: WorkflowSpec) -> str:
        """Return what the code that records is recognised by."""
        return f"{spec.version}+podium-{VERSION}"

    def files_of(self, family: int) -> Any:
        """Return where File values of a family are kept."""
        return self._files(family) if self._files is not None else None

    # runs come --------------------------------------------------------------------------

    def accept(
        self, spec: WorkflowSpec, encoded: bytes, run_id: str, headers: dict[str, Any], *,
        parent: RelatedRun | None = None, parent_path: str | None = None, terms: Terms = NO_TERMS,
        outer: Lines | None = None,
    ) -> RunRow:  # fmt: skip
        """Append a new run to the log, owned by this worker where it may execute it.

        ``outer``: the budgets of the place that starts it; None: those of the app.
        """
        family = parent.row.family if parent else self.book.new_family()
        is_mine = self._may_execute(run_id, parent)
        row = RunRow(
            num=self.new_num(), id=run_id, uid=self.entropy.token(16).hex(), workflow=spec.name,
            version=self.code_of(spec), family=family, input=self.book.of(family).pack(encoded),
            created_at=self.clock_us(), parent=parent.num if parent else None,
            parent_path=parent_path, status="running" if is_mine else "accepted",
            owner=self.worker.id if is_mine else None, headers=msgspec.json.encode(headers),
        )  # fmt: skip
        if outer is None:
            outer = matching(self.options.budgets, headers)
        set_terms(row, spec, terms, outer)
        if spec.document is not None:
            row.document = spec.document.hash
            self._keep_document(spec, spec.document)
        elif spec.name not in self.registry.workflows:  # who has it in hand can have it run
            self.registry.add_workflow(spec)
        self.log.batch.runs_new.append(copy(row))  # as it is now: the run's own row goes on
        self.log.mark(len(row.input) + 256)
        return row

    def _may_execute(self, run_id: str, parent: RelatedRun | None = None) -> bool:
        """Whether a new run stays here rather than being left to any worker."""
        only = self.options.only
        if self.is_closing or (only is not None and run_id not in only and parent is None):
            return False
        return parent is not None or len(self.runs) < self.options.runs_max

    def adopt(self, row: RunRow, history: History | None = None) -> ActiveRun | None:
        """Take a run into memory and let it run."""
        if self.is_closing:
            return None
        is_new = history is None
        try:
            spec = self._spec_of(row)
            if spec is None:
                return None
            run = ActiveRun(self, row, spec, history or History(code=row.version))
        except PodiumError as problem:
            self.hold_row(row, "blocked", problem)
            return None
        self.runs[row.num] = run
        self.by_id[row.id] = run
        for suspicion in self._scanned(spec):
            run.suspect(suspicion)
        if not is_new:
            run.show_running()
        self.ready(run)
        return run

    def _spec_of(self, row: RunRow) -> WorkflowSpec | None:
        """Return the workflow of a run, if this process knows it.

        Raises:
            PodiumError: It is a document that cannot be carried out here.
        """
        if row.document is None:
            return self.registry.workflows.get(row.workflow)
        spec = self._documents.get(row.document)
        if spec is None:
            content = self.reader.document(row.document)
            if content is None:
                raise StoreError(f"The document {row.document} of run {row.id!r} is not kept here.")
            spec = self._interpret(StoredDocument(row.document, content))
            self._documents[row.document] = spec
        return spec

    def _keep_document(self, spec: WorkflowSpec, document: StoredDocument) -> None:
        """Write a document with the first run of it that this process starts."""
        if document.hash not in self._documents:
            self._documents[document.hash] = spec
            self.log.batch.documents[document.hash] = document.content

    def _scanned(self, spec: WorkflowSpec) -> list[guard.Suspicion]:
        """Scan a workflow's names, once; tell the log what was found."""
        if spec.document is not None:
            return []
        found = self._scans.get(spec.name)
        if found is None:
            found = self._scans[spec.name] = guard.scan(spec.fn)
            for suspicion in found:
                _logger.warning("podium: %s (%s): %s", spec.name, suspicion.code, suspicion.text)
        return found

    @property
    def held(self) -> dict[int, ActiveRun]:
        """The runs in memory, by number."""
        return self.runs

    def _load_sleeper(self, num: int) -> None:
        row = self.reader.run_by_num(num)
        if row is not None and row.owner == self.worker.id and not self.is_closing:
            self.neighbours.load(row)

    # runs go ----------------------------------------------------------------------------

    def finish(self, run: ActiveRun) -> None:
        """Record how a run ended, and tell its parent."""
        ending = run.program.ending
        assert ending is not None
        if ending.restart is not None:
            run.begin_again(ending.restart)
            self.ready(run)
            return
        for complaint in run.program.loop.complaints[:5]:
            text = str(complaint.get("message", ""))[:500]
            run.record(Kind.WARNING, "asyncio", body(Note("asyncio", text)))
        row = self._write_ending(run, ending)
        self._forget(run)
        if row.parent is not None:
            self.relations.tell_parent(row)
        self.log.after(self.log.appended, partial(self._tell_ended, row.num))

    def _write_ending(self, run: ActiveRun, ending: Ending) -> RunRow:
        row, at = run.row, run.clock_us()
        row.status, row.ended_at = ending.status, at
        row.output = run.payloads.pack(ending.output) if ending.output is not None else None
        row.error = msgspec.json.encode(ending.error) if ending.error is not None else None
        run.record(Kind.ENDED, "", body(Value(name=ending.status, x=ending.error)), at)
        if row.claims:
            run.absolve()
        run.places.end()
        change = self.log.batch.change(run.num)
        change.status, change.ended_at, change.owner = ending.status, at, None
        change.output, change.error, change.waits = row.output, row.error, None
        self.log.mark(len(row.output or b""))
        self.log.flush()
        return row

    def _hold(self, run: ActiveRun, error: BaseException) -> None:
        """Set a run aside until somebody acts; nothing of it is lost."""
        run.record(Kind.HELD, "", body(Note("blocked", str(error)[:2000])))
        run.pending.clear()
        run.places.end_budgets()
        self._forget(run)
        self.hold_row(run.row, "blocked", error)

    def hold_row(self, row: RunRow, status: str, error: BaseException) -> None:
        """Set a run's row aside."""
        _logger.error("podium: run %s is %s: %s", row.id, status, error)
        change = self.log.batch.change(row.num)
        change.status, change.owner, change.waits = status, None, None
        change.error = msgspec.json.encode(describe_failure(error))
        self.log.mark(256)
        self.log.flush()
        self.log.after(self.log.appended, partial(self._tell_ended, row.num))
        self.wake()

    def _forget(self, run: ActiveRun) -> None:
        run.close()
        self.runs.pop(run.num, None)
        self.by_id.pop(run.id, None)
        self.neighbours.forget(run.num)
        self.sleepers.moved(run.num)

    def _tell_ended(self, num: int) -> None:
        for callback in self.ended.pop(num, ()):
            callback()

    # the pump ---------------------------------------------------------------------------

    def ready(self, run: ActiveRun) -> None:
        """Let a run advance at the next pump."""
        if not run.is_ready and not run.is_closed:
            run.is_ready = True
            self.sleepers.moved(run.num)
            self._ready.append(run)
        self.wake()

    def wake(self) -> None:
        """Pump soon."""
        if not self._is_pump_posted and not self.is_closed:
            self._is_pump_posted = True
            self.notifier.post(self._pump)

    def _pump(self) -> None:
        self._is_pump_posted = False
        if self.is_closed:
            return
        self._turn_began = self._now_s = self.clock.monotonic_s()
        ready = self._ready
        for _ in range(len(ready)):
            run = ready.popleft()
            run.is_ready = False
            if run.is_closed or self.log.trouble is not None:
                self._park(run)
                continue
            self._advance(run)
            if self._now_s - self._turn_began > TURN_S:
                break
        if ready and self.log.trouble is None:
            self.wake()
            if self.log.batch.size_bytes < 65_536:
                return
        self.log.kick()

    def _blame(self, run: ActiveRun, took_s: float) -> None:
        """Say which workflow held the loop."""
        text = (
            f"one turn of the workflow took {took_s:.1f} s, and every run of this process waited. "
            "Heavy work belongs into a @task; a plain def runs in a thread."
        )
        _logger.warning("podium: run %s (blocked-loop): %s", run.id, text)
        run.suspect(guard.Suspicion("blocked-loop", text))

    def _must_yield(self) -> bool:
        return self.clock.monotonic_s() - self._turn_began > TURN_S

    def _park(self, run: ActiveRun) -> None:
        """While nothing can be written no program advances; the commit wakes them."""
        if not run.is_closed:
            run.is_ready = True
            self._ready.append(run)

    def _advance(self, run: ActiveRun) -> None:
        if self.is_closing:
            return
        if run.is_shown_waiting and run.queue:
            run.show_running()
        began_s = self._now_s
        try:
            run.advance(self._must_yield)
        except Exception as problem:  # noqa: BLE001 - also ours: a run is never stuck in silence
            self._hold(run, problem)
        self._now_s = self.clock.monotonic_s()
        if self._now_s - began_s > BLOCKED_AFTER_S and not run.is_closed:
            self._blame(run, self._now_s - began_s)

    def watch_start(self, step: Step) -> None:
        """Look at a read after a while: if it still runs, show it as started."""
        self._young.append((self.clock.monotonic_s() + SHOW_STARTED_AFTER_S, step))
        if self._young_timer is None:
            self._young_timer = self.clock.call_later(SHOW_STARTED_AFTER_S, self._show_old)

    def _show_old(self) -> None:
        young, now = self._young, self.clock.monotonic_s()
        self._young_timer = None
        while young and young[0][0] <= now:
            step = young.popleft()[1]
            if not step.is_over:
                step.show()
        if young:
            self._young_timer = self.clock.call_later(max(0.001, young[0][0] - now), self._show_old)
        self.log.kick()

    # what the log tells -----------------------------------------------------------------

    def _on_commit(self, batch: Batch, result: CommitResult) -> None:
        if self.has_probe:
            self.probe("committed", "", "")
        self.taken |= result.taken
        if batch.blobs or batch.families:
            self.book.committed(batch)
        if batch.inbox_done:
            self.neighbours.messages_recorded(batch.inbox_done)
        if batch.inbox_new:
            self.notifier.post(self.neighbours.poll_inbox)
        parts = self._client_parts
        while parts and parts[0][0] is batch:
            _, first, count, told = parts.popleft()
            missed = frozenset(i - first for i in result.undelivered if first <= i < first + count)
            told(CommitResult(undelivered=missed))
        if any(
            change.status in ("accepted", "blocked") or change.claims == 0
            for change in batch.run_changes.values()
        ):  # a run is free, or the next suspect may be taken
            self.notifier.post(self.neighbours.claim)
        if self._ready:
            self.wake()

    def _on_refused(self, num: int, problem: StoreError) -> None:
        self.log.forget(num)
        run = self.runs.get(num)
        if run is not None:
            self._forget(run)
        row = run.row if run is not None else self.reader.run_by_num(num)
        if row is not None:
            self.hold_row(row, "blocked", problem)

    def _on_log_fatal(self, problem: BaseException) -> None:
        self.fatal = problem
        _logger.critical("podium: this worker stops: %s", problem)
        self.close()
        if self._on_fatal is not None:
            self._on_fatal(problem)


def _no_probe(_point: str, _run: str, _path: str) -> None:
    """Do nothing: crash points exist in the simulator only."""
