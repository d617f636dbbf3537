"""Workers are killed in the middle of everything: one merge, one tag, and nothing is paid for twice."""

import asyncio
import os
import random
import signal
import subprocess
import sys

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.coding.forms import Delivered
from examples.coding.repository import Repository
from examples.coding.workflow import coding
from podium import Podium
from podium.client.views import StepView
from tests.examples.coding.paying import book
from tests.examples.coding.work import assignment, delivered, left
from tests.harness import drive, until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

ROOT = Path(__file__).parents[3]
LIMIT_S = 120.0
SEEDS = range(8) if os.environ.get("PODIUM_PROOF") == "full" else range(1)
KILLS = 4
LOOK_S = 0.03


@contextmanager
def working(database: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker in a process of its own, killed in the end."""
    command = [sys.executable, "-m", "podium", "worker", "tests.examples.coding.paying", "--db", str(database)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """What is recorded stays as it is; only a call that was on its way may be made again."""
    monkeypatch.setenv("CODING_BOOK", str(tmp_path / "book"))
    task = assignment(tmp_path, 2, model="function:paying")
    chance = random.Random(seed)
    kept: dict[str, StepView] = {}
    in_flight = 0

    async def main() -> tuple[Delivered, list[StepView]]:
        nonlocal in_flight
        async with Podium(tmp_path / "podium.db", execute=False) as app:
            run = await app.start(coding, {"task": task}, id="run")
            for _ in range(KILLS):
                seen = len(await run.steps())
                more = chance.randint(1, 8)
                with working(tmp_path / "podium.db"):

                    async def gone_on(least: int = seen + more) -> bool:
                        await asyncio.sleep(LOOK_S)  # reading the whole journal takes a while
                        is_over = (await run.show()).status == "succeeded"
                        return is_over or len(await run.steps()) >= least

                    await until(gone_on, "a few steps more", 60)
                steps = await run.steps()
                in_flight += sum(
                    one.task == "podium.model" and one.status == "started" for one in steps
                )
                kept.update({one.path: one for one in steps if one.status == "succeeded"})
            with working(tmp_path / "podium.db"):
                done = await run.result()
            return done, await run.steps()

    done, steps = drive(main(), LIMIT_S)
    ended = {one.path: one.ended_at for one in steps}
    again = [count - 1 for count in Counter(book()).values()]

    assert {path: one.ended_at for path, one in kept.items()}.items() <= ended.items()
    assert len(Counter(book())) == sum(one.task == "podium.model" for one in steps)
    assert sum(again) <= in_flight
    assert left(task) == delivered(task)
    assert Repository(task.repository).head("main") == done.commit
