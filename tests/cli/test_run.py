"""`podium run`: results, inputs, leaving and going on."""

import json
import os
import signal
import sys

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said, Shell, suggested

pytestmark = pytest.mark.long


def test_the_result_goes_to_stdout_and_talk_to_stderr(shell: Shell) -> None:
    """In a pipe the result is JSON on standard output; plain lines on standard error tell the rest."""
    done = shell.run("run", "shop:total", "--set", "upto=4", "--set", "name=lamp", "--id", "sum")

    assert done.returncode == 0
    assert json.loads(done.stdout) == {"sum": 6, "name": "lamp"}
    assert "printed by the workflow" in done.stderr
    assert "run sum of total in podium.db\n" in done.stderr
    assert "  fetch 4 done\n" in done.stderr
    assert "\x1b" not in done.stderr


def test_json_is_one_object_whatever_a_program_prints(shell: Shell) -> None:
    """`--json` is one object with four keys; `--quiet` leaves the talk out."""
    done = shell.run(
        "run", "shop:total", "--input", '{"upto": 2}', "--id", "j", "--json", "--quiet"
    )

    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "id": "j", "status": "succeeded", "output": {"sum": 1, "name": ""}, "error": None,
    }  # fmt: skip
    assert done.stderr == "printed by the workflow\n"


