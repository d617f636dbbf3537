"""Tasks with process isolation: results, failures, crashes, and being killed."""

import os

from pathlib import Path
from typing import Any

import pytest

from podium import (
    Podium,
    ResultUnusable,
    RunCancelled,
    StepFailed,
    Task,
    gather,
    task,
    workflow,
)
from podium.core.spec import registry
from tests.harness import drive, until
from tests.unit.engine import process_tasks as there

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _tasks(_names: None) -> None:
    """The tasks of the module, in the fresh table of names."""
    for one in vars(there).values():
        if isinstance(one, Task):
            registry.tasks[one.name] = one.spec


def is_alive(pid: int) -> bool:
    """Whether a process runs (and is no zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_results_and_failures(db: str, tmp_path: Path) -> None:
    """A result comes back under its declared type; an exception, an exit and a crash are failures that are retried."""
    marks = tmp_path / "marks"

    @workflow
    async def one() -> list[Any]:
        n, pid = await there.where(1)
        found: list[Any] = [n, pid != os.getpid(), await there.async_there(2)]
        return found + [
            await there.fails(how)
            for how in ("exception", "not picklable", "exit", "segfault", "sys.exit")
        ]

    @workflow
    async def two() -> list[str]:
        found = []
        for what in ("nan", "set", "object", "large"):
            try:
                await there.bad_result(what, str(marks))
            except ResultUnusable as error:
                found.append(error.message)
        try:
            await there.typed_wrongly()
        except ResultUnusable as error:
            found.append(error.message)
        return found

    async def main() -> None:
        async with Podium(db, payload_bytes_max=2_000) as app:
            run = await app.start(one, id="a")
            result = await run.result()
            assert result[:2] == [1, True]
            assert result[2][:3] == [2, 1, "a"]
            assert result[3:] == [2, 2, 2, 2, 2]
            told = [str(step.attempts) for step in await run.steps() if step.task == "fails"]
            assert told == ["2"] * 5
            unusable = await (await app.start(two)).result()
            assert len(unusable) == 5, unusable
            for text, word in zip(
                unusable,
                ("NaN", "set", "object", "limit is 2,000", "does not fit int"),
                strict=True,
            ):
                assert word in text
            assert marks.read_text() == "xxxx"

    drive(main(), 60)


def test_a_task_that_its_module_does_not_make(db: str) -> None:
    """The process that should carry it out says what is missing."""

    @task(name="made here", effect="read", isolation="process")
    def here() -> int:
        return 1

    here.spec.module = there.__name__

    @workflow
    async def one() -> str:
        try:
            await here()
        except StepFailed as error:
            return str(error)
        return ""

    async def main() -> str:
        async with Podium(db) as app:
            return await (await app.start(one)).result()

    told = drive(main(), 60)

    assert "UsageError" in told
    assert "'made here'" in told
    assert "top of a module" in told


def test_a_crash_is_told(db: str) -> None:
    """A process that dies under its task is a failure that names task and exit code."""

    @workflow
    async def one() -> list[str]:
        found = []
        for how in ("exit", "segfault", "not picklable"):
            try:
                await registry_call(how)
            except StepFailed as error:
                found.append(f"{error.type} {error.error.code} {error.message}")
        return found

    async def registry_call(how: str) -> int:
        return await there.fails_once(how)  # type: ignore[attr-defined,no-any-return]

    async def main() -> list[str]:
        async with Podium(db) as app:
            result: list[str] = await (await app.start(one)).result()
            return result

    spec = there.fails.spec
    options = spec.options
    object.__setattr__(spec, "options", type(options)(effect=options.effect, isolation="process"))
    there.fails_once = there.fails  # type: ignore[attr-defined]
    try:
        told = drive(main(), 60)
    finally:
        object.__setattr__(spec, "options", options)
    assert told[0] == "ProcessDied process-died The process of task 'fails' died (exit code 3)."
    assert told[1].startswith(
        "ProcessDied process-died The process of task 'fails' died (exit code -"
    )
    assert told[2] == "NotPicklable error 1 and 2"


def test_a_process_is_killed_when_its_time_is_over(db: str, tmp_path: Path) -> None:
    """A timeout, a cancel and the end of the app kill the process; the next attempt has another one."""
    marks = [tmp_path / name for name in ("timeout", "cancel", "close")]

    @workflow
    async def timed() -> int:
        return await there.endless(str(marks[0]))

    @workflow
    async def waiting(path: str) -> list[int]:
        return list(await gather(there.sleepy(path)))

    async def pid_in(path: Path) -> int:
        return int(await until(lambda: path.exists() and path.read_text()))

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(timed)
            assert await run.result() == 2
            if marks[0].exists():
                assert not is_alive(await pid_in(marks[0]))
            cancelled = await app.start(waiting, {"path": str(marks[1])})
            pid = await pid_in(marks[1])
            await cancelled.cancel()
            with pytest.raises(RunCancelled):
                await cancelled.result()
            await until(lambda: not is_alive(pid))
            await app.start(waiting, {"path": str(marks[2])}, id="left")
            pid = await pid_in(marks[2])
        await until(lambda: not is_alive(pid))

    drive(main(), 60)


def test_an_exception_that_cannot_travel_is_told_apart_by_kind_and_status(db: str) -> None:
    """Retries go by its bases and its status, as they do for one raised here."""

    @workflow
    async def one() -> list[Any]:
        try:
            await there.refused()
        except StepFailed as error:
            return [error.type, error.message, error.error.status, error.error.gave_up]
        return []

    async def main() -> Any:
        async with Podium(db) as app:
            return await (await app.start(one)).result()

    assert drive(main(), 60) == [
        "Refused", "1 and 2", 503, "not retryable: Refused with status 503",
    ]  # fmt: skip
