"""What ``podium doctor`` looks at."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from podium.cli.db import size_text
from podium.cli.exits import CommandFailed
from podium.cli.modules import load_module
from podium.cli.options import command
from podium.cli.workers import Worker, workers
from podium.client.locations import database_path
from podium.core.errors import PodiumError, StoreError
from podium.core.spec import registry
from podium.core.version import VERSION
from podium.journal.sqlite import SqliteReader, SqliteStore
from podium.journal.sqlite.opening import network_kind
from podium.journal.sqlite.oslock import holders_of
from podium.journal.sqlite.turnstile import LockFile
from podium.journal.store import HELD_STATUSES, OPEN_STATUSES

SQLITE_MIN = (3, 51, 3)
"""Before it, a reset of the log with several writers could corrupt the file."""
SILENCE_S = 2.0
"""A holder of the lock shows life twice a second."""
ROOM_MIN = 200_000_000
_COUNTED = 1_000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``state`` is ``ok``, ``note`` or ``problem``."""

    state: str
    topic: str
    text: str
    advice: str = ""


def diagnose(database: str | None, modules: Sequence[str]) -> list[Finding]:
    """Look at everything."""
    return [*_machine(), *_database(database), *_tasks(modules)]


def _machine() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding("ok", "Podium", VERSION)
    yield Finding("ok", "Python", f"{platform.python_implementation()} {version}, {sys.executable}")
    yield Finding(
        "ok",
        "platform",
        f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores",
    )
    sqlite = apsw.sqlite_lib_version()
    is_new = tuple(int(part) for part in sqlite.split(".")[:3]) >= SQLITE_MIN
    wanted = ".".join(map(str, SQLITE_MIN))
    yield Finding(
        "ok" if is_new else "problem", "SQLite", f"{sqlite}, of apsw {apsw.apsw_version()}",
        "" if is_new else f"It must be {wanted} or newer: older ones can corrupt a file. Upgrade apsw.",
    )  # fmt: skip
    yield from _promises()


def _promises() -> Iterator[Finding]:
    system = platform.system()
    if system == "Linux":
        return
    if system == "Windows":
        text = "Windows: several workers on a file take turns, but not in fair order"
        advice = (
            "Not promised there: that a frozen holder of the file is recognised or ended, that a "
            "network drive is recognised, and that SIGTERM drains a worker (Ctrl-C does)."
        )
    else:
        text = f"{system}: everything but what Linux tells about other processes"
        advice = "Not promised there: that --kill-frozen ends a frozen holder, and that a network drive is recognised."
    yield Finding("note", "promises", text, advice)


def _database(database: str | None) -> Iterator[Finding]:
    path = database_path(database)
    source = (
        "--db"
        if database is not None
        else "$PODIUM_DB"
        if "PODIUM_DB" in os.environ
        else "the default"
    )
    if path == ":memory:":
        yield Finding("note", "database", ":memory: lives and dies with one process")
        return
    place = Path(os.path.realpath(path))
    yield from _file_system(place)
    if not place.exists():
        yield Finding(
            "ok",
            "database",
            f"{path} (by {source}) is not there yet",
            "A run or a worker creates it.",
        )
        return
    yield from _lock(place)
    try:
        store = SqliteStore(path, create=False)
    except StoreError as error:
        yield Finding("problem", "database", str(error))
        return
    try:
        sizes = store.sizes()
        text = f"{path} (by {source}), {size_text(sizes.file)}"
        yield Finding(
            "ok",
            "database",
            f"{text}, log {size_text(sizes.log)}, {size_text(sizes.free)} free inside",
        )
        yield Finding("ok", "journal", _journal_mode(place))
        yield from _runs(store.reader(), database)
        yield from _workers(store.reader(), database)
    except StoreError as error:
        yield Finding("problem", "database", str(error))
    finally:
        store.close()


