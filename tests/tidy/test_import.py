"""`import podium` is light and does nothing but import. (How long it takes is measured by `make bench`.)"""

import json
import subprocess
import sys

from pathlib import Path
from typing import Any

import pytest

HEAVY = (
    "apsw",
    "click",
    "concurrent.futures.process",
    "concurrent.futures.thread",
    "http",
    "hypothesis",
    "multiprocessing",
    "pydantic",
    "pytest",
    "rich",
    "sqlite3",
    "ssl",
    "urllib.request",
)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What a fresh interpreter says after `import podium`, with warnings as errors."""
    probe = Path(__file__).with_name("import_probe.py")
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", str(probe)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def brought_by_asyncio() -> set[str]:
    """What the interpreter's own asyncio imports: it takes ssl along, which is not our choice."""
    code = "import asyncio, sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


def test_nothing_heavy_is_imported(report: dict[str, Any], brought_by_asyncio: set[str]) -> None:
    """What is heavy is imported by the call that needs it."""
    loaded = set(report["loaded"])
    if "asyncio" in loaded:
        loaded -= brought_by_asyncio

    assert sorted(loaded.intersection(HEAVY)) == []


def test_import_has_no_side_effect(report: dict[str, Any]) -> None:
    """No file is opened but code, no thread, process or connection begins."""
    assert report["events"] == []
    assert report["threads"] == 1
