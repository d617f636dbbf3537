"""`podium runs`: what is going on, in words and as JSON."""

import json

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said


def test_list(podium: Callable[..., Said], history: Path) -> None:
    """A line for each run, the newest first, with whole ids and what each waits for."""
    said = podium("runs", "list", cwd=history)
    lines = said.out.splitlines()

    assert said.code == 0
    assert lines[0].split() == ["ID", "WORKFLOW", "STATUS", "STARTED", "TOOK"]
    assert [line.split()[0] for line in lines[1:]] == [
        "stubborn", "parent:paid", "parent", "asked", "unpaid", "bad", "good",
    ]  # fmt: skip
    assert "the signal 'paid'" in said.out
    assert "an answer of the boss" in said.out
    assert r"ValueError: no item 7 \x1b[31m" in said.out


def test_list_as_json(podium: Callable[..., Said], history: Path) -> None:
    """`--json` has the same keys for every run; `--status`, `--workflow` and `--limit` choose."""
    every = json.loads(podium("runs", "list", "--json", cwd=history).out)
    chosen = json.loads(
        podium("runs", "list", "--json", "--status", "waiting", "--workflow", "paid", "--limit", "1", cwd=history).out
    )  # fmt: skip

    assert {frozenset(run) for run in every} == {
        frozenset(
            ["id", "workflow", "status", "created_at", "ended_at", "deadline", "parent", "incarnation",
             "version", "error", "waits"]
        )
    }  # fmt: skip
    assert [run["id"] for run in chosen] == ["parent:paid"]
    assert chosen[0]["parent"] == "parent"
    assert chosen[0]["waits"][0]["kind"] == "signal"


def test_nothing_to_list(podium: Callable[..., Said], history: Path) -> None:
    """No run is no error: JSON is an empty list, people are told."""
    as_json = podium("runs", "list", "--workflow", "none", "--json", cwd=history)
    plain = podium("runs", "list", "--workflow", "none", cwd=history)

    assert (as_json.code, as_json.out) == (0, "[]\n")
    assert (plain.code, plain.out, plain.err) == (0, "", "No run fits.\n")


@pytest.mark.parametrize(
    ("run_id", "expected"),
    [
        ("good", ["succeeded", '{"upto": 3}', '{"sum": 3, "name": ""}', "runs steps good"]),
        ("bad", ["failed", "step refuse failed", "because ValueError: no item 7", "--traceback"]),
        ("unpaid", ["for  the signal 'paid', since", "at receive:paid", "no worker has it just now",
                    "unblocked  by whoever sends that signal", "runs signal unpaid paid VALUE",
                    "worker MODULE  # the module of workflow 'paid'"]),
        ("asked", ["an answer of the boss", '{"question": "send it?"}', "runs answer asked"]),
        ("parent", ["the child run parent:paid (waiting)", "runs show parent:paid", "children"]),
        ("stubborn", ["try 2 of flaky", "ConnectionError: 503", "by time, once a worker is alive"]),
    ],
)  # fmt: skip
def test_show(podium: Callable[..., Said], history: Path, run_id: str, expected: list[str]) -> None:
    """What it does, what it waits for, since when, what unblocks it, and what to type next."""
    said = podium("runs", "show", run_id, cwd=history)

    assert said.code == 0
    assert said.out.startswith(f"{run_id}  ")
    assert [text for text in expected if text not in said.out] == []
    assert "\x1b" not in said.out


def test_show_as_json(podium: Callable[..., Said], history: Path) -> None:
    """`runs show --json` holds everything, with values as they are."""
    shown = json.loads(podium("runs", "show", "good", "--json", cwd=history).out)

    assert shown["output"] == {"sum": 3, "name": ""}
    assert shown["steps"] == {"succeeded": 3}
    assert shown["next"] == ["podium runs steps good"]
    assert shown["worker"] is None


def test_show_the_traceback(podium: Callable[..., Said], history: Path) -> None:
    """`--traceback` shows what was recorded where it failed, and nothing that steers the terminal."""
    said = podium("runs", "show", "bad", "--traceback", cwd=history)

    assert "in refuse\n" in said.out
    assert "\x1b" not in said.out


def test_steps(podium: Callable[..., Said], history: Path) -> None:
    """A line for each step; `--json --values` has arguments and results too."""
    said = podium("runs", "steps", "good", cwd=history)
    steps = json.loads(podium("runs", "steps", "good", "--json", "--values", cwd=history).out)
    failed = json.loads(podium("runs", "steps", "bad", "--json", cwd=history).out)

    assert said.out.splitlines()[0].split() == [
        "STEP", "TASK", "EFFECT", "STATUS", "TRIES", "STARTED", "TOOK", "REMARK",
    ]  # fmt: skip
    assert [step["path"] for step in steps] == ["fetch[0]", "fetch[1]", "fetch[2]"]
    assert (steps[2]["result"], steps[2]["effect"], steps[2]["status"]) == (2, "read", "succeeded")
    assert failed[0]["error"]["type"] == "ValueError"
    assert "result" not in failed[0]


