"""`podium run` of flow documents: progress by node, going on without the file, dry runs, graphs of runs."""

import json
import sys

from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import click
import pytest

from podium.cli.database import reading
from podium.journal.records import Kind
from tests.cli import flows
from tests.cli.conftest import Said, Shell, suggested
from tests.cli.test_run import in_terminal

pytestmark = pytest.mark.long


@pytest.fixture
def folder(shell: Shell) -> Path:
    """A folder with programs and documents."""
    for name in ("ORDER", "PAID", "SLOW", "FAILS", "WRONG"):
        (shell.folder / f"{name.lower()}.yaml").write_text(getattr(flows, name))
    return shell.folder


def is_committed(shell: Shell, run_id: str, path: str) -> bool:
    """Whether a step has run and its result is in the journal."""
    if path not in shell.ledger():
        return False
    with reading(str(shell.folder / "podium.db")) as reader:
        row = reader.run(run_id)
        records = [] if row is None else reader.records(row.num, row.base)
    return any(one.path == path and one.kind == Kind.RESULT for one in records)


def test_a_document_runs_with_progress_by_node(shell: Shell, folder: Path) -> None:
    """The output goes to standard output; each node that ends has a line, skipped ones a reason."""
    done = shell.run("run", "order.yaml", "--set", "items=[1, 2, 3]", "--id", "o")

    assert done.returncode == 0
    assert json.loads(done.stdout) == {"card": None, "route": "many", "items": [1, 2, 3]}
    assert "run o of order in podium.db\n" in done.stderr
    assert "  fetched done, 3/3" in done.stderr
    assert "  card skipped: input.gift is false\n" in done.stderr
    assert "  route/many done" in done.stderr
    assert "fetched/one" not in done.stderr
    assert shell.ledger() == ["many"]


def test_lines_in_a_pipe_follow_what_happened(shell: Shell) -> None:
    """Each node has its line when it has ended, whatever the order of the document."""
    (shell.folder / "turns.yaml").write_text(flows.TURNS)
    done = shell.run("run", "turns.yaml")
    told = [line.split()[0] for line in done.stderr.splitlines() if " done" in line]

    assert done.returncode == 0
    assert told == ["files", "totals", "route/last", "route"]


def test_an_error_names_the_node(shell: Shell) -> None:
    """And no place in Podium's own code."""
    nodes = "{each: {for_each: [1, 2], nodes: {bad: {when: item == 2, fail: 'no ${item}'}}}}"
    (shell.folder / "bad.yaml").write_text(f"podium: 1\nnodes: {nodes}\n")
    done = shell.run("run", "bad.yaml", "--id", "b")

    assert done.returncode == 5
    assert "  node each[1]/bad failed\n  because FlowError: no 2\n" in done.stderr
    assert ".py" not in done.stderr


def test_the_end_of_a_loop_is_said_at_once(shell: Shell, folder: Path) -> None:
    """Also where its last pass was told of a moment ago."""
    process = shell.start("run", "slow.yaml", "--id", "l")
    assert process.stderr is not None
    told = list(takewhile(lambda line: "rounds pass 1/3" not in line, process.stderr))
    (folder / "go").touch()
    _, rest = process.communicate(timeout=30)

    assert [line.split()[0] for line in told if " done" in line] == ["before"]
    assert [line.split()[0] for line in rest.splitlines() if " done" in line] == ["rounds", "after"]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of this kind is not there")
def test_a_terminal_shows_nodes(folder: Path) -> None:
    """In a terminal the nodes are left to see, with counts and reasons."""
    code, screen = in_terminal(
        ["run", "order.yaml", "--set", "items=[1, 2, 3]"], folder, {"NO_COLOR": "1"}
    )
    left = click.unstyle(screen[screen.rindex("✓ fetched") :])

    assert code == 0
    assert "3/3" in left.splitlines()[0]
    assert "– card" in left
    assert "skipped: input.gift is" in left
    assert "✓ route/many" in left
    assert "fetched/one" not in left


