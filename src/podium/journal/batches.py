"""What every store does with a batch before it writes: leave out runs that exist already."""

from __future__ import annotations

from collections.abc import Container, Sequence

from podium.journal.store import Batch, RunRow
from podium.policy.shared import Book, apply


def refused(rows: Sequence[RunRow], existing: Container[str]) -> list[RunRow]:
    """Return the new runs that cannot be created.

    Their id is taken by a run of the file, or by an earlier one of the same batch.
    """
    found = []
    seen: set[str] = set()
    for row in rows:
        if row.id in existing or row.id in seen:
            found.append(row)
        seen.add(row.id)
    return found


def without(batch: Batch, rows: Sequence[RunRow]) -> Batch:
    """Return the batch without these new runs and what belongs only to them.

    A family goes with its runs, unless a run that is created belongs to it.
    """
    runs = {row.num for row in rows}
    kept = [row for row in batch.runs_new if row.num not in runs]
    used = {row.family for row in kept}
    families = {row.family for row in rows} & {num for num, _ in batch.families} - used
    return Batch(
        families=[one for one in batch.families if one[0] not in families],
        runs_new=kept,
        records=[one for one in batch.records if one[0] not in runs],
        blobs=[one for one in batch.blobs if one[1] not in families],
        run_changes={run: one for run, one in batch.run_changes.items() if run not in runs},
        inbox_new=batch.inbox_new,
        inbox_done=batch.inbox_done,
        asks_new=[one for one in batch.asks_new if one[1] not in runs],
        asks_closed=batch.asks_closed,
        published={key: one for key, one in batch.published.items() if key[0] not in runs},
        stream=[one for one in batch.stream if one[0] not in runs],
        file_chunks=[one for one in batch.file_chunks if one[0] not in families],
        size_bytes=batch.size_bytes,
        documents=batch.documents,
        shared=batch.shared,
        now=batch.now,
        kept=batch.kept,
        unkept=batch.unkept,
    )


def decided(book: Book, batch: Batch) -> tuple[bytes, ...]:
    """Decide what the batch asks of shared policies, in order; called inside the commit."""
    if not batch.shared:
        return ()
    assert batch.now is not None, "who asks shared policies says what time it is"
    return tuple(apply(book, kind, key, event, batch.now) for kind, key, event in batch.shared)
