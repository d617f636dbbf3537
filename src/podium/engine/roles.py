"""What the parts of the engine need of each other, so that none of them imports its owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from podium.core.budgets import Budget, Lines
from podium.core.ports import Cancellable, Clock, Entropy, Executor, Notifier
from podium.core.spec import Registry, WorkflowSpec
from podium.engine.admission import Admission
from podium.engine.admission.desk import Desk
from podium.engine.commands import Send, StartChild
from podium.engine.history import History
from podium.engine.locks import Locks
from podium.engine.log import Log
from podium.engine.payloads import Payloads
from podium.engine.questions import Questions
from podium.engine.results import Results
from podium.journal.store import InboxRow, Reader, RunRow, Store, WorkerIdentity


class Options(Protocol):
    """Settings that parts of the engine look at."""

    @property
    def payload_bytes_max(self) -> int: ...
    @property
    def runs_max(self) -> int: ...
    @property
    def only(self) -> frozenset[str] | None: ...
    @property
    def budgets(self) -> tuple[Budget, ...]: ...


class StepEngine(Protocol):
    """The engine, as a step sees it."""

    admission: Admission
    results: Results
    executor: Executor
    notifier: Notifier
    in_flight: int
    is_closing: bool
    probe: Callable[[str, str, str], None]

    @property
    def options(self) -> Options: ...
    def require_ownership(self) -> None: ...
    def wake(self) -> None: ...
    def ready(self, run: Any) -> None: ...
    def watch_start(self, step: Any) -> None: ...


class StepRun(Protocol):
    """The run, as a step sees it."""

    id: str
    log: Log
    payloads: Payloads
    headers: dict[str, Any]
    files: Any
    num: int
    is_closed: bool
    is_suspect: bool
    is_shown_waiting: bool
    questions: Questions

    @property
    def is_ended(self) -> bool: ...

    @property
    def engine(self) -> StepEngine: ...
    def clock_us(self) -> int: ...
    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable: ...
    def chance(self, seed: str) -> float: ...
    def key(self, path: str) -> str: ...
    def record(self, kind: int, path: str, record_body: bytes, at: int = 0) -> int: ...
    def step_ended(self, path: str, record_body: bytes) -> None: ...
    def show_running(self) -> None: ...


class Book(Protocol):
    """Where the payloads of families are."""

    def of(self, family: int) -> Payloads: ...


class Kin(Protocol):
    """What passes between runs."""

    def start_child(self, parent: Any, command: StartChild) -> None: ...
    def above(self, row: RunRow) -> tuple[tuple[str, str], ...]: ...
    def cancel_child(self, parent: Any, run_id: str) -> None: ...
    def send(self, command: Send) -> bytes: ...


class Surroundings(Protocol):
    """What comes from outside this process."""

    def recovered_timer(self, num: int, path: str) -> float | None: ...
    def claim_one(self, row: RunRow) -> None: ...


class Dormitory(Protocol):
    """Runs that have left memory."""

    def rested(self, run: Any) -> None: ...
    def wake(self, num: int) -> None: ...


class RunEngine(StepEngine, Protocol):
    """The engine, as a run sees it."""

    locks: Locks
    log: Log
    clock: Clock
    entropy: Entropy
    has_probe: bool
    environment: Callable[[str], str | None]

    @property
    def book(self) -> Book: ...
    @property
    def relations(self) -> Kin: ...
    @property
    def neighbours(self) -> Surroundings: ...
    @property
    def sleepers(self) -> Dormitory: ...
    def clock_us(self) -> int: ...
    def code_of(self, spec: WorkflowSpec) -> str: ...
    def files_of(self, family: int) -> Any: ...
    def finish(self, run: Any) -> None: ...


class HeldRun(Protocol):
    """A run in memory, as messages see it."""

    def take(self, message: InboxRow) -> None: ...


class NeighbourEngine(Protocol):
    """The engine, as the watch over other processes sees it."""

    clock: Clock
    store: Store
    reader: Reader
    worker: WorkerIdentity
    registry: Registry
    is_closing: bool
    admission: Admission
    desk: Desk
    locks: Locks

    @property
    def options(self) -> Options: ...
    @property
    def held(self) -> dict[int, Any]: ...
    @property
    def sleepers(self) -> Dormitory: ...
    def clock_us(self) -> int: ...
    def adopt(self, row: RunRow, history: History | None = None) -> Any: ...
    def hold_row(self, row: RunRow, status: str, error: BaseException) -> None: ...


class RelatedRun(Protocol):
    """A run, as its relatives see it."""

    num: int
    row: RunRow
    headers: dict[str, Any]

    def clock_us(self) -> int: ...
    def record(self, kind: int, path: str, record_body: bytes, at: int = 0) -> int: ...
    def fact(self, kind: int, path: str, record_body: bytes) -> None: ...
    def child_ended(self, path: str, row: RunRow) -> bool: ...


class RelatedEngine(Protocol):
    """The engine, as related runs see it."""

    log: Log
    reader: Reader

    @property
    def held(self) -> Mapping[int, RelatedRun]: ...
    @property
    def by_id(self) -> Mapping[str, RelatedRun]: ...
    @property
    def neighbours(self) -> Surroundings: ...
    def clock_us(self) -> int: ...
    def accept(
        self, spec: WorkflowSpec, encoded: bytes, run_id: str, headers: dict[str, Any], *,
        parent: RelatedRun | None = None, parent_path: str | None = None, outer: Lines | None = None,
    ) -> RunRow: ...  # fmt: skip
    def adopt(self, row: RunRow, history: History | None = None) -> Any: ...