def test_a_document_with_errors_starts_nothing(podium: Callable[..., Said], folder: Path) -> None:
    """A document with errors is refused with all of them (3); no database is made."""
    said = podium("run", "wrong.yaml", cwd=folder)
    as_json = podium("run", "wrong.yaml", "--json", cwd=folder)
    found = json.loads(as_json.out)

    assert said.code == as_json.code == 3
    assert said.out == ""
    assert "wrong.yaml:4:13: error[unknown-task]" in said.err
    assert "4 |   a: {call: ftch, args: {n: 1}}" in said.err
    assert "error: wrong.yaml has 4 errors." in said.err
    assert (found["file"], found["ok"], len(found["findings"])) == ("wrong.yaml", False, 4)
    assert not (folder / "podium.db").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["order.yaml"], '"items" is a required property'),
        (["order.yaml", "--set", "items=[1]", "--set", "gift=3"], "gift: 3 is not of type"),
        (["nowhere.yaml"], "The flow nowhere.yaml cannot be read"),
        ([], "Missing what to run"),
        (["shop:total", "--dry"], "--dry runs flow documents"),
    ],
)
def test_bad_words_are_refused_before_anything_is_written(
    podium: Callable[..., Said], folder: Path, words: list[str], expected: str
) -> None:
    """Input that does not fit and a file that is not there are usage errors, and nothing is written."""
    said = podium("run", *words, cwd=folder)

    assert said.code == 2
    assert said.out == ""
    assert expected in said.err
    assert not (folder / "podium.db").exists()


def test_a_run_goes_on_without_its_file(shell: Shell, folder: Path) -> None:
    """The commands that are printed carry a run to its end though the file is gone."""
    left = shell.run("run", "paid.yaml", "--id", "order 17")
    (folder / "paid.yaml").unlink()
    sent = shell.type(suggested(left.stderr, "unblock"), VALUE="12")
    done = shell.type(suggested(left.stderr, "then go on"))

    assert (left.returncode, left.stdout) == (6, "")
    assert suggested(left.stderr, "then go on").endswith("run --id 'order 17'")
    assert sent.returncode == 0
    assert (done.returncode, done.stdout) == (0, "12\n")
    assert shell.ledger() == ["before", "after"]


def test_a_killed_run_goes_on_without_its_file(shell: Shell, folder: Path) -> None:
    """After SIGKILL the id alone carries the run on; no finished step is repeated."""
    process = shell.start("run", "slow.yaml", "--id", "k")
    shell.until(lambda: is_committed(shell, "k", "before"))
    process.kill()
    process.wait()
    (folder / "slow.yaml").unlink()
    (folder / "go").touch()
    done = shell.run("run", "--id", "k")

    assert (done.returncode, done.stdout) == (0, '"after"\n')
    assert shell.ledger() == ["before", "after"]


def test_an_edited_file_does_not_disturb_its_run(shell: Shell, folder: Path) -> None:
    """A run keeps the document it was started with, and that is said. EVIDENCE-OF F-03"""
    shell.run("run", "paid.yaml", "--id", "p")
    (folder / "paid.yaml").write_text(flows.PAID.replace("what: after", "what: changed"))
    shell.run("runs", "signal", "p", "paid", "1")
    done = shell.run("run", "paid.yaml", "--id", "p")

    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "paid.yaml has changed since run p was started" in done.stderr
    assert shell.ledger() == ["before", "after"]


def test_a_run_of_a_function_needs_its_module(
    podium: Callable[..., Said], changeable: Path
) -> None:
    """Only a run of a document goes on by its id alone."""
    function = podium("run", "--id", "unpaid", cwd=changeable)
    nowhere = podium("run", "--id", "unpad", cwd=changeable)

    assert (function.code, nowhere.code) == (2, 1)
    assert "run MODULE:paid --id unpaid" in function.err
    assert "unpaid" in nowhere.err


def test_a_worker_without_modules_executes_documents(shell: Shell, folder: Path) -> None:
    """A worker imports what the document of a run uses. EVIDENCE-OF F-66"""
    shell.run("run", "paid.yaml", "--id", "p")
    (folder / "paid.yaml").unlink()
    shell.run("runs", "signal", "p", "paid", "7")
    worker = shell.start("worker")
    shell.until(lambda: shell.status("p") == "succeeded")
    worker.terminate()
    _, err = worker.communicate(timeout=30)

    assert worker.returncode == 0
    assert "executes flow documents;" in err
    assert shell.ledger() == ["before", "after"]


