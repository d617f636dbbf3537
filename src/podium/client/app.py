"""``Podium``: one database, the runs in it, and, unless it is a client only, their execution."""

from __future__ import annotations

import asyncio
import os

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from podium.client.files import FileVault
from podium.client.handle import Run
from podium.client.locations import database_path
from podium.client.views import AskView, RunView
from podium.core.codec import encode_sorted
from podium.core.errors import (
    IdInUse,
    InvalidOption,
    RunNotFound,
    StoreFenced,
    UsageError,
)
from podium.core.limits import CLOSE_WAIT_S, PAYLOAD_BYTES_MAX, RUN_ID_CHARS_MAX
from podium.core.spec import WorkflowSpec, registry
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
from podium.functions.calls import Workflow
from podium.journal.payload import HEAD, FamilyPayloads
from podium.journal.records import Kind, decode_value
from podium.journal.sqlite import SqliteReader, SqliteStore
from podium.journal.store import Batch, CommitResult, RunRow

R = TypeVar("R")
_WATCH_EVERY_S = 0.025
_NOT_OPEN = "This Podium is not open. Use it inside `async with Podium(…) as app:`."


class Podium:
    """A database of runs. Use it with ``async with``.

    Args:
        database: A path, a ``sqlite:///`` URL or ``:memory:``; ``$PODIUM_DB`` or ``./podium.db``
            unless given.
        execute: Whether this process also executes and recovers runs of the workflows it knows.
        only: Execute these run ids and no others.
        payload_bytes_max: Largest value as JSON, in bytes.
        runs_max: Most runs of other processes that this one takes on at once.
        resident_max: Most runs held in memory before quiet ones leave it until they are woken.
        kill_frozen: End a process of the same user that has held the file for 5 s in silence.
        name: What this worker is called in lists.
        create: Make the database if it is not there; else that is an error.
    """

    def __init__(
        self, database: str | os.PathLike[str] | None = None, *, execute: bool = True,
        only: frozenset[str] | None = None, payload_bytes_max: int = PAYLOAD_BYTES_MAX,
        runs_max: int = 1_000, resident_max: int = 10_000, kill_frozen: bool = False, name: str = "", create: bool = True,
    ) -> None:  # fmt: skip
        self.path: str = database_path(database)
        self.executes: bool = execute
        self._options = EngineOptions(
            payload_bytes_max=payload_bytes_max, runs_max=runs_max, resident_max=resident_max, only=only
        )
        self._kill_frozen = kill_frozen
        self._name = name
        self._create = create
        self._store: SqliteStore | None = None
        self._reader: SqliteReader | None = None
        self._engine: Engine | None = None
        self._committer: ThreadCommitter | None = None
        self._executor: SystemExecutor | None = None
        self._heart: Heart | None = None
        self._entropy = SystemEntropy()
        self._last_num = 0
        self._node = int.from_bytes(os.urandom(2)) & 0x7FF | 0x800

    # life -------------------------------------------------------------------------------

    async def open(self) -> Self:
        """Open the database; begin to execute and recover unless this is a client only.

        Raises:
            StoreError: The file cannot be used; it says why and is left as it was.
        """
        if self._store is not None:
            raise UsageError(f"This Podium on {self.path} is open already.")
        loop = asyncio.get_running_loop()
        self._store = SqliteStore(self.path, create=self._create, kill_frozen=self._kill_frozen)
        self._reader = self._store.reader()
        if self.executes:
            self._start_engine(loop)
        return self

    def _start_engine(self, loop: asyncio.AbstractEventLoop) -> None:
        store = self._store
        assert store is not None
        worker = store.join(name=self._name)
        notifier = LoopNotifier(loop)
        self._committer = ThreadCommitter(store, worker, notifier)
        self._executor = SystemExecutor(loop, notifier)
        ports = Ports(
            clock=SystemClock(loop), entropy=self._entropy, executor=self._executor,
            notifier=notifier, store=store, reader=self.reader, committer=self._committer,
            environment=environment,
        )  # fmt: skip
        self._engine = Engine(ports, worker, registry, self._options, files=partial(FileVault, store))
        engine = self._engine
        fenced = StoreFenced("Another worker took this worker's runs over; this one has stopped.")
        self._heart = Heart(
            store, worker, lambda: notifier.post_from_thread(lambda: engine.stop(fenced))
        )
        engine.start()

    async def close(self) -> None:
        """Start nothing new, give effects in flight 10 s, let go of the runs, empty the WAL."""
        store, engine = self._store, self._engine
        if store is None:
            return
        self._store = None
        if engine is not None:
            await self._close_engine(engine)
            if engine.fatal is None:
                store.leave(engine.worker)
        store.close()

    async def _close_engine(self, engine: Engine) -> None:
        engine.begin_closing()
        waited = 0.0
        while engine.has_effects_in_flight and waited < CLOSE_WAIT_S:
            await asyncio.sleep(0.01)
            waited += 0.01
        if engine.fatal is None:
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            engine.log.after(engine.log.appended, partial(_resolve, settled))
            engine.log.kick()
            try:
                await asyncio.wait_for(settled, CLOSE_WAIT_S)
            except TimeoutError:
                pass
        engine.close()
        assert self._committer is not None
        assert self._executor is not None
        assert self._heart is not None
        self._heart.stop()
        self._committer.close()
        self._executor.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # runs -------------------------------------------------------------------------------

    async def start(
        self, workflow: Workflow[..., R] | str, input: dict[str, Any] | None = None, *,
        id: str | None = None, headers: dict[str, Any] | None = None,
    ) -> Run[R]:  # fmt: skip
        """Start a run; return when its acceptance is committed.

        Args:
            workflow: The workflow, or its name.
            input: Its arguments by name.
            id: The run's id: the same id and input give the same run; a fresh one unless given.
            headers: Attributes that reach every task, child and log line (tenant, user, locale).

        Raises:
            InputInvalid: The input does not fit the workflow; nothing was written.
            IdInUse: The id belongs to a run with another workflow or other input.
            UnknownWorkflow: No workflow of that name is registered here.
        """
        spec = workflow.spec if isinstance(workflow, Workflow) else registry.workflow(workflow)
        bound = spec.binder.from_mapping(input or {})
        encoded, copy = spec.binder.copy(bound, self._options.payload_bytes_max)
        run_id = self._checked_id(id)
        reader = self.reader
        existing = reader.run(run_id) if id is not None else None
        if existing is None:
            existing = await self._accept(spec, encoded, run_id, headers or {})
        if existing is not None:
            self._require_same(existing, spec, copy)
        return Run(self, run_id, spec.returns)

    async def get(self, run_id: str) -> Run[Any]:
        """Return a run by its id.

        Raises:
            RunNotFound: There is none; near ids are suggested.
        """
        row = self.row(run_id)
        known = registry.workflows.get(row.workflow)
        return Run(self, run_id, known.returns if known else None)

    async def runs(
        self, *, status: str | None = None, workflow: str | None = None, limit: int = 100
    ) -> list[RunView]:
        """Return the newest runs."""
        statuses = (status,) if status else ()
        rows = self.reader.runs(statuses=statuses, workflow=workflow, limit=limit)
        return [RunView.of(row) for row in rows]

    async def asks(self) -> list[AskView]:
        """Return every open question to a person, of all runs."""
        found = []
        for row in self.reader.asks():
            run = self.reader.run_by_num(row.run)
            found.append(AskView.of(row, run.id if run else "?"))
        return found

    @property
    def reader(self) -> SqliteReader:
        """Committed state.

        Raises:
            UsageError: The app is not open.
        """
        if self._store is None or self._reader is None:
            raise UsageError(_NOT_OPEN)
        return self._reader

    @property
    def is_stopped(self) -> bool:
        """Whether this worker had to stop (fenced, disk failure)."""
        return self._engine is not None and self._engine.fatal is not None

    @property
    def problem(self) -> BaseException | None:
        """Why this worker had to stop, if it had to."""
        return None if self._engine is None else self._engine.fatal

    @property
    def in_hand(self) -> frozenset[int]:
        """The numbers of the runs that this process holds in memory just now."""
        return frozenset() if self._engine is None else frozenset(self._engine.runs)

    def fan_outs(self, num: int) -> dict[str, int]:
        """Return how many items each map of a run has, by path, if the run is in hand.

        The journal does not say it: it knows only the items that were begun.
        """
        run = None if self._engine is None else self._engine.runs.get(num)
        return {} if run is None else dict(run.program.state.fan_outs)

    # what handles use -------------------------------------------------------------------

    def row(self, run_id: str) -> RunRow:
        """Return a run's row.

        Raises:
            RunNotFound: There is none; near ids are suggested.
        """
        row = self.reader.run(run_id)
        if row is None:
            near = self.reader.near_ids(run_id)
            raise RunNotFound(run_id, self.path, near[0] if near else None)
        return row

    def _checked_id(self, given: str | None) -> str:
        if given is None:
            return f"run-{self._entropy.token(6).hex()}"
        if not isinstance(given, str) or not given.strip() or len(given) > RUN_ID_CHARS_MAX or "\n" in given:
            raise InvalidOption(f"Run id {given!r}: expected a text of 1 to {RUN_ID_CHARS_MAX} characters.")
        return given

    async def _accept(
        self, spec: WorkflowSpec, encoded: bytes, run_id: str, headers: dict[str, Any]
    ) -> RunRow | None:
        """Write a new run; return the row that was there first, if another process was faster."""
        if self._engine is not None:
            return await self._accept_here(spec, encoded, run_id, headers)
        batch = Batch()
        row = self._client_row(batch, spec, encoded, run_id, headers)
        batch.runs_new.append(row)
        result = await self.commit(batch)
        return self.reader.run(run_id) if run_id in result.taken else None

    async def _accept_here(
        self, spec: WorkflowSpec, encoded: bytes, run_id: str, headers: dict[str, Any]
    ) -> RunRow | None:
        engine = self._engine
        assert engine is not None
        row = engine.accept(spec, encoded, run_id, headers)
        engine.log.flush()
        await self.settled(engine)
        if run_id in engine.taken:
            first = self.reader.run(run_id)
            if first is None or first.num != row.num:
                return first
        if row.owner is not None:
            engine.adopt(row)
        return None

    def _client_row(
        self, batch: Batch, spec: WorkflowSpec, encoded: bytes, run_id: str, headers: dict[str, Any]
    ) -> RunRow:
        family = self._new_num()
        batch.families.append((family, self._entropy.token(32)))
        return RunRow(
            num=self._new_num(), id=run_id, uid=self._entropy.token(16).hex(), workflow=spec.name,
            version=f"{spec.version}+podium-{VERSION}", family=family, input=encoded,
            created_at=wall_us(), headers=msgspec.json.encode(headers),
        )  # fmt: skip

    def _new_num(self) -> int:
        self._last_num = max(self._last_num + (1 << 12), (wall_us() << 12) | self._node)
        return self._last_num

    def _require_same(self, row: RunRow, spec: WorkflowSpec, bound: dict[str, Any]) -> None:
        if row.workflow != spec.name:
            raise IdInUse(row.id, f"workflow {row.workflow!r}, not {spec.name!r}")
        recorded = self.open_envelope(row, self._given_input(row)) or b"{}"
        if encode_sorted(spec.binder.decode(recorded)) != encode_sorted(bound):
            raise IdInUse(row.id, f"other input: {recorded[:200].decode(errors='replace')}")

    def _given_input(self, row: RunRow) -> bytes:
        """Return what a run was started with, whatever ``restart_with`` has made of it."""
        after = 0
        while row.incarnation and (page := self.reader.records(row.num, after)):
            for record in page:
                if record.kind == Kind.RESTARTED:
                    return bytes(decode_value(record.body).v)
            after = page[-1].seq
        return row.input

    def open_envelope(self, row: RunRow, envelope: bytes | None) -> bytes | None:
        """Return the JSON of a recorded value."""
        if envelope is None or not envelope.startswith(HEAD):
            return envelope
        key = self.reader.family_key(row.family)
        return FamilyPayloads(key, _Source(self.reader, row.family)).unpack(envelope)

    def vault(self, row: RunRow) -> FileVault:
        """Return where the files of a run's family are kept."""
        if self._store is None:
            raise UsageError(_NOT_OPEN)
        return FileVault(self._store, row.family)

    async def commit(self, batch: Batch) -> CommitResult:
        """Write a batch of a client durably; through the engine's FIFO where there is one."""
        store = self._store
        if store is None:
            raise UsageError(_NOT_OPEN)
        if self._engine is None or self._engine.is_closed:
            return await asyncio.to_thread(store.commit, batch, None)
        engine = self._engine
        result: list[CommitResult] = []
        engine.append_for_client(batch, result.append)
        await self.settled(engine)
        return result[0] if result else CommitResult()

    async def settled(self, engine: Engine) -> None:
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
            raise engine.fatal or UsageError(_NOT_OPEN)

    async def ended(self, run_id: str) -> RunRow:
        """Wait until a run has ended or was set aside; return its row."""
        while True:
            row = self.row(run_id)
            if row.is_ended or row.status in ("blocked", "quarantined"):
                return row
            if self.is_stopped:
                assert self._engine is not None
                assert self._engine.fatal is not None
                raise self._engine.fatal
            await self._wait_for_end(row)

    async def _wait_for_end(self, row: RunRow) -> None:
        engine = self._engine
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
        while self.reader.changes() == before and waited < 1.0:
            await asyncio.sleep(_WATCH_EVERY_S)
            waited += _WATCH_EVERY_S


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _Source:
    """Committed blobs of one family."""

    def __init__(self, reader: Any, family: int) -> None:
        self.blob: Callable[[int], bytes] = reader.blob
        self.digests = partial(reader.digests, family)
