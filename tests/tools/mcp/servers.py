"""Servers of the tests, and what they have seen."""

import json
import os
import subprocess
import sys
import time

from pathlib import Path
from typing import Any

from podium.tools.mcp.description import Described, Description, Hints, Place

ROOT = Path(__file__).resolve().parents[3]
RAW = str(Path(__file__).with_name("raw_server.py"))
WHAT = {"type": "object", "properties": {"what": {"type": "string"}}}
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def described(how: str = "well", *, name: str = "raw", **place: Any) -> Description:
    """Return the description of the raw server, without asking it."""
    tools = (
        Described("look", {**WHAT, "required": ["what"]}, "Look at something.", {}, Hints(True)),
        Described("put", WHAT, "Put it.", {}, Hints(False, False, True)),
        Described("send mail!", WHAT, "Send it."),
        Described("count", {"type": "object", "properties": {}}, "Count.", NUMBER, Hints(True)),
    )
    given = {"command": (sys.executable, "-I", RAW, how), "inherit": ("CALLS",), **place}
    return Description(name, Place(**given), tools)


def calls(path: Path) -> list[str]:
    """Return what servers were called with, in order."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def is_alive(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def below(pid: int) -> list[int]:
    """Return the processes that descend from one."""
    from podium.tools.process.tree import descendants

    return [one for one in descendants(pid) if one != pid and is_alive(one)]


def wait_for(condition: Any, limit_s: float = 30.0) -> Any:
    """Wait until a condition holds; return what it gave."""
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
    return found


def python(code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a program of Podium's in a process of its own."""
    paths = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths, **environment},
    )  # fmt: skip


def lines_of(process: subprocess.Popen[str]) -> list[Any]:
    """Return what a process printed, each line from JSON."""
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return [json.loads(one) for one in out.splitlines()]