def test_a_dry_run(shell: Shell, folder: Path) -> None:
    """`--dry` reads for real, lists what a run would write with its arguments, and writes nothing."""
    done = shell.run("run", "order.yaml", "--dry", "--set", "items=[1, 2, 3]", "--set", "gift=true")
    as_json = json.loads(
        shell.run("run", "order.yaml", "--dry", "--set", "items=[1]", "--json").stdout
    )

    assert done.returncode == 0
    assert "  read fetch  at fetched/one, 3 times\n" in done.stdout
    assert '  write write  at card\n    what: "card"\n' in done.stdout
    assert '  write write  at route/many\n    what: "many"\n' in done.stdout
    assert "route/few" not in done.stdout
    assert done.stdout.endswith("output\n  not known: it rests on what was not done\n")
    assert [one["path"] for one in as_json["would"]] == ["route/few"]
    assert [one["path"] for one in as_json["done"]] == ["fetched[0]/one"]
    assert shell.ledger() == []
    assert not (folder / "podium.db").exists()


# runs show, runs graph ----------------------------------------------------------------------


def test_the_graph_of_a_run_under_way_elsewhere(shell: Shell, folder: Path) -> None:
    """A run that another process executes is drawn as it stands, and goes on undisturbed."""
    process = shell.start("run", "slow.yaml", "--id", "s")
    shell.until(lambda: is_committed(shell, "s", "before"))
    drawn = shell.run("runs", "graph", "s", "--format", "mermaid")
    (folder / "go").touch()
    out, _ = process.communicate(timeout=30)
    ended = shell.run("runs", "graph", "s", "--format", "mermaid")

    assert drawn.returncode == 0
    assert '["rounds · until · pass 1 of at most 3 · running"]' in drawn.stdout
    assert '["go<br/>told_to_go<br/>running"]' in drawn.stdout
    assert '["after<br/>write<br/>waiting"]' in drawn.stdout
    assert (process.returncode, out) == (0, '"after"\n')
    assert '["after<br/>write<br/>ok"]' in ended.stdout
    assert '[["rounds<br/>until · 2 passes<br/>ok"]]' in ended.stdout
    assert shell.ledger() == ["before", "after"]


def test_the_graph_of_a_run_that_ended(shell: Shell, folder: Path) -> None:
    """Ways not taken are said to be so; items are folded with their count; a failure has its reason."""
    shell.run("run", "order.yaml", "--set", "items=[1, 2, 3]", "--id", "o")
    shell.run("run", "fails.yaml", "--id", "f")
    order = shell.run("runs", "graph", "o", "--format", "mermaid").stdout
    failed = shell.run("runs", "graph", "f", "-o", "f.svg")
    svg = (folder / "f.svg").read_text()

    assert "fetched<br/>for each · 3 of 3 done<br/>ok" in order
    assert '["else · case · skipped"]' in order
    assert '["few<br/>write<br/>skipped"]' in order
    assert failed.returncode == 0
    assert "ValueError: no item 7" in svg
    assert ">skipped<" in svg or ">cancelled<" in svg


def test_show_names_nodes(shell: Shell, folder: Path) -> None:
    """`runs show` counts the nodes and names those that are under way, waited for, or left out."""
    shell.run("run", "paid.yaml", "--id", "p")
    shell.run("run", "order.yaml", "--set", "items=[]", "--id", "o")
    shown = shell.run("runs", "show", "p").stdout
    as_json = json.loads(shell.run("runs", "show", "o", "--json").stdout)
    nodes = {one["path"]: one for one in as_json["nodes"]}

    assert "nodes      1 ok, 1 running, 1 waiting\n             paid running\n" in shown
    assert "podium runs graph p" in shown
    assert "podium worker\n" in shown
    assert (nodes["card"]["status"], nodes["card"]["reason"]) == ("skipped", "when")
    assert nodes["fetched"]["progress"] == "0/0"
    assert nodes["route/few"]["status"] == "ok"


def test_functions_have_no_graph(podium: Callable[..., Said], history: Path) -> None:
    """For a run of a function the command says what to use instead."""
    said = podium("runs", "graph", "good", cwd=history)
    nowhere = podium("runs", "graph", "god", cwd=history)

    assert (said.code, nowhere.code) == (1, 1)
    assert (
        "only runs of flow documents have a graph. podium runs steps good lists its steps"
        in said.err
    )
    assert "good" in nowhere.err


def test_a_graph_without_the_tasks(podium: Callable[..., Said], shell: Shell, folder: Path) -> None:
    """Where the modules of a run are not importable, that is said."""
    shell.run("run", "paid.yaml", "--id", "p")
    (folder / "elsewhere").mkdir()
    said = shell.run("runs", "graph", "p", "--db", "podium.db")
    far = podium("runs", "graph", "p", "--db", str(folder / "podium.db"), cwd=folder / "elsewhere")

    assert said.returncode == 0
    assert far.code == 2
    assert "uses the module 'shop', which cannot be imported here" in far.err
