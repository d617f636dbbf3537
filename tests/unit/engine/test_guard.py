"""What a workflow must not do is refused where it is sure, and warned of where it is likely."""

import asyncio
import datetime as dt
import logging
import random
import socket
import subprocess
import threading
import time
import uuid

from collections.abc import Callable
from pathlib import Path

import pytest

from podium import Podium, RunFailed, task, workflow
from podium.engine import guard
from podium.journal.records import Kind, decode_note
from tests.harness import drive


def start_a_thread() -> None:
    threading.Thread(target=print).start()


def open_a_socket() -> None:
    socket.socket().close()


def start_a_process() -> None:
    subprocess.run(["true"], check=True)


def use_an_executor() -> None:
    asyncio.get_running_loop().run_in_executor(None, print)


@pytest.mark.parametrize(
    ("deed", "what"),
    [
        (start_a_thread, "a new thread"),
        (open_a_socket, "a socket"),
        (start_a_process, "a subprocess"),
        (use_an_executor, "run_in_executor"),
    ],
)
def test_what_can_never_be_deterministic_is_refused(
    db: str, deed: Callable[[], None], what: str
) -> None:
    """Threads, sockets, subprocesses and executors end the run with the remedy named."""

    @workflow
    async def flow() -> None:
        deed()

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(flow)
            with pytest.raises(RunFailed, match=f"{what} cannot be used inside a workflow.*@task"):
                await run.result()

    drive(main())


def test_the_same_is_fine_in_a_task_and_outside(db: str) -> None:
    """The guard looks only while a program is drained."""

    @task(effect="read")
    def everything() -> int:
        start_a_thread()
        open_a_socket()
        start_a_process()
        return 1

    @workflow
    async def flow() -> int:
        return await everything()

    async def main() -> int:
        async with Podium(db) as app:
            start_a_thread()
            run = await app.start(flow)
            return int(await run.result())

    assert drive(main()) == 1


def test_reading_a_file_is_warned_of_once(db: str, tmp_path: Path) -> None:
    """A file may differ in a replay: the run goes on, and its journal keeps one warning."""
    (tmp_path / "prices.txt").write_text("7", encoding="utf-8")

    @workflow
    async def flow() -> int:
        prices = [(tmp_path / "prices.txt").read_text(encoding="utf-8") for _ in range(3)]
        return int(prices[0])

    async def main() -> list[str]:
        async with Podium(db) as app:
            run = await app.start(flow)
            assert await run.result() == 7
            notes = [decode_note(row.body) for row in run.records() if row.kind == Kind.WARNING]
            return [note.text for note in notes if note.code == "file-in-workflow"]

    (text,) = drive(main())

    assert "prices.txt" in text
    assert "@task" in text


def test_names_that_differ_in_a_replay_are_found() -> None:
    """The scan names the culprit and the remedy; an innocent program passes."""

    async def guilty() -> None:
        def inner() -> object:
            return uuid.uuid4()

        inner()
        time.time()
        random.random()
        dt.datetime.now(dt.UTC)

    async def innocent() -> dt.timedelta:
        return dt.timedelta(seconds=1)

    found = " ".join(suspicion.text for suspicion in guard.scan(guilty))

    for word in ("uuid.uuid4", "time.time", "random", "now", "podium.now()", "podium.uuid4()"):
        assert word in found
    assert guard.scan(innocent) == []


def test_a_suspect_workflow_is_warned_of_in_log_and_journal(
    db: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads the log or the run hears of it, with the code to look up."""

    @workflow
    async def flow() -> float:
        return random.random()

    async def main() -> list[str]:
        async with Podium(db) as app:
            run = await app.start(flow)
            await run.result()
            rows = [row for row in run.records() if row.kind == Kind.WARNING]
            return [decode_note(row.body).code for row in rows]

    with caplog.at_level(logging.WARNING, "podium"):
        codes = drive(main())

    assert codes == ["likely-nondeterminism"]
    assert "podium.random()" in caplog.text


def test_a_turn_that_holds_the_loop_is_blamed(
    db: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heavy work in the program itself stops every run of the process: its run is named."""
    monkeypatch.setattr("podium.engine.engine.BLOCKED_AFTER_S", 0.01)

    @workflow
    async def heavy() -> int:
        end = time.perf_counter() + 0.05
        while time.perf_counter() < end:
            pass
        await light(1)
        return 1

    @task(effect="read")
    async def light(n: int) -> int:
        return n

    async def main() -> None:
        async with Podium(db) as app:
            await (await app.start(heavy, id="culprit")).result()

    with caplog.at_level(logging.WARNING, "podium"):
        drive(main())

    assert "run culprit (blocked-loop)" in caplog.text
