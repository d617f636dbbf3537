"""What the engine asks of a store: commit batches in order, read what is committed.

A store is synchronous and knows nothing of programs. ``commit`` is atomic and, when it returns,
durable. Everything a store shows (``run``, ``records`` …) is committed. Both stores of the house
(SQLite and the simulator's) pass ``podium.testing.conformance``.

Numbers: ``num`` names a run, ``family`` a family, both chosen by the writer (``Ids``), so that
records can refer to what the same batch creates. ``seq`` is given by the store at commit and
grows in commit order over the whole file. Times are whole microseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from podium.policy.shared import Now

OPEN_STATUSES = ("accepted", "running", "waiting")
"""A worker may advance a run in one of these."""
HELD_STATUSES = ("blocked", "paused", "quarantined")
"""Not ended, but nobody advances it until somebody acts."""
ENDED_STATUSES = ("succeeded", "failed", "cancelled")


class RunRow(msgspec.Struct, kw_only=True):
    """A run as the store shows it.

    ``base`` is the seq of the record that began the current incarnation (0 for the first):
    replay reads records with ``seq > base``. ``input``, ``output`` are payload envelopes
    (see ``journal.payload``), ``error`` and ``waits`` and ``headers`` are plain JSON bytes.
    ``owner`` is the worker id that holds the run. ``claims`` counts takeovers since progress.
    """

    num: int
    id: str
    uid: str
    workflow: str
    version: str
    family: int
    input: bytes
    created_at: int
    parent: int | None = None
    parent_path: str | None = None
    status: str = "accepted"
    owner: int | None = None
    incarnation: int = 0
    base: int = 0
    claims: int = 0
    output: bytes | None = None
    error: bytes | None = None
    waits: bytes | None = None
    headers: bytes = b"{}"
    ended_at: int | None = None
    document: str | None = None
    """Hash of the document that the workflow is, where it is one."""
    deadline: int | None = None
    """When the time of the run is over, in µs since 1970."""
    budgets: bytes | None = None
    """The budgets that it was started under, as JSON, from the innermost to the outermost."""

    @property
    def is_ended(self) -> bool:
        """Whether the run has its final status."""
        return self.status in ENDED_STATUSES


class RunChange(msgspec.Struct, kw_only=True):
    """What a batch changes in a run's row; ``None`` (or ``UNSET`` for nullable ones) leaves it."""

    status: str | None = None
    waits: bytes | None | msgspec.UnsetType = msgspec.UNSET
    output: bytes | None | msgspec.UnsetType = msgspec.UNSET
    error: bytes | None | msgspec.UnsetType = msgspec.UNSET
    ended_at: int | None | msgspec.UnsetType = msgspec.UNSET
    owner: int | None | msgspec.UnsetType = msgspec.UNSET
    claims: int | None = None
    incarnation: int | None = None
    """With a new incarnation, ``base`` becomes the seq of the run's last RESTARTED record."""
    input: bytes | None = None
    version: str | None = None


class RecordRow(NamedTuple):
    """One committed record of a run's journal."""

    seq: int
    kind: int
    path: str
    at: int
    body: bytes


class InboxRow(NamedTuple):
    """Something sent to a run that its worker has not yet put into the journal."""

    id: int
    run: int
    kind: str
    name: str
    payload: bytes
    at: int


class AskRow(NamedTuple):
    """A question to a person. ``form`` is JSON; ``answer`` is a JSON value once given."""

    id: str
    run: int
    path: str
    form: bytes
    to: str
    at: int
    deadline: int | None
    closed_at: int | None
    answer: bytes | None


class WorkerRow(NamedTuple):
    """A worker that is registered in the file."""

    id: int
    epoch: int
    beat: int
    pid: int
    started: str
    host: str
    name: str
    is_gone: bool
    """True when the OS lock it held for life is free: the process is certainly dead."""


class KeptRow(NamedTuple):
    """The newest result of a call: for the cache, and for those who take the last good one.

    Attributes:
        at: When it was made.
        until: When nobody can want it any more.
        run: The run that made it.
        code: Version of the task's code.
        value: JSON.
    """

    at: int
    until: int
    run: int
    code: str
    value: bytes


class KeptTask(NamedTuple):
    """Kept results of one task: how many, when the newest was made, and their size."""

    task: str
    results: int
    newest_at: int
    size_bytes: int


