"""Runs the line-up in interleaved rounds and writes one JSON line per measurement."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.envs import HOME, Absent, ensure, prepare_home, python_of
from bench.machine import busy, describe, end_group, wait_quiet
from bench.systems import ROOT, SYSTEMS, System
from bench.workloads import Entry, Workload

WAITING_SHARE = 0.2
SILENCE = {
    "DO_NOT_TRACK": "1",
    "BURR_TELEMETRY_ENABLED": "false",
    "LANGSMITH_TRACING": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


@dataclass
class Bench:
    """One invocation: what to run, how long, and where the lines go."""

    workloads: list[Workload]
    systems: set[str]
    budget_s: float
    output: Path
    rounds: int | None = None
    began: float = field(default_factory=time.monotonic)
    waited: float = 0.0
    absent: dict[str, str] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """Return the folder of the measurements' files, on the disk of the checkout."""
        return HOME / "work" / str(os.getpid())

    @property
    def spent(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self.began

    def run(self) -> Path:
        """Run all rounds; return the file of results."""
        prepare_home()
        self.output.parent.mkdir(parents=True, exist_ok=True)
        if others := [p.name for p in self.work.parent.glob("*") if Path("/proc", p.name).exists()]:
            print(f"another bench is running (pid {', '.join(others)}): both measure each other")
        try:
            self._prepare()
            now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
            self._write({"began": now, "machine": describe(), "absent": self.absent})
            for number, workload, entry in self._jobs():
                if self.spent > self.budget_s:
                    print(f"the {self.budget_s / 60:.0f} minutes are spent in round {number}")
                    break
                self._measure(number, workload, entry)
            self._write({"took_s": round(self.spent, 1)})
        finally:
            shutil.rmtree(self.work, ignore_errors=True)
        return self.output

    def _prepare(self) -> None:
        needed = {e.system for w in self.workloads for e in w.line_up} & self.systems
        for name in sorted(needed):
            try:
                ensure(SYSTEMS[name])
            except Absent as reason:
                self.absent[name] = str(reason)
                print(f"{name}: absent ({reason})")

    def _jobs(self) -> Iterator[tuple[int, Workload, Entry]]:
        most = self.rounds or max(e.rounds for w in self.workloads for e in w.line_up)
        for number in range(1, most + 1):
            for workload in self.workloads:
                for entry in workload.line_up:
                    is_here = entry.system in self.systems and entry.system not in self.absent
                    if is_here and number <= (self.rounds or entry.rounds):
                        yield number, workload, entry

    def _measure(self, number: int, workload: Workload, entry: Entry) -> None:
        began = time.monotonic()
        left = max(0.0, self.budget_s * WAITING_SHARE - self.waited)
        load = wait_quiet(left) if left else busy()
        self.waited += time.monotonic() - began
        began = time.monotonic()
        result = self._start(workload, entry)
        wall = round(time.monotonic() - began, 2)
        names = {"workload": workload.name, "system": entry.system, "mode": entry.mode}
        row = {**names, "round": number, **result, "busy_before": load, "wall_s": wall}
        self._write(row)
        print(_line(row, workload), flush=True)

    def _start(self, workload: Workload, entry: Entry) -> dict[str, Any]:
        folder = self.work / f"{workload.name}-{entry.system}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        system, n = SYSTEMS[entry.system], entry.n or workload.n
        command = [str(python_of(system)), "-m", system.peer, entry.mode, workload.name, str(n)]
        try:
            return _run([*command, str(folder)], self._environment(system), workload.cap)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _environment(self, system: System) -> dict[str, str]:
        home = self.work / "home"
        home.mkdir(parents=True, exist_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PODIUM_", "PYTHON"))}
        env |= {**SILENCE, "HOME": str(home)}
        if system.name == "podium":
            env["PYTHONPATH"] = str(ROOT / "src")
        return env

    def _write(self, row: dict[str, Any]) -> None:
        with self.output.open("a") as out:
            out.write(json.dumps(row) + "\n")


def _run(command: list[str], env: dict[str, str], cap: float) -> dict[str, Any]:
    """Run one peer in a process group of its own and return its figures or its error."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=cap)
    except subprocess.TimeoutExpired:
        end_group(process)
        process.communicate()
        return {"error": f"not finished after {cap:.0f} s"}
    except BaseException:
        end_group(process)
        process.wait()
        raise
    lines = [line for line in out.splitlines() if line.startswith('{"n"')]
    if process.returncode == 0 and lines:
        figures: dict[str, Any] = json.loads(lines[-1])
        return figures
    said = (err or out).strip().splitlines()
    return {"error": (said[-1] if said else f"exit {process.returncode}")[:300]}


def _line(row: dict[str, Any], workload: Workload) -> str:
    """Return what is printed of a measurement."""
    name = f"{row['round']}  {row['workload']:<12} {row['system']}/{row['mode']:<12}"
    if "error" in row:
        return f"{name} failed: {row['error']}"
    shown = (f"{row[f.key]:,.{f.digits}f} {f.title}" for f in workload.figures if f.key in row)
    return f"{name} {', '.join(shown)}"
