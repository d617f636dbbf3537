"""Worker processes of tests: started, watched, and ended whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0
"""The longest that a test waits for what must come."""


class Worker:
    """One process of ``tests.crash.worker``."""

    def __init__(self, folder: Path, settings: dict[str, Any], **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker", json.dumps(settings)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
            env={
                **os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
                "PODIUM_TEST_SIDE": str(folder / "side.tsv"), "PODIUM_TEST_REGION": "eu", **environment,
            },
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def line(self) -> dict[str, Any]:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        assert text, self.process.communicate(timeout=LIMIT_S)
        told: dict[str, Any] = json.loads(text)
        return told

    def end(self) -> tuple[int, dict[str, Any], str]:
        """Wait for its end; return exit code, what it printed last, and its stderr."""
        out, err = self.process.communicate(timeout=LIMIT_S)
        lines = out.strip().splitlines()
        return self.process.returncode, json.loads(lines[-1]) if lines else {}, err

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)


@contextmanager
def workers(folder: Path) -> Iterator[Callable[..., Worker]]:
    """Give a function that starts workers; whatever is left of them afterwards is killed."""
    started: list[Worker] = []

    def start(settings: dict[str, Any], **environment: str) -> Worker:
        worker = Worker(folder, settings, **environment)
        started.append(worker)
        return worker

    try:
        yield start
    finally:
        for worker in started:
            if worker.process.poll() is None:
                worker.process.kill()
            worker.process.wait()
            for pipe in (worker.process.stdout, worker.process.stderr):
                if pipe is not None:
                    pipe.close()


def wait_for(condition: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
    """Wait until a condition holds; return what it gave.

    Raises:
        AssertionError: It did not come about.
    """
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, f"it did not come about: {what}"
        time.sleep(0.005)
    return found