def test_input_comes_from_a_file_and_from_stdin(shell: Shell) -> None:
    """`--input` takes `@file` and `-`; `--set` overrides it, as JSON, else as a string."""
    (shell.folder / "in.json").write_text('{"upto": 9, "name": "x"}')
    of_file = shell.run("run", "shop:total", "--input", "@in.json", "--set", "upto=1")
    of_stdin = shell.run(
        "run", "shop:total", "--input", "-", "--set", 'name="3"', input='{"upto": 3}'
    )

    assert json.loads(of_file.stdout) == {"sum": 0, "name": "x"}
    assert json.loads(of_stdin.stdout) == {"sum": 3, "name": "3"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--set", "upto=many"], "Expected `int`, got `str` - at `$.upto`"),
        ([], "missing 'upto'"),
        (["--set", "upto=1", "--set", "size=2"], "unknown 'size'"),
        (["--input", "[1]"], "--input is a list; expected an object"),
        (["--input", "{'upto': 1}"], "--input is not JSON: Expecting property name"),
        (["--input", '{"upto": NaN}'], "NaN is no JSON"),
        (["--input", "@nowhere.json"], "'nowhere.json' cannot be read"),
        (["--set", "upto"], "expected NAME=VALUE"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    podium: Callable[..., Said], shell: Shell, words: list[str], expected: str
) -> None:
    """Input that does not fit is a usage error, and no database is made for it."""
    said = podium("run", "shop:total", *words, cwd=shell.folder)

    assert said.code == 2
    assert said.out == ""
    assert expected in said.err
    assert "Traceback" not in said.err
    assert not (shell.folder / "podium.db").exists()


def test_a_failed_run(shell: Shell) -> None:
    """A failed run exits with 5, and says what failed, why, where, and what to type next."""
    done = shell.run("run", "shop:fails", "--id", "f", "--json")
    error = json.loads(done.stdout)["error"]
    look = shell.type(suggested(done.stderr, "look"))

    assert done.returncode == 5
    assert (error["type"], error["path"], error["cause"]["type"]) == (
        "StepFailed",
        "refuse",
        "ValueError",
    )
    assert "because ValueError: no item 7" in done.stderr
    assert "shop.py:" in done.stderr
    assert "\x1b" not in done.stderr
    assert look.returncode == 0


def test_a_run_that_needs_a_signal_is_left(shell: Shell) -> None:
    """When only a signal can move it the run is left (6); the two commands printed carry it to its end."""
    left = shell.run("run", "shop:paid", "--id", "order 17", "--db", "my shop.db")
    sent = shell.type(suggested(left.stderr, "unblock"), VALUE='{"amount": 12}')
    done = shell.type(suggested(left.stderr, "then go on"))

    assert (left.returncode, left.stdout) == (6, "")
    assert "for the signal 'paid'" in left.stderr
    assert sent.returncode == 0
    assert (done.returncode, json.loads(done.stdout)) == (0, {"amount": 12})
    assert shell.ledger() == ["before", "after"]


def test_a_run_that_needs_an_answer_is_left(shell: Shell) -> None:
    """When only an answer can move it, the question and the command that answers it are printed."""
    left = shell.run("run", "shop:asked", "--id", "a", "--json")
    answered = shell.type(suggested(left.stderr, "unblock"), VALUE="yes")
    done = shell.type(suggested(left.stderr, "then go on"))

    assert left.returncode == 6
    assert json.loads(left.stdout) == {
        "id": "a",
        "status": "waiting",
        "output": None,
        "error": None,
    }
    assert '{"question": "send it?"}' in left.stderr
    assert answered.returncode == 0
    assert json.loads(done.stdout) == "yes"


def test_a_run_whose_child_needs_a_signal_is_left(shell: Shell) -> None:
    """A run that waits for a child that waits for a signal is left, too."""
    left = shell.run("run", "shop:parent", "--id", "p")

    assert left.returncode == 6
    assert "for the child run p:paid (waiting)" in left.stderr


def test_wait_keeps_waiting(shell: Shell) -> None:
    """With `--wait` the command stays until the signal comes."""
    process = shell.start("run", "shop:paid", "--id", "w", "--wait")
    shell.until(lambda: shell.ledger() == ["before"])
    sent = shell.run("runs", "signal", "w", "paid", "--json", "5")
    out, _ = process.communicate(timeout=30)

    assert sent.returncode == 0
    assert (process.returncode, out) == (0, "5\n")


def test_ctrl_c_leaves_the_run(shell: Shell) -> None:
    """Ctrl-C exits with 130 and prints the command that goes on where the run was."""
    process = shell.start("run", "shop:slow", "--id", "s")
    shell.until(lambda: shell.ledger() == ["before", "then"])
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    (shell.folder / "go").touch()
    done = shell.type(suggested(err, "go on"))

    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert (done.returncode, done.stdout) == (0, '"after"\n')
    assert shell.ledger() == ["before", "then", "after"]


def test_a_second_ctrl_c_quits_at_once(shell: Shell) -> None:
    """An effect in flight is given its time, unless Ctrl-C comes again."""
    process = shell.start("run", "shop:hangs")
    shell.until(lambda: shell.ledger() == ["hang"])
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    for line in process.stderr:
        if "Ctrl-C again" in line:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Quit at once" in err


def test_a_killed_run_goes_on_by_its_id(shell: Shell) -> None:
    """After SIGKILL the same command with the id, without input, goes on; no finished step is repeated."""
    process = shell.start("run", "shop:slow", "--id", "k")
    shell.until(lambda: shell.ledger() == ["before", "then"])
    process.kill()
    process.wait()
    (shell.folder / "go").touch()
    done = shell.run("run", "shop:slow", "--id", "k")
    again = shell.run("run", "shop:slow", "--id", "k")

    assert (done.returncode, done.stdout) == (0, '"after"\n')
    assert (again.returncode, again.stdout) == (0, '"after"\n')
    assert shell.ledger().count("before") == shell.ledger().count("after") == 1


def test_an_id_belongs_to_one_run(podium: Callable[..., Said], changeable: Path) -> None:
    """An id with other input, or of another workflow, is an error; the run is not touched."""
    other_input = podium("run", "shop:total", "--set", "upto=2", "--id", "good", cwd=changeable)
    other_flow = podium("run", "shop:paid", "--id", "good", cwd=changeable)

    assert other_input.code == other_flow.code == 1
    assert "Run id 'good' is taken by a run with other input" in other_input.err
    assert "workflow 'total', not 'paid'" in other_flow.err


def test_a_changed_workflow_blocks_its_run_until_it_is_resumed(shell: Shell) -> None:
    """A run that no longer fits its code is blocked (6); mended and resumed it ends as if nothing was."""
    program = shell.folder / "shop.py"
    source = program.read_text()
    shell.run("run", "shop:paid", "--id", "b")
    program.write_text(source.replace('await write("before")', 'await fetch(1).as_("write")'))
    blocked = shell.run("run", "shop:paid", "--id", "b", "--json")
    program.write_text(source)
    resumed = shell.type(suggested(blocked.stderr, "when mended"))
    shell.run("runs", "signal", "b", "paid", "1")
    done = shell.type(suggested(blocked.stderr, "go on"))

    assert blocked.returncode == 6
    assert json.loads(blocked.stdout)["error"]["code"] == "nondeterminism"
    assert "recorded as task 'write'" in blocked.stderr
    assert resumed.returncode == 0
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert shell.ledger() == ["before", "after"]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of this kind is not there")
@pytest.mark.parametrize("colours", [True, False])
def test_a_terminal_shows_live_progress(shell: Shell, colours: bool) -> None:
    """In a terminal progress moves, ids are whole, the cursor comes back, and NO_COLOR is heard."""
    run_id = "an-id-that-is-longer-than-the-terminal-is-wide-" + "0123456789" * 6
    (shell.folder / "go").touch()
    code, screen = in_terminal(
        ["run", "shop:slow", "--id", run_id], shell.folder, {} if colours else {"NO_COLOR": "1"}
    )

    assert code == 0
    assert "\x1b[?25l" in screen
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")
    assert f"{run_id} succeeded" in screen
    assert '"after"' in screen
    assert ("\x1b[32m" in screen) is colours


def in_terminal(words: list[str], folder: Path, more: dict[str, str]) -> tuple[int, str]:
    """Carry out a command in a terminal of 60 columns; return its code and what came on the screen."""
    import pty
    import termios

    from tests.cli.conftest import environment

    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-m", "podium", *words], environment(**more))
    termios.tcsetwinsize(fd, (24, 60))
    seen = b""
    while True:
        try:
            part = os.read(fd, 65536)
        except OSError:  # Linux says so when the other side has closed
            break
        if not part:
            break
        seen += part
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), seen.decode()
