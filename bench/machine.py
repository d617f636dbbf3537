"""The machine: is it quiet, what is it, and how a process with its children is ended."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import sqlite3
import subprocess
import time

from pathlib import Path

from bench.systems import ROOT

QUIET = 0.10
LOOK = 0.25
WAIT_AT_MOST = 5.0


def _cpu_times() -> tuple[int, int]:
    values = [int(v) for v in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return sum(values), values[3] + values[4]


def busy() -> float:
    """Return how busy the machine was during the last quarter of a second, 0 to 1."""
    if not Path("/proc/stat").exists():
        return 0.0
    all_before, idle_before = _cpu_times()
    time.sleep(LOOK)
    all_after, idle_after = _cpu_times()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)


def wait_quiet(at_most: float) -> float:
    """Wait until the machine is quiet, for a bounded time; return how busy it is."""
    deadline = time.monotonic() + min(at_most, WAIT_AT_MOST)
    while (now := busy()) >= QUIET and time.monotonic() < deadline:
        pass
    return round(now, 3)


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process that leads a group of its own, with all it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _first(path: str, word: str) -> str:
    with contextlib.suppress(OSError):
        for line in Path(path).read_text().splitlines():
            if line.startswith(word):
                return line.split(":", 1)[1].strip()
    return "unknown"


def _filesystem() -> str:
    with contextlib.suppress(OSError):
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        here = [m for m in mounts if ROOT.is_relative_to(m[1])]
        return max(here, key=lambda m: len(m[1]))[2]
    return "unknown"


def _commit() -> str:
    def git(*words: str) -> str:
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    with contextlib.suppress(OSError):
        return (git("rev-parse", "--short", "HEAD") or "none") + (
            " with changes" if git("status", "--porcelain") else ""
        )
    return "unknown"


def _apsw() -> str:
    try:
        import apsw
    except ImportError:
        return "absent"
    return str(apsw.sqlite_lib_version())


def describe() -> dict[str, str]:
    """Return what a reader must know of the machine; nothing that names it."""
    memory = _first("/proc/meminfo", "MemTotal").split()[0]
    return {
        "processor": f"{os.cpu_count()} × {_first('/proc/cpuinfo', 'model name')}",
        "memory": f"{int(memory) / 1e6:.0f} GB" if memory.isdigit() else "unknown",
        "system": f"{platform.system()} {platform.release()}, {_filesystem()}",
        "python": platform.python_version(),
        "sqlite": f"{sqlite3.sqlite_version} (standard library), {_apsw()} (Podium's)",
        "commit": _commit(),
    }
