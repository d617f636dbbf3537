"""Three workers and a flaky HTTP service: the limits, the breaker and the fallbacks hold.

Workers are killed in the middle. Figures are printed (``pytest -s``); the page on resilience has
those of one run.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from podium.journal.sqlite import SqliteStore
from podium.journal.store import Batch, RunRow
from tests.crash.processes import LIMIT_S, ROOT, wait_for
from tests.soak.program import AT_ONCE, LIMIT

IS_FULL = os.environ.get("PODIUM_PROOF") == "full"
RUNS = 1_500 if IS_FULL else 160
KILLS = 8 if IS_FULL else 2
pytestmark = pytest.mark.long


class Soak:
    """A service, a database, and workers on it."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "soak.db"
        self.stop = folder / "stop"
        self.processes: list[subprocess.Popen[str]] = []
        service = self._start("service", str(LIMIT), "1.0", "2.5", "1.2")
        assert service.stdout is not None
        self.port = int(service.stdout.readline())
        self.workers = [self.worker() for _ in range(3)]

    def _start(self, module: str, *args: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.soak.{module}", *args], text=True, cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", **environment},
        )  # fmt: skip
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[str]:
        """Start a worker."""
        port = {"PODIUM_SOAK_PORT": str(self.port)}
        return self._start("worker", str(self.database), str(self.stop), **port)

    def kill_one(self, chance: random.Random) -> None:
        """Kill a worker, and start another one."""
        victim = self.workers.pop(chance.randrange(3))
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        self.workers.append(self.worker())

    def books(self) -> dict[str, int]:
        """Return what the service has seen."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/books", timeout=10) as reply:
            found: dict[str, int] = json.load(reply)
            return found

    def close(self) -> None:
        """End every process."""
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def soak(tmp_path: Path) -> Iterator[Soak]:
    """Give a soak; nothing of it is left behind."""
    found = Soak(tmp_path)
    try:
        yield found
    finally:
        found.close()


def accepted(store: SqliteStore, count: int) -> None:
    """Write runs, as a client does."""
    batch = Batch()
    for number in range(count):
        batch.families.append((number + 1, b"k" * 32))
        batch.runs_new.append(
            RunRow(
                num=number + 1, id=f"errand-{number}", uid=f"{number:032x}", workflow="soak_errand",
                version="soak", family=number + 1, input=b'{"number":%d}' % number,
                created_at=time.time_ns() // 1000,
            )
        )  # fmt: skip
    store.commit(batch, None)


def answers(store: SqliteStore) -> dict[str, Any]:
    """Return how the runs ended, and what the second calls were answered by."""
    reader = store.reader()
    found: dict[str, Any] = {"ended": 0, "right": 0, "fallbacks": 0}
    for number in range(RUNS):
        row = reader.run(f"errand-{number}")
        assert row is not None
        if row.is_ended:
            found["ended"] += 1
        if row.status == "succeeded":
            first, second = json.loads(row.output or b"null")
            found["right"] += first == number and second in (number % 10, -1)
            records = reader.records(row.num)
            found["fallbacks"] += any(one.path.startswith("soak_may/fallback") for one in records)
    return found


def has_ended(store: SqliteStore, count: int) -> bool:
    """Whether so many runs have ended."""
    return bool(answers(store)["ended"] >= count)


def test_what_is_promised_holds_beside_a_flaky_service(soak: Soak) -> None:
    """No call too many, few calls into an outage, every run ends, and the books are empty."""
    store = SqliteStore(soak.database)
    chance = random.Random(7)
    began_s = time.monotonic()
    accepted(store, RUNS)
    for _ in range(KILLS):
        enough = min(RUNS, answers(store)["ended"] + RUNS // (KILLS + 2))
        wait_for(partial(has_ended, store, enough), "runs end")
        soak.kill_one(chance)
    limit_s = LIMIT_S * (10 if IS_FULL else 1)
    wait_for(partial(has_ended, store, RUNS), "all runs end", limit_s)
    took_s = time.monotonic() - began_s
    found, seen = answers(store), soak.books()
    outages = took_s / 3.7 + 1
    changes = store.reader().common.state("breaker", "flaky")
    print(f"\n{RUNS} runs in {took_s:.0f} s, {KILLS} kills: {seen}, {found}")

    assert found["right"] == RUNS
    assert seen["throttled"] == 0
    assert seen["most"] <= AT_ONCE
    assert changes is not None
    # into an outage go what opens the breaker and what was on its way, then probes
    assert seen["refused"] <= outages * (3 + 3 * AT_ONCE + 4)
    soak.stop.touch()
    wait_for(lambda: all(worker.poll() is not None for worker in soak.workers), "workers leave")
    assert store.reader().common.states("permits") == {} or all(
        not json.loads(state).get("held") and not json.loads(state).get("waiting")
        for state in store.reader().common.states("permits").values()
    )
    assert not json.loads(store.reader().common.state("breaker", "flaky") or b"{}").get("out")
    store.close()
