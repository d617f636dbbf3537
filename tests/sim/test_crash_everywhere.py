"""``crash_everywhere`` finds what a crash changes, says where, and how to see it again."""

import asyncio
import itertools
import os
import subprocess
import sys

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import podium

from podium import ask, gather, receive, sleep, task, workflow
from podium.testing import CrashFailure, crash_everywhere, die

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("_names")]


@pytest.fixture
def total():
    """An honest workflow."""

    @task(effect="read")
    async def fetch(n: int) -> int:
        return n

    @task(effect="write")
    def put(n: int) -> int:
        return n

    @workflow
    async def total(upto: int) -> int:
        parts = await podium.map(fetch, range(upto))
        await sleep("1d")
        a, b = await gather(fetch(1), put(2))
        return sum(parts) + a + b

    return total


def test_three_lines_are_enough(total: Any) -> None:
    """Every point is tried, and the report tells what happened."""
    report = crash_everywhere(total, {"upto": 3})

    assert (report.status, report.output) == ("succeeded", 6)
    assert report.tried == report.points
    assert report.attempts["run: gather[1]/put"] == 2
    assert f"{len(report.points)} of {len(report.points)} points" in str(report)


def test_the_same_seed_gives_the_same_points(total: Any) -> None:
    """And another seed gives others."""
    one, again, other = (
        crash_everywhere(total, {"upto": 3}, seed=seed, points=[]) for seed in (5, 5, 6)
    )

    assert one.points == again.points
    assert one.points != other.points


def test_points_can_be_chosen(total: Any) -> None:
    """A number draws a sample, a list names them, a tuple means several crashes in one world."""
    sample = crash_everywhere(total, {"upto": 3}, points=4)
    again = crash_everywhere(total, {"upto": 3}, points=4)
    named = crash_everywhere(total, {"upto": 3}, points=[3, (5, 9)])

    assert len(sample.tried) == 4
    assert sample.tried == again.tried
    assert [point.number for point in named.tried] == [3, 5]
    with pytest.raises(ValueError, match="expected 'all'"):
        crash_everywhere(total, {"upto": 3}, points="some")


def test_signals_and_answers() -> None:
    """Signals are sent, people answer; both reach the run once, wherever it is crashed."""

    @workflow
    async def talking() -> list[Any]:
        found = [await receive("go", type=int), await receive("go", type=int)]
        return [*found, await ask({"may": "I?"}), await ask({"and": "now?"})]

    report = crash_everywhere(
        talking, signals=[("go", 1), ("go", 2, "3s")], answers=["yes", {"no": 1}]
    )

    assert report.output == [1, 2, "yes", {"no": 1}]


def test_a_workflow_that_waits_is_a_result_too() -> None:
    """Nobody sends the signal: it waits, and says for what, after each crash."""

    @workflow
    async def waiting() -> None:
        await receive("never")

    assert crash_everywhere(waiting).status == "waiting"


def test_state_in_a_global_is_found() -> None:
    """A workflow that counts outside the journal gives another output after a crash."""
    seen: list[int] = []

    @task(effect="write")
    def put() -> None:
        """Do nothing."""

    @workflow
    async def counting() -> int:
        seen.append(1)
        await put()
        return len(seen)

    with pytest.raises(CrashFailure) as failure:
        crash_everywhere(counting, setup=seen.clear)

    text = str(failure.value)
    assert "recorded as ('succeeded', 1, None), replayed as ('succeeded', 2, None)" in text
    assert "crash_everywhere(counting, …, seed=0" in text


def test_a_step_chosen_by_a_global_is_found() -> None:
    """A replay that asks for something else is blocked, and the failure says so."""
    calls = itertools.count()

    @task(effect="write")
    def put(n: int) -> int:
        return n

    @workflow
    async def choosing() -> int:
        first = await put(next(calls))
        return first + await put(1)

    with pytest.raises(CrashFailure, match=r"is blocked|cannot be replayed"):
        crash_everywhere(choosing)


