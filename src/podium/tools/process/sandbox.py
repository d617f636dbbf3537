"""Bubblewrap: what a program sees and reaches, where the machine has it."""

from __future__ import annotations

import shutil
import subprocess
import sys

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

BUBBLEWRAP: Final = "bubblewrap"
LIMITS: Final = "limits"
_SYSTEM: Final = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
)
_TRY_S: Final = 10
INSIDE: Final = "/sandbox"
"""Where the program runs: a place in memory that it can write, as ``/tmp`` is; both are gone with it."""
_NOBODY: Final = "65534"


@cache
def bubblewrap() -> tuple[str, str]:
    """Return (the path of bubblewrap, "") or ("", why it cannot be used here); it is tried once."""
    if not sys.platform.startswith("linux"):
        return "", f"bubblewrap is for Linux, and this is {sys.platform}"
    found = shutil.which("bwrap")
    if found is None:
        return "", "bubblewrap (bwrap) is not installed"
    command = [*wrapping(found, {}, 1024 * 1024), "/usr/bin/env", "true"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=_TRY_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return "", f"bubblewrap cannot be used: {problem}"
    if tried.returncode:
        return "", f"bubblewrap cannot be used: {tried.stderr.strip()[-200:]}"
    return found, ""


def wrapping(bwrap: str, shown: Mapping[str, str], space_bytes: int) -> list[str]:
    """Return the command that stands before a program.

    It has no network, no rights, no other processes in sight, no way to a further namespace, and
    sees nothing of the machine's files but the system's programs and what is shown to it.

    Args:
        bwrap: The path of bubblewrap.
        shown: What it may read besides the system's programs: where it sees what.
        space_bytes: How much it can write: in its folder, in ``/tmp``, and in shared memory.
    """
    found = [
        bwrap, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent",
        "--new-session", "--cap-drop", "ALL", "--uid", _NOBODY, "--gid", _NOBODY,
        "--hostname", "sandbox", "--proc", "/proc", "--dev", "/dev",
    ]  # fmt: skip
    for place in ("/tmp", "/dev/shm", INSIDE):  # noqa: S108 - its own
        found += ["--size", str(space_bytes), "--tmpfs", place]
    for path in _SYSTEM:
        if Path(path).is_symlink():
            found += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).exists():
            found += ["--ro-bind", path, path]
    for inside, outside in shown.items():
        if not Path(inside).is_relative_to("/usr"):
            found += ["--ro-bind", outside, inside]
    return [*found, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", INSIDE]
