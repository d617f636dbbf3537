"""Plays cases while the worker is killed again and again, and compares what came of them with a direct execution."""

import json
import os
import random
import subprocess
import sys
import time

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from podium import Podium, Workflow
from tests.bfcl.cases import Case, GoldCall, as_text, cases
from tests.bfcl.tables import REFUSED
from tests.harness import fresh_names

with fresh_names():  # other tests of this process do not see the tools
    from tests.bfcl import agents, plays
    from tests.bfcl.plays import PORT, connect, post

PLAYS = {"by name": plays.play, "by an agent": agents.converse}
"""The workflows that play a case: they make the same calls."""

ROOT = Path(__file__).resolve().parents[2]
Ask = Callable[[str, Any], Any]
"""Asks the process of the worlds for something."""
LIMIT_S = 120.0
"""The longest that a worker may go on without a call."""


@contextmanager
def process(module: str, setting: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a module in a process of its own, which is killed in the end whatever happens."""
    started = subprocess.Popen(
        [sys.executable, "-m", module, setting],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", **environment},
    )
    with started:
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()


@contextmanager
def worlds(seed: int) -> Iterator[tuple[int, Ask]]:
    """Run the process of the worlds; give its port and what asks it. Nobody kills it before the end."""
    with process("tests.bfcl.world", str(seed)) as world:
        assert world.stdout is not None
        line = world.stdout.readline()
        assert line, world.communicate()[1]
        port = json.loads(line)["port"]
        with closing(connect(port)) as connection:
            yield port, partial(post, connection)
        assert world.poll() is None, "the process of the worlds has died"


async def start_runs(db: str, chosen: list[Case], play: Workflow[..., Any]) -> None:
    """Accept a run for each case; nobody executes them yet."""
    async with Podium(db, execute=False) as app:
        for case in chosen:
            turns = [[[call.tool, call.arguments] for call in turn] for turn in case.turns]
            await app.start(
                play,
                {"worlds": case.classes, "turns": turns},
                id=case.id,
                headers={"case": case.id},
            )


async def outputs(db: str, chosen: list[Case]) -> tuple[dict[str, Any], Counter[str]]:
    """Return what each run came to, and how many runs have which status."""
    found, statuses = {}, Counter[str]()
    async with Podium(db, execute=False) as app:
        for case in chosen:
            run = await app.get(case.id)
            status = await run.status()
            statuses[status] += 1
            if status == "succeeded":
                found[case.id] = await run.result()
    return found, statuses


def kill_until_done(
    db: str, port: int, ask: Ask, runs: list[str], runs_max: int, chance: random.Random
) -> int:
    """Start worker after worker, each killed at some moment, until one has ended all runs; count the kills.

    The moment is a number of calls after the start, and some milliseconds: far enough for each run to get on,
    since a run that three workers in a row die of is set aside.
    """
    kills = 0
    settings = json.dumps({"db": db, "runs_max": runs_max, "runs": runs})
    while True:
        calls = ask("/wait", {"calls": 0, "limit_s": 0})["calls"]
        calls += chance.randint(2 * runs_max, 6 * runs_max)
        with process("tests.bfcl.worker", settings, **{PORT: str(port)}) as worker:
            end = time.monotonic() + LIMIT_S
            while worker.poll() is None:
                assert time.monotonic() < end, "the worker does not get on"
                if ask("/wait", {"calls": calls, "limit_s": 0.1})["calls"] >= calls:
                    time.sleep(chance.uniform(0, 0.03))
                    worker.kill()
                    break
            out, err = worker.communicate(timeout=LIMIT_S)
        if '"ended"' in out:
            print(err, end="")  # of runs that failed
            return kills
        assert worker.returncode == -9, err
        kills += 1


def refusals(case: Case) -> list[GoldCall]:
    """Return the gold calls that do not fit the set's own documents."""
    return [call for call in case.calls if call.tool == REFUSED.get(case.id)]


def problems_of(case: Case, told: list[dict[str, Any]], checked: dict[str, Any]) -> list[str]:
    """Say where a case that was played differs from the direct execution of its gold calls."""
    expected_refusals = refusals(case)
    made = list(zip(case.calls, told, strict=True))
    refused = [call for call, one in made if one["code"] == "arguments-invalid"]
    done = [(call, one) for call, one in made if call not in refused]
    writes = [[call.tool, call.arguments] for call, _ in done if call.changes]
    reads = len(done) - len(writes)
    found = [f"the worlds differ: {one}" for one in checked["differences"]]
    found += [f"{call.text} failed: {one['text']}" for call, one in done if not one["is_ok"]]
    found += [f"{call.text} was refused" for call in refused if call not in expected_refusals]
    found += [f"{call.text} was not refused" for call in expected_refusals if call not in refused]
    found += [
        f"{call.text} was refused and ran"
        for call, one in made
        if call in refused and one["did_run"]
    ]
    found += [f"{call.text} was mended" for call, one in made if one["repairs"]]
    said = [as_text(one["value"]) for _, one in done]
    found += [
        f"{call.text} gave {one!r:.200}, directly {direct!r:.200}"
        for (call, _), one, direct in zip(done, said, checked["outputs"], strict=False)
        if one != direct
    ]
    if len(said) != len(checked["outputs"]):
        found.append(f"{len(said)} calls were made, directly {len(checked['outputs'])}")
    if [one[:2] for one in checked["writes"]] != writes:
        found.append(f"executed with a key of its own: {checked['writes']}; expected {writes}")
    if checked["contradicted"]:
        found.append(f"a key came again with another call: {checked['contradicted']}")
    if checked["unkeyed"]:
        found.append(f"{checked['unkeyed']} calls that change the world came without a key")
    if checked["reads"] < reads:
        found.append(f"{checked['reads']} reads arrived of {reads}")
    return found


class Tally(Counter[str]):
    """The numbers of a play."""

    def __str__(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in self.items())


async def play_cases(
    folder: Path, ids: list[str], seed: int, runs_max: int, how: str = "by name"
) -> tuple[dict[str, list[str]], Tally]:
    """Play cases under kills, in one of the ways of ``PLAYS``; return the problems by case, and the numbers."""
    db, chosen = str(folder / "app.db"), [cases()[one] for one in ids]
    problems: dict[str, list[str]] = {}
    tally = Tally()
    with worlds(seed) as (port, ask):
        ask("/open", {"ids": ids})
        await start_runs(db, chosen, PLAYS[how])
        tally["kills"] = kill_until_done(db, port, ask, ids, runs_max, random.Random(seed))
        told, statuses = await outputs(db, chosen)
        tally.update({f"runs {status}": count for status, count in statuses.items()})
        for case in chosen:
            leave_out = [call.text for call in refusals(case)]
            checked = ask("/check", {"case": case.id, "leave_out": leave_out})
            if case.id in told:
                found = problems_of(case, told[case.id], checked)
            else:
                found = ["the run did not succeed"]
            if found:
                problems[case.id] = found
            tally["calls"] += len(case.calls)
            tally["calls refused, as the set's own documents demand"] += len(leave_out)
            tally["writes"] += len(checked["writes"])
            tally["writes asked for again with their key"] += sum(
                times > 1 for _, _, times in checked["writes"]
            )
            tally["reads"] += checked["reads"]
    return problems, tally
