"""Imports podium in a fresh interpreter and prints what that did, as JSON. Run by test_import.py."""

import sys

events: list[str] = []
SOURCE = (".py", ".pyc", ".so", ".pyd", ".dylib", ".pth")
SAID = (
    "_thread.start",
    "os.exec",
    "os.fork",
    "os.mkdir",
    "os.posix_spawn",
    "os.putenv",
    "os.remove",
    "os.rename",
    "os.spawn",
    "os.system",
    "shutil.",
    "signal.",
    "socket.",
    "sqlite3.",
    "subprocess.",
    "tempfile.",
)


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Notes a file that is opened (other than code), a thread, a process, a connection."""
    if event == "open":
        path, mode, flags = arguments
        writes = isinstance(flags, int) and flags & 3
        if writes or not str(path).endswith(SOURCE):
            events.append(f"open {path!r} {mode}")
    elif event.startswith(SAID) and event != "socket.__new__":
        events.append(event)


bare = set(sys.modules)
sys.addaudithook(watch)

import podium  # noqa: E402

done = list(events)
loaded = sorted(set(sys.modules) - bare)

import json  # noqa: E402
import threading  # noqa: E402

sys.stdout.write(
    json.dumps(
        {
            "events": done,
            "loaded": loaded,
            "threads": threading.active_count(),
            "podium": podium.__name__,
        }
    )
)
