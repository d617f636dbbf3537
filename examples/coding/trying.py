"""Trying a commit out: its tests, in a git worktree, in a process that is fenced in.

Where bubblewrap can be used, code that a model wrote has no network, can write nothing, and sees no
files but the worktree, the tests and Python's own. Elsewhere it can do what this process can, within
limits of time, memory and processes.
"""

import json
import re
import sys

from pathlib import Path
from typing import Any

import podium

from examples.coding.forms import Failure, TestRun
from podium import CommandTimedOut
from podium.tools.process.sandbox import bubblewrap, wrapping

SECONDS = 3.0
"""The longest that one test may take."""
_PLAIN_CODES = (0, 1, 2, 5)
"""Of pytest: all passed, some failed, it was interrupted by errors of files, there were none."""
_SUITE = str(Path(__file__).with_name("suite.py"))
_KNOWN = {
    "began": {"began", "about"},
    "passed": {"passed"},
    "failed": {"failed", "message", "trace"},
    "ended": {"ended"},
}
"""The lines that `suite.py` writes, by their first word."""
_MEGABYTE = 1024 * 1024
_INSIDE = {"/repository": "{folder}", "/acceptance": "{tests}", "/suite.py": _SUITE}
_PYTHON = {home: home for home in sorted({sys.base_prefix, sys.base_exec_prefix, sys.prefix})}
_FLAGS = ["-B", "-P"]
_LIMITS: Any = {
    "effect": "read", "result": "full", "time_limit": "60s", "output_max": 256 * 1024,
    "memory_max": 1024 * _MEGABYTE, "processes_max": 30, "parameters": {"folder": str, "tests": str, "seconds": float},
    "env": {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
}  # fmt: skip

fenced_tests = podium.shell_tool(
    "coding.fenced_tests",
    [
        *wrapping("bwrap", {**_PYTHON, **_INSIDE}, 64 * _MEGABYTE),
        sys.executable, *_FLAGS, "/suite.py", "/repository", "/{place}", "{seconds}",
    ],
    **{**_LIMITS, "parameters": {**_LIMITS["parameters"], "place": str}},
)  # fmt: skip
plain_tests = podium.shell_tool(
    "coding.plain_tests",
    [sys.executable, *_FLAGS, _SUITE, "{folder}", "{tests}", "{seconds}"],
    **_LIMITS,
)


async def try_out(folder: Path, acceptance: str, seconds: float = SECONDS) -> TestRun:
    """Run the tests of a worktree, or those of another folder on it; nothing here raises.

    Args:
        folder: The worktree.
        acceptance: The folder of the tests; empty: the worktree's own.
        seconds: The longest that one test may take.
    """
    given = {"folder": str(folder), "tests": acceptance or str(folder), "seconds": seconds}
    try:
        if bubblewrap()[0]:
            place = "acceptance" if acceptance else "repository"
            done = await fenced_tests(**given, place=place)
        else:
            done = await plain_tests(**given)
    except CommandTimedOut as problem:
        return TestRun(trouble=_portable(f"The tests hang. {problem}", folder))
    return _read(done, folder, is_hidden=bool(acceptance))


def _read(done: dict[str, Any], folder: Path, *, is_hidden: bool) -> TestRun:
    """Make a result of the lines that were told; of hidden tests it says what they prove, not how."""
    told = [one for line in done["output"].splitlines() if (one := _told(line))]
    about = {one["began"]: one["about"] for one in told if "began" in one}
    passed = sum("passed" in one for one in told)
    failures = [
        Failure(
            one["failed"].rpartition("/")[2],
            _portable(one["message"], folder),
            about.get(one["failed"], "") if is_hidden else _portable(one["trace"], folder),
        )
        for one in told
        if "failed" in one
    ]
    ended = any("ended" in one for one in told)
    if not ended or done["exit_code"] not in _PLAIN_CODES:
        during = f" during {[*about][-1]}" if about else ""
        said = _portable(done["errors"][-1_500:].strip(), folder)
        trouble = f"The tests ended with exit code {done['exit_code']}{during}:\n{said}"
        return TestRun(passed, failures, trouble)
    if not failures and (done["exit_code"] or not passed):
        return TestRun(passed, failures, f"No test ran (exit code {done['exit_code']}).")
    return TestRun(passed, failures)


def _told(line: str) -> dict[str, Any]:
    """Return what a line says; code under test may have written others in between."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    if not isinstance(said, dict) or _KNOWN.get(next(iter(said), "")) != {*said}:
        return {}
    return said if all(isinstance(one, str) for one in said.values()) else {}


def _portable(text: str, folder: Path) -> str:
    """Return a text without what differs from run to run: where the worktree is, addresses."""
    for place in ("/repository", str(folder), *reversed(_PYTHON)):
        text = text.replace(f"{place}/", "")
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", text)
