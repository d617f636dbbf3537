"""Processes that a program has started, as the system lists them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def descendants(pid: int) -> list[int]:
    """Return a process and all that descend from it; just itself where the system does not tell."""
    children: dict[int, list[int]] = {}
    for entry in _entries():
        with suppress(OSError, ValueError, IndexError):
            # the name, in parentheses, may hold anything
            parent = int((_PROC / entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found, waiting = [pid], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def threads_of_user(uid: int) -> int:
    """Return how many threads a user has: what the system's limit of processes counts."""
    count = 0
    for entry in _entries():
        with suppress(OSError):
            if (_PROC / entry).stat().st_uid == uid:
                count += len(list((_PROC / entry / "task").iterdir()))
    return count


def _entries() -> list[str]:
    try:
        return [entry.name for entry in _PROC.iterdir() if entry.name.isdigit()]
    except OSError:
        return []
