"""Behind the app and its handles: the open database, the worker in it, and who waits for what."""

from __future__ import annotations

import asyncio
import os

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from podium.client.common import CommonViews
from podium.client.files import FileVault
from podium.core.budgets import matching
from podium.core.errors import RunNotFound, StoreFenced, UsageError
from podium.core.limits import CLOSE_WAIT_S
from podium.core.spec import StoredDocument, WorkflowSpec, registry
from podium.core.version import VERSION
from podium.engine.engine import Engine, EngineOptions, Ports
from podium.engine.executors import SystemExecutor
from podium.engine.system import (
    Heart,
    LoopNotifier,
    SystemClock,
    SystemEntropy,
    ThreadCommitter,
    environment,
    wall_us,
)
from podium.engine.terms import NO_TERMS, Terms, set_terms
from podium.journal.payload import HEAD, FamilyPayloads
from podium.journal.sqlite import SqliteReader, SqliteStore
from podium.journal.store import Batch, CommitResult, RunRow

NOT_OPEN = "This Podium is not open. Use it inside `async with Podium(…) as app:`."
_WATCH_EVERY_S = 0.025


@dataclass(frozen=True, kw_only=True)
class DeskOptions:
    """How a database is opened."""

    executes: bool
    kill_frozen: bool
    name: str
    create: bool
    engine: EngineOptions


def interpret(document: StoredDocument) -> WorkflowSpec:
    """Return the workflow that a document is; flows are imported with the first of them."""
    from podium.flow.stored import interpret as make  # late: most programs run none

    return make(document)


class Worker:
    """An engine with everything real around it.

    Attributes:
        engine: Advances runs.
        committer: Writes in a thread of its own where the loop must not wait.
        executor: Carries out the bodies of tasks.
        heart: Moves the worker's counter.
    """

    def __init__(self, store: SqliteStore, reader: SqliteReader, options: DeskOptions) -> None:
        loop = asyncio.get_running_loop()
        identity = store.join(name=options.name)
        notifier = LoopNotifier(loop)
        self.committer = ThreadCommitter(store, identity, notifier)
        self.executor = SystemExecutor(loop, notifier)
        ports = Ports(
            clock=SystemClock(loop), entropy=SystemEntropy(), executor=self.executor,
            notifier=notifier, store=store, reader=reader, committer=self.committer,
            environment=environment, interpret=interpret,
        )  # fmt: skip
        self.engine = engine = Engine(
            ports, identity, registry, options.engine, files=partial(FileVault, store)
        )
        fenced = StoreFenced("Another worker took this worker's runs over; this one has stopped.")
        self.heart = Heart(
            store, identity, lambda: notifier.post_from_thread(lambda: engine.stop(fenced))
        )
        engine.start()

    async def close(self) -> None:
        """Start nothing new, give effects in flight 10 s, write what is appended, let go."""
        engine = self.engine
        engine.begin_closing()
        waited = 0.0
        while engine.has_effects_in_flight and waited < CLOSE_WAIT_S:
            await asyncio.sleep(0.01)
            waited += 0.01
        engine.admission.settle()
        waited = 0.0
        while engine.fatal is None and waited < CLOSE_WAIT_S:
            engine.log.flush()
            engine.log.kick()
            if engine.log.is_settled:
                break
            await asyncio.sleep(0.01)
            waited += 0.01
        engine.close()
        self.heart.stop()
        self.committer.close()
        self.executor.close()


