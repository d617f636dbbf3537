"""What the body of a task says is kept with the attempt that said it."""

import asyncio
import logging
import threading
import warnings

from typing import Any

import pytest

import podium

from podium import InvalidOption, Podium, Retry, StepFailed, Task, task, workflow
from podium.client.views import NoteView
from podium.core.notes import CHARS_MAX, LINES_MAX, Notes
from podium.core.spec import registry
from tests.harness import drive
from tests.unit.engine import process_tasks as there

log = logging.getLogger("shop")


@pytest.fixture(autouse=True)
def _tasks(_names: None) -> None:
    """The tasks for processes, in the fresh table of names."""
    for one in vars(there).values():
        if isinstance(one, Task):
            registry.tasks[one.name] = one.spec


def notes_of(program: Any, db: str) -> list[NoteView]:
    """Run a workflow and return what was said."""

    async def main() -> list[NoteView]:
        async with Podium(db) as app:
            run = await app.start(workflow(program))
            try:
                await run.result()
            except podium.RunFailed:
                pass
            notes = await run.notes()
            steps = await run.steps()
            said = [note for note in notes if note.attempt]
            assert [note for step in steps for note in said if note.path == step.path] == [
                note for step in steps for note in step.notes
            ]
            return notes

    return drive(main())


def brief(notes: list[NoteView]) -> list[tuple[Any, ...]]:
    """What the tests compare."""
    return [
        (note.path, note.attempt, note.kind, note.level, note.code, note.text) for note in notes
    ]


def test_each_attempt_has_its_own(db: str) -> None:
    """Warnings and lines of a log stand with the attempt that said them, also where it failed."""

    @task(effect="read", retry=Retry(attempts=2, backoff="1ms"))
    def thread() -> None:
        log.info("not kept")
        log.warning("try %d", podium.attempt())
        podium.warn("odd", f"try {podium.attempt()}")
        if podium.attempt() == 1:
            raise ValueError

    @task(effect="write")
    async def coroutine() -> None:
        await asyncio.to_thread(log.error, "from a thread of its own")

    async def both() -> None:
        podium.warn("flow", "of the workflow")
        await podium.gather(thread(), coroutine())

    found = brief(notes_of(both, db))
    assert found[0] == ("warn:flow", 0, "warning", "", "flow", "of the workflow")
    assert [one for one in found if one[0] == "gather[0]/thread"] == [
        ("gather[0]/thread", 1, "log", "WARNING", "shop", "try 1"),
        ("gather[0]/thread", 1, "warning", "", "odd", "try 1"),
        ("gather[0]/thread", 2, "log", "WARNING", "shop", "try 2"),
        ("gather[0]/thread", 2, "warning", "", "odd", "try 2"),
    ]
    assert ("gather[1]/coroutine", 1, "log", "ERROR", "shop", "from a thread of its own") in found


def test_a_process_that_dies_has_said_it(db: str) -> None:
    """Lines leave a process as they are said, so they are kept where it is killed or dies."""

    async def one() -> None:
        await there.says_and_dies()

    assert brief(notes_of(one, db)) == [
        ("says_and_dies", 1, "log", "WARNING", "there", "the last words"),
        ("says_and_dies", 1, "warning", "", "last", "of 1"),
    ]


def test_what_a_late_body_says(db: str) -> None:
    """What was said until the timeout stands with it, what came later with the late result."""
    go = threading.Event()

    @task(effect="read", timeout="30ms")
    def slow() -> str:
        log.warning("before")
        go.wait(10)
        log.warning("after")
        return "late"

    async def one() -> None:
        try:
            await slow()
        except StepFailed:
            go.set()
            await podium.sleep("200ms")

    found = notes_of(one, db)
    assert [note.text for note in found if note.kind == "log"] == ["before", "after"]
    late = next(note for note in found if note.kind == "late")
    assert found.index(late) > next(i for i, note in enumerate(found) if note.text == "before")


