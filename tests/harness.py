"""What tests of the engine share: a fresh table of names, an open database, a death, a side file."""

import asyncio
import inspect
import os
import time

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from podium import Podium
from podium.core.context import current_attempt
from podium.core.spec import registry
from podium.engine.engine import Engine
from podium.journal.records import Kind
from podium.journal.sqlite import SqliteStore
from podium.journal.store import RecordRow, RunRow

T = TypeVar("T")
LIMIT_S = 20.0
"""The longest that a test waits for what must come."""


@contextmanager
def fresh_names() -> Iterator[None]:
    """Let a test define tasks and workflows under names that other tests have too."""
    tasks, workflows, sources = registry.tasks, registry.workflows, registry.secret_sources
    registry.tasks, registry.workflows, registry.secret_sources = {}, {}, {}
    try:
        yield
    finally:
        registry.tasks, registry.workflows = tasks, workflows
        registry.secret_sources = sources


def drive(program: Coroutine[Any, Any, T], limit_s: float = LIMIT_S) -> T:
    """Run an async test to its end."""

    async def bounded() -> T:
        return await asyncio.wait_for(program, limit_s)

    return asyncio.run(bounded())


async def until(condition: Callable[[], Any], what: str = "", limit_s: float = LIMIT_S) -> Any:
    """Wait until a condition holds (it may be async); return what it gave.

    Raises:
        AssertionError: It did not come about.
    """
    end = time.monotonic() + limit_s
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(
                f"it did not come about: {what or inspect.getsource(condition).strip()}"
            )
        await asyncio.sleep(0.002)


def engine_of(app: Podium) -> Engine:
    """Return the engine behind an app that executes."""
    assert app.desk.engine is not None
    return app.desk.engine


async def die(app: Podium) -> None:
    """Let the app's worker die as a process does: nothing more is written, its lock for life is free.

    Bodies in threads go on, which in a real death they would not.
    """
    worker, store = app.desk.worker, app.desk.store
    assert worker is not None
    engine = worker.engine
    engine.log.is_stopped = True
    for timer in engine._timers:
        timer.cancel()
    worker.heart.stop()
    for life in store._lives.values():
        life.drop()
    for task in list(worker.executor._tasks):
        task.cancel()
    engine.close()
    worker.committer.close()
    worker.executor.close()
    app._desk = None
    await asyncio.sleep(0)
    store.close()


class Line(NamedTuple):
    """One entry of a side file."""

    what: str
    run: str
    path: str
    key: str
    attempt: int
    note: str


class SideFile:
    """An append-only file in which bodies of tasks leave what they did: the outside world."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def write(self, what: str, note: object = "") -> None:
        """Append a line about the attempt whose body runs; one system call, so it is whole."""
        attempt = current_attempt.get()
        place = ("-", "-", "-", 0) if attempt is None else (
            attempt.run_id, attempt.path, attempt.key, attempt.number,
        )  # fmt: skip
        text = "\t".join(map(str, (what, *place, note)))
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, f"{text}\n".encode())
        finally:
            os.close(handle)

    def lines(self, what: str | None = None) -> list[Line]:
        """Return what was left, in order."""
        if not self.path.exists():
            return []
        found = []
        for text in self.path.read_text().splitlines():
            word, run, path, key, attempt, note = text.split("\t", 5)
            if what is None or word == what:
                found.append(Line(word, run, path, key, int(attempt), note))
        return found


class Committed:
    """What a second connection sees of the file: committed state only."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._store = SqliteStore(path, create=False)
        self.reader = self._store.reader()

    def run(self, run_id: str) -> RunRow:
        """Return a run's row."""
        row = self.reader.run(run_id)
        assert row is not None, run_id
        return row

    def records(self, run_id: str) -> list[RecordRow]:
        """Return the journal of the run's current incarnation."""
        row = self.run(run_id)
        return self.reader.records(row.num, row.base)

    def kinds(self, run_id: str) -> list[tuple[Kind, str]]:
        """Return (kind, path) of each record."""
        return [(Kind(row.kind), row.path) for row in self.records(run_id)]

    def close(self) -> None:
        """Close the connection."""
        self._store.close()


@contextmanager
def committed(path: str | os.PathLike[str]) -> Iterator[Committed]:
    """Open a second connection."""
    view = Committed(path)
    try:
        yield view
    finally:
        view.close()


def kinds(path: str | os.PathLike[str], run_id: str) -> list[tuple[Kind, str]]:
    """Return (kind, path) of each committed record of a run, through a connection of its own."""
    with committed(path) as view:
        return view.kinds(run_id)