def test_a_task_that_is_not_repeatable_is_found() -> None:
    """The way to a crash point must be the same twice, else the comparison would be worthless."""
    calls = itertools.count()

    @task(effect="read")
    def drift(n: int) -> int:
        return next(calls)

    @workflow
    async def drifting() -> None:
        await drift(0).as_(f"drift {await drift(0)}")

    with pytest.raises(CrashFailure, match=r"not the same twice|outcome differs"):
        crash_everywhere(drifting)


def test_a_write_that_is_not_idempotent_is_found_by_check() -> None:
    """``check`` looks at what the tasks did outside; a ``write`` without its key does it twice."""
    sent: list[str] = []

    @task(effect="write")
    def send_mail() -> None:
        sent.append("mail")

    @workflow
    async def mailing() -> None:
        await send_mail()

    def check() -> None:
        assert len(sent) == 1, f"{len(sent)} mails were sent"

    with pytest.raises(CrashFailure, match="2 mails were sent"):
        crash_everywhere(mailing, setup=sent.clear, check=check)


def test_what_may_differ_can_be_said() -> None:
    """``same`` compares outputs that hang on time."""

    @task(effect="write")
    def put() -> None:
        """Do nothing."""

    @workflow
    async def timed() -> str:
        await put()
        return podium.now().isoformat()

    with pytest.raises(CrashFailure, match="outcome differs"):
        crash_everywhere(timed)

    assert crash_everywhere(timed, same=lambda one, other: len(one) > 0 < len(other)).tried


def test_a_once_that_nobody_can_tell_of_waits_for_a_person() -> None:
    """Killed in the middle of its body: the run waits, which is no failure, and is reported."""

    @task(effect="once")
    async def charge() -> str:
        await asyncio.sleep(1)
        return "charged"

    @workflow
    async def shop() -> list[str]:
        return list(await gather(charge(), charge()))

    report = crash_everywhere(shop)

    assert report.output == ["charged", "charged"]
    assert report.waiting


def test_dying_is_for_the_simulator_only() -> None:
    """Outside it, ``die`` refuses instead of ending the process."""
    with pytest.raises(RuntimeError, match="outside the simulator"):
        die()


PROJECT = """
import asyncio
import sys

from podium import task, workflow

@task(effect="read")
async def look(n: int) -> int:
    return n

@workflow
async def looking(n: int) -> int:
    return await look(n) + await look(n)

def test_crashes(crash_everywhere):
    assert crash_everywhere(looking, {"n": 2}).output == 4

def test_app(podium_app):
    async def go():
        async with podium_app as app:
            run = await app.start(looking, {"n": 3})
            return await run.result()
    assert asyncio.run(go()) == 6

def test_world(podium_world):
    podium_world.worker()
    podium_world.start(looking, {"n": 4})
    podium_world.run_until_over("run")
    assert podium_world.output("run") == 8
"""

STRANGER = """
import sys

def test_nothing_is_imported():
    heavy = ("podium.client", "podium.engine", "podium.journal", "podium.testing.simulator", "apsw")
    assert [name for name in sys.modules if name.startswith(heavy)] == []
"""


@pytest.mark.parametrize(
    ("name", "text", "count"), [("user", PROJECT, 3), ("stranger", STRANGER, 1)]
)
def test_the_plugin(tmp_path: Path, name: str, text: str, count: int) -> None:
    """Its fixtures work in a project; one that uses none of them does not notice it."""
    (tmp_path / f"test_{name}.py").write_text(text, encoding="utf-8")
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    plain["PYTHONPATH"] = str(Path(podium.__file__).parents[1])
    is_installed = "podium" in {one.name for one in entry_points(group="pytest11")}
    load = [] if is_installed else ["-p", "podium.testing.plugin"]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *load],
        cwd=tmp_path, env=plain, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{count} passed" in found.stdout
