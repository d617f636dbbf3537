"""Programs whose result hangs on an order give it again, wherever they are crashed and replayed."""

import json
import os
import subprocess
import sys

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from podium.core.spec import registry
from podium.functions.calls import Workflow
from podium.journal.sqlite import SqliteStore
from podium.testing.crash import CrashProof
from podium.testing.replay import differences
from podium.testing.simulator import SimWorld
from tests.sim.cases import IS_FULL, sample
from tests.sim.stock import EXPECTED

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
FACTS = 40
"""So many facts the programs have together, at least."""


@pytest.mark.parametrize("workflow", EXPECTED, ids=lambda workflow: workflow.name)
@pytest.mark.parametrize("seed", range(5) if IS_FULL else range(1))
def test_same_result_wherever_it_is_crashed(workflow: Workflow[..., Any], seed: int) -> None:
    """The program decides the same live, and replayed from a crash at each point."""
    proof = CrashProof(
        workflow=workflow, input={}, seed=seed, world=partial(SimWorld, slowness=0.0)
    )

    assert proof.carry_out().output == EXPECTED[workflow]


@pytest.mark.parametrize("workflow", EXPECTED, ids=lambda workflow: workflow.name)
@pytest.mark.parametrize("seed", range(30) if IS_FULL else range(3))
def test_what_was_decided_stays_decided(workflow: Workflow[..., Any], seed: int) -> None:
    """Whatever is fast or slow after a crash, the program sees its recorded facts as it first saw them."""
    proof = CrashProof(
        workflow=workflow, input={}, seed=seed, same=lambda _one, _other: True,
        world=partial(SimWorld, slowness=3.0, fickle=True, stalls=0.1),
    )  # fmt: skip

    assert proof.carry_out("all" if IS_FULL else 12).tried


@pytest.mark.parametrize("facts", sample(range(1, FACTS + 1), 3))
def test_same_result_in_a_fresh_process(facts: int, tmp_path: Path) -> None:
    """Half run, killed, and gone on with in a new process with another hash seed: the same results."""
    database = str(tmp_path / "app.db")
    killed = _process(database, facts, hash_seed=facts)
    ended = _process(database, 0, hash_seed=facts + 1_000)
    expected = {workflow.name: found for workflow, found in EXPECTED.items()}
    store = SqliteStore(database)
    reader = store.reader()
    found = [text for row in reader.runs() for text in differences(reader, row, registry)]
    store.close()

    assert killed.returncode < 0, (killed.stdout, killed.stderr)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == expected
    assert found == []


def _process(database: str, facts: int, *, hash_seed: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.sim.half", database, str(facts)],
        cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
