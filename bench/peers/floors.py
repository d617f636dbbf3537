"""The floors of the machine. Modes: asyncio, commit (INSERT, COMMIT in WAL, FULL), fsync."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
import time

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from bench.peers.common import (
    SPIN_ALONE,
    Figures,
    Peer,
    Spinner,
    advance,
    clock,
    compare_latency,
    fib,
    main,
    payload,
)

START = {"x": 0, "i": 0}


async def up(d: dict[str, Any]) -> dict[str, Any]:
    """Count one step."""
    return advance(d)


class Asyncio(Peer):
    """Plain awaits: what Python itself costs."""

    async def chain(self, n: int) -> int:
        d: dict[str, Any] = START
        for _ in range(n):
            d = await up(d)
        return int(d["x"])

    async def fan(self, n: int) -> int:
        return sum(d["x"] for d in await asyncio.gather(*(up({"x": k, "i": 0}) for k in range(n))))

    async def fibs(self, n: int, f: int) -> int:
        return len([fib(f) for _ in range(n)])


class Commit(Peer):
    """The bare loop: one INSERT, one COMMIT, WAL, synchronous=FULL, stdlib sqlite3."""

    loop_for: ClassVar[frozenset[str] | None] = frozenset()
    conn: sqlite3.Connection | None = None

    async def open(self) -> None:
        self.conn = sqlite3.connect(self.folder / "floor.db", isolation_level=None)
        self.conn.execute("pragma journal_mode=wal")
        self.conn.execute("pragma synchronous=full")
        self.conn.execute(
            "create table s(run int, step int, out text, primary key(run, step)) without rowid"
        )
        self.runs_made = 0

    async def close(self) -> None:
        if self.conn:
            self.conn.execute("pragma wal_checkpoint(truncate)")
            self.conn.close()
            self.conn = None

    def record(self, n: int, step: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
        """Run n steps and commit the result of each."""
        assert self.conn
        self.runs_made += 1
        d: dict[str, Any] = START
        for i in range(n):
            self.conn.execute("begin immediate")
            d = step(d)
            row = (self.runs_made, i, json.dumps(d))
            self.conn.execute("insert into s values(?, ?, ?)", row)
            self.conn.execute("commit")
        return int(d["x"])

    async def chain(self, n: int) -> int:
        return self.record(n, advance)

    async def payloads(self, n: int) -> int:
        return self.record(n, lambda d: {"x": d["x"] + 1, "i": d["i"] + 1, **self.blob(d["i"])})

    def blob(self, i: int) -> dict[str, Any]:
        """Return 100 KB."""
        return {"blob": payload(i)["blob"]}


class Fsync(Peer):
    """Append a line and sync the file: what the disk costs."""

    loop_for: ClassVar[frozenset[str] | None] = frozenset()

    async def chain(self, n: int) -> int:
        fd = os.open(self.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        d: dict[str, Any] = START
        for _ in range(n):
            d = advance(d)
            os.write(fd, json.dumps(d).encode() + b"\n")
            os.fsync(fd)
        os.close(fd)
        return int(d["x"])


async def measure_cpu(peer: Commit, n: int) -> Figures:
    """Compare the time of a bare commit, idle and beside a thread that computes."""
    spinner = Spinner()

    def gaps() -> list[float]:
        moments: list[float] = []

        def step(d: dict[str, Any]) -> dict[str, Any]:
            moments.append(clock())
            return advance(d)

        peer.record(n, step)
        return moments

    gaps()
    idle = gaps()
    thread = threading.Thread(target=spinner.run)
    thread.start()
    alone = spinner.rate()
    time.sleep(SPIN_ALONE)
    free, beside = alone(), spinner.rate()
    busy = gaps()
    share = beside() / free
    spinner.stop()
    thread.join()
    return compare_latency(idle, busy, share)


MODES: dict[str, type[Peer]] = {"asyncio": Asyncio, "commit": Commit, "fsync": Fsync}


def make(mode: str, folder: Path) -> Peer:
    """Return the floor of that name."""
    return MODES[mode](mode, folder)


if __name__ == "__main__":
    main(make, {"cpu": measure_cpu})
