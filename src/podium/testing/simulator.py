"""A whole world in one thread: a database, processes that die, people, and a clock that jumps.

Everything comes from one seed, so a world can be run again exactly. Only three things are drawn:
how long bodies and commits take, which process goes first, and when a process stalls. The order
inside a program is never touched.
"""

from __future__ import annotations

import os
import random

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import msgspec

from podium.core.budgets import matching
from podium.core.codec import decode_any, encode
from podium.core.errors import PodiumError
from podium.core.spec import Registry, WorkflowSpec
from podium.core.spec import registry as process_registry
from podium.core.version import VERSION
from podium.engine.engine import EngineOptions
from podium.engine.terms import NO_TERMS, set_terms
from podium.functions.calls import Workflow
from podium.journal.memory import MemoryDatabase, MemoryStore
from podium.journal.payload import HEAD, FamilyPayloads
from podium.journal.store import ENDED_STATUSES, HELD_STATUSES, Batch, RecordRow, RunRow
from podium.testing.ledger import Ledger
from podium.testing.ports import SimEntropy
from podium.testing.process import SimProcess, Tick, uid_of
from podium.testing.views import Views
from podium.testing.virtual import Killed, VirtualLoop, VirtualTime

_LOOK_OUT_S = 15.0
"""So long processes look out for each other before the clock jumps (a frozen one shows after 10 s) …"""
_CALM_S = 0.5
"""… and so long where nothing was written since it last jumped."""
_STEPS_MAX = 2_000_000
RESTART_AFTER_S = 0.05
"""How long it takes until a process is started in the place of one that died."""


class SimulationError(PodiumError):
    """A simulated world did what must not happen."""

    code = "simulation"


class CrashPoint(NamedTuple):
    """A place in a world's history where a process can die.

    Attributes:
        number: Which one, from 0.
        name: ``before-effect``, ``effect-done``, ``before-append``, ``appended``,
            ``before-commit``, ``after-commit``, ``committed``, ``before-deliver``,
            ``delivered``, ``claimed`` or ``taken-over``.
        run_id: The run it is about, if one.
        path: The step or fact it is about, if one.
    """

    number: int
    name: str
    run_id: str
    path: str

    def __str__(self) -> str:
        place = " ".join(part for part in (self.run_id, self.path) if part)
        return f"#{self.number} {self.name}{f' ({place})' if place else ''}"