class Desk:
    """An open database: what the app and its handles read, write and wait for.

    Attributes:
        store: The database.
        reader: Committed state.
        engine: The worker in this process; ``None`` for a client.
        payload_bytes_max: Largest value as JSON.
    """

    def __init__(self, path: str, options: DeskOptions) -> None:
        self.path = path
        self.store = SqliteStore(path, create=options.create, kill_frozen=options.kill_frozen)
        self.reader: SqliteReader = self.store.reader()
        self.worker = self._begin(options) if options.executes else None
        self.engine: Engine | None = self.worker.engine if self.worker else None
        self.common = CommonViews(self.reader, SystemClock(asyncio.get_running_loop()))
        self.payload_bytes_max = options.engine.payload_bytes_max
        self._budgets = options.engine.budgets
        self._is_closed = False
        self._entropy = SystemEntropy()
        self._last_num = 0
        self._node = int.from_bytes(os.urandom(2)) & 0x7FF | 0x800

    def _begin(self, options: DeskOptions) -> Worker:
        """Start the worker; a database it cannot use is let go of again."""
        try:
            return Worker(self.store, self.reader, options)
        except BaseException:
            self.store.close()
            raise

    async def close(self) -> None:
        """Leave the runs resumable and the log empty."""
        if self._is_closed:
            return
        self._is_closed = True
        if self.worker is not None:
            await self.worker.close()
            if self.worker.engine.fatal is None:
                self.store.leave(self.worker.engine.worker, self.worker.engine.desk.now())
        self.store.close()

    # reading ----------------------------------------------------------------------------

    def row(self, run_id: str) -> RunRow:
        """Return a run's row.

        Raises:
            RunNotFound: There is none; near ids are suggested.
        """
        self._require_open()
        row = self.reader.run(run_id)
        if row is None:
            near = self.reader.near_ids(run_id)
            raise RunNotFound(run_id, self.path, near[0] if near else None)
        return row

    def open_envelope(self, row: RunRow, envelope: bytes | None) -> bytes | None:
        """Return the JSON of a recorded value."""
        if envelope is None or not envelope.startswith(HEAD):
            return envelope
        key = self.reader.family_key(row.family)
        return FamilyPayloads(key, _Source(self.reader, row.family)).unpack(envelope)

    def vault(self, row: RunRow) -> FileVault:
        """Return where the files of a run's family are kept."""
        self._require_open()
        return FileVault(self.store, row.family)

    @property
    def problem(self) -> BaseException | None:
        """Why this worker had to stop, if it had to."""
        return None if self.engine is None else self.engine.fatal

    @property
    def in_hand(self) -> frozenset[int]:
        """The numbers of the runs that this process holds in memory just now."""
        return frozenset() if self.engine is None else frozenset(self.engine.runs)

    def fan_outs(self, num: int) -> dict[str, int]:
        """Return how many items each map of a run has, by path, if the run is in hand.

        The journal does not say it: it knows only the items that were begun.
        """
        run = None if self.engine is None else self.engine.runs.get(num)
        return {} if run is None else dict(run.program.state.fan_outs)

    # writing ----------------------------------------------------------------------------

    async def accept(
        self, spec: WorkflowSpec, encoded: bytes, run_id: str, headers: dict[str, Any],
        terms: Terms = NO_TERMS,
    ) -> RunRow | None:  # fmt: skip
        """Write a new run; return the row that was there first, if another process was faster."""
        self._require_open()
        if self.engine is not None:
            return await self._accept_here(self.engine, spec, encoded, run_id, headers, terms)
        batch = Batch()
        row = self._new_row(batch, spec, encoded, run_id, headers)
        set_terms(row, spec, terms, matching(self._budgets, headers))
        batch.runs_new.append(row)
        result = await self.commit(batch)
        return self.reader.run(run_id) if run_id in result.taken else None

    async def _accept_here(
        self,
        engine: Engine,
        spec: WorkflowSpec,
        encoded: bytes,
        run_id: str,
        headers: dict[str, Any],
        terms: Terms,
    ) -> RunRow | None:
        row = engine.accept(spec, encoded, run_id, headers, terms=terms)
        engine.log.flush()
        await self._settled(engine)
        if run_id in engine.taken:
            first = self.reader.run(run_id)
            if first is None or first.num != row.num:
                return first
        if row.owner is not None:
            engine.adopt(row)
        return None

    def _new_row(
        self, batch: Batch, spec: WorkflowSpec, encoded: bytes, run_id: str, headers: dict[str, Any]
    ) -> RunRow:
        family = self._new_num()
        batch.families.append((family, self._entropy.token(32)))
        if spec.document is not None:
            batch.documents[spec.document.hash] = spec.document.content
        return RunRow(
            num=self._new_num(), id=run_id, uid=self._entropy.token(16).hex(), workflow=spec.name,
            version=f"{spec.version}+podium-{VERSION}", family=family, input=encoded,
            created_at=wall_us(), headers=msgspec.json.encode(headers),
            document=None if spec.document is None else spec.document.hash,
        )  # fmt: skip

    def _new_num(self) -> int:
        self._last_num = max(self._last_num + (1 << 12), (wall_us() << 12) | self._node)
        return self._last_num

    async def commit(self, batch: Batch) -> CommitResult:
        """Write a batch of a client durably; through the engine's FIFO where there is one."""
        self._require_open()
        engine = self.engine
        if engine is None or engine.is_closed:
            return await asyncio.to_thread(self.store.commit, batch, None)
        result: list[CommitResult] = []
        engine.append_for_client(batch, result.append)
        await self._settled(engine)
        return result[0] if result else CommitResult()

    async def decide(self, kind: str, key: str, event: msgspec.Struct) -> bytes:
        """Ask a shared policy; return the decision once it is durable."""
        self._require_open()
        engine, told = self.engine, msgspec.json.encode(event)
        if engine is None or engine.is_closed:
            batch = Batch(shared=[(kind, key, told)], now=self.common.now())
            result = await asyncio.to_thread(self.store.commit, batch, None)
            return result.decisions[0]
        decisions: list[bytes] = []
        engine.desk.decide(kind, key, told, decisions.append)
        await self._settled(engine)
        return decisions[0]

    # waiting ----------------------------------------------------------------------------

    async def _settled(self, engine: Engine) -> None:
        """Wait until everything appended so far is durable.

        Raises:
            StoreError: The worker had to stop before that.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        number, tell = engine.log.appended, partial(_resolve, done)
        engine.log.after(number, tell)
        engine.log.kick()
        if not engine.is_closed:
            engine.on_close.add(tell)
            await done
            engine.on_close.discard(tell)
        if engine.log.durable < number:
            raise engine.fatal or UsageError(NOT_OPEN)

    async def ended(self, run_id: str) -> RunRow:
        """Wait until a run has ended or was set aside; return its row."""
        while True:
            row = self.row(run_id)
            if row.is_ended or row.status in ("blocked", "quarantined"):
                return row
            if self.problem is not None:
                raise self.problem
            await self._wait_for_end(row)

    async def _wait_for_end(self, row: RunRow) -> None:
        engine = self.engine
        if engine is not None and row.num in engine.runs:
            told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            engine.ended.setdefault(row.num, []).append(partial(_resolve, told))
            await told
        else:
            await self.changed()

    async def changed(self) -> None:
        """Wait until something may have been committed by anybody."""
        before = self.reader.changes()
        waited = 0.0
        while not self._is_closed and self.reader.changes() == before and waited < 1.0:
            await asyncio.sleep(_WATCH_EVERY_S)
            waited += _WATCH_EVERY_S
        self._require_open()

    def _require_open(self) -> None:
        if self._is_closed:
            raise UsageError(NOT_OPEN)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _Source:
    """Committed blobs of one family."""

    def __init__(self, reader: SqliteReader, family: int) -> None:
        self.blob: Callable[[int], bytes] = reader.blob
        self.digests: Callable[[], list[tuple[bytes, int]]] = partial(reader.digests, family)