def test_levels(db: str, caplog: pytest.LogCaptureFixture) -> None:
    """``capture_logs`` says from which level; False keeps nothing; what is not let through is said."""
    logging.getLogger("shop").setLevel("INFO")

    @task(effect="read", capture_logs="INFO")
    def info() -> None:
        log.info("kept")
        log.debug("not kept")

    @task(effect="read", capture_logs=False)
    def off() -> None:
        log.error("not kept")
        podium.warn("asked", "kept all the same")

    async def both() -> None:
        await info()
        await off()

    try:
        found = brief(notes_of(both, db))
    finally:
        logging.getLogger("shop").setLevel(logging.NOTSET)
    assert [one[2:] for one in found if one[4] != "logs-unheard"] == [
        ("log", "INFO", "shop", "kept"),
        ("warning", "", "asked", "kept all the same"),
    ]
    unheard = next(one for one in found if one[4] == "logs-unheard")
    assert f"logging.getLogger({__name__!r}).setLevel('INFO')" in unheard[5]


@pytest.mark.parametrize("level", ["info", "LOUD", 20, None, "NOTSET"])
def test_bad_levels(level: Any) -> None:
    """What is no name of a level is refused."""
    with pytest.raises(InvalidOption, match=r"capture_logs=.*expected the name of a level"):
        task(capture_logs=level)(lambda: None)


def test_warnings_of_python(db: str) -> None:
    """What Python shows of ``warnings.warn`` is kept, and shown as before."""

    @task(effect="read")
    def old() -> None:
        warnings.warn("old news", DeprecationWarning, stacklevel=1)

    async def one() -> None:
        await old()

    with pytest.warns(DeprecationWarning, match="old news"):
        found = notes_of(one, db)
    assert [(note.code, note.text.partition(" (")[0]) for note in found] == [
        ("DeprecationWarning", "old news")
    ]


def test_logging_goes_on_as_before(db: str, caplog: pytest.LogCaptureFixture) -> None:
    """No handler and no level is changed, and the user's handlers get every record as it was."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, log.level, logging.lastResort)

    @task(effect="read")
    def one_task() -> None:
        log.warning("with %s", "arguments", extra={"shop": 7})
        try:
            raise KeyError("k")
        except KeyError:
            log.exception("it")

    async def one() -> None:
        await one_task()

    found = notes_of(one, db)
    assert (list(root.handlers), root.level, log.level, logging.lastResort) == before
    first, second = caplog.records
    assert (first.msg, first.args, vars(first)["shop"]) == ("with %s", ("arguments",), 7)
    assert second.exc_info is not None
    assert found[1].text.startswith("it\nTraceback")
    assert found[1].text.endswith("KeyError: 'k'")


def test_a_wrong_record_is_no_failure(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record whose arguments do not fit is kept as far as it goes, and raises nothing."""
    monkeypatch.setattr(logging, "raiseExceptions", False)

    @task(effect="read")
    def wrong() -> str:
        log.warning(*("%d and %d", "x"))
        return "done"

    async def one() -> None:
        assert await wrong() == "done"

    assert [note.text for note in notes_of(one, db)] == ["%d and %d"]


def test_outside_a_run(caplog: pytest.LogCaptureFixture) -> None:
    """What nobody's attempt says is nobody's note, and ``podium.warn`` needs a run."""
    log.warning("alone")
    assert caplog.messages == ["alone"]
    with pytest.raises(podium.NotInWorkflow):
        podium.warn("a", "b")


def test_bounds() -> None:
    """The first half of the lines and the last are kept, and how many fell out in between is said."""
    notes = Notes()
    for number in range(1_000):
        notes.add("INFO", "shop", f"line {number}")
    lines = notes.take()
    assert [line.t for line in lines[:50]] == [f"line {number}" for number in range(50)]
    assert [line.t for line in lines[51:]] == [f"line {number}" for number in range(950, 1_000)]
    assert lines[50].c == "notes-cut"
    assert lines[50].t.startswith("900 lines in between")
    assert notes.take() == []

    for _ in range(LINES_MAX):
        notes.add("INFO", "shop", "x" * 50_000)
    lines = notes.take()
    assert sum(len(line.t) for line in lines) < CHARS_MAX + 500
    assert "50,000 characters" in lines[0].t


def test_bounds_under_threads() -> None:
    """Lines of many threads at once are bounded, and none is counted twice."""
    notes = Notes()

    def say() -> None:
        for _ in range(2_000):
            notes.add("INFO", "shop", "x")

    threads = [threading.Thread(target=say) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = notes.take()
    assert len(lines) <= LINES_MAX + 5
