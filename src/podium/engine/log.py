"""The process's one FIFO of appends and its one durable watermark.

What stays in the store is appended in order and needs no wait: it commits with or after what it
rests on. What leaves the store (the body of a ``write``, a response, an output) waits with
``after`` until the watermark has passed everything appended before it. A crash leaves a prefix.
"""

from __future__ import annotations

import logging

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from podium.core.errors import (
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFenced,
    StoreFull,
    StoreSyncFailed,
)
from podium.core.limits import FLUSH_AFTER_S, FLUSH_BYTES
from podium.core.ports import Cancellable, Clock
from podium.journal.store import Batch, CommitResult
from podium.policy.shared import Now

INLINE_RECORDS_MAX = 1_500
"""A batch with more records goes to the writer thread, so that the loop stays responsive."""
RETRY_AFTER_S = 0.25
"""How soon a full disk or a held lock is tried again."""

_log = logging.getLogger("podium")
_FATAL = (StoreFenced, StoreSyncFailed, StoreCorrupt)
CommitDone = Callable[[CommitResult | None, BaseException | None], None]


class Committer(Protocol):
    """Carries batches to the store, in order."""

    def try_now(self, batch: Batch) -> CommitResult | None:
        """Commit at once if that needs no waiting; ``None`` where it would."""
        ...

    def submit(self, batch: Batch, done: CommitDone) -> None:
        """Commit elsewhere and call back in the engine's thread. One at a time."""
        ...