class SimWorld:
    """A simulated world.

    Args:
        seed: Everything is drawn from it.
        stalls: How often a process stalls when it looks at the clock: a share, 0 to 1.
        slowness: How long bodies take besides what they do themselves: a factor.
        fickle: Whether bodies take other times in each process, and not the same everywhere.
        environment: The variables that ``podium.env`` finds; this process's unless given.
        options: Settings of the workers.
        registry: Which tasks and workflows exist.

    Attributes:
        points: The crash points passed so far.
        crash_when: Asked at each point whether the process dies there.
        answer_with: Gives the answer to a form; ``None`` leaves people silent.
        restarts: Whether a process is started in the place of one that died.
    """

    def __init__(
        self, seed: object = 0, *, stalls: float = 0.0, slowness: float = 1.0,
        fickle: bool = False, environment: Mapping[str, str] | None = None, options: EngineOptions | None = None,
        registry: Registry | None = None,
    ) -> None:  # fmt: skip
        self.seed = seed
        self.stalls = stalls
        self.options = options or EngineOptions()
        self.registry = registry or process_registry
        self.variables: Mapping[str, str] = os.environ if environment is None else environment
        self.time = VirtualTime()
        self.database = MemoryDatabase()
        self.ledger = Ledger()
        self.views = Views()
        self.entropy = SimEntropy(seed)
        self.processes: list[SimProcess] = []
        self.points: list[CrashPoint] = []
        self.crash_when: Callable[[CrashPoint], bool] | None = None
        self.answer_with: Callable[[Any], Any] | None = None
        self.restarts = True
        self.problems: list[BaseException] = []
        self.outside = VirtualLoop(self.time, self.problems.append)
        self.slowness = slowness
        self.is_fickle = fickle
        self._chance = random.Random(f"world/{seed}")
        self._client = MemoryStore(self.database)
        self._client.after_commit = self.committed
        self.reader = self._client.reader()
        self._answered: set[str] = set()
        self._last_num = 0
        self._active_s = self.time.now_s
        self._version = -1
        """Of the database, at the last jump of the clock."""

    # processes --------------------------------------------------------------------------

    def worker(self) -> SimProcess:
        """Start a process with a worker."""
        process = SimProcess(self, len(self.processes) + 1)
        self.processes.append(process)
        return process

    @property
    def alive(self) -> list[SimProcess]:
        """The processes that are not dead."""
        return [process for process in self.processes if not process.is_dead]

    def close(self) -> None:
        """Take the world apart."""
        for process in self.processes:
            process.dispose()
        self.outside.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # what people and other programs do ----------------------------------------------------

    def start(
        self, workflow: Workflow[..., Any] | str, input: dict[str, Any] | None = None, *,
        id: str = "run", headers: dict[str, Any] | None = None,
    ) -> str:  # fmt: skip
        """Accept a run, durably; return its id."""
        spec = self._spec(workflow)
        bound = spec.binder.from_mapping(input or {})
        encoded, _ = spec.binder.copy(bound, self.options.payload_bytes_max)
        family, now = self._num(), self.time.wall_us()
        batch = Batch(families=[(family, self.entropy.token(32))])
        if spec.document is not None:
            batch.documents[spec.document.hash] = spec.document.content
        row = RunRow(
            num=self._num(), id=id, uid=uid_of(self.seed, id), workflow=spec.name,
            version=f"{spec.version}+podium-{VERSION}", family=family, input=encoded,
            created_at=now, headers=msgspec.json.encode(headers or {}),
            document=None if spec.document is None else spec.document.hash,
        )  # fmt: skip
        set_terms(row, spec, NO_TERMS, matching(self.options.budgets, headers or {}))
        batch.runs_new.append(row)
        self._client.commit(batch, None)
        return id

    def _spec(self, workflow: Workflow[..., Any] | str) -> WorkflowSpec:
        """Return what is started: a document itself, else what this world has under the name."""
        if isinstance(workflow, str):
            return self.registry.workflow(workflow)
        return workflow.spec if workflow.spec.document else self.registry.workflow(workflow.name)

    def signal(self, run_id: str, name: str, value: Any = None) -> None:
        """Send a signal, durably."""
        self._message(run_id, "signal", name, encode(value))

    def cancel(self, run_id: str) -> None:
        """Ask a run to stop, durably."""
        self._message(run_id, "cancel", "", b"")

    def answer(self, ask_id: str, value: Any) -> None:
        """Answer a question, durably."""
        ask = self.database.asks[ask_id]
        self._message(self.database.runs[ask.run].id, "answer", ask_id, encode(value))

    def resume(self, run_id: str) -> None:
        """Let a run that was set aside go on."""
        batch = Batch()
        change = batch.change(self.row(run_id).num)
        change.status, change.owner, change.error, change.claims = "accepted", None, None, 0
        self._client.commit(batch, None)

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Let something happen outside after a virtual delay."""
        self.outside.call_later(delay_s, action)

    def set_wall_clock(self, shift_s: float) -> None:
        """Set the wall clock forth or back; the others do not notice."""
        self.time.wall_shift_us += round(shift_s * 1e6)

    # what one sees ----------------------------------------------------------------------

    def row(self, run_id: str) -> RunRow:
        """Return a run as it was committed."""
        row = self.reader.run(run_id)
        assert row is not None, f"no run {run_id!r}"
        return row

    def journal(self, run_id: str) -> list[RecordRow]:
        """Return the committed records of a run's current incarnation."""
        row = self.row(run_id)
        return self.reader.records(row.num, row.base, 1_000_000)

    def output(self, run_id: str) -> Any:
        """Return the output of a run that has succeeded."""
        row = self.row(run_id)
        if row.status != "succeeded":
            raise SimulationError(f"run {run_id!r} is {row.status}: {_reason(row)}")
        return self._value(row, row.output)

    def is_over(self, run_id: str) -> bool:
        """Whether a run has ended or was set aside, durably."""
        num = self.database.by_id[run_id]
        return self.database.runs[num].status in (*ENDED_STATUSES, *HELD_STATUSES)

    # time goes on -----------------------------------------------------------------------

    def run_until(self, condition: Callable[[], bool], what: str = "") -> None:
        """Let things happen until a condition holds.

        Raises:
            SimulationError: Nothing more happens, or it never ends.
        """
        for _ in range(_STEPS_MAX):
            if condition():
                return
            if not self._step():
                raise SimulationError(
                    f"nothing more happens{f' ({what})' if what else ''}: {self.tell()}"
                )
        raise SimulationError(f"the world does not come to rest: {self.tell()}")

    def run_until_over(self, *run_ids: str) -> None:
        """Let things happen until these runs have ended or were set aside."""
        self.run_until(lambda: all(map(self.is_over, run_ids)), f"waiting for {', '.join(run_ids)}")

    def settle(self) -> None:
        """Let things happen until nothing more does."""
        for _ in range(_STEPS_MAX):
            if not self._step():
                return
        raise SimulationError(f"the world does not come to rest: {self.tell()}")

    def tell(self) -> str:
        """Say in words how every run stands."""
        return "; ".join(
            f"run {row.id!r} is {row.status}, owner {row.owner}, waits {(row.waits or b'-').decode()}"
            f"{f', {_reason(row)}' if row.error else ''}"
            for row in self.database.runs.values()
        )

    def _step(self) -> bool:
        running = [
            process for process in self.processes if not (process.is_dead or process.is_frozen)
        ]
        ready: list[SimProcess | None] = [one for one in running if one.loop.has_ready()]
        if self.outside.has_ready():
            ready.append(None)
        if not ready:
            return self._advance(running)
        chosen = ready[0] if len(ready) == 1 else self._chance.choice(ready)
        self._active_s = self.time.now_s
        self._act(chosen, self.outside.step if chosen is None else chosen.loop.step)
        return True

    def _act(self, process: SimProcess | None, action: Callable[[], None]) -> None:
        try:
            action()
        except Killed:
            assert process is not None
            assert process.is_dead
        if process is not None and process.is_dead and self.restarts:
            self.outside.call_later(RESTART_AFTER_S, self.worker)
        if self.problems:
            raise self.problems[0]

    def _advance(self, running: list[SimProcess]) -> bool:
        """Nothing is ready: let the clock jump to what comes next."""
        dues = [one.loop.next_due_s() for one in running] + [self.outside.next_due_s()]
        due_s = min((due for due in dues if due is not None), default=None)
        ticks = [(tick.at_s, process) for process in running for tick in process.ticks]
        if ticks:
            at_s, process = min(ticks, key=lambda pair: pair[0])
            if at_s <= self._active_s + self._look_out_s() and (due_s is None or at_s <= due_s):
                self.time.now_s = max(self.time.now_s, at_s)
                self._tick(process)
                return True
        if due_s is None:
            return False
        self._jump(due_s, running)
        return True

    def _look_out_s(self) -> float:
        """Return how long look-outs are worth their time: hardly, where nothing was written."""
        is_calm = self.database.version == self._version
        return (
            _CALM_S if is_calm and not any(one.is_frozen for one in self.processes) else _LOOK_OUT_S
        )

    def _tick(self, process: SimProcess) -> None:
        tick: Tick = min(process.ticks, key=lambda one: one.at_s)
        tick.at_s = self.time.now_s + tick.period_s
        self._act(process, tick.action)

    def _jump(self, due_s: float, running: list[SimProcess]) -> None:
        skipped_s = max(0.0, due_s - max(self.time.now_s, self._active_s + self._look_out_s()))
        self._version = self.database.version
        self.time.now_s = max(self.time.now_s, due_s)
        self._active_s = self.time.now_s
        if skipped_s:
            for process in running:
                process.skip(skipped_s)

    # what processes tell ----------------------------------------------------------------

    def at_point(self, process: SimProcess, point: str, run_id: str, path: str) -> None:
        """Take note of a crash point; kill the process if it is to die here."""
        if point == "delivered":
            self.views.delivered(process.engine.by_id[run_id])
        here = CrashPoint(len(self.points), point, run_id, path)
        self.points.append(here)
        if self.crash_when is not None and self.crash_when(here):
            process.kill()

    def committed(self, batch: Batch) -> None:
        """Take note of what is durable."""
        self.ledger.committed.take(batch)
        if batch.asks_new and self.answer_with is not None:
            self.outside.call_soon(self._answer_open)

    # inside -----------------------------------------------------------------------------

    def _message(self, run_id: str, kind: str, name: str, payload: bytes) -> None:
        batch = Batch()
        batch.inbox_new.append((self.row(run_id).num, kind, name, payload, self.time.wall_us()))
        self._client.commit(batch, None)

    def _answer_open(self) -> None:
        assert self.answer_with is not None
        for ask in self.reader.asks():
            if ask.id in self._answered:
                continue
            self._answered.add(ask.id)
            form = decode_any(ask.form)
            value = self.answer_with(_Question(self.database.runs[ask.run].id, ask.path, form))
            if value is not _SILENCE:
                delay_s = random.Random(f"{self.seed}/{ask.id}").random() * 0.02
                self.outside.call_later(delay_s, self._give_answer, ask.id, value)

    def _give_answer(self, ask_id: str, value: Any) -> None:
        if self.database.asks[ask_id].closed_at is None:
            self.answer(ask_id, value)

    def _value(self, row: RunRow, envelope: bytes | None) -> Any:
        if envelope is None:
            return None
        if envelope.startswith(HEAD):
            source = _Blobs(self, row.family)
            envelope = FamilyPayloads(self.reader.family_key(row.family), source).unpack(envelope)
        return decode_any(envelope)

    def _num(self) -> int:
        self._last_num = max(self._last_num + (1 << 12), (self.time.wall_us() << 12) | 0x800)
        return self._last_num


class _Question(NamedTuple):
    """An open question as ``SimWorld.answer_with`` gets it."""

    run_id: str
    path: str
    form: Any


class _Silence:
    """No answer."""


_SILENCE = _Silence()
SILENCE: Any = _SILENCE
"""What ``answer_with`` returns where a question stays open."""
Question = _Question


class _Blobs:
    """Committed blobs of one family."""

    def __init__(self, world: SimWorld, family: int) -> None:
        self._world = world
        self._family = family
        self.blob = world.reader.blob

    def digests(self) -> list[tuple[bytes, int]]:
        """Return the committed digests."""
        return self._world.reader.digests(self._family)


def _reason(row: RunRow) -> str:
    return "" if row.error is None else str(decode_any(row.error).get("message", ""))
