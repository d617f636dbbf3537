"""Several processes on one file: shared work, death, frozen ones, fencing, no starvation."""

import asyncio
import signal
import time

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

import podium.core.spec

from podium import Podium, StoreBusy
from podium.client.handle import Run
from podium.core.spec import WorkflowSpec
from podium.functions.calls import Workflow
from podium.journal.records import Kind
from podium.journal.sqlite import SqliteStore
from tests.crash.processes import Worker, wait_for
from tests.harness import SideFile, drive, fresh_names, kinds

pytestmark = pytest.mark.long

JOBS = 60


def job_workflow() -> Workflow[..., int]:
    """The workflow ``job`` as a client knows it: by name and signature."""

    async def job(n: int, steps: int = 3) -> int:
        raise NotImplementedError

    spec = WorkflowSpec(job, "job", version="client", is_strict=False)
    podium.core.spec.registry.add_workflow(spec)
    return Workflow(job, spec)


def hanging_workflow() -> Workflow[..., int]:
    """The workflow ``hanging`` as a client knows it."""

    async def hanging() -> int:
        raise NotImplementedError

    spec = WorkflowSpec(hanging, "hanging", version="client", is_strict=False)
    podium.core.spec.registry.add_workflow(spec)
    return Workflow(hanging, spec)


class Place:
    """A database, its side file, and the workers on it."""

    def __init__(self, folder: Path, start: Callable[..., Worker]) -> None:
        self.db = str(folder / "app.db")
        self.side = SideFile(folder / "side.tsv")
        self.stop = folder / "stop"
        self.go = folder / "side.go"
        self._start = start

    def serve(self, name: str, **settings: Any) -> Worker:
        """Start a worker that works until it is told to stop; return once it is at work."""
        work_s = settings.pop("work_s", "0")
        worker = self._start(
            {"mode": "serve", "db": self.db, "name": name, "stop": str(self.stop), **settings},
            PODIUM_TEST_WORK_S=work_s,
        )
        worker.line()
        return worker

    def end(self, *workers: Worker) -> list[dict[str, Any]]:
        """Tell workers to stop and return what they told at their end."""
        self.stop.touch()
        told = []
        for worker in workers:
            code, last, err = worker.end()
            assert code == 0, err
            told.append(last)
        return told


@pytest.fixture
def place(tmp_path: Path, start: Callable[..., Worker]) -> Any:
    """A database with nobody on it yet."""
    with fresh_names():
        yield Place(tmp_path, start)


async def outputs(runs: list[Run[int]]) -> list[int]:
    """The outputs of runs."""
    return [await run.result() for run in runs]


def test_work_is_shared(place: Place) -> None:
    """Runs that a client submits are executed by all workers, each run by one, and nobody starves."""
    submit = job_workflow()

    async def main() -> tuple[list[int], Counter[str]]:
        async with Podium(place.db, execute=False) as client:
            runs = [await client.start(submit, {"n": n}, id=f"job-{n}") for n in range(JOBS)]
            results = await outputs(runs)
            steps = [step for run in runs for step in await run.steps()]
            assert all(step.attempts == 1 for step in steps)
            return results, Counter(str(step.status) for step in steps)

    store = SqliteStore(place.db)
    store.close()
    workers = [place.serve(name, runs_max=4, work_s="0.002") for name in ("one", "two", "three")]
    results, statuses = drive(main(), 60)
    told = place.end(*workers)

    assert results == [3 * n + 3 for n in range(JOBS)]
    assert statuses == {"succeeded": 3 * JOBS}
    assert Counter(line.key for line in place.side.lines("write")).most_common(1)[0][1] == 1
    waits = [one["longest_wait_ms"] for one in told]
    print(f"longest wait for the file among three workers: {max(waits)} ms")
    with SqliteOwners(place.db) as owners:
        assert owners.left == []


