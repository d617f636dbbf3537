"""Plans survive what processes do not: plan → approve → run → plan anew, crashed anywhere, and killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import podium

from podium.agents.planning import Planner
from podium.client.views import steps_of
from podium.journal.sqlite import SqliteStore
from podium.testing import crash_everywhere
from tests.agents.planning.world import BROKEN, DONE, GOOD, TABLE, TOOLS, fresh, plan_of, scripted
from tests.sim.cases import IS_FULL

pytestmark = pytest.mark.long
BAD = plan_of({"sky": {"call": "trip.wether", "args": {"city": "Bern"}}}, "${sky}")
OTHER = json.loads(json.dumps(GOOD).replace("all[0]", "all[1]"))
THIRD = plan_of({**OTHER["nodes"], "more": {"set": "${text + '!'}"}}, "${more}")
CRITERIA = {"criteria": [{"name": "end", "what": "It ends so.", "cel": "answer.endsWith('!')"}]}


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with fresh():
        yield


with TABLE.define():
    MODEL = scripted("crashes", BAD, GOOD, GOOD, OTHER, THIRD)
    scripted("criteria", CRITERIA)

    @podium.workflow
    async def crashing_errand(city: str) -> list[Any]:
        planner = Planner(model="scripted:crashes", tools=TOOLS)
        wanted = await Planner(model="scripted:criteria", tools=TOOLS).criteria("Travel")
        plan = await planner.plan("Travel", {"city": city}, criteria=wanted)
        found = await planner.run(plan)
        tries = [[one.setback and one.setback.kind, len(one.kept), one.done] for one in found.tries]
        return [found.output, *tries, [one.task for one in found.undone]]


def approve(form: Any) -> Any:
    """Refuse the first plan, and approve all others."""
    return {"approve": False, "reason": "not yet"} if form["number"] == 1 else {"approve": True}


def test_crashes_change_nothing() -> None:
    """Wherever the process dies: the same plans, the same refusal, the same results kept, the same end."""

    def begin() -> None:
        DONE.clear()
        BROKEN.add("book Bern-1")

    points = "all" if IS_FULL else 30
    report = crash_everywhere(
        crashing_errand, {"city": "Bern"}, answers=approve, setup=begin, points=points
    )

    assert report.status == "succeeded"
    assert report.output == [
        "Bern: sun in Bern, seat Bern-2!",
        ["refused", 0, 0],
        ["failed", 0, 3],
        ["unmet", 2, 2],
        [None, 4, 0],
        ["trip.book_seat"],
    ]


# killed ---------------------------------------------------------------------------------------


PROGRAM = """
import asyncio, os, sys
import podium
from podium import Podium
from podium.agents.planning import Achieved, Planner
from podium.models.functions import function_model
from podium.models.messages import Request

def note(what):
    with open("calls.txt", "a") as file:
        file.write(what + "\\n")
        file.flush()
        os.fsync(file.fileno())

@podium.tool(effect="read", namespace="slow")
async def look(name: str) -> str:
    "Look something up."
    await asyncio.sleep(0.02)
    note(f"look {name}")
    return name.upper()

@podium.tool(effect="write", namespace="slow")
async def put(text: str) -> str:
    "Put something somewhere."
    await asyncio.sleep(0.02)
    note(f"put {text} {podium.idempotency_key()}")
    if text == "A":
        raise ValueError("there is no room for A")
    return text

def plan(last):
    nodes = {name: {"call": "slow.look", "args": {"name": name}} for name in ("a", "b", "c")}
    nodes["put"] = {"call": "slow.put", "args": {"text": "${%s}" % last}}
    return {"podium": 1, "name": "slow", "nodes": nodes, "output": "${put}"}

@function_model("planner")
async def planner(request: Request):
    turn = sum(message.role == "assistant" for message in request.messages)
    await asyncio.sleep(0.02)
    note(f"model {turn}")
    if turn == 0:
        return "no plan"
    return plan("a" if turn == 1 else "b")

@podium.workflow
async def errand() -> Achieved:
    own = Planner(model="function:planner", tools=[look, put])
    return await own.run(await own.plan("Put it there"))

async def main():
    async with Podium("killed.db") as app:
        run = await app.start(errand, {}, id="errand")
        while await run.status() in ("accepted", "running", "waiting"):
            for ask in await app.asks():
                await (await app.get(ask.run_id)).answer(ask.id, {"approve": True})
            await asyncio.sleep(0.005)
        print((await run.result()).output)

asyncio.run(main())
"""


@pytest.mark.parametrize("after_s", [0.15, 0.3, 0.45])
def test_killed_again_and_again(tmp_path: Path, after_s: float) -> None:
    """A process that is killed and begun anew comes to the same end, and pays for no recorded call again."""
    (tmp_path / "errand.py").write_text(PROGRAM)
    source = str(Path(podium.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    kills = 0
    for number in range(12):
        process = subprocess.Popen(
            [sys.executable, "errand.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if number < 3:
            began = time.monotonic()
            while not (tmp_path / "killed.db").exists() and process.poll() is None:
                assert time.monotonic() - began < 60
                time.sleep(0.01)
            time.sleep(after_s)
            process.send_signal(signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
        if process.returncode == 0:
            break
        kills += 1

    calls = (tmp_path / "calls.txt").read_text().splitlines()
    recorded = asyncio.run(_recorded(tmp_path / "killed.db"))
    assert out.strip() == "B"
    # what is recorded was paid once; only what a kill met in flight was paid once more
    model = [one for one in calls if one.startswith("model")]
    assert set(model) == {"model 0", "model 1", "model 2"}
    assert len(model) <= 3 + kills
    keys = {one.split()[2] for one in calls if one.startswith("put B")}
    assert len(keys) == 1
    assert recorded["podium.model"] == 3
    assert recorded["podium.kept"] == 3


async def _recorded(database: Path) -> dict[str, int]:
    """Return how many steps of each task are recorded, in all runs."""
    counts: dict[str, int] = {}
    store = SqliteStore(str(database), create=False)
    try:
        reader = store.reader()
        for row in reader.runs(limit=100):
            for step in steps_of(reader.records(row.num, row.base, 10_000)):
                counts[step.task] = counts.get(step.task, 0) + 1
    finally:
        store.close()
    return counts
