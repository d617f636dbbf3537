"""A simulated process: one engine on the world's database, with a loop of its own. It can be killed."""

from __future__ import annotations

import contextvars
import hashlib
import random

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from podium.core.budgets import Lines
from podium.core.errors import StoreError, StoreFenced
from podium.core.ports import Attempt
from podium.core.spec import Registry, WorkflowSpec
from podium.engine.engine import Engine, EngineOptions, Ports
from podium.engine.roles import RelatedRun
from podium.engine.system import BEAT_EVERY_S
from podium.engine.terms import NO_TERMS, Terms
from podium.flow.stored import interpret
from podium.journal.memory import MemoryDatabase, MemoryStore
from podium.journal.store import Batch, RunRow, WorkerIdentity, WorkerRow
from podium.policy.shared import Now
from podium.testing.ledger import BodyRun, Ledger
from podium.testing.ports import SimClock, SimCommitter, SimEntropy, SimExecutor, SimNotifier
from podium.testing.virtual import Killed, VirtualLoop, VirtualTime

_here: contextvars.ContextVar[SimProcess | None] = contextvars.ContextVar(
    "podium_process", default=None
)


def die() -> None:
    """Kill the simulated process that the calling body runs in, as a segfault or the kernel would.

    Raises:
        RuntimeError: The caller is not the body of a task in the simulator.
    """
    process = _here.get()
    if process is None:
        raise RuntimeError("podium.testing.die() was called outside the simulator.")
    process.kill()
    raise Killed


@dataclass(slots=True)
class Tick:
    """Something a process does regularly, without being asked."""

    at_s: float
    period_s: float
    action: Callable[[], None]


_DELAYS_S = (0.0, 0.0005, 0.004, 0.03, 0.2)
"""The longest times of bodies: nothing, a call, a slow call, a very slow one."""


class World(Protocol):
    """The world, as a process in it sees it."""

    seed: object
    time: VirtualTime
    database: MemoryDatabase
    ledger: Ledger
    registry: Registry
    entropy: SimEntropy
    options: EngineOptions
    stalls: float
    variables: Mapping[str, str]
    problems: list[BaseException]
    is_fickle: bool
    slowness: float

    def at_point(self, process: SimProcess, point: str, run_id: str, path: str) -> None: ...
    def committed(self, batch: Batch) -> None: ...


class SimEngine(Engine):
    """The real engine; its look-outs are the world's, and a run's uid depends on its id alone.

    So a run that was lost before its acceptance was durable gets the same uid again, and with it
    the same random numbers; else results of two worlds could not be compared.
    """

    def __init__(
        self, host: SimProcess, ports: Ports, worker: WorkerIdentity, world: World
    ) -> None:
        self._host = host
        self._seed = world.seed
        super().__init__(
            ports, worker, world.registry, world.options, probe=host.probe, on_fatal=host.stopped
        )

    def accept(
        self, spec: WorkflowSpec, encoded: bytes, run_id: str, headers: dict[str, Any], *,
        parent: RelatedRun | None = None, parent_path: str | None = None, terms: Terms = NO_TERMS,
        outer: Lines | None = None,
    ) -> RunRow:  # fmt: skip
        """Append a new run to the log."""
        row = super().accept(
            spec, encoded, run_id, headers, parent=parent, parent_path=parent_path, terms=terms, outer=outer
        )  # fmt: skip
        row.uid = self.log.batch.runs_new[-1].uid = uid_of(self._seed, run_id)
        return row

    def _every(self, period_s: float, action: Callable[[], None]) -> None:
        def tick() -> None:
            if not self.is_closing:
                try:
                    action()
                except StoreError:
                    return

        self._host.every(period_s, tick)


class SimStore(MemoryStore):
    """The simulator's store as one process has it; it tells before and after it has written."""

    def __init__(self, host: SimProcess, database: MemoryDatabase) -> None:
        super().__init__(database)
        self._host = host
        self.before_commit = lambda _batch: host.probe("before-commit", "", "")
        self.after_commit = host.committed

    def claim(
        self, worker: WorkerIdentity, workflows: Any, limit: int, only: Any = None
    ) -> list[RunRow]:
        """Take free runs."""
        rows = super().claim(worker, workflows, limit, only)
        if rows:
            self._host.probe("claimed", rows[0].id, "")
        return rows

    def take_over(self, worker: WorkerIdentity, dead: WorkerRow, now: Now) -> int:
        """Fence a dead worker."""
        count = super().take_over(worker, dead, now)
        if count:
            self._host.probe("taken-over", "", "")
        return count