class SqliteOwners:
    """Which runs are still open, and which workers are still registered."""

    def __init__(self, db: str) -> None:
        self._store = SqliteStore(db)
        reader = self._store.reader()
        self.left = [
            run.id for run in reader.runs(limit=1000) if not run.is_ended or run.owner is not None
        ]
        self.workers = [worker.name for worker in reader.workers()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()


def test_all_workers_get_some(place: Place) -> None:
    """While work is there, no worker goes without: each of three has done some of it."""
    submit = job_workflow()

    async def main() -> None:
        async with Podium(place.db, execute=False) as client:
            runs = [await client.start(submit, {"n": n, "steps": 2}) for n in range(JOBS)]
            await outputs(runs)

    workers = {
        name: place.serve(name, runs_max=3, work_s="0.005") for name in ("one", "two", "three")
    }
    drive(main(), 60)
    place.end(*workers.values())
    pids = {line.note for line in place.side.lines("by")}

    assert pids == {str(worker.pid) for worker in workers.values()}


def test_a_killed_worker_is_taken_over(place: Place) -> None:
    """Another worker finds the lock for life free, takes the run, and repeats the write with the same key."""
    submit = hanging_workflow()
    first = place.serve("first")

    async def submit_one() -> None:
        async with Podium(place.db, execute=False) as client:
            await client.start(submit, id="a")

    drive(submit_one())
    wait_for(lambda: place.side.lines("hanging"), "the first worker is at it")
    second = place.serve("second")
    began = time.monotonic()
    first.signal(signal.SIGKILL)
    wait_for(lambda: len(place.side.lines("hanging")) == 2, "the second worker is at it")
    took_s = time.monotonic() - began
    place.go.touch()

    async def result() -> int:
        async with Podium(place.db, execute=False) as client:
            return int(await (await client.get("a")).result())

    assert drive(result()) == second.pid
    one, two = place.side.lines("hanging")
    assert (one.key, one.attempt, two.attempt) == (two.key, 1, 2)
    place.end(second)
    print(f"takeover after SIGKILL: {1000 * took_s:.0f} ms")


@pytest.mark.parametrize("then", ["goes on", "is killed"])
def test_a_frozen_worker_is_taken_over_and_fenced(place: Place, then: str) -> None:
    """A stopped process loses its runs; when it comes back its commits are dropped and it stops."""
    submit = hanging_workflow()
    first = place.serve("first", hasty=True)

    async def submit_one() -> None:
        async with Podium(place.db, execute=False) as client:
            await client.start(submit, id="a")

    drive(submit_one())
    wait_for(lambda: place.side.lines("hanging"), "the first worker is at it")
    second = place.serve("second", hasty=True)
    first.signal(signal.SIGSTOP)
    wait_for(lambda: len(place.side.lines("hanging")) == 2, "the second worker is at it")
    place.go.touch()
    if then == "is killed":
        first.signal(signal.SIGKILL)
    else:
        first.signal(signal.SIGCONT)
        code, told, err = first.end()
        assert (code, told["fenced"]) == (0, True), err
        assert "this worker stops" in err

    async def result() -> int:
        async with Podium(place.db, execute=False) as client:
            return int(await (await client.get("a")).result())

    assert drive(result()) == second.pid
    records = kinds(place.db, "a")
    assert records.count((Kind.STARTED, "stop_here")) == 2
    assert records.count((Kind.RESULT, "stop_here")) == 1
    place.end(second)
    with SqliteOwners(place.db) as owners:
        assert (owners.left, owners.workers) == ([], [])


def test_a_process_frozen_amid_a_commit_is_named(
    place: Place, start: Callable[..., Worker]
) -> None:
    """Who waits for the file is told which process holds it in silence, and what to type; nothing is lost."""
    submit = job_workflow()
    serving = place.serve("serving", silence_s=0.3)
    holder = start({"mode": "hold", "db": place.db})
    holder.line()
    wait_for(lambda: _state_of(holder.pid) == "T", "it is stopped")

    async def refused() -> str:
        store = SqliteStore(place.db, silence_s=0.3)
        try:
            with pytest.raises(StoreBusy) as busy:
                await asyncio.to_thread(store.join, name="late")
            return str(busy.value)
        finally:
            store.close()

    async def accepted() -> int:
        async with Podium(place.db, execute=False) as client:
            waiting = asyncio.create_task(client.start(submit, {"n": 1}, id="a"))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            holder.signal(signal.SIGCONT)
            return int(await (await waiting).result())

    told = drive(refused())
    result = drive(accepted(), 60)

    assert str(holder.pid) in told
    assert "kill" in told
    assert result == 6
    assert holder.end()[0] == 0
    place.end(serving)


def _state_of(pid: int) -> str:
    """The state of a process as the kernel has it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_nobody_starves(place: Place) -> None:
    """With four workers that commit all the time each goes on; the longest wait for the file is told."""
    submit = job_workflow()

    async def main() -> None:
        async with Podium(place.db, execute=False) as client:
            runs = [await client.start(submit, {"n": n, "steps": 40}) for n in range(32)]
            await outputs(runs)

    workers = [place.serve(str(n), runs_max=8) for n in range(4)]
    drive(main(), 120)
    told = place.end(*workers)

    print(
        f"longest wait for the file among four workers: {max(one['longest_wait_ms'] for one in told)} ms"
    )
    assert {line.note for line in place.side.lines("by")} == {str(worker.pid) for worker in workers}
