"""`podium doctor`: is everything here as Podium needs it?"""

import json
import signal
import subprocess
import sys

from collections.abc import Callable
from pathlib import Path

import pytest

from podium.cli import diagnosis, workers
from tests.cli.conftest import Said, Shell, environment

HOLDER = """
import sys, time
from pathlib import Path
from podium.journal.sqlite import oslock
from podium.journal.sqlite.turnstile import LockFile

folder = Path("podium.db-locks")
folder.mkdir(exist_ok=True)
file = LockFile(folder / "lock")
assert oslock.try_lock(file.fd)
print("held", flush=True)
time.sleep(600)
"""


def test_all_is_well(podium: Callable[..., Said], history: Path) -> None:
    """Versions, file, journal, runs and workers are looked at; nothing wrong is exit 0."""
    said = podium("doctor", cwd=history)
    found = json.loads(podium("doctor", "--json", cwd=history).out)

    assert said.code == 0
    assert found["ok"] is True
    assert [one["topic"] for one in found["findings"]] == [
        "Podium", "Python", "platform", "SQLite", "directory", "database", "journal", "runs", "workers",
    ]  # fmt: skip
    assert "wal; workers write with synchronous=FULL" in said.out


def test_no_database_yet(podium: Callable[..., Said], tmp_path: Path) -> None:
    """That there is no database yet is nothing wrong, and none is made."""
    said = podium("doctor", cwd=tmp_path)

    assert said.code == 0
    assert "podium.db (by the default) is not there yet" in said.out
    assert list(tmp_path.iterdir()) == []


def test_undeclared_tasks(podium: Callable[..., Said], shell: Shell) -> None:
    """With modules, tasks without a declared effect are named."""
    said = podium("doctor", "shop", cwd=shell.folder)
    missing = podium("doctor", "nowhere", cwd=shell.folder)

    assert said.code == 0
    assert "1 of 6 declare no effect and run as write: refuse" in said.out
    assert missing.code == 1
    assert "There is no module 'nowhere'" in missing.out


def test_a_database_that_cannot_be_used(podium: Callable[..., Said], tmp_path: Path) -> None:
    """What the store refuses is a problem."""
    (tmp_path / "podium.db").write_text("something else" * 100)
    said = podium("doctor", cwd=tmp_path)
    nowhere = podium("doctor", "--db", "no/where.db", cwd=tmp_path)

    assert said.code == nowhere.code == 1
    assert "is not an SQLite database" in said.out
    assert "does not exist" in nowhere.out


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a lock")
def test_a_frozen_worker(
    podium: Callable[..., Said], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that does not move is a problem; `runs show` says it of the run's owner, too."""
    monkeypatch.setattr(workers, "WATCH_S", 0.2)
    process = shell.start("run", "shop:paid", "--id", "p", "--wait")
    shell.until(lambda: shell.ledger() == ["before"])
    process.send_signal(signal.SIGSTOP)
    said = podium("doctor", cwd=shell.folder)
    shown = podium("runs", "show", "p", cwd=shell.folder)

    assert said.code == 1
    assert f"process {process.pid}), frozen: it has not moved" in said.out
    assert f"kill -CONT {process.pid}" in said.out
    assert "its worker is frozen; any other worker takes over" in shown.out


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a lock")
def test_a_silent_holder_of_the_lock(
    podium: Callable[..., Said], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that holds the file and shows no life is named, with what to type."""
    shell.run("run", "shop:total", "--set", "upto=1")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=shell.folder, env=environment(), text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    shell.started.append(holder)
    assert holder.stdout is not None
    holder.stdout.readline()
    monkeypatch.setattr(diagnosis, "SILENCE_S", 0.2)
    said = podium("doctor", cwd=shell.folder)
    holder.kill()

    assert said.code == 1
    assert f"process {holder.pid} holds the file and has not moved" in said.out
