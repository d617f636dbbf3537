"""Runs a finished run's journal through its program once more, with nothing but the journal.

The program must come to the very end that was recorded, whatever the timing was: the journal is
the order it saw. This finds programs that depend on something that is not recorded.
"""

from __future__ import annotations

from typing import Any

import msgspec

from podium.core.codec import decode_any
from podium.core.errors import ErrorInfo, PodiumError
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.core.spec import Registry
from podium.core.version import VERSION
from podium.engine.commands import Ending, Settings
from podium.engine.history import History
from podium.engine.program import Program
from podium.journal.payload import HEAD, FamilyPayloads
from podium.journal.records import Kind
from podium.journal.store import ENDED_STATUSES, Reader, RunRow
from podium.testing.ports import SimEntropy


class _Blobs:
    """Committed blobs of one family."""

    def __init__(self, reader: Reader, family: int) -> None:
        self._reader = reader
        self._family = family
        self.blob = reader.blob

    def digests(self) -> list[tuple[bytes, int]]:
        """Return the committed digests."""
        return self._reader.digests(self._family)


class Values:
    """Opens the recorded values of a family."""

    def __init__(self, reader: Reader, family: int) -> None:
        self._tree = FamilyPayloads(reader.family_key(family), _Blobs(reader, family))
        self.fingerprint = self._tree.fingerprint

    def open(self, envelope: bytes) -> bytes:
        """Return the JSON of a value."""
        return self._tree.unpack(envelope) if envelope.startswith(HEAD) else envelope


def replay(reader: Reader, run_id: str, registry: Registry) -> Ending | None:
    """Give a run's committed facts to a fresh program; return how it ended, if it did.

    Raises:
        Nondeterminism: The program does not fit its journal.
    """
    row = reader.run(run_id)
    assert row is not None, f"no run {run_id!r}"
    program = _program(reader, row, registry)
    try:
        program.start()
        program.take_commands()
        for fact in program.history.facts:
            if program.ending is not None:
                break
            program.deliver(fact)
            program.take_commands()
        return program.ending
    finally:
        program.suspend()


def differences(reader: Reader, row: RunRow, registry: Registry) -> list[str]:
    """Return, in words, how a replay of an ended run differs from what is recorded."""
    if row.status not in ENDED_STATUSES:
        return []
    try:
        ending = replay(reader, row.id, registry)
    except PodiumError as problem:
        return [f"run {row.id!r} cannot be replayed from its own journal: {problem}"]
    recorded = brief(reader, row)
    if ending is None:
        return [f"run {row.id!r} {recorded}; replayed from its own journal it does not end"]
    output = None if ending.output is None else decode_any(ending.output)
    replayed = (ending.status, output, brief_error(ending.error))
    if replayed != recorded:
        return [f"run {row.id!r} was recorded as {recorded}, replayed as {replayed}"]
    return []


def brief(reader: Reader, row: RunRow) -> tuple[Any, ...]:
    """Return how a run stands: status, output, error without tracebacks."""
    output = None
    if row.output is not None:
        output = decode_any(Values(reader, row.family).open(row.output))
    error = None if row.error is None else msgspec.json.decode(row.error, type=ErrorInfo)
    return row.status, output, brief_error(error)


def brief_error(error: ErrorInfo | None) -> tuple[Any, ...] | None:
    """Return an error without its traceback."""
    if error is None:
        return None
    return error.type, error.message, error.code, error.path, brief_error(error.cause)


def _program(reader: Reader, row: RunRow, registry: Registry) -> Program:
    spec = registry.workflow(row.workflow)
    values = Values(reader, row.family)
    history = History.of(reader.records(row.num, row.base, 1_000_000), row.version)
    settings = Settings(
        run_id=row.id, uid=row.uid, incarnation=row.incarnation, headers=decode_any(row.headers),
        payload_bytes_max=PAYLOAD_BYTES_MAX, fingerprint=values.fingerprint, resolve=values.open,
        child_id=lambda path: f"{row.id}:{path}", environment=lambda _name: None,
        code=f"{spec.version}+podium-{VERSION}",
    )  # fmt: skip
    began = _began_at(reader, row)
    return Program(spec, values.open(row.input), began, history, settings, SimEntropy(0))


def _began_at(reader: Reader, row: RunRow) -> int:
    if not row.incarnation:
        return row.created_at
    first = reader.records(row.num, row.base - 1, 1)[0]
    assert first.kind == Kind.RESTARTED, (
        f"the incarnation begins with a record of kind {first.kind}"
    )
    return first.at
