"""Runs a finished run's journal through its program once more, with nothing but the journal.

The program must come to the very end that was recorded, whatever the timing was: the journal is
the order it saw. This finds programs that depend on something that is not recorded.
"""

from __future__ import annotations

from typing import Any

import msgspec

from podium.core.codec import decode_any
from podium.core.errors import ErrorInfo, PodiumError
from podium.core.spec import Registry, StoredDocument, WorkflowSpec
from podium.engine.commands import Ending
from podium.engine.replaying import Replay, Values
from podium.journal.store import ENDED_STATUSES, Reader, RunRow
from podium.testing.ports import SimEntropy


def replay(reader: Reader, run_id: str, registry: Registry) -> Ending | None:
    """Give a run's committed facts to a fresh program; return how it ended, if it did.

    Raises:
        Nondeterminism: The program does not fit its journal.
    """
    row = reader.run(run_id)
    assert row is not None, f"no run {run_id!r}"
    again = Replay(reader, row, _spec_of(reader, row, registry), SimEntropy(0))
    try:
        return again.go_on()
    finally:
        again.close()


def _spec_of(reader: Reader, row: RunRow, registry: Registry) -> WorkflowSpec:
    if row.document is None:
        return registry.workflow(row.workflow)
    content = reader.document(row.document)
    assert content is not None, f"the document of run {row.id!r} is not kept"
    from podium.flow.stored import interpret  # late: most programs run none

    return interpret(StoredDocument(row.document, content), registry)


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
