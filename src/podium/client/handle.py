"""A handle on one run: its result, its state, and messages to it."""

from __future__ import annotations

import asyncio

from collections.abc import AsyncIterator
from typing import Any, BinaryIO, Generic, TypeVar, cast

import msgspec

from podium.client.desk import Desk
from podium.client.spending import RunSpending, spending_of
from podium.client.views import AskView, NoteView, RunView, StepView, notes_of, steps_of
from podium.core.codec import Codec, decode_any, encode_message
from podium.core.errors import (
    AskNotFound,
    ErrorInfo,
    RunBlocked,
    RunCancelled,
    RunEnded,
    RunFailed,
    UsageError,
)
from podium.core.file import File
from podium.core.piece import Piece
from podium.engine.system import wall_us
from podium.journal.store import Batch, RecordRow, RunRow
from podium.policy import budget

R = TypeVar("R")
_PAGE = 10_000


class Run(Generic[R]):
    """One run of a workflow.

    Attributes:
        id: Its id.
    """

    def __init__(self, desk: Desk, run_id: str, returns: Codec | None) -> None:
        self._desk = desk
        self.id: str = run_id
        self._returns = returns

    async def result(self) -> R:
        """Wait for the output.

        Raises:
            RunFailed: The run ended with an error.
            RunCancelled: It was cancelled.
            RunBlocked: It cannot go on until somebody acts.
        """
        row = await self._desk.ended(self.id)
        error = msgspec.json.decode(row.error, type=ErrorInfo) if row.error else None
        if row.status == "succeeded":
            encoded = self._desk.open_envelope(row, row.output) or b"null"
            value = self._returns.decode(encoded) if self._returns else decode_any(encoded)
            return cast("R", value)
        if row.status == "failed":
            raise RunFailed(self.id, error or ErrorInfo(type="Unknown"))
        if row.status == "cancelled":
            raise RunCancelled(self.id)
        raise RunBlocked(self.id, row.status, error)

    async def status(self) -> str:
        """Return the run's status, one of the words of the glossary."""
        return self._row().status

    async def show(self) -> RunView:
        """Return what the run's row tells: status, waits, error, times."""
        return RunView.of(self._row())

    async def steps(self) -> list[StepView]:
        """Return the steps of the current incarnation, in the order they were first heard of."""
        return steps_of(self.records())

    async def notes(self) -> list[NoteView]:
        """Return what was said about the run and in the bodies of its tasks: warnings, lines of logs."""
        return notes_of(self.records())

    async def spent(self) -> RunSpending:
        """Return what the run has spent by now, and what it and its children have together."""
        return spending_of(self._desk.reader, self._row())

    async def input(self) -> dict[str, Any]:
        """Return the run's input."""
        row = self._row()
        return cast("dict[str, Any]", decode_any(self._desk.open_envelope(row, row.input) or b"{}"))

    async def published(self) -> dict[str, Any]:
        """Return what the program shows under its keys."""
        row = self._row()
        found = self._desk.reader.published(row.num)
        return {
            key: decode_any(self._desk.open_envelope(row, body) or b"null")
            for key, body in found.items()
        }

    async def stream(self, after: int = 0) -> AsyncIterator[tuple[int, Any]]:
        """Follow what is emitted: (position, chunk), until the run has ended.

        What the body of a task has emitted is a :class:`podium.Piece`, provisional until the step has
        its result; everything else comes from the program and stays.

        Args:
            after: Begin behind this position, as an earlier call gave it.
        """
        while True:
            row = self._row()
            chunks = self._desk.reader.stream(row.num, after)
            for chunk in chunks:
                after = chunk.position
                value = decode_any(self._desk.open_envelope(row, chunk.payload) or b"null")
                if chunk.attempt:
                    value = Piece(chunk.path, chunk.attempt, chunk.offset, value)
                yield after, value
            if not chunks:
                if row.is_ended:
                    return
                await self._desk.changed()

    async def signal(self, name: str, value: Any = None) -> None:
        """Send a signal; returns once it is recorded.

        Raises:
            RunEnded: The run has ended.
        """
        await self._message(
            "signal", name, self._encoded(value, f"the signal {name!r}"), f"the signal {name!r}"
        )

    async def cancel(self) -> None:
        """Ask the run to stop; returns once that is recorded.

        Raises:
            RunEnded: The run has ended already.
        """
        row = self._row()
        if row.status in ("blocked", "quarantined", "paused"):
            await self._cancel_held(row)
            return
        await self._message("cancel", "", b"", "a cancel")

    async def asks(self) -> list[AskView]:
        """Return the open questions of this run."""
        return [AskView.of(row, self.id) for row in self._desk.reader.asks(self._row().num)]

    async def answer(self, ask_id: str, value: Any) -> None:
        """Answer an open question; returns once that is recorded.

        Raises:
            AskNotFound: The run has no open ask of that id.
            RunEnded: The run has ended.
        """
        row = self._row()
        open_ids = [ask.id for ask in self._desk.reader.asks(row.num)]
        if ask_id not in open_ids:
            if row.is_ended:
                raise RunEnded(self.id, row.status, f"an answer to {ask_id!r}")
            raise AskNotFound(self.id, ask_id, open_ids)
        await self._message(
            "answer", ask_id, self._encoded(value, "the answer"), f"an answer to {ask_id!r}"
        )

    async def resume(self) -> None:
        """Let a blocked or quarantined run go on, once its cause is mended.

        Raises:
            UsageError: The run is not set aside.
        """
        row = self._row()
        if row.status not in ("blocked", "quarantined", "paused"):
            raise UsageError(
                f"Run {self.id!r} is {row.status}; only a blocked, paused or quarantined run is resumed."
            )
        batch = Batch()
        change = batch.change(row.num)
        change.status, change.owner, change.error, change.claims = "accepted", None, None, 0
        await self._desk.commit(batch)

    async def open_file(self, file: File) -> BinaryIO:
        """Return the bytes of a File value of this run, as a readable binary file."""
        return await asyncio.to_thread(self._desk.vault(self._row()).open, file)

    def records(self) -> list[RecordRow]:
        """Return the journal of the current incarnation."""
        row = self._row()
        found: list[RecordRow] = []
        after = row.base
        while True:
            page = self._desk.reader.records(row.num, after, _PAGE)
            found += page
            if len(page) < _PAGE:
                return found
            after = page[-1].seq

    def value(self, envelope: bytes) -> Any:
        """Return a recorded value (``StepView.result``, ``.arguments``)."""
        return decode_any(self._desk.open_envelope(self._row(), envelope) or b"null")

    def _row(self) -> RunRow:
        return self._desk.row(self.id)

    def _encoded(self, value: Any, what: str) -> bytes:
        return encode_message(value, what, self._desk.payload_bytes_max)

    async def _message(self, kind: str, name: str, payload: bytes, what: str) -> None:
        row = self._row()
        if row.is_ended:
            raise RunEnded(self.id, row.status, what)
        batch = Batch()
        batch.inbox_new.append((row.num, kind, name, payload, wall_us()))
        result = await self._desk.commit(batch)
        if result.undelivered:
            raise RunEnded(self.id, self._row().status, what)

    async def _cancel_held(self, row: RunRow) -> None:
        """A run that is set aside has no program in memory that could be told."""
        batch = Batch()
        change = batch.change(row.num)
        change.status, change.ended_at, change.owner = "cancelled", wall_us(), None
        await self._desk.commit(batch)
        await self._desk.decide(budget.KIND, "", budget.Ended(row.id))

    def __repr__(self) -> str:
        return f"<run {self.id}>"
