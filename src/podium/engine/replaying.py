"""A run's committed journal, given to its program once more: nothing is carried out, nothing written.

The journal is the order that the program saw. So a replay shows how a run stood at its last committed
fact, whoever executes it, and whether its program depends on something that is not recorded.
"""

from __future__ import annotations

from collections.abc import Callable

from podium.core.codec import decode_any
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.core.ports import Entropy
from podium.core.spec import WorkflowSpec
from podium.core.version import VERSION
from podium.engine.commands import Ending, Settings
from podium.engine.history import History
from podium.engine.program import Program
from podium.journal.payload import HEAD, FamilyPayloads
from podium.journal.records import Kind
from podium.journal.store import Reader, RecordRow, RunRow

_PAGE = 10_000


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


class Replay:
    """One incarnation of a run, replayed as far as it is committed, and further as it goes on.

    Args:
        reader: Committed state.
        row: The run.
        spec: Its workflow.
        entropy: Chance.
        environment: Gives a variable that is not recorded yet.
    """

    def __init__(
        self, reader: Reader, row: RunRow, spec: WorkflowSpec, entropy: Entropy,
        environment: Callable[[str], str | None] = lambda _name: None,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._num = row.num
        self._read_to = row.base
        self._history = History(code=row.version)
        self._history.take(self._news())
        values = Values(reader, row.family)
        settings = Settings(
            run_id=row.id, uid=row.uid, incarnation=row.incarnation, headers=decode_any(row.headers),
            payload_bytes_max=PAYLOAD_BYTES_MAX, fingerprint=values.fingerprint, resolve=values.open,
            child_id=lambda path: f"{row.id}:{path}", environment=environment,
            code=f"{spec.version}+podium-{VERSION}", accepted=row.version,
        )  # fmt: skip
        encoded, began = values.open(row.input), _began_at(reader, row)
        self._program = Program(spec, encoded, began, self._history, settings, entropy)
        self._delivered = 0
        self._is_started = False

    @property
    def ending(self) -> Ending | None:
        """How the program has ended, if it has."""
        return self._program.ending

    def go_on(self) -> Ending | None:
        """Deliver what is committed by now; return how the program has ended, if it has.

        Raises:
            Nondeterminism: The program does not fit its journal.
        """
        program, facts = self._program, self._history.facts
        if not self._is_started:
            self._is_started = True
            program.start()
            program.take_commands()
        else:
            self._history.take(self._news())
        while self._delivered < len(facts) and program.ending is None:
            program.deliver(facts[self._delivered])
            program.take_commands()
            self._delivered += 1
        return program.ending

    def close(self) -> None:
        """Let go of the program."""
        self._program.suspend()

    def _news(self) -> list[RecordRow]:
        found: list[RecordRow] = []
        while True:
            page = self._reader.records(self._num, self._read_to, _PAGE)
            if page:
                found += page
                self._read_to = page[-1].seq
            if len(page) < _PAGE:
                return found


def _began_at(reader: Reader, row: RunRow) -> int:
    if not row.incarnation:
        return row.created_at
    first = reader.records(row.num, row.base - 1, 1)[0]
    assert first.kind == Kind.RESTARTED, (
        f"the incarnation begins with a record of kind {first.kind}"
    )
    return first.at
