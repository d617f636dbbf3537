"""One pinned environment per rival, made on demand under `.bench/`."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys

from pathlib import Path

from bench.systems import ROOT, System

HOME = ROOT / ".bench"
VENVS = HOME / "venvs"
PATIENCE = 600


class Absent(Exception):
    """A system that cannot be installed here, with the reason."""


def python_of(system: System) -> Path:
    """Return the interpreter that runs a system."""
    return VENVS / system.name / "bin" / "python" if system.is_pinned else Path(sys.executable)


def prepare_home() -> None:
    """Make `.bench`, which no commit sees."""
    HOME.mkdir(exist_ok=True)
    (HOME / ".gitignore").write_text("*\n")


def ensure(system: System) -> None:
    """Make a system's environment unless it is there with the same pins.

    Raises:
        Absent: It cannot be installed.
    """
    if system.is_pinned:
        _ensure_venv(system)
    if system.npm:
        _ensure_npm(system)


def _ensure_venv(system: System) -> None:
    venv = VENVS / system.name
    stamp = venv / "pins-installed.txt"
    wanted = f"# python {platform.python_version()}\n{system.pins.read_text()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing {system.name} …", flush=True)
    shutil.rmtree(venv, ignore_errors=True)
    try:
        _install_with_uv(venv, system.pins)
    except Absent:
        shutil.rmtree(venv, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(venv)])
        pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        _run([*pip, "install", "-q", "-r", str(system.pins)])
    stamp.write_text(wanted)


def _install_with_uv(venv: Path, pins: Path) -> None:
    ours = ROOT / ".tools" / "bin" / "uv"
    uv = str(ours) if ours.exists() else shutil.which("uv")
    if uv is None:
        raise Absent("no uv")
    _run([uv, "venv", "-q", "--python", sys.executable, str(venv)])
    _run([uv, "pip", "install", "-q", "--python", str(venv / "bin" / "python"), "-r", str(pins)])


def _ensure_npm(system: System) -> None:
    folder = HOME / f"{system.name}-npm"
    stamp = folder / "pins-installed.txt"
    if stamp.exists() and stamp.read_text() == system.npm:
        return
    if shutil.which("npm") is None:
        raise Absent("its server comes from npm, which is not installed")
    print(f"installing {system.npm} …", flush=True)
    _run(["npm", "install", "--silent", "--prefix", str(folder), system.npm])
    stamp.write_text(system.npm)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=HOME
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Absent(f"{Path(command[0]).name}: {type(error).__name__}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Absent(f"{Path(command[0]).name} failed: {said[-1] if said else '?'}"[:200])
