"""What a program asks for, as values, and what it waits for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from podium.core.budgets import Lines
from podium.core.codec import Codec
from podium.core.context import NO_OPTIONS, StepOptions
from podium.core.errors import ErrorInfo, RunSuspended
from podium.core.ports import Entropy
from podium.core.spec import TaskSpec, WorkflowSpec
from podium.engine.history import Fact, History, Known
from podium.engine.loop import RunFuture, RunLoop, Timer
from podium.journal.records import Kind

MISSING: Any = object()


class Wait:
    """Something the program waits for under a path."""

    __slots__ = (
        "bound", "budgets", "codec", "command", "compensate", "copy", "encoded", "fingerprint", "future", "known",
        "options", "path", "since", "spec", "what",
    )  # fmt: skip

    def __init__(self, what: str, path: str, future: RunFuture, codec: Codec, since: int) -> None:
        self.what = what
        self.path = path
        self.future = future
        self.codec = codec
        self.since = since
        self.spec: Any = None
        self.bound: dict[str, Any] = {}
        self.encoded = b""
        self.fingerprint = ""
        self.known: Known | None = None
        self.compensate: TaskSpec | None = None
        self.options: StepOptions = NO_OPTIONS
        self.budgets: Lines = ()
        self.command: Any = None
        self.copy: Any = MISSING
        """The decoded record, where this process has just made it."""


class StartStep(NamedTuple):
    """Carry out a task."""

    wait: Wait


class CancelStep(NamedTuple):
    """Nobody waits for this path any more."""

    path: str
    what: str


class StartTimer(NamedTuple):
    """Fire ``path`` at ``due_us`` of the run's time."""

    path: str
    due_us: int
    follows_wall: bool


class StartChild(NamedTuple):
    """Start a run of another workflow."""

    wait: Wait
    run_id: str


class OpenAsk(NamedTuple):
    """Ask a person."""

    path: str
    form: bytes
    to: str
    deadline_us: int | None


class Send(NamedTuple):
    """Send a signal to another run."""

    path: str
    run_id: str
    name: str
    value: bytes


class Publish(NamedTuple):
    """Show a value under a key."""

    path: str
    key: str
    value: bytes


class Emit(NamedTuple):
    """Append to the run's stream."""

    path: str
    chunk: bytes


class Recall(NamedTuple):
    """Look for the newest success of a call."""

    path: str
    spec: TaskSpec
    arguments: dict[str, Any]
    within_s: float


class AskForLock(NamedTuple):
    """Ask for a lock, until a time of the run."""

    path: str
    key: str
    deadline_us: int | None
    priority: int
    place: str


class GiveLockBack(NamedTuple):
    """A place has done what it wanted the lock for."""

    path: str
    key: str
    place: str


class Undo(NamedTuple):
    """Remember how the work at a path is undone."""

    path: str
    spec: TaskSpec
    offer: Callable[[], dict[str, Any] | None]


class Remark(NamedTuple):
    """Write a note."""

    kind: Kind
    path: str
    body: bytes


Command = (
    StartStep
    | CancelStep
    | StartTimer
    | StartChild
    | OpenAsk
    | Send
    | Publish
    | Emit
    | Remark
    | Recall
    | AskForLock
    | GiveLockBack
    | Undo
)


@dataclass(slots=True)
class Ending:
    """How a program ended."""

    status: str
    output: bytes | None = None
    error: ErrorInfo | None = None
    restart: dict[str, Any] | None = None


class Settings(NamedTuple):
    """What a program must know of its run."""

    run_id: str
    uid: str
    incarnation: int
    headers: dict[str, Any]
    payload_bytes_max: int
    fingerprint: Callable[[bytes], str]
    resolve: Callable[[bytes], bytes]
    """Turn an envelope into the JSON it stands for."""
    child_id: Callable[[str], str]
    environment: Callable[[str], str | None]
    code: str
    """Version of the workflow's code and of Podium, as this process has it."""
    accepted: str
    """The same, as it was where the run was accepted."""
    budgets: Lines = ()
    """Those that the whole run stands under."""


@dataclass(slots=True)
class RunState:
    """What the program's Context and the delivery of facts share.

    Attributes:
        waits: What the program waits for, by path.
        commands: What it has asked for since the engine last looked.
        kept: Facts that came before they were asked for.
        open_effects: Paths of effects in flight, each with those who wait for its end.
        fan_outs: How many items each map has, by path.
        facts_left: Recorded facts still to be delivered.
        is_same_code: Whether this code recorded the journal, or the last part of it.
        foreign_left: Facts still to be delivered that other code has recorded before that part.
        is_dead: Whether this process has let go of the run.
        fault: Why the run must stop: the program does not fit its journal.
        unawaited: Calls that were dropped without being awaited: (task, place).
        has_locks: Whether the program has asked for a lock.
        has_budgets: Whether anything of it stands under a budget.
    """

    spec: WorkflowSpec
    settings: Settings
    history: History
    entropy: Entropy
    loop: RunLoop
    waits: dict[str, Wait] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    kept: dict[str, Fact] = field(default_factory=dict)
    receivers: dict[str, deque[Wait]] = field(default_factory=dict)
    signals: dict[str, deque[bytes]] = field(default_factory=dict)
    open_effects: dict[str, list[RunFuture]] = field(default_factory=dict)
    fan_outs: dict[str, int] = field(default_factory=dict)
    facts_left: int = 0
    is_same_code: bool = True
    foreign_left: int = 0
    is_dead: bool = False
    fault: BaseException | None = None
    unawaited: list[tuple[str, str]] = field(default_factory=list)
    has_locks: bool = False
    has_budgets: bool = False

    def require_alive(self) -> None:
        """Refuse to start anything for a program that this process has let go of.

        Raises:
            RunSuspended: It has.
        """
        if self.is_dead:
            raise RunSuspended
        if self.fault is not None:
            raise self.fault
