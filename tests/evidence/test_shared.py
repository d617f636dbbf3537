"""What workers share: a crash never gains a permission, and a breaker is one for all."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import podium

from podium import Breaker, Podium, Rate, StepFailed, task, workflow
from tests.crash.processes import ROOT, wait_for
from tests.evidence import caller
from tests.harness import SideFile, committed, die, drive, until


def states(db: str, kind: str) -> dict[str, Any]:
    """The committed shared states of a kind, seen through a connection of its own."""
    with committed(db) as view:
        return {key: json.loads(state) for key, state in view.reader.common.states(kind).items()}


@contextmanager
def processes() -> Iterator[Any]:
    """Give a function that starts a module as a process; whatever is left is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(module: str, *args: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, args)], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        )  # fmt: skip
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.communicate()


@pytest.mark.long
def test_a_rate_holds_while_workers_are_killed(tmp_path: Path) -> None:
    """Two processes share a rate, and are killed while they call; a service counts what arrives.

    EVIDENCE-OF G-45: "A rate is never exceeded by all workers of a database together, whatever dies."
    EVIDENCE-OF G-19: "Limits are drawn in committed blocks: a crash can lose permission, never gain it."
    """
    calls = caller.RUNS * caller.CALLS
    with processes() as start:
        service = start("tests.soak.service", caller.LIMIT, caller.PERIOD_S, 1e9, 0)
        port = int(service.stdout.readline())

        def seen(what: str) -> int:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/books", timeout=20) as reply:
                return int(json.load(reply)[what])

        def has_answered(count: int) -> bool:
            return seen("answered") >= count

        def worker() -> subprocess.Popen[str]:
            process: subprocess.Popen[str] = start("tests.evidence.caller", tmp_path / "a.db", port)
            return process

        workers = [worker(), worker()]
        for enough in (calls // 4, calls // 2):
            wait_for(partial(has_answered, enough), f"{enough} calls")
            workers.pop(0).kill()
            workers.append(worker())
        ends = [process.communicate(timeout=60) for process in workers]

        assert [process.returncode for process in workers] == [0, 0], ends
        assert seen("answered") >= calls
        assert seen("throttled") == 0


@pytest.mark.long
def test_a_crash_loses_permission(db: str, side: SideFile) -> None:
    """The permits that a worker had when it died count as used; its successor gets what is left.

    EVIDENCE-OF G-19: "Limits are drawn in committed blocks: a crash can lose permission, never gain it."
    """

    @task(effect="read", rate=Rate("3/h", key="service"))
    async def call(number: int) -> None:
        side.write("call", number)
        await asyncio.Event().wait()

    @workflow
    async def one() -> int:
        return len(await podium.map(call, range(2)))

    async def main() -> list[str]:
        app = await Podium(db).open()
        await app.start(one, id="a")
        await until(lambda: len(side.lines("call")) == 2)
        await die(app)
        async with Podium(db) as app:
            run = await app.get("a")
            await until(lambda: len(side.lines("call")) == 3)
            [limit] = await until(lambda: [one for one in app.limits() if one.workers_waiting])
            assert (sum(limit.held.values()), limit.cooling, limit.limit) == (1, 2, 3)
            await run.cancel()
            with pytest.raises(podium.RunCancelled):
                await run.result()
        return [line.what for line in side.lines("call")]

    assert len(drive(main())) == 3


def test_a_permission_is_committed_before_the_call(db: str) -> None:
    """Seen from another connection, inside the body: the permit, and the leave of a probe.

    EVIDENCE-OF G-44: "A call that a rate, a limit or a breaker's probe lets through begins once that is committed."
    """
    held: list[dict[str, int]] = []
    probing: list[dict[str, int]] = []

    @task(
        effect="read",
        rate=Rate("2/h", key="rate"),
        concurrency=podium.Concurrency(1, key="limit"),
        breaker=Breaker("service", failures=1, open="5ms", when_open="wait"),
    )
    async def call() -> None:
        permits, circuits = states(db, "permits"), states(db, "breaker")
        held.append({key: sum(one["held"].values()) for key, one in permits.items()})
        probing.append({key: len(one.get("out", ())) for key, one in circuits.items()})
        if len(held) == 1:
            raise OSError

    @workflow
    async def one() -> None:
        await call()

    async def main() -> None:
        async with Podium(db) as app:
            with pytest.raises(podium.RunFailed):
                await (await app.start(one, id="a")).result()
            await until(lambda: [one for one in app.breakers() if one.state != "closed"])
            await (await app.start(one, id="b")).result()

    drive(main())
    assert all(found["rate:rate"] >= 1 and found["concurrency:limit"] == 1 for found in held)
    assert len(held) == 2
    assert probing[-1] == {"service": 1}


def test_a_breaker_is_one_for_all_workers(db: str, side: SideFile) -> None:
    """Another worker does not call the service either, and a reset holds for both.

    EVIDENCE-OF G-48: "A breaker is one for all workers: what opens it by the calls of one keeps the calls of all from beginning."
    """
    is_up = False

    @task(effect="read", breaker=Breaker("service", failures=2, open="1h", when_open="fail"))
    async def call() -> str:
        side.write("call")
        if not is_up:
            raise ConnectionError
        return "ok"

    async def answer() -> str:
        try:
            return await call()
        except StepFailed as error:
            return error.error.code

    @workflow
    async def two_calls() -> list[str]:
        await podium.receive("go")
        return [await answer(), await answer()]

    @workflow
    async def calls_until(wanted: str) -> None:
        while await answer() != wanted:
            await podium.sleep("2ms")

    def owner(app: Podium, run: str) -> int | None:
        row = app.desk.reader.run(run)
        return None if row is None else row.owner

    async def main() -> None:
        nonlocal is_up
        async with Podium(db) as first, Podium(db) as second:
            a, b = await first.start(two_calls, id="a"), await second.start(two_calls, id="b")
            await until(lambda: owner(first, "a") and owner(first, "b"))
            assert owner(first, "a") != owner(first, "b")
            await a.signal("go")
            assert await a.result() == ["error", "error"]
            await (await second.start(calls_until, {"wanted": "circuit-open"})).result()
            before = len(side.lines("call"))
            await b.signal("go")
            assert await b.result() == ["circuit-open", "circuit-open"]
            assert len(side.lines("call")) == before
            is_up = True
            await second.reset_breaker("service")
            await (await first.start(calls_until, {"wanted": "ok"})).result()

    drive(main())