def test_asks(podium: Callable[..., Said], history: Path) -> None:
    """Open questions of all runs, with the ids that an answer needs."""
    found = json.loads(podium("runs", "asks", "--json", cwd=history).out)
    plain = podium("runs", "asks", cwd=history)

    assert [(ask["run"], ask["to"], ask["form"]) for ask in found] == [
        ("asked", "the boss", {"question": "send it?"})
    ]
    assert found[0]["id"] in plain.out


@pytest.mark.parametrize(
    "words", [["show"], ["steps"], ["cancel"], ["resume"], ["signal", "go"], ["answer", "a", "1"]]
)
def test_no_such_run(podium: Callable[..., Said], history: Path, words: list[str]) -> None:
    """A mistyped id is an error that suggests a near one."""
    said = podium("runs", words[0], "goood", *words[1:], cwd=history)

    assert said.code == 1
    assert "There is no run 'goood' in podium.db. Did you mean 'good'?" in said.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["signal", "good", "paid"],
            "Run 'good' has ended (succeeded); the signal 'paid' can only reach",
        ),
        (["cancel", "bad"], "Run 'bad' has ended (failed); a cancel can only reach"),
        (["resume", "unpaid"], "Run 'unpaid' is waiting; only a blocked, paused or quarantined"),
        (["answer", "asked", "nope", "1"], "Run 'asked' has no open ask 'nope'; open asks: "),
    ],
)
def test_messages_that_reach_nobody(
    podium: Callable[..., Said], changeable: Path, words: list[str], expected: str
) -> None:
    """A message that cannot reach its run is an error, and nothing is recorded."""
    said = podium("runs", *words, cwd=changeable)

    assert said.code == 1
    assert expected in said.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["answer", "asked", "x"], "The answer is missing"),
        (["answer", "asked", "x", "{oops"], "VALUE is not JSON"),
        (["signal", "unpaid", "paid", "--json", "nope"], "--json is not JSON"),
        (["signal", "unpaid", "paid", "1", "--json", "1"], "given twice"),
        (["list", "--status", "done"], "'done' is not one of"),
        (["shwo", "good"], "No such command 'shwo'"),
    ],
)
def test_what_is_not_understood(
    podium: Callable[..., Said], changeable: Path, words: list[str], expected: str
) -> None:
    """What is not understood is a usage error, and nothing is recorded."""
    said = podium("runs", *words, cwd=changeable)

    assert said.code == 2
    assert expected in said.err


def test_a_message_says_who_acts_on_it(podium: Callable[..., Said], changeable: Path) -> None:
    """A recorded message tells what to start when no worker is alive."""
    said = podium("runs", "cancel", "unpaid", cwd=changeable)

    assert said.code == 0
    assert "The cancel of run unpaid is recorded. No worker is alive to act on it" in said.err
    assert "  podium worker MODULE  # the module of workflow 'paid'" in said.err


@pytest.mark.parametrize(
    "words", [["runs", "list"], ["runs", "show", "x"], ["db", "check"], ["runs", "asks"]]
)
def test_looking_makes_no_database(
    podium: Callable[..., Said], tmp_path: Path, words: list[str]
) -> None:
    """Where there is no database, a command that looks says so and makes none."""
    said = podium(*words, cwd=tmp_path)

    assert said.code == 1
    assert "There is no database at podium.db" in said.err
    assert list(tmp_path.iterdir()) == []


def test_which_database(podium: Callable[..., Said], history: Path, tmp_path: Path) -> None:
    """`--db` wins over `$PODIUM_DB`, which wins over ./podium.db; suggestions repeat `--db`."""
    place = str(history / "podium.db")
    by_variable = podium("runs", "show", "good", cwd=tmp_path, PODIUM_DB=place)
    by_option = podium(
        "runs", "show", "good", "--db", f"sqlite:///{place}", cwd=tmp_path, PODIUM_DB="no.db"
    )
    memory = podium("runs", "list", "--db", ":memory:", cwd=tmp_path)
    strange = podium("runs", "list", "--db", "postgres://x/y", cwd=tmp_path)

    assert "next       podium runs steps good\n" in by_variable.out
    assert f"next       podium runs steps good --db sqlite:///{place}\n" in by_option.out
    assert memory.code == strange.code == 2
