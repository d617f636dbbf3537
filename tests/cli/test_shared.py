"""`podium breakers`, `limits`, `locks`, `cache`: what runs share, and what their steps were answered by."""

import json
import shutil
import subprocess
import sys

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium.cli.database import reading
from podium.journal.sqlite import SqliteStore
from tests.cli.conftest import LIMIT_S, Said, Shell, environment

SHARING = Path(__file__).with_name("sharing.py")
Podium = Callable[..., Said]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database in which something is open, locked, used up and kept; tests only look."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(SHARING, folder)
    subprocess.run(
        [sys.executable, "-c", "import asyncio, sharing; asyncio.run(sharing.history())"],
        cwd=folder, env=environment(), check=True, capture_output=True, timeout=LIMIT_S,
    )  # fmt: skip
    return folder


@pytest.fixture
def mine(shared: Path, tmp_path: Path) -> Path:
    """A folder of its own with that history."""
    shutil.copy(shared / "podium.db", tmp_path)
    return tmp_path


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with a database in which nothing has happened."""
    SqliteStore(str(tmp_path / "podium.db")).close()
    return tmp_path


def as_json(said: Said) -> Any:
    """What a command said to programs."""
    assert said.code == 0, said.err
    return json.loads(said.out)


# looking ----------------------------------------------------------------------------------


def test_breakers(podium: Podium, shared: Path) -> None:
    """An open breaker says why, until when, and what waits behind it; its changes name the step."""
    listed = podium("breakers", "list", cwd=shared).out.splitlines()
    shown = podium("breakers", "show", "orders-api", cwd=shared).out.splitlines()
    [one] = as_json(podium("breakers", "list", "--json", cwd=shared))
    alone = as_json(podium("breakers", "show", "orders-api", "--json", cwd=shared))

    assert listed[0].split() == ["BREAKER", "STATE", "SINCE", "WAITING"]
    assert listed[1].startswith("orders-api  open ")
    assert "ago  1 " in listed[1]
    assert "3 failures in a row (limit 3); tries again in " in listed[1]
    assert shown[0].startswith("orders-api is open: 3 failures in a row (limit 3); tries again in")
    assert shown[1] == "1 step waits behind it"
    assert shown[2].endswith("open       3 failures in a row (limit 3) (orders order_status#3)")
    assert {**one, "open_until": None} == {**alone, "open_until": None}
    assert (one["key"], one["state"], one["waiting"]) == ("orders-api", "open", 1)
    [change] = one["changes"]
    assert (change["before"], change["after"], change["by"], change["path"]) == (
        "closed", "open", "orders", "order_status#3",
    )  # fmt: skip
    assert one["open_until"] > change["at"]


def test_limits(podium: Podium, shared: Path) -> None:
    """A rate that is used up says when there is more, and how many steps wait for that."""
    listed = podium("limits", "list", cwd=shared).out.splitlines()
    [one] = as_json(podium("limits", "list", "--json", cwd=shared))

    assert listed[0].split() == ["LIMIT", "ALLOWS", "IN", "USE", "WAITING"]
    assert listed[1].startswith("slow-api  2 in 1h  2 used up  3        more in ")
    assert (one["kind"], one["key"], one["limit"], one["period_s"]) == ("rate", "slow-api", 2, 3600)
    assert (one["cooling"], one["held"], one["waiting"]) == (2, {}, 3)


def test_locks(podium: Podium, shared: Path) -> None:
    """A lock names who has it, how that run stands, and who is next."""
    listed = podium("locks", "list", cwd=shared).out.splitlines()
    [one] = as_json(podium("locks", "list", "--json", cwd=shared))

    assert listed[0].split() == ["LOCK", "RUN", "STATUS", "SINCE", "AT", "WAITING"]
    assert listed[1].split()[:3] == ["customer:7", "first", "waiting"]
    assert listed[1].split()[-2:] == ["lock:customer:7", "second"]
    assert (one["key"], one["status"]) == ("customer:7", "waiting")
    assert (one["holder"]["run"], one["holder"]["path"], one["holder"]["fence"]) == (
        "first", "lock:customer:7", 1,
    )  # fmt: skip
    assert [(place["run"], place["fence"]) for place in one["queue"]] == [("second", None)]


def test_cache(podium: Podium, shared: Path) -> None:
    """Kept results are listed by task."""
    listed = podium("cache", "list", cwd=shared).out.splitlines()
    found = as_json(podium("cache", "list", "--json", cwd=shared))

    assert listed[0].split() == ["TASK", "RESULTS", "NEWEST", "SIZE"]
    assert [(one["task"], one["results"]) for one in found] == [("answer", 1), ("quote", 1)]
    assert listed[2].split()[:2] == ["quote", "1"]


@pytest.mark.parametrize(
    ("group", "sentence"),
    [
        ("breakers", "No call was reported to a breaker yet."),
        ("limits", "No limit is in use just now."),
        ("locks", "Nothing is locked."),
        ("cache", "No result is kept."),
    ],
)
def test_nothing_is_shared(podium: Podium, bare: Path, group: str, sentence: str) -> None:
    """Nothing is no error: JSON is an empty list, people are told."""
    said = podium(group, "list", cwd=bare)

    assert as_json(podium(group, "list", "--json", cwd=bare)) == []
    assert (said.code, said.out, said.err.strip()) == (0, "", sentence)


@pytest.mark.parametrize("group", ["breakers", "limits", "locks", "cache"])
def test_no_database(podium: Podium, tmp_path: Path, group: str) -> None:
    """A database that is not there is an error, and is not created."""
    said = podium(group, "list", cwd=tmp_path)

    assert said.code == 1
    assert "podium.db" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["breakers", "show", "order-api"], 2,
         "No call was ever reported to a breaker 'order-api'. Did you mean 'orders-api'?"),
        (["breakers", "reset", "orders"], 2, "Did you mean 'orders-api'?"),
        (["locks", "release", "customer:8", "--yes"], 2,
         "Nobody has a lock 'customer:8'. Did you mean 'customer:7'?"),
        (["cache", "clear", "qote"], 2, "No result is kept of a task 'qote'. Did you mean 'quote'?"),
        (["cache", "clear"], 2, "Name a task, or say --all."),
        (["cache", "clear", "quote", "--all"], 2, "Name a task, or say --all."),
    ],
)  # fmt: skip
def test_wrong_names(
    podium: Podium, shared: Path, words: list[str], code: int, expected: str
) -> None:
    """A name that is not there is an error that suggests a near one."""
    said = podium(*words, cwd=shared)

    assert (said.code, said.out) == (code, "")
    assert expected in said.err


# what steps were answered by --------------------------------------------------------------


def test_waits_for_the_same_are_one_line(podium: Podium, shared: Path) -> None:
    """Three steps behind one rate are one line for people, and three waits for programs."""
    shown = podium("runs", "show", "calls", cwd=shared).out
    listed = podium("runs", "list", "--workflow", "calls", cwd=shared).out
    waits = as_json(podium("runs", "show", "calls", "--json", cwd=shared))["waits"]

    assert shown.count("the rate 'slow-api'") == 1
    assert "waits for  3 steps wait: the rate 'slow-api'" in shown
    assert "at limited[2] and 2 more\n" in shown
    assert "3 steps wait: the rate 'slow-api'" in listed
    assert [wait["path"] for wait in waits] == ["limited[2]", "limited[3]", "limited[4]"]


def test_a_wait_behind_a_breaker(podium: Podium, shared: Path) -> None:
    """What waits behind a breaker names it, says why, and what to type."""
    shown = podium("runs", "show", "orders", cwd=shared).out

    assert "the breaker 'orders-api' is open: 3 failures in a row (limit 3)" in shown
    assert "podium breakers show orders-api" in shown


def test_steps_say_what_answered(podium: Podium, shared: Path) -> None:
    """Steps that the cache or a fallback answered say so, and how old the value is."""
    cached = as_json(podium("runs", "steps", "prices", "--json", cwd=shared))
    steps = {
        one["path"]: one for one in as_json(podium("runs", "steps", "looks", "--json", cwd=shared))
    }
    words = podium("runs", "steps", "looks", cwd=shared).out
    shown = podium("runs", "show", "looks", cwd=shared).out

    assert [one["answered_by"] for one in cached] == [None, "cache", "cache"]
    assert cached[1]["made_at"] == cached[2]["made_at"] is not None
    assert cached[0]["made_at"] is None
    assert [(path, one["task"], one["status"], one["answered_by"]) for path, one in steps.items()] == [
        ("answer", "answer", "failed", "archive"),
        ("answer/fallback[1]", "archive", "succeeded", None),
        ("answer#2", "answer", "failed", "last_good"),
        ("answer#2/fallback[1]", "archive", "failed", None),
        ("answer#2/fallback[2]", "last_good", "succeeded", None),
        ("answer#3", "answer", "failed", "degraded"),
        ("answer#3/fallback[1]", "archive", "failed", None),
        ("answer#3/fallback[2]", "last_good", "failed", None),
    ]  # fmt: skip
    assert steps["answer#2"]["made_at"] == steps["answer#2/fallback[2]"]["made_at"] is not None
    assert steps["answer#3/fallback[2]"]["error"]["code"] == "no-last-good"
    assert "ConnectionError: no route; answered by the last good result, made " in words
    assert "answer: ConnectionError: no route; answered by archive\n" in shown
    assert "answer#3: ConnectionError: no route; answered by a fixed value\n" in shown
    assert "warning stale at answer#2/fallback[2]" in shown


def test_cached_steps_are_counted(podium: Podium, shared: Path) -> None:
    """Of many steps that the cache answered there is one line; a lock is a step of its own name."""
    shown = podium("runs", "show", "prices", cwd=shared).out
    [held] = as_json(podium("runs", "steps", "first", "--json", cwd=shared))

    assert "cached     2 steps quote, the oldest answered by the cache, made " in shown
    assert (held["path"], held["task"], held["status"]) == ("lock:customer:7", "lock", "succeeded")


# changing ---------------------------------------------------------------------------------


def test_a_reset_is_recorded(podium: Podium, mine: Path) -> None:
    """A breaker that is reset is closed, and its changes say who did it."""
    said = podium("breakers", "reset", "orders-api", cwd=mine)
    one = as_json(podium("breakers", "show", "orders-api", "--json", cwd=mine))

    assert (said.code, said.err.strip()) == (0, "The breaker orders-api is closed.")
    assert (one["state"], one["open_until"], one["failures_in_row"]) == ("closed", None, 0)
    assert one["changes"][-1]["after"] == "closed"
    assert one["changes"][-1]["by"]


def test_a_lock_is_taken_away(podium: Podium, mine: Path) -> None:
    """The next in line has it then, with a higher fence; the last one leaves nothing locked."""
    said = podium("locks", "release", "customer:7", "--yes", cwd=mine)
    [one] = as_json(podium("locks", "list", "--json", cwd=mine))
    again = podium("locks", "release", "customer:7", "--yes", cwd=mine)

    assert said.err.strip() == (
        "The lock customer:7 was taken from first (at lock:customer:7). second has it now."
    )
    assert (one["holder"]["run"], one["holder"]["fence"], one["queue"]) == ("second", 2, [])
    assert again.err.strip().endswith(
        "was taken from second (at lock:customer:7). Nobody has it now."
    )
    assert as_json(podium("locks", "list", "--json", cwd=mine)) == []


@pytest.mark.long
def test_a_lock_is_not_taken_without_a_yes(mine: Path) -> None:
    """Without `--yes` it is asked, and no answer, or no, changes nothing."""
    shell = Shell(mine)
    silent = shell.run("locks", "release", "customer:7")
    no = shell.run("locks", "release", "customer:7", input="n\n")

    assert (silent.returncode, no.returncode) == (130, 1)
    assert "goes on as if it had it. Take it away? [y/N]" in no.stderr
    assert no.stderr.endswith("error: The lock 'customer:7' stays where it is.\n")
    assert json.loads(shell.run("locks", "list", "--json").stdout)[0]["holder"]["run"] == "first"
    assert shell.run("locks", "release", "customer:7", input="y\n").returncode == 0
    assert json.loads(shell.run("locks", "list", "--json").stdout)[0]["holder"]["run"] == "second"


def test_the_cache_is_cleared(podium: Podium, mine: Path) -> None:
    """The results of one task are forgotten, or all of them."""
    one = podium("cache", "clear", "quote", cwd=mine)
    left = as_json(podium("cache", "list", "--json", cwd=mine))
    rest = podium("cache", "clear", "--all", cwd=mine)

    assert one.err.strip() == "One result is forgotten."
    assert [task["task"] for task in left] == ["answer"]
    assert rest.err.strip() == "One result is forgotten."
    assert as_json(podium("cache", "list", "--json", cwd=mine)) == []


@pytest.mark.long
def test_a_worker_hears_of_a_reset(shell: Shell) -> None:
    """A step that waits behind a breaker in another process goes on once it is reset there."""
    shutil.copy(SHARING, shell.folder)
    shell.start("run", "sharing:orders", "--id", "a", "--wait")
    shell.until(lambda: waits_of(shell, "a") == ["breaker"])
    (shell.folder / "up").touch()
    done = shell.run("breakers", "reset", "orders-api")
    shell.until(lambda: shell.status("a") == "succeeded")

    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_a_worker_hears_of_a_lock_that_is_taken_away(shell: Shell) -> None:
    """The run that is next in line goes on in its own process; the one that had it does not hear of it."""
    shutil.copy(SHARING, shell.folder)
    shell.start("run", "sharing:mail", "--id", "a", "--wait")
    shell.until(lambda: waits_of(shell, "a") == ["signal"])
    shell.start("run", "sharing:mail", "--id", "b", "--wait")
    shell.until(lambda: waits_of(shell, "b") == ["lock"])
    done = shell.run("locks", "release", "customer:7", "--yes")
    shell.until(lambda: waits_of(shell, "b") == ["signal"])

    assert done.stderr.strip().endswith("b has it now.")
    assert waits_of(shell, "a") == ["signal"]


@pytest.mark.long
def test_limits_name_the_worker(shell: Shell) -> None:
    """A limit of concurrency says which worker has its permits, and how many steps wait."""
    shutil.copy(SHARING, shell.folder)
    shell.start("worker", "sharing", "--name", "alpha")
    shell.start("run", "sharing:pages", "--id", "a", "--wait")
    shell.until((shell.folder / "podium.db").exists)
    shell.until(lambda: "narrow  1 at once  1 by " in shell.run("limits", "list").stdout)
    (shell.folder / "go").touch()
    shell.until(lambda: shell.status("a") == "succeeded")

    assert "narrow" not in shell.run("limits", "list").stdout


def waits_of(shell: Shell, run_id: str) -> list[str]:
    """The kinds of what a run waits for."""
    path = shell.folder / "podium.db"
    if not path.exists():
        return []
    with reading(str(path)) as reader:
        row = reader.run(run_id)
    return [one["kind"] for one in json.loads(row.waits or b"[]")] if row is not None else []
