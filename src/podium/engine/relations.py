"""What passes between runs: children, cancels, signals, and how a child ended.

Between two runs that this worker holds it goes straight into the FIFO, so it commits with or
after what it rests on; to any other run it goes through that run's inbox in the file.
"""

from __future__ import annotations

from podium.core.errors import ErrorInfo
from podium.engine.commands import Send, StartChild
from podium.engine.roles import RelatedEngine, RelatedRun
from podium.engine.run import child_outcome
from podium.journal.records import SEND, Kind, Result, Value, body
from podium.journal.store import RunRow


class Relations:
    """Carries what runs have to tell each other."""

    def __init__(self, engine: RelatedEngine) -> None:
        self._engine = engine

    def start_child(self, parent: RelatedRun, command: StartChild) -> None:
        """Start a child run, or find the one that was started before the crash."""
        engine, path, run_id = self._engine, command.wait.path, command.run_id
        existing = engine.reader.run(run_id)
        active = engine.by_id.get(run_id)
        if existing is None and active is None:
            parent.record(Kind.CHILD_STARTED, path, body(Value(name=run_id)))
            row = engine.accept(
                command.wait.spec, command.wait.encoded, run_id, parent.headers,
                parent=parent, parent_path=path, outer=command.wait.budgets,
            )  # fmt: skip
            engine.adopt(row)
        elif existing is not None and existing.parent != parent.num:
            text = f"run id {run_id!r} belongs to another run"
            error = ErrorInfo(type="IdInUse", message=text, code="id-in-use", path=path)
            parent.fact(Kind.CHILD, path, body(Value(name=run_id, x=error)))
        elif existing is not None and existing.is_ended:
            parent.child_ended(path, existing)
        elif existing is not None and active is None:
            engine.neighbours.claim_one(existing)

    def above(self, row: RunRow) -> tuple[tuple[str, str], ...]:
        """Return the places that a run is under, as (run id, path): its parent's first."""
        places = []
        while row.parent is not None:
            active = self._engine.held.get(row.parent)
            parent = active.row if active else self._engine.reader.run_by_num(row.parent)
            if parent is None:
                break
            places.append((parent.id, row.parent_path or ""))
            row = parent
        return tuple(places)

    def cancel_child(self, parent: RelatedRun, run_id: str) -> None:
        """Pass a cancel on to a child."""
        child = self._engine.by_id.get(run_id)
        if child is not None:
            child.fact(Kind.CANCEL, "", b"{}")
            return
        row = self._engine.reader.run(run_id)
        if row is not None and not row.is_ended:
            self._tell(row.num, "cancel", "", b"", parent.clock_us())

    def tell_parent(self, row: RunRow) -> None:
        """Tell a parent how its child ended."""
        assert row.parent is not None
        parent = self._engine.held.get(row.parent)
        path = row.parent_path or ""
        if parent is None or not parent.child_ended(path, row):
            self._tell(row.parent, "child", path, child_outcome(row), self._engine.clock_us())

    def send(self, command: Send) -> bytes:
        """Put a signal of one run into another's inbox; return the result of that, as recorded."""
        return body(Result(k=SEND, x=self._send(command)))

    def _send(self, command: Send) -> ErrorInfo | None:
        """Put a signal into an inbox; return why it cannot be."""
        engine = self._engine
        active = engine.by_id.get(command.run_id)
        row = active.row if active is not None else engine.reader.run(command.run_id)
        if row is None:
            text = f"there is no run {command.run_id!r}"
            return ErrorInfo(type="RunNotFound", message=text, code="run-not-found")
        if active is None and row.is_ended:
            return ErrorInfo(
                type="RunEnded", message=f"run {row.id!r} has {row.status}", code="run-ended"
            )
        self._tell(row.num, "signal", command.name, command.value, engine.clock_us())
        engine.log.flush()
        return None

    def _tell(self, num: int, kind: str, name: str, payload: bytes, at: int) -> None:
        log = self._engine.log
        log.batch.inbox_new.append((num, kind, name, payload, at))
        log.mark(len(payload))