class Log:
    """Appends in order, commits in groups, tells who waits.

    Args:
        committer: Carries batches.
        clock: For the flush after 5 ms.
        on_commit: Told of every batch that has become durable.
        on_refused: Told of a run whose records alone the store refuses, with the reason.
        on_fatal: Told once when this worker must stop.
    """

    def __init__(
        self, committer: Committer, clock: Clock, *,
        on_commit: Callable[[Batch, CommitResult], None],
        on_refused: Callable[[int, StoreError], None],
        on_fatal: Callable[[BaseException], None],
    ) -> None:  # fmt: skip
        self._committer = committer
        self._clock = clock
        self._on_commit = on_commit
        self._on_refused = on_refused
        self._on_fatal = on_fatal
        self.batch = Batch()
        self.appended = 0
        self.durable = 0
        self.trouble: StoreError | None = None
        """Why commits are held just now (full disk, lock held elsewhere)."""
        self.is_stopped = False
        self.confirmed_s = self._asked_s = clock.boot()[1]
        """Seconds since boot at which this worker certainly still had its runs."""
        self._in_flight: Batch | None = None
        self._flush_due = False
        self._timer: Cancellable | None = None
        self._waiters: deque[tuple[int, Callable[[], None]]] = deque()
        self._takers: dict[int, int] = {}
        """Message → run, until that is durable."""
        self._decided: deque[list[Callable[[bytes], None]]] = deque()
        """The same of batches on their way, oldest first."""
        self._askers: list[Callable[[bytes], None]] = []
        """Who is told what is decided on each entry of ``batch.shared``."""

    def record(self, run: int, kind: int, path: str, at: int, body: bytes) -> int:
        """Append one record of a run; return its number in the FIFO."""
        batch = self.batch
        batch.records.append((run, kind, path, at, body))
        batch.size_bytes += len(body) + len(path) + 32
        self.appended += 1
        return self.appended

    def mark(self, size_bytes: int = 64) -> int:
        """Count something that was put into ``batch`` directly; return its number."""
        self.batch.size_bytes += size_bytes
        self.appended += 1
        return self.appended

    def take_message(self, message: int, run: int) -> None:
        """Let a message leave the inbox together with the records of the run that took it."""
        self.batch.inbox_done.append(message)
        self._takers[message] = run
        self.mark()

    def decide(self, kind: str, key: str, event: bytes, told: Callable[[bytes], None]) -> None:
        """Ask a shared policy; ``told`` gets the decision once it is durable."""
        self.batch.shared.append((kind, key, event))
        self._askers.append(told)
        self.mark(len(event))

    def forget(self, run: int) -> None:
        """Drop what a run appended behind a refused record: its journal must not have a hole."""
        batch = self.batch
        batch.records = [one for one in batch.records if one[0] != run]
        batch.run_changes.pop(run, None)
        batch.inbox_done = [one for one in batch.inbox_done if self._takers.get(one) != run]
        batch.asks_new = [one for one in batch.asks_new if one[1] != run]
        batch.published = {key: one for key, one in batch.published.items() if key[0] != run}
        batch.stream = [one for one in batch.stream if one[0] != run]

    def after(self, number: int, callback: Callable[[], None]) -> None:
        """Call back once everything up to ``number`` is durable."""
        if number <= self.durable:
            callback()
        else:
            self._waiters.append((number, callback))
            self._flush_due = True

    def unwritten(self) -> list[Batch]:
        """Return what is appended and not in the file yet, newest first."""
        return [self.batch] if self._in_flight is None else [self.batch, self._in_flight]

    def flush(self) -> None:
        """Ask that what is appended be committed at the next kick."""
        if self.appended > self.durable:
            self._flush_due = True

    @property
    def is_settled(self) -> bool:
        """Whether everything appended is durable."""
        return self.appended == self.durable

    def kick(self) -> None:
        """Commit what is due. Called when no run is ready."""
        while not self.is_stopped and self._in_flight is None and self._has_work():
            if not (self._flush_due or self.batch.size_bytes >= FLUSH_BYTES):
                self._flush_later()
                return
            if not self._commit_now():
                self._commit_elsewhere()

    def _has_work(self) -> bool:
        return self.appended > self.durable

    def _take(self) -> tuple[Batch, int]:
        batch, self.batch = self.batch, Batch()
        boot, self._asked_s = self._clock.boot()
        if batch.shared:
            batch.now = Now(boot, round(self._asked_s * 1e6), self._clock.wall_us())
            self._decided.append(self._askers)
            self._askers = []
        self._flush_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return batch, self.appended

    def _commit_now(self) -> bool:
        if len(self.batch.records) > INLINE_RECORDS_MAX or self.batch.size_bytes > FLUSH_BYTES * 2:
            return False
        batch, number = self._take()
        try:
            result = self._committer.try_now(batch)
        except StoreError as problem:
            self._failed(batch, number, problem)
            return True
        if result is None:
            self._submit(batch, number)
        else:
            self._committed(batch, number, result)
        return True

    def _commit_elsewhere(self) -> None:
        self._submit(*self._take())

    def _submit(self, batch: Batch, number: int) -> None:
        self._in_flight = batch

        def done(result: CommitResult | None, problem: BaseException | None) -> None:
            self._in_flight = None
            if self.is_stopped:
                return
            if problem is not None:
                self._failed(batch, number, problem)
            else:
                self._committed(batch, number, result or CommitResult())
            self.kick()

        self._committer.submit(batch, done)

    def _committed(self, batch: Batch, number: int, result: CommitResult) -> None:
        self.durable = number
        self.confirmed_s = self._asked_s
        if self.trouble is not None:
            _log.warning("podium: the database can be written again")
            self.trouble = None
        for message in batch.inbox_done:
            self._takers.pop(message, None)
        self._on_commit(batch, result)
        if batch.shared:
            for told, decision in zip(self._decided.popleft(), result.decisions, strict=True):
                told(decision)
        waiters = self._waiters
        while waiters and waiters[0][0] <= number:
            waiters.popleft()[1]()
        if waiters:
            self._flush_due = True

    def _failed(self, batch: Batch, number: int, problem: BaseException) -> None:
        if isinstance(problem, StoreFull | StoreBusy):
            self._hold(batch, number, problem)
        elif isinstance(problem, _FATAL) or not isinstance(problem, StoreError):
            self.is_stopped = True
            self._on_fatal(problem)
        else:
            _log.error("podium: a group was refused (%s); it is tried run by run", problem)
            self._one_by_one(batch, number)

    def _hold(self, batch: Batch, number: int, problem: StoreError) -> None:
        """Keep what cannot be written; nothing leaves the process meanwhile."""
        if self.trouble is None:
            _log.error("podium: %s Nothing is lost; it is tried again.", problem)
        self.trouble = problem
        self._in_flight = batch

        def again() -> None:
            self._in_flight = None
            if not self.is_stopped:
                self._submit(batch, number)

        self._clock.call_later(RETRY_AFTER_S, again)

    def _one_by_one(self, batch: Batch, number: int) -> None:
        """A refused group: innocent runs must not fall with the one at fault."""
        parts = deque(split(batch, self._takers))
        decisions: list[bytes] = []

        def next_part() -> None:
            self._in_flight = None
            if not parts:
                self._committed(batch, number, CommitResult(decisions=tuple(decisions)))
                self.kick()
                return
            run, part = parts[0]
            self._in_flight = part

            def done(result: CommitResult | None, problem: BaseException | None) -> None:
                if result is not None:
                    decisions.extend(result.decisions)
                if isinstance(problem, StoreFull | StoreBusy):
                    self.trouble = problem
                    self._clock.call_later(RETRY_AFTER_S, next_part)
                    return
                parts.popleft()
                if isinstance(problem, StoreError) and not isinstance(problem, _FATAL) and run:
                    self._on_refused(run, problem)
                elif problem is not None:
                    self.is_stopped = True
                    self._on_fatal(problem)
                    return
                next_part()

            self._committer.submit(part, done)

        next_part()

    def _flush_later(self) -> None:
        if self._timer is None:
            self._timer = self._clock.call_later(FLUSH_AFTER_S, self._flush_now)

    def _flush_now(self) -> None:
        self._timer = None
        self.flush()
        self.kick()


def split(batch: Batch, takers: Mapping[int, int]) -> list[tuple[int, Batch]]:
    """Return the batch run by run, in order of appearance; 0 stands for what no run owns.

    ``takers`` tells which run took a message.
    """
    shared = Batch(
        families=batch.families, blobs=batch.blobs, file_chunks=batch.file_chunks,
        documents=batch.documents, shared=batch.shared, now=batch.now, kept=batch.kept,
        unkept=batch.unkept,
    )  # fmt: skip
    parts: dict[int, Batch] = {0: shared}

    def part(run: int) -> Batch:
        return parts.setdefault(run, Batch())

    for row in batch.runs_new:
        part(row.num).runs_new.append(row)
    for record in batch.records:
        part(record[0]).records.append(record)
    for run, change in batch.run_changes.items():
        part(run).run_changes[run] = change
    for message in batch.inbox_new:
        part(message[0]).inbox_new.append(message)
    for taken in batch.inbox_done:
        part(takers.get(taken, 0)).inbox_done.append(taken)
    for ask in batch.asks_new:
        part(ask[1]).asks_new.append(ask)
    part(0).asks_closed.extend(batch.asks_closed)
    for (run, key), payload in batch.published.items():
        part(run).published[run, key] = payload
    for chunk in batch.stream:
        part(chunk[0]).stream.append(chunk)
    return list(parts.items())
