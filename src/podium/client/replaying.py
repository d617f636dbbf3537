"""How the nodes of a run of a document stand: read off the committed journal, whoever executes the run."""

from __future__ import annotations

from podium.core.errors import PodiumError, StoreError
from podium.core.spec import StoredDocument
from podium.engine.replaying import Replay
from podium.engine.system import SystemEntropy, environment
from podium.flow.interpret import FlowRun
from podium.flow.model import Document
from podium.flow.spec import FlowSpec
from podium.flow.stored import interpret
from podium.journal.store import Reader, RunRow


class FlowReplay:
    """A run of a document, replayed as far as it is committed: nothing is executed, nothing written.

    Args:
        reader: Committed state.
        row: The run.

    Attributes:
        document: What it is a run of.
        flow_run: Its nodes; None as long as nothing of it has begun.
        problem: Why it could not be replayed to its end.

    Raises:
        TaskMissing: The tasks of the document are not there.
    """

    def __init__(self, reader: Reader, row: RunRow) -> None:
        assert row.document is not None, f"{row.id!r} is no run of a document"
        content = reader.document(row.document)
        if content is None:
            raise StoreError(f"The document {row.document} of run {row.id!r} is not kept here.")
        self._reader = reader
        self._spec: FlowSpec = interpret(StoredDocument(row.document, content))
        self._spec.observe = self._seen
        self._replay: Replay | None = None
        self._base = row.base
        self.document: Document = self._spec.flow
        self.flow_run: FlowRun | None = None
        self.problem: PodiumError | None = None

    def look(self, row: RunRow) -> FlowRun | None:
        """Take in what was committed since; return how the nodes stand, if any of it has begun."""
        if self._replay is not None and row.base != self._base:
            self.close()
        if self._replay is None and not self._has_begun(row):
            return None
        try:
            if self._replay is None:
                self._base, self.problem = row.base, None
                self._replay = Replay(self._reader, row, self._spec, SystemEntropy(), environment)
            if self.problem is None:
                self._replay.go_on()
        except PodiumError as problem:
            self.problem = problem
        return self.flow_run

    def close(self) -> None:
        """Let go of the run."""
        if self._replay is not None:
            self._replay.close()
        self._replay = self.flow_run = None

    def _has_begun(self, row: RunRow) -> bool:
        if row.status != "accepted":
            return True
        return bool(self._reader.records(row.num, row.base, 1))

    def _seen(self, flow_run: FlowRun) -> None:
        self.flow_run = flow_run
