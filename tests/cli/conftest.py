"""A folder with programs, and ways to type a command there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from podium.cli.database import reading
from podium.cli.main import carry_out
from tests.harness import fresh_names

SRC = Path(__file__).parents[2] / "src"
PROGRAMS = Path(__file__).with_name("shop.py")
LIMIT_S = 30.0

START = """
import asyncio, shop, sys
from podium import Podium

async def until(run, *statuses):
    while await run.status() not in statuses:
        await asyncio.sleep(0.01)

async def main():
    async with Podium("podium.db") as app:
        await until(await app.start(shop.total, {"upto": 3}, id="good"), "succeeded")
        await until(await app.start(shop.fails, {}, id="bad"), "failed")
        await until(await app.start(shop.paid, {}, id="unpaid"), "waiting")
        await until(await app.start(shop.asked, {}, id="asked"), "waiting")
        await until(await app.start(shop.parent, {}, id="parent"), "waiting")
        await until(await app.start(shop.stubborn, {}, id="stubborn"), "waiting")

asyncio.run(main())
"""


def environment(**more: str) -> dict[str, str]:
    """The environment of a command: ours, without what would change its output."""
    dropped = ("PODIUM_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "PYTHONPATH": str(SRC), "TERM": "xterm", **more}


class Shell:
    """Types commands in a folder, each as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def run(self, *words: str, input: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Carry out a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "podium", *words], cwd=self.folder, env=environment(**more),
            input=input, capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip

    def type(self, line: str, **words: str) -> subprocess.CompletedProcess[str]:
        """Carry out a command as it was printed, with placeholders filled in."""
        assert line.startswith("python -m podium "), line
        filled = [words.get(word, word) for word in shlex.split(line, comments=True)]
        return self.run(*filled[3:])

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        process = subprocess.Popen(
            [sys.executable, "-m", "podium", *words], cwd=self.folder, env=environment(**more),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def ledger(self) -> list[str]:
        """What the tasks of the programs have written."""
        path = self.folder / "ledger.txt"
        return path.read_text().split() if path.exists() else []

    def status(self, run_id: str) -> str:
        """What is committed of a run."""
        with reading(str(self.folder / "podium.db")) as reader:
            row = reader.run(run_id)
        return "" if row is None else row.status

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something."""
        give_up = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < give_up, "it did not come"
            time.sleep(0.01)


def suggested(text: str, label: str) -> str:
    """The command that follows a label."""
    found = re.search(rf"^ +{label} +(python -m podium .*)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder with programs; every process it started ends with the test."""
    (tmp_path / "shop.py").write_text(PROGRAMS.read_text())
    shell = Shell(tmp_path)
    yield shell
    for process in shell.started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database in which something has happened; tests only look at it."""
    folder = tmp_path_factory.mktemp("history")
    (folder / "shop.py").write_text(PROGRAMS.read_text())
    subprocess.run(
        [sys.executable, "-c", START], cwd=folder, env=environment(), check=True,
        capture_output=True, timeout=LIMIT_S,
    )  # fmt: skip
    return folder


@pytest.fixture
def changeable(history: Path, tmp_path: Path) -> Path:
    """A folder of its own with that history."""
    for name in ("podium.db", "shop.py"):
        shutil.copy(history / name, tmp_path)
    return tmp_path


class Said:
    """What a command said, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


@pytest.fixture
def podium(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Said]]:
    """Carry out a command that executes nothing, in this process."""
    monkeypatch.delenv("PODIUM_DB", raising=False)
    monkeypatch.delenv("PODIUM_DEBUG", raising=False)
    monkeypatch.setattr(sys, "argv", ["podium"])
    monkeypatch.setattr(sys, "path", [*sys.path])

    def go(*words: str, cwd: Path, **more: Any) -> Said:
        monkeypatch.chdir(cwd)
        for name, value in more.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        code = carry_out(words)
        captured = capfd.readouterr()
        return Said(code, captured.out, captured.err)

    known = set(sys.modules)
    with fresh_names():
        yield go
    for name in [one for one in sys.modules if one not in known and "." not in one]:
        file = str(getattr(sys.modules[name], "__file__", ""))
        if file.startswith(tempfile.gettempdir()) and not file.startswith(sys.prefix):
            del sys.modules[name]