def _journal_mode(place: Path) -> str:
    connection = apsw.Connection(str(place), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        mode = connection.pragma("journal_mode")
    finally:
        connection.close()
    return f"{mode}; workers write with synchronous=FULL"


def _file_system(place: Path) -> Iterator[Finding]:
    folder = place.parent
    if not folder.is_dir():
        yield Finding("problem", "directory", f"{folder} does not exist", f"mkdir -p {folder}")
        return
    kind = network_kind(place)
    if kind is not None:
        yield Finding(
            "problem",
            "directory",
            f"{folder} lies on a network file system ({kind})",
            "Put the database on a local disk.",
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(
            "problem",
            "directory",
            f"{folder} cannot be written by this user",
            "Check owner and permissions.",
        )
    else:
        room = shutil.disk_usage(folder).free
        is_short = room < ROOM_MIN
        advice = (
            "Workers hold back what does not fit, and go on when there is room again."
            if is_short
            else ""
        )
        yield Finding(
            "note" if is_short else "ok",
            "directory",
            f"{folder}, local, {size_text(room)} free",
            advice,
        )


def _lock(place: Path) -> Iterator[Finding]:
    """Look whether somebody holds the file's lock and shows no life."""
    path = place.with_name(f"{place.name}-locks") / "lock"
    if not path.exists():
        return
    try:
        file = LockFile(path)
    except OSError as error:
        yield Finding("problem", "lock", f"{path} cannot be opened: {error.strerror}")
        return
    try:
        pid = _silent_holder(file)
        if pid is not None:
            note = file.note()
            user = (
                f" of user {note.process.user}"
                if note is not None and note.process.pid == pid
                else ""
            )
            yield Finding(
                "problem", "lock", f"process {pid}{user} holds the file and has not moved for {SILENCE_S:g} s",
                f"`kill -CONT {pid}` lets it go on if it is stopped, `kill -9 {pid}` ends it: what it committed is safe.",
            )  # fmt: skip
    finally:
        file.close()


def _silent_holder(file: LockFile) -> int | None:
    before = file.seen()
    until = time.monotonic() + SILENCE_S
    while True:
        holders = holders_of(file.fd)
        if not holders or file.seen() != before:
            return None
        if time.monotonic() >= until:
            return min(holders)
        time.sleep(0.05)


def _runs(reader: SqliteReader, database: str | None) -> Iterator[Finding]:
    rows = reader.runs(statuses=(*OPEN_STATUSES, *HELD_STATUSES), limit=_COUNTED)
    counts = Counter(row.status for row in rows)
    text = ", ".join(f"{count:,} {status}" for status, count in counts.items()) or "none is open"
    held = [status for status in HELD_STATUSES if counts[status]]
    advice = ""
    if held:
        options = [word for status in held for word in ("--status", status)]
        advice = (
            f"{command('runs', 'list', *options, database=database)} shows what needs a person."
        )
    yield Finding("note" if held else "ok", "runs", text, advice)


def _workers(reader: SqliteReader, database: str | None) -> Iterator[Finding]:
    found = workers(reader, watch=True)
    if not found:
        yield Finding(
            "ok",
            "workers",
            "none is registered",
            f"{command('worker', 'MODULE', database=database)} starts one.",
        )
    for worker in found:
        yield _worker(worker)


def _worker(worker: Worker) -> Finding:
    pid = worker.row.pid
    if worker.state == "frozen":
        return Finding(
            "problem", "worker", f"{worker}: it has not moved for seconds",
            f"Others take its runs over. `kill -CONT {pid}` lets it go on, `kill -9 {pid}` ends it.",
        )  # fmt: skip
    if worker.state == "gone":
        return Finding(
            "note", "worker", f"{worker}: it died", "The next worker takes its runs over at once."
        )
    return Finding("ok", "worker", str(worker))


def _tasks(modules: Sequence[str]) -> Iterator[Finding]:
    for name in modules:
        try:
            load_module(name)
        except (CommandFailed, PodiumError) as error:
            yield Finding("problem", "module", str(error))
            return
    if not modules:
        return
    yield Finding("ok", "workflows", ", ".join(sorted(registry.workflows)) or "none")
    specs = {spec.name: spec for spec in registry.tasks.values()}  # a version has two names there
    undeclared = sorted(name for name, spec in specs.items() if not spec.options.is_declared)
    if undeclared:
        yield Finding(
            "note", "tasks", f"{len(undeclared)} of {len(specs)} declare no effect and run as write: {', '.join(undeclared)}",
            "Declare it: @task(effect=…) with pure, read, write or once.",
        )  # fmt: skip
    else:
        yield Finding("ok", "tasks", f"all {len(specs)} declare their effect")
