"""The agent under `examples/agent` does what its page says, offline."""

import subprocess
import sys

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.long


def test_the_demo() -> None:
    """It errs, is told, asks a person, answers."""
    command = [sys.executable, "-m", "examples.agent.demo"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=60)
    lines = done.stdout.splitlines()

    assert lines[0] == (
        "May shop.refund be called with exactly these arguments? {'order': 17, 'cents': 2500}"
    )
    assert "there is no order 71" in done.stdout
    assert lines[-2:] == [
        "Answer(text='Your order was lost. You have 25.00 back.', refunded=True)",
        "3 turns, 4 calls",
    ]
