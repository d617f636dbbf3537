"""`examples/five_lines.py` runs offline: two plans, because the supplier sends eight at once."""

import subprocess
import sys

from pathlib import Path

import pytest

from examples import five_lines
from podium import Podium
from tests.harness import drive

EXAMPLE = Path(five_lines.__file__)
STOCK = [{"name": "lamp", "count": 3}, {"name": "desk", "count": 0}]


def test_the_loop() -> None:
    """Plan, execute, validate, update the state: again until the gate says that it is reached."""
    given = {"goal": five_lines.GOAL, "stock": STOCK, "model": str(five_lines.OFFLINE)}

    async def go() -> tuple[list[dict[str, object]], list[str]]:
        async with Podium(":memory:") as app:
            run = await app.start(five_lines.pursue, given)
            return await run.result(), [step.path for step in await run.steps()]

    stock, paths = drive(go())

    assert stock == [{"name": "lamp", "count": 10}, {"name": "desk", "count": 10}]
    assert [path for path in paths if path.endswith("podium.model")] == [
        "plan/podium.model",
        "plan#2/podium.model",
    ]
    assert [path for path in paths if path.startswith("restock")] == ["restock", "restock#2"]


@pytest.mark.long
def test_as_a_command() -> None:
    """It prints what stands on the shelves."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert done.stdout == "lamp      10\ndesk      10\n"