class WorkerIdentity(NamedTuple):
    """Who commits: every commit of a worker checks this row in its own transaction."""

    id: int
    epoch: int


class StreamRow(NamedTuple):
    """What is appended to the stream of a run.

    Attributes:
        run: Its number.
        at: When, in µs of the run's time.
        payload: The chunk.
        path: The step whose body emitted it, or the place in the program that did.
        attempt: Which attempt of the step; 0: it was the program.
        offset: How many chunks the attempt had emitted before it.
    """

    run: int
    at: int
    payload: bytes
    path: str = ""
    attempt: int = 0
    offset: int = 0


class ChunkRow(NamedTuple):
    """A chunk of the stream of a run; as :class:`StreamRow`, with its place in the file."""

    position: int
    at: int
    payload: bytes
    path: str = ""
    attempt: int = 0
    offset: int = 0


@dataclass(slots=True)
class Batch:
    """What one commit writes, all or nothing. Lists keep the order of appending.

    ``records``: (run, kind, path, at, body). ``blobs``: (id, family, digest or None, data).
    ``inbox_new``: (run, kind, name, payload, at). ``inbox_done``: inbox ids.
    ``asks_new``: (id, run, path, form, to, at, deadline). ``asks_closed``: (id, at, answer).
    ``published``: (run, key) → payload.
    ``families``: (num, key). ``file_chunks``: (family, digest, index, data).
    ``documents``: hash → content; one that is there already is left as it is.
    ``shared``: (kind, key, event) for the policies that all runs and workers share: each is decided
    inside the commit, in order (``policy.shared``), at the time ``now``.
    ``kept``: (task, key) → the newest result of such a call.
    ``unkept``: (task, time): results of that task (of all, where it is empty) that nobody can want
    after that time are deleted, before ``kept`` is written.
    """

    families: list[tuple[int, bytes]] = field(default_factory=list)
    runs_new: list[RunRow] = field(default_factory=list)
    records: list[tuple[int, int, str, int, bytes]] = field(default_factory=list)
    blobs: list[tuple[int, int, bytes | None, bytes]] = field(default_factory=list)
    run_changes: dict[int, RunChange] = field(default_factory=dict)
    inbox_new: list[tuple[int, str, str, bytes, int]] = field(default_factory=list)
    inbox_done: list[int] = field(default_factory=list)
    asks_new: list[tuple[str, int, str, bytes, str, int, int | None]] = field(default_factory=list)
    asks_closed: list[tuple[str, int, bytes | None]] = field(default_factory=list)
    published: dict[tuple[int, str], bytes] = field(default_factory=dict)
    stream: list[StreamRow] = field(default_factory=list)
    file_chunks: list[tuple[int, str, int, bytes]] = field(default_factory=list)
    documents: dict[str, bytes] = field(default_factory=dict)
    shared: list[tuple[str, str, bytes]] = field(default_factory=list)
    now: Now | None = None
    kept: dict[tuple[str, str], KeptRow] = field(default_factory=dict)
    unkept: list[tuple[str, int]] = field(default_factory=list)
    size_bytes: int = 0

    def change(self, run: int) -> RunChange:
        """Return the change of a run's row, made on first use."""
        found = self.run_changes.get(run)
        if found is None:
            found = self.run_changes[run] = RunChange()
        return found


class CommitResult(NamedTuple):
    """What a commit could not do without failing as a whole.

    ``taken``: ids in ``runs_new`` that already existed (those runs were not created).
    ``undelivered``: indexes in ``inbox_new`` whose run does not exist or has ended.
    ``decisions``: what was decided on each entry of ``shared``.
    """

    taken: frozenset[str] = frozenset()
    undelivered: frozenset[int] = frozenset()
    decisions: tuple[bytes, ...] = ()


class CommonReader(Protocol):
    """What the runs and workers of a database have in common, as it is committed."""

    def states(self, kind: str) -> dict[str, bytes]:
        """Return the states of a kind of shared policy, by key."""
        ...

    def state(self, kind: str, key: str) -> bytes | None: ...
    def kept(self, task: str, key: str) -> KeptRow | None: ...
    def kept_tasks(self) -> list[KeptTask]:
        """Return of which tasks results are kept, and how many."""
        ...


