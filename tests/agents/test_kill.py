"""Agents whose process is killed: no reply of the provider that is recorded is asked for, and paid, again."""

import os
import random
import subprocess
import sys
import threading
import time

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from podium.journal.records import Kind
from tests.harness import SideFile, committed
from tests.models.server import Answer, FakeProviders, providers

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
IS_FULL = os.environ.get("PODIUM_PROOF") == "full"
RUNS, TURNS = 4, 8
LIMIT_S = 120.0
Asked = tuple[str, int]
"""The goal of a conversation, and how far it was: the turn that is asked for."""


class Paid:
    """What the provider was asked for, by conversation and turn."""

    def __init__(self, seed: int) -> None:
        self.counts: Counter[Asked] = Counter()
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def answer(self, body: dict[str, Any]) -> Answer:
        """Two calls at each turn, then the answer."""
        texts = [one["content"] for one in body["messages"] if one["role"] == "user"]
        goal = next(text for text in map(str, texts) if text.startswith("goal"))
        turn = 1 + sum(one["role"] == "assistant" for one in body["messages"])
        with self._lock:
            self.counts[goal, turn] += 1
            moment = self._chance.uniform(0, 0.02)
        time.sleep(moment)
        if turn > TURNS:
            return Answer(f"{goal} is done")
        calls = [("a", "look", {"number": turn}), ("b", "put", {"number": turn})]
        return Answer("", [(f"{name}{turn}", tool, given) for name, tool, given in calls])


def recorded(db: Path) -> set[Asked]:
    """Return the turns whose reply is durable."""
    if not db.exists():
        return set()
    found = set()
    with committed(db) as view:
        for number in range(RUNS):
            row = view.reader.run(f"run-{number}")
            records = view.records(f"run-{number}") if row is not None else []
            for one in records:
                if Kind(one.kind) is Kind.RESULT and one.path.endswith("/podium.model"):
                    turn = int(one.path.partition("turn[")[2].partition("]")[0])
                    found.add((f"goal {number}", turn))
    return found


def start(db: Path, side: Path, fake: FakeProviders) -> "subprocess.Popen[str]":
    """Start a worker."""
    command = [sys.executable, "-m", "tests.agents.worker", str(db), fake.model("openai"), str(side), str(RUNS)]  # fmt: skip
    environment = {
        **os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "OPENAI_API_KEY": "none",
    }  # fmt: skip
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)


def kill_until_done(db: Path, side: Path, fake: FakeProviders, paid: Paid, seed: int) -> list[str]:
    """Kill worker after worker, at some number of requests; return what was paid again though recorded."""
    chance, again, kills = random.Random(seed), list[str](), 0
    before: Counter[Asked] = Counter()
    durable: set[Asked] = set()
    while True:
        more = sum(paid.counts.values()) + chance.randint(2 * RUNS, 4 * RUNS)
        with start(db, side, fake) as worker:
            end = time.monotonic() + LIMIT_S
            while worker.poll() is None and time.monotonic() < end:
                if sum(paid.counts.values()) >= more:
                    time.sleep(chance.uniform(0, 0.02))
                    worker.kill()
                    break
                time.sleep(0.001)
            out, err = worker.communicate(timeout=LIMIT_S)
        again += [
            f"{one} after {kills} kills" for one in durable if paid.counts[one] != before[one]
        ]
        if "ended" in out:
            assert out.count("is done") == RUNS
            assert kills >= 2
            return again
        assert worker.returncode == -9, err
        kills += 1
        time.sleep(0.05)  # what it had asked for has been counted
        before, durable = Counter(paid.counts), recorded(db)


@pytest.mark.parametrize("seed", [random.randrange(2**32) for _ in range(10)] if IS_FULL else [1])
def test_what_is_recorded_is_not_paid_again(tmp_path: Path, seed: int) -> None:
    """Whatever the moment of the kill; and every effect has one key."""
    paid = Paid(seed)
    db, side = tmp_path / "app.db", tmp_path / "side.txt"
    with providers(paid.answer) as fake:
        again = kill_until_done(db, side, fake, paid, seed)

    assert again == []
    wanted = {(f"goal {number}", turn) for number in range(RUNS) for turn in range(1, TURNS + 2)}
    assert set(paid.counts) == wanted
    assert sum(paid.counts.values()) > len(wanted)  # those in flight at a kill, and no others
    keys = {(one.run, one.note): one.key for one in SideFile(side).lines("put")}
    assert len(keys) == RUNS * TURNS
    assert {(one.run, one.note, one.key) for one in SideFile(side).lines("put")} == {
        (*place, key) for place, key in keys.items()
    }
