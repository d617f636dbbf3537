"""A program that uses every primitive, killed with SIGKILL at a commit, goes on as if nothing had been."""

import hashlib
import os
import random
import signal

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from podium.journal.records import Kind
from podium.journal.sqlite import SqliteStore
from tests.crash.processes import Worker, workers
from tests.harness import Line, SideFile

pytestmark = pytest.mark.long

IS_FULL = os.environ.get("PODIUM_PROOF") == "full"
COMMITS = 54
"""About how many commits the program makes; a kill at one that never comes is no kill."""
POINTS = [(number, when) for number in range(1, COMMITS + 6) for when in ("before", "after")]
QUICK = random.Random(2).sample(POINTS[4:104], 3)
LONG = POINTS if IS_FULL else random.Random(3).sample(POINTS, 8)
KILLED = -signal.SIGKILL


@cache
def expected(folder: Path) -> tuple[Any, ...]:
    """What the program comes to when nobody kills it, and how often each kind of body ran."""
    folder.mkdir(exist_ok=True)
    with workers(folder) as start:
        code, told, err = start({"mode": "everything", "db": str(folder / "app.db")}).end()
    assert code == 0, err
    return (
        told["output"],
        told["children"],
        told["writes"],
        steps_of(SideFile(folder / "side.tsv").lines()),
    )


def steps_of(lines: list[Line]) -> Counter[str]:
    """How many steps of each kind had their body run."""
    return Counter(what for what, *_ in {(line.what, line.run, line.path) for line in lines})


def committed_keys(db: Path) -> set[str]:
    """The keys of all steps of which the file has a result, of every incarnation."""
    if not db.exists():
        return set()
    store = SqliteStore(db)
    found = set()
    reader = store.reader()
    for run in reader.runs(limit=1000):
        incarnation = 0
        for row in reader.records(run.num):
            if row.kind == Kind.RESTARTED:
                incarnation += 1
            elif row.kind == Kind.RESULT:
                text = f"{run.uid}/{incarnation}/{row.path}/0"
                found.add(hashlib.blake2b(text.encode(), digest_size=16).hexdigest())
    store.close()
    return found


def check_lines(before: list[Line], after: list[Line], done: set[str]) -> None:
    """What the bodies did, over all processes, is what the guarantee allows."""
    again = [line for line in after if line.key in done]
    assert again == [], "steps with a committed result ran again"
    once = Counter(line.key for line in [*before, *after] if line.what == "once")
    assert [key for key, count in once.items() if count > 1] == [], "a once ran twice"
    keys = defaultdict(set)
    values = defaultdict(set)
    for line in [*before, *after]:
        if line.what in ("write", "undo"):
            keys[line.run, line.path].add(line.key)
            values[line.key].add(line.note)
    for (run, path), found in keys.items():
        assert len(found) <= (2 if run == "a" else 1), f"{run} {path}: a write with another key"
    for key, found in values.items():
        assert len(found) == 1, f"a write repeated with other arguments: {key} {found}"


def check_file(db: Path) -> None:
    """The database is sound, and every run in it has ended."""
    store = SqliteStore(db)
    problems = store.check()
    left = [(run.id, run.status) for run in store.reader().runs(limit=1000) if not run.is_ended]
    asks = store.reader().asks()
    store.close()
    assert (problems, left, asks) == ([], [], [])


def kill_and_go_on(
    folder: Path, number: int, when: str, start: Callable[..., Worker]
) -> dict[str, Any]:
    """Kill a worker at a commit, let another one go on, and check all that is promised."""
    output, children, _, bodies = expected(folder.parent / "undisturbed")
    db, side = folder / "app.db", SideFile(folder / "side.tsv")
    settings = {"mode": "everything", "db": str(db)}
    code, told, err = start({**settings, "kill_at": number, "kill_before": when == "before"}).end()
    assert code in (KILLED, 0), err
    was_killed = code == KILLED
    done, before = committed_keys(db), side.lines()
    code, told, err = start(settings).end()
    after = side.lines()[len(before) :]

    assert code == 0, err
    assert told["output"] == output
    assert told["children"] == children
    check_lines(before, after, done)
    ran = steps_of([*before, *after])
    assert ran["once"] >= bodies["once"] - 1, (
        "only what is left to the program may not have happened"
    )
    assert {**ran, "once": 0} == {**bodies, "once": 0}
    check_file(db)
    return {**told, "was_killed": was_killed}


@pytest.mark.parametrize(("number", "when"), QUICK)
def test_killed_at_a_commit(
    number: int, when: str, tmp_path: Path, start: Callable[..., Worker]
) -> None:
    """Equal output, nothing committed again, a ``once`` at most once, a ``write`` only with the same key.

    EVIDENCE-OF G-02: "A run is never lost and never stuck in silence."
    EVIDENCE-OF G-03: "A step whose result was committed never runs again in that run."
    EVIDENCE-OF G-07: "A `write` step changes the world, safe to repeat with the same idempotency key: after a crash in the middle it is run again with the same key."
    EVIDENCE-OF G-09: "A `once` step must not be repeated: after a crash in the middle its outcome is unknown."
    EVIDENCE-OF G-25: "Crashes and retries change neither incarnation nor generation: the key stays."
    EVIDENCE-OF G-37: "Compensation is durable itself."
    """
    told = kill_and_go_on(tmp_path, number, when, start)

    assert told["was_killed"]
    print(f"first recovered step {told['first_step_ms']} ms after opening the file")


@pytest.mark.parametrize(("number", "when"), LONG)
def test_killed_at_any_commit(
    number: int, when: str, tmp_path: Path, start: Callable[..., Worker]
) -> None:
    """The same for every commit of the program, before it and after it."""
    told = kill_and_go_on(tmp_path, number, when, start)

    assert told["was_killed"] or number > COMMITS - 8
    print(f"first recovered step {told['first_step_ms']} ms after opening the file")


@pytest.mark.parametrize("seed", range(10 if IS_FULL else 1))
def test_killed_again_and_again(seed: int, tmp_path: Path, start: Callable[..., Worker]) -> None:
    """Worker after worker is killed some commits on; the last one is left to end the run."""
    output, children, _, _ = expected(tmp_path.parent / "undisturbed")
    db, side, chance = tmp_path / "app.db", SideFile(tmp_path / "side.tsv"), random.Random(seed)
    settings = {"mode": "everything", "db": str(db)}
    seen: list[Line] = []
    for _ in range(8):
        # Enough commits to make progress: a run that three workers in a row die of is set aside.
        number = chance.randrange(10, 20)
        code, told, err = start(
            {**settings, "kill_at": number, "kill_before": chance.random() < 0.5}
        ).end()
        assert code in (KILLED, 0), err
        lines = side.lines()
        check_lines(seen, lines[len(seen) :], set())
        seen = lines
    done = committed_keys(db)
    code, told, err = start(settings).end()

    assert code == 0, err
    assert (told["output"], told["children"]) == (output, children)
    check_lines(seen, side.lines()[len(seen) :], done)
    check_file(db)


def test_the_checks_can_fail() -> None:
    """What the checks look for, they find."""
    line = Line("write", "a", "put", "k1", 1, "x")
    once = line._replace(what="once")

    check_lines([line], [line._replace(attempt=2)], set())
    for before, after, done in [
        ([line], [line], {"k1"}),
        ([once], [once], set()),
        ([line._replace(run="b")], [line._replace(run="b", key="k2")], set()),
        ([line], [line._replace(note="y")], set()),
    ]:
        with pytest.raises(AssertionError):
            check_lines(before, after, done)
