"""What a reader must show."""

from __future__ import annotations

from podium.journal.store import RunRow
from podium.testing.store_conformance.subject import (
    Subject,
    appending,
    check,
    new_run,
    open_with,
    start,
)


@check
def runs_are_listed_newest_first(subject: Subject) -> None:
    """Lists are filtered and paged by ``before``."""
    store = open_with(
        subject, new_run(1), new_run(2, workflow="other"), new_run(3, status="blocked"),
        new_run(4, family=1), new_run(5, status="failed", ended_at=3),
    )  # fmt: skip
    runs = store.reader().runs

    def nums(rows: list[RunRow]) -> list[int]:
        return [row.num for row in rows]

    assert nums(runs()) == [5, 4, 3, 2, 1]
    assert nums(runs(limit=2)) == [5, 4]
    assert nums(runs(limit=2, before=4)) == [3, 2]
    assert nums(runs(statuses=["blocked"])) == [3]
    assert nums(runs(statuses=["blocked", "failed"])) == [5, 3]
    assert nums(runs(workflow="other")) == [2]
    assert nums(runs(family=1)) == [4, 1]
    assert nums(runs(workflow="shop", statuses=["accepted"], family=1, before=4)) == [1]


@check
def children_are_found(subject: Subject) -> None:
    """The runs that a run started, oldest first."""
    store = open_with(
        subject, new_run(1), new_run(3, parent=1, family=1), new_run(2, parent=1, family=1)
    )

    assert [row.num for row in store.reader().children(1)] == [2, 3]
    assert store.reader().children(2) == []


@check
def others_see_what_is_committed(subject: Subject) -> None:
    """Another store on the same database sees a commit at once, and its number of changes moves."""
    writer, watcher = subject.open(), subject.open()
    before = watcher.reader().changes()
    quiet = watcher.reader().changes()
    writer.commit(start(new_run(1)), None)
    own = writer.reader().changes()
    writer.commit(appending("a"), None)

    assert before == quiet
    assert watcher.reader().changes() != before
    assert writer.reader().changes() != own
    assert [record.path for record in watcher.reader().records(1)] == ["a"]


@check
def near_ids_help_with_typing(subject: Subject) -> None:
    """Ids that begin like the given one come first, then similar ones, and nothing unlike."""
    ids = ["order-17", "order-18", "odrer-1", "refund-1"]
    store = open_with(subject, *[new_run(num, name) for num, name in enumerate(ids, start=1)])
    near = store.reader().near_ids

    assert near("order-1")[:2] == ["order-18", "order-17"]
    assert near("oder-17", limit=1) == ["order-17"]
    assert near("zzzzzz") == []
