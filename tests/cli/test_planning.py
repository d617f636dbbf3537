"""`podium plan` and `podium do`: a plan that is shown, approved, carried out, and written anew."""

import json
import shutil

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said, Shell

TOOLS = Path(__file__).with_name("planning.py")
GOAL = ("Travel to Bern", "--tools", "planning", "--set", "city=Bern", "--model")


@pytest.fixture
def typed(podium: Callable[..., Said], shell: Shell) -> Callable[..., Said]:
    """Type a command in a folder that has tools and models."""
    shutil.copy(TOOLS, shell.folder / "planning.py")
    return lambda *words: podium(*words, cwd=shell.folder)


@pytest.fixture
def processed(shell: Shell) -> Callable[..., Said]:
    """Carry out a command in a process of its own, as what executes must be."""
    shutil.copy(TOOLS, shell.folder / "planning.py")

    def go(*words: str) -> Said:
        done = shell.run(*words)
        return Said(done.returncode, done.stdout, done.stderr)

    return go


def test_a_plan_is_shown(typed: Callable[..., Said], shell: Shell) -> None:
    """As a drawing, with what it may do, take and cost; nothing of it runs."""
    said = typed("plan", *GOAL, "scripted:trip")

    assert said.code == 0
    assert "│ trip.book_seat │" in said.out
    assert "  calls   3\n  changes the world: trip.book_seat\n  time    about 2 s, " in said.out
    assert "was told what was wrong 1 times" in said.err
    assert not (shell.folder / "podium.db").exists()


def test_a_plan_as_data(typed: Callable[..., Said]) -> None:
    """With the document, the attempts and the estimate."""
    found = json.loads(typed("plan", *GOAL, "scripted:trip", "--json").out)

    assert found["ok"]
    assert list(found["document"]["nodes"]) == ["sky", "trains", "seat"]
    assert [one["code"] for one in found["attempts"][0]["findings"]] == [
        "unknown-field",
        "unknown-task",
    ]
    assert found["estimate"]["calls_max"] == 3


@pytest.mark.long
def test_a_plan_as_a_flow(processed: Callable[..., Said]) -> None:
    """It is written as a document that stands on its own."""
    processed("plan", *GOAL, "scripted:reads", "-o", "trip.yaml", "-q")

    assert processed("flow", "check", "trip.yaml").code == 0
    assert json.loads(processed("run", "trip.yaml", "-q").out) == "sun in Bern"


def test_no_plan(typed: Callable[..., Said]) -> None:
    """What is wrong with the last one is said, and the code is that of invalid documents."""
    said = typed("plan", *GOAL, "scripted:bad", "--turns", "2")
    found = json.loads(typed("plan", *GOAL, "scripted:bad", "--json").out)

    assert said.code == 3
    assert "scripted:bad wrote 2 plans, none of which can run" in said.err
    assert "there is no task 'trip.wether'. Did you mean 'trip.weather'?" in said.err
    assert {one["code"] for one in found["findings"]} == {"unknown-field", "unknown-task"}


@pytest.mark.long
def test_do(processed: Callable[..., Said]) -> None:
    """Criteria, plan, failure, another plan that keeps what was done; the output alone is printed."""
    said = processed("do", *GOAL, "scripted:trip", "--yes")

    assert (said.code, json.loads(said.out)) == (0, "sun in Bern, seat Bern-2")
    assert "- city: It names the city. (cel: answer.contains(input.city))" in said.err
    assert "The plan failed: ValueError: Bern-1 is full (at seat)" in said.err
    assert (
        'changed: seat: {"args": {"train": "${trains[0]}"}, "call": "trip.book_seat"} → '
        in said.err
    )
    assert "kept from earlier plans: sky, trains" in said.err
    assert "undone: trip.book_seat by trip.cancel_seat" in said.err


@pytest.mark.long
def test_do_as_data(processed: Callable[..., Said]) -> None:
    """Every plan with what became of it, and the proof of what was kept."""
    found = json.loads(processed("do", *GOAL, "scripted:trip", "--yes", "--json", "-q").out)[
        "output"
    ]

    assert [one.get("setback", {}).get("kind") for one in found["tries"]] == ["failed", None]
    assert [one["node"] for one in found["tries"][1]["kept"]] == ["sky", "trains"]
    assert found["verdict"]["ok"]
    assert "conversation" not in found["plan"]


@pytest.mark.long
def test_nobody_is_there_to_approve(processed: Callable[..., Said]) -> None:
    """The run is left, what to type is said, and once it is typed the run goes on."""
    said = processed("plan", *GOAL, "scripted:trip", "--run", "--id", "bern")
    [ask] = json.loads(processed("runs", "asks", "--json").out)
    left = processed("runs", "answer", ask["run"], ask["id"], '{"approve": true}')
    again = processed("run", "--id", "bern", "-q")

    assert said.code == 6
    assert f"runs answer bern:goal {ask['id']}" in said.err
    assert ask["form"]["estimate"][1] == "changes the world: trip.book_seat"
    assert left.code == 0
    assert again.code == 6  # that plan failed, and the next one asks again


@pytest.mark.long
def test_what_is_not_enough(processed: Callable[..., Said]) -> None:
    """A criterion of one's own that does not hold: the run fails, and says which."""
    said = processed(
        "do", *GOAL, "scripted:reads", "--criterion", "size(answer) > 100", "--replans", "0"
    )

    assert said.code == 5
    assert "'size(answer) > 100' is false" in said.err


def test_wrong_words(typed: Callable[..., Said]) -> None:
    """A module without tools, a model that is none, a criterion that says nothing."""
    assert "makes no tools" in typed("plan", "x", "--tools", "json", "--model", "scripted:x").err
    assert "is no model" in typed("plan", "x", "--tools", "planning", "--model", "gpt").err
    said = typed("do", *GOAL, "scripted:reads", "--criterion", "true")
    assert (said.code, "does not read `answer`" in said.err) == (2, True)
