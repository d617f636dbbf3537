"""Tests are run fenced in, and what became of them is data, however they end."""

import asyncio
import shutil

from pathlib import Path

import pytest

from examples.coding import trying
from examples.coding.forms import TestRun
from examples.coding.trying import try_out
from tests.harness import drive

pytestmark = pytest.mark.long

BWRAP = shutil.which("bwrap") is not None and trying.bubblewrap()[0] != ""

SOUND = "def test_one():\n    assert True\n"
MANY = """
import os
import socket
import time
from pathlib import Path

import lamp


def test_sound():
    assert lamp.WATTS == 5


def test_wrong():
    print("it shines")
    assert lamp.WATTS == 6


def test_hangs_in_a_loop():
    while True:
        pass


def test_hangs_in_sleep():
    time.sleep(60)


def test_behind_the_hanging_ones():
    assert os.getcwd() == str(Path(__file__).parents[1])
"""
FENCE = """
import os
import socket
from pathlib import Path

import pytest


def test_no_network():
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(Path("port").read_text())), 1)


def test_nothing_can_be_written():
    with pytest.raises(OSError):
        Path("new").write_text("x")


def test_nothing_else_is_seen():
    assert not Path(Path("outside").read_text()).exists()
    assert "SECRET" not in os.environ
"""


def worktree(folder: Path, tests: str, **files: str) -> Path:
    """A folder as a worktree is."""
    (folder / "w" / "src").mkdir(parents=True)
    (folder / "w" / "tests").mkdir()
    (folder / "w" / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["src"]\ntestpaths = ["tests"]\n'
    )
    (folder / "w" / "src" / "lamp.py").write_text("WATTS = 5\n")
    (folder / "w" / "tests" / "test_lamp.py").write_text(tests)
    for name, text in files.items():
        (folder / "w" / name).write_text(text)
    return folder / "w"


def tried(folder: Path, acceptance: str = "") -> TestRun:
    """What becomes of its tests."""
    return drive(try_out(folder, acceptance, 0.5), 60)


def test_each_failure_is_told_with_its_place(tmp_path: Path) -> None:
    """A test that hangs fails at the line where it is, and the others are run all the same."""
    found = tried(worktree(tmp_path, MANY))
    wrong, loop, sleep = found.failures

    assert (found.passed, found.trouble, found.ok) == (2, "", False)
    assert wrong.test == "test_lamp.py::test_wrong"
    assert "assert 5 == 6" in wrong.message
    assert "tests/test_lamp.py:" in wrong.trace
    assert "it shines" in wrong.trace
    assert str(tmp_path) not in wrong.trace
    assert (
        loop.message == sleep.message == "Failed: it took longer than 0.5 s, and was stopped here"
    )
    assert ">       while True:" in loop.trace or ">           pass" in loop.trace
    assert ">       time.sleep(60)" in sleep.trace


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("def test_one(:\n", "SyntaxError"),
        ("import lantern\n", "No module named 'lantern'"),
        ("while True:\n    pass\n", "it took longer than 0.5 s"),
    ],
)
def test_what_cannot_even_be_read(tmp_path: Path, tests: str, said: str) -> None:
    """It is a failure of its file."""
    found = tried(worktree(tmp_path, tests))

    assert [one.test for one in found.failures] == ["test_lamp.py"]
    assert said in found.failures[0].trace


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("import os\ndef test_one():\n    os._exit(0)\n", "exit code 0 during tests/test_lamp.py::test_one"),
        ("import os\ndef test_one():\n    os._exit(3)\n", "exit code 3 during tests/test_lamp.py::test_one"),
        ("import os\ndef test_one():\n    os.kill(os.getpid(), 9)\n", "during tests/test_lamp.py::test_one"),
        ("x = 1\n", "No test ran"),
        ("print('{\"passed\": 1, \"ended\": 0}')\n", "No test ran"),
        ("import os\nos.write(1, b'{\\n[]\\n')\n", "No test ran"),
    ],
)  # fmt: skip
def test_an_end_that_is_none_is_no_success(tmp_path: Path, tests: str, said: str) -> None:
    """Code that ends the process, and tests that are not there, do not pass."""
    found = tried(worktree(tmp_path, tests))

    assert not found.ok
    assert said in found.trouble


def test_tests_of_others_tell_what_they_prove_and_not_how(tmp_path: Path) -> None:
    """Of those that the model shall not see there is no source in what is said."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "test_hidden.py").write_text(
        'import lamp\ndef test_watts():\n    """A lamp has six watts."""\n    assert lamp.WATTS == 6\n'
    )
    found = tried(worktree(tmp_path, SOUND), str(tmp_path / "hidden"))

    assert [(one.test, one.trace) for one in found.failures] == [
        ("test_hidden.py::test_watts", "A lamp has six watts.")
    ]


@pytest.mark.skipif(not BWRAP, reason="bubblewrap is not here, or cannot be used")
def test_the_fence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, nothing to write to, no files but the worktree's and Python's, no environment."""
    monkeypatch.setenv("SECRET", "x")
    (tmp_path / "outside").write_text("mine")

    async def main() -> TestRun:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            given = {"port": str(port), "outside": str(tmp_path / "outside")}
            return await try_out(worktree(tmp_path, FENCE, **given), "", 5)

    assert drive(main(), 60) == TestRun(passed=3)
    assert {path.name for path in tmp_path.iterdir()} == {"outside", "w"}


def test_without_bubblewrap_they_run_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within limits, with the same results."""
    monkeypatch.setattr(trying, "bubblewrap", lambda: ("", "not here"))
    found = tried(worktree(tmp_path, MANY))

    assert (found.passed, len(found.failures)) == (2, 3)
    assert str(tmp_path) not in "".join(one.trace for one in found.failures)
