"""`python -m examples.coding`, as a person types it."""

import os
import signal
import subprocess
import sys

from pathlib import Path

import pytest

from examples.coding.repository import Repository
from tests.harness import drive, until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]


def environment(**more: str) -> dict[str, str]:
    """That of a shell in the root of the repository."""
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "NO_COLOR": "1",
        **more,
    }


def typed(folder: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """What the command says."""
    return subprocess.run(
        [sys.executable, "-m", "examples.coding", *words],
        cwd=folder, env=environment(**more), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip


def podium(folder: Path, *words: str) -> str:
    """What Podium's own command says."""
    done = subprocess.run(
        [sys.executable, "-m", "podium", *words], cwd=folder, env=environment(), capture_output=True, text=True, encoding="utf-8",
        timeout=60, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_task_is_shown_stage_by_stage(tmp_path: Path) -> None:
    """With what came of it, what it took, and the diff."""
    done = typed(tmp_path, "--task", "3", "--diff")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()[2:12]] == [
        "analyse", "plan", "look", "write", "refused", "debug", "revise", "passed", "deploy", "v2.1.0",
    ]  # fmt: skip
    assert "in 2 rounds and " in done.stdout
    assert "5 answers, " in done.stdout
    assert "+            self._clock.sleep(self.wait_for(n))" in done.stdout
    assert "succeeded" in podium(tmp_path, "runs", "show", "3-limiter", "--db", "coding-data/podium.db")  # fmt: skip


def test_what_is_over_is_begun_anew(tmp_path: Path) -> None:
    """As a run and a repository of its own; what was there stays."""
    first = typed(tmp_path, "--task", "1", "--model", "gpt-5")
    again = typed(tmp_path, "--task", "1", "--model", "gpt-5")

    assert (first.returncode, again.returncode) == (5, 5)
    assert "'gpt-5' is no model" in first.stdout
    assert "podium runs show 1-durations-2 --db coding-data/podium.db" in again.stdout
    assert sorted(path.name for path in (tmp_path / "coding-data").glob("*.git")) == [
        "1-durations-2.git",
        "1-durations.git",
    ]


def test_a_person_answers_later(tmp_path: Path) -> None:
    """Without a terminal it says what to type, and goes on when that was typed."""
    waits = typed(tmp_path, "--task", "5")
    command = waits.stderr.splitlines()[-1].split()
    words = [*command[1:4], command[4], '{"ok": true}', *command[-2:]]
    answered = podium(tmp_path, *words)
    done = typed(tmp_path, "--task", "5")

    assert waits.returncode == 6
    assert command[:3] == ["podium", "runs", "answer"]
    assert "is recorded" in answered
    assert done.returncode == 0, done.stderr
    assert "passed   bounds, tests and acceptance, person" in done.stdout


def test_killed_it_goes_on(tmp_path: Path) -> None:
    """The same command finishes what it had begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.coding", "--task", "2"], cwd=tmp_path, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        drive(until(lambda: [*tmp_path.glob("coding-data/*.worktrees/*")], "a worktree", 60), 70)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = typed(tmp_path, "--task", "2")

    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.glob("coding-data/*.git")] == ["2-report.git"]
    assert not [*tmp_path.glob("coding-data/*.worktrees")]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--task", "9"], 2, "invalid choice: 9"),
        (["--repository", "."], 2, "--repository needs --requirement and --tag"),
        (["--repository", ".", "--requirement", "x", "--tag", "v"], 2, "needs --model"),
        (
            [
                "--repository",
                "none",
                "--requirement",
                "wish.md",
                "--tag",
                "v",
                "--model",
                "openai:x",
            ],
            1,
            "git clone ended with",
        ),
    ],
)
def test_what_cannot_be_done(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    """It is said in a sentence, without a traceback."""
    (tmp_path / "wish.md").write_text("# More light\n")
    done = typed(tmp_path, *words)

    assert done.returncode == code, done.stderr + done.stdout
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_without_git(tmp_path: Path) -> None:
    """It says what is missing."""
    done = typed(tmp_path, "--task", "1", PATH=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.splitlines() == ["There is no git on the PATH. Install git 2.38 or newer."]


def test_a_copy_of_somebodys_repository(tmp_path: Path) -> None:
    """It is made, and what cannot be done with it leaves the original alone."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "lamp.py").write_text("watts = 5\n")
    source = Repository.made_of(tmp_path / "lamp", tmp_path / "files", "Begin")
    before = source.git("for-each-ref")
    (tmp_path / "wish.md").write_text("# More light\n\nSix watts.\n")
    done = typed(
        tmp_path, "--repository", "lamp", "--requirement", "wish.md", "--tag", "v2", "--model", "scripted:none",
    )  # fmt: skip

    assert done.returncode == 5
    assert "More light" in done.stdout
    assert "There is no script 'none'" in done.stdout
    assert source.git("for-each-ref") == before
    assert Repository(tmp_path / "coding-data" / "lamp.git").head("main") == source.head("main")
