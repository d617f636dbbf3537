"""`podium budgets`: what is left, who asks for more, and raising it; what `runs show` says of it."""

import json
import shutil
import subprocess
import sys

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import LIMIT_S, Said, environment

pytestmark = pytest.mark.long
PAYING = Path(__file__).with_name("paying.py")
Podium = Callable[..., Said]


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database in which something was spent; tests only look."""
    folder = tmp_path_factory.mktemp("paid")
    shutil.copy(PAYING, folder)
    subprocess.run(
        [sys.executable, "-c", "import asyncio, paying; asyncio.run(paying.history())"],
        cwd=folder, env=environment(), check=True, capture_output=True, timeout=LIMIT_S,
    )  # fmt: skip
    return folder


def test_what_is_left(podium: Podium, paid: Path) -> None:
    """Budgets that runs share are listed, and those of runs that have not ended."""
    listed = podium("budgets", "list", cwd=paid).out.splitlines()
    everything = json.loads(podium("budgets", "list", "--all", "--json", cwd=paid).out)
    shown = podium("budgets", "show", "user:ann/day", cwd=paid).out.splitlines()

    assert listed[0].split() == ["BUDGET", "SPENT", "RESERVED", "LIMIT", "PER", "WAITING"]
    assert listed[1].split()[:5] == ["user:ann/day", "$0.04", "$0.00", "$0.05", "day"]
    assert listed[1].endswith("2        first asks a person for more")
    assert len(listed) == 2
    assert [one["key"] for one in everything] == ["user:ann/day", "run:done"]
    assert everything[0]["asked"] == {"run": "first", "path": "ask_model"}
    assert everything[1]["spent"]["usd"] == 40_000_000
    assert shown[0].startswith("user:ann/day: $0.01 left of $0.05, until ")


def test_what_a_run_has_spent_and_waits_for(podium: Podium, paid: Path) -> None:
    """`runs show` says what the run and its children have spent; what waits says why, and what to type."""
    done = podium("runs", "show", "done", cwd=paid).out
    first = podium("runs", "show", "first", cwd=paid).out
    second = podium("runs", "show", "second", cwd=paid).out
    data = json.loads(podium("runs", "show", "done", "--json", cwd=paid).out)

    assert "$0.02, 100 tokens, 1 call\n" in done
    assert "$0.04, 200 tokens, 2 calls, its children included" in done
    assert data["spent"]["tree"]["nanos"] == 40_000_000
    assert (
        "the budget 'user:ann/day' has $0.01 left of $0.05 ($0.04 used); a person is asked" in first
    )
    assert '{"refuse": true}' in first
    assert "run first asks a person to raise it, at ask_model" in second
    assert "podium budgets show user:ann/day" in second


def test_raising(podium: Podium, paid: Path, tmp_path: Path) -> None:
    """A raise says what is left then; what is no raise is refused, and near names are told."""
    shutil.copy(paid / "podium.db", tmp_path)
    raised = podium("budgets", "raise", "user:ann/day", "--usd", "2", cwd=tmp_path)
    lower = podium("budgets", "raise", "user:ann/day", "--usd", "1", cwd=tmp_path)
    nothing = podium("budgets", "raise", "user:ann/day", cwd=tmp_path)
    unknown = podium("budgets", "show", "user:anne/day", cwd=tmp_path)
    shown = podium("budgets", "show", "user:ann/day", cwd=tmp_path).out

    assert raised.err.startswith("user:ann/day: $1.96 left of $2.00")
    assert "has $2.00 already; $1.00 would not be more" in lower.err
    assert "names no limit" in nothing.err
    assert "Did you mean 'user:ann/day'?" in unknown.err
    assert "raised to $2.00 by " in shown
    assert min(lower.code, nothing.code, unknown.code) > 0