class SimProcess:
    """A process with a worker.

    Attributes:
        number: Which one it is, from 1.
        is_dead: Whether it was killed.
        is_frozen: Whether it is stopped (SIGSTOP) just now.
        fatal: Why its worker stopped by itself.
    """

    engine: SimEngine
    worker: WorkerIdentity

    def __init__(self, world: World, number: int) -> None:
        self.number = number
        self.time = world.time
        self.stalls = world.stalls
        self.chance = random.Random(f"process/{world.seed}/{number}")
        self.loop = VirtualLoop(world.time, world.problems.append)
        self.store = SimStore(self, world.database)
        self.base_context = contextvars.copy_context()
        self.base_context.run(_here.set, self)
        self.ticks: list[Tick] = []
        self.is_dead = False
        self.is_frozen = False
        self.fatal: BaseException | None = None
        self._world = world
        self.loop.call_soon(self._begin)

    def _begin(self) -> None:
        world, store = self._world, self.store
        self.worker = store.join(name=f"process {self.number}")
        ports = Ports(
            clock=SimClock(self), entropy=world.entropy, executor=SimExecutor(self),
            notifier=SimNotifier(self.loop), store=store, reader=store.reader(),
            committer=SimCommitter(self, store, self.worker), environment=world.variables.get,
            interpret=partial(interpret, registry=world.registry),
        )  # fmt: skip
        self.engine = SimEngine(self, ports, self.worker, world)
        self.every(BEAT_EVERY_S, self._beat)
        self.engine.start()

    def _beat(self) -> None:
        if self.fatal is None and not self.store.beat(self.worker):
            self.engine.stop(StoreFenced("The heart was told that another worker took over."))

    # what the world does to it ----------------------------------------------------------

    def kill(self) -> None:
        """Kill it: nothing more of it is written, its locks for life are free."""
        if not self.is_dead:
            self.is_dead = True
            self.store.die()

    def freeze(self) -> None:
        """Stop it where it is (SIGSTOP)."""
        self.is_frozen = True

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        self.is_frozen = False

    def call(self, action: Callable[[], None]) -> None:
        """Let something happen in this process."""
        self.loop.call_soon(action)

    def skip(self, seconds: float) -> None:
        """The clock has jumped while nothing happened: what is done regularly goes on from here."""
        for tick in self.ticks:
            tick.at_s = max(tick.at_s, self.time.now_s)
        if hasattr(self, "engine"):
            self.engine.neighbours._watched_at += seconds  # noqa: SLF001 - it did not stand still

    def dispose(self) -> None:
        """Take it apart once the world is over; plain code in ``finally`` may run."""
        self.is_dead = True
        if hasattr(self, "engine"):
            self.engine.close()
        self.loop.dispose()

    # what its parts tell ----------------------------------------------------------------

    def every(self, period_s: float, action: Callable[[], None]) -> None:
        """Do something regularly."""
        self.ticks.append(Tick(self.time.now_s + period_s, period_s, action))

    def stopped(self, problem: BaseException) -> None:
        """The worker stopped by itself."""
        self.fatal = problem

    def probe(self, point: str, run_id: str, path: str) -> None:
        """A crash point is passed.

        Raises:
            Killed: Here the process dies.
        """
        if self.is_dead:
            raise Killed
        self._world.at_point(self, point, run_id, path)
        if self.is_dead:
            raise Killed

    def committed(self, batch: Batch) -> None:
        """A commit is durable, and the engine does not know it yet."""
        self._world.committed(batch)
        self.probe("after-commit", "", "")

    def delays_of(self, attempt: Attempt) -> tuple[float, float]:
        """Return how long a body takes to begin, and its end to be heard of."""
        world = self._world
        life = f"/{self.number}/{attempt.number}" if world.is_fickle else ""
        chance = random.Random(f"{world.seed}{life}/{attempt.run_id}/{attempt.path}")
        first, second = (chance.choice(_DELAYS_S) * chance.random() for _ in range(2))
        options = attempt.spec.options
        limits = [one for one in (options.timeout_s, options.total_timeout_s) if one is not None]
        share = world.slowness * min([1.0, *(limit / (8 * _DELAYS_S[-1]) for limit in limits)])
        return first * share, second * share

    def judged(self, attempt: Attempt) -> Callable[[], BodyRun]:
        """Return what a body tells the ledger when it begins."""
        run = self.engine.by_id[attempt.run_id]
        place = (run.num, run.row.incarnation, attempt.path)

        def begin() -> BodyRun:
            ledger = self._world.ledger
            ledger.judge(attempt, place, is_fenced=self._is_fenced())
            return ledger.begun(attempt, self.number)

        return begin

    def _is_fenced(self) -> bool:
        row = self._world.database.workers.get(self.worker.id)
        return row is None or row.epoch != self.worker.epoch


def uid_of(seed: object, run_id: str) -> str:
    """Return the uid of a run in a world."""
    return hashlib.blake2b(f"{seed}/{run_id}".encode(), digest_size=16).hexdigest()