class Reader(Protocol):
    """Committed state, for the engine, handles, CLI and observers. Safe to use in one thread."""

    def run(self, run_id: str) -> RunRow | None: ...
    def run_by_num(self, num: int) -> RunRow | None: ...
    def runs(
        self,
        *,
        statuses: Sequence[str] = (),
        workflow: str | None = None,
        family: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[RunRow]:
        """Newest first; ``before`` is the ``num`` of the last row of the page before."""
        ...  # fmt: skip

    def children(self, num: int) -> list[RunRow]: ...
    def records(self, num: int, after: int = 0, limit: int = 10_000) -> list[RecordRow]: ...
    def inbox(self, worker: int) -> list[InboxRow]:
        """Return what waits for runs that the worker owns, in order."""
        ...

    def asks(self, num: int | None = None, *, open_only: bool = True) -> list[AskRow]: ...
    def published(self, num: int) -> dict[str, bytes]: ...
    def stream(self, num: int, after: int = 0, limit: int = 1_000) -> list[ChunkRow]:
        """Return chunks in order; positions grow within the file."""
        ...

    def family_key(self, family: int) -> bytes: ...
    def document(self, name: str) -> bytes | None:
        """Return the content of a document by its hash."""
        ...

    @property
    def common(self) -> CommonReader:
        """What runs have in common."""
        ...

    def blob(self, blob_id: int) -> bytes: ...
    def digests(self, family: int) -> list[tuple[bytes, int]]:
        """Return (digest, blob id) of every blob of the family that has a digest."""
        ...

    def file_chunks(self, family: int, digest: str) -> Iterable[bytes]: ...
    def workers(self) -> list[WorkerRow]: ...
    def changes(self) -> int:
        """Return a number that moves when another connection or process has committed."""
        ...

    def near_ids(self, run_id: str, limit: int = 3) -> list[str]:
        """Return ids of runs that look like the given one, nearest first."""
        ...


class Store(Protocol):
    """The port the engine commits through. One writer at a time per instance."""

    location: str
    """How people name the database (path or URL)."""

    def reader(self) -> Reader:
        """Return the reader of this store (its own read-only connection)."""
        ...

    def join(self, *, name: str) -> WorkerIdentity:
        """Register a worker, take its lock for life, begin its epoch."""
        ...

    def commit(
        self, batch: Batch, worker: WorkerIdentity | None, *, wait_s: float | None = None
    ) -> CommitResult:
        """Write the batch durably, all or nothing.

        Args:
            batch: What to write.
            worker: Checked in the same transaction; ``None`` for a client.
            wait_s: How long to wait for the file's fair lock; 0 means: only if it is free now;
                ``None`` waits up to the store's own limit.

        Raises:
            StoreBusy: The lock was not had in time; nothing was written.
            StoreFenced: The worker's epoch has moved on; nothing was written.
            StoreFull: No room; nothing was written.
            StoreSyncFailed: Durability failed; the caller must stop.
            StoreCorrupt: The file is damaged.
        """
        ...

    def beat(self, worker: WorkerIdentity) -> bool:
        """Move the worker's counter; False when it was fenced. May be called from a thread."""
        ...

    def claim(
        self,
        worker: WorkerIdentity,
        workflows: Sequence[str],
        limit: int,
        only: Sequence[str] | None = None,
    ) -> list[RunRow]:
        """Take free open runs of these workflows and of documents (``only`` these run ids, if given).

        Of runs that one more death would quarantine a worker gets no second one while it holds
        one, so that its death can be blamed on that one.
        """
        ...  # fmt: skip

    def take_over(self, worker: WorkerIdentity, dead: WorkerRow, now: Now) -> int:
        """Fence a dead worker, free its runs with ``claims`` raised; return how many runs.

        What it held of shared policies is taken from it in the same transaction.
        A run whose claims reach three becomes ``quarantined`` (error: a JSON ErrorInfo with code
        ``quarantined``). A worker that was fenced meanwhile (epoch differs) gives 0.
        """
        ...

    def leave(self, worker: WorkerIdentity, now: Now) -> None:
        """Free the worker's runs (claims untouched), remove its row, release its lock for life."""
        ...

    def close(self) -> None:
        """Empty the WAL if this process can, and close every connection."""
        ...
