"""`podium worker`: executes what others start, recovers what others left, stops cleanly."""

import json
import signal

from collections.abc import Callable

import pytest

from tests.cli.conftest import Said, Shell


@pytest.mark.long
@pytest.mark.parametrize("wish", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_takes_over_and_stops_cleanly(shell: Shell, wish: signal.Signals) -> None:
    """A worker goes on with the run of a killed process; asked to stop it drains and exits with 0."""
    killed = shell.start("run", "shop:slow", "--id", "k")
    shell.until(lambda: shell.ledger() == ["before", "then"])
    killed.kill()
    killed.wait()
    worker = shell.start("worker", "shop", "--name", "alpha")
    (shell.folder / "go").touch()
    shell.until(lambda: shell.status("k") == "succeeded")
    worker.send_signal(wish)
    out, err = worker.communicate(timeout=30)
    shown = json.loads(shell.run("runs", "show", "k", "--json").stdout)

    assert (worker.returncode, out) == (0, "")
    assert f"worker (alpha, process {worker.pid}) on podium.db" in err
    assert (
        "executes asked, fails, hangs, paid, parent, slow, stubborn, total, flow documents" in err
    )
    assert "tasks that declare no effect run as write: refuse" in err
    assert "stopping: nothing new is started" in err
    assert "Traceback" not in err
    assert shown["output"] == "after"


@pytest.mark.long
def test_a_worker_for_a_while(shell: Shell) -> None:
    """`--for` ends a worker by itself."""
    done = shell.run("worker", "shop", "--for", "10ms", "--db", "new.db")

    assert done.returncode == 0
    assert "10ms are over" in done.stderr
    assert "stopped; it had no run in hand" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["nowhere"], 2, "There is no module 'nowhere'"),
        (["empty"], 2, "There is no workflow in 'empty', and no task"),
        (["shop", "--for", "10"], 2, "--for is '10'; expected a duration"),
    ],
)
def test_a_worker_with_nothing_to_do(
    podium: Callable[..., Said], shell: Shell, words: list[str], code: int, expected: str
) -> None:
    """A worker that has nothing to execute says so at once."""
    (shell.folder / "empty.py").write_text('"""Nothing."""\n')
    said = podium("worker", *words, cwd=shell.folder)

    assert said.code == code
    assert expected in said.err
    assert not (shell.folder / "podium.db").exists()
