"""Prefect with a server of its own on SQLite. Mode: server."""

from __future__ import annotations

import os
import sys
import urllib.request

from pathlib import Path
from typing import Any, ClassVar

from bench.peers.common import (
    ServerPeer,
    advance,
    clock,
    fib,
    free_port,
    main,
    payload,
    wait_until,
)

START = {"x": 0, "i": 0}
AT_ONCE = 50
firsts: list[float] = []


def quiet_settings(folder: Path, port: int) -> dict[str, str]:
    """Return the settings that keep Prefect in its folder, on loopback and silent."""
    return {
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_API_ENABLE_METRICS": "false",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
    }


class Prefect(ServerPeer):
    """Prefect: tasks called in a row, `.submit()` for the fan-out, default caching off."""

    imports = "prefect"
    dist = "prefect"
    loop_for: ClassVar[frozenset[str] | None] = frozenset({"runs"})

    async def open(self) -> None:
        port = free_port()
        os.environ.update(quiet_settings(self.folder, port))
        argv = [str(Path(sys.executable).parent / "prefect"), "server", "start", "--host"]
        argv += ["127.0.0.1", "--port", str(port), "--no-ui", "--analytics-off"]
        self.server = self.spawn(argv, "server.log")
        health = f"http://127.0.0.1:{port}/api/health"
        wait_until(lambda: bool(urllib.request.urlopen(health, timeout=1)), 90, "Prefect's server")
        self.define()
        self.flow(2, "up", START)

    def define(self) -> None:
        """Import Prefect, now that its settings stand, and define tasks and flows."""
        from prefect import flow, task
        from prefect.cache_policies import NO_CACHE

        def compute(d: dict[str, Any]) -> dict[str, Any]:
            fib(d["f"])
            return advance(d)

        def load(d: dict[str, Any]) -> dict[str, Any]:
            return {"x": d["x"] + 1, "i": d["i"] + 1, "state": payload(d["i"])}

        def mark(d: dict[str, Any]) -> dict[str, Any]:
            firsts.append(clock())
            return advance(d)

        async def up_async(d: dict[str, Any]) -> dict[str, Any]:
            return advance(d)

        works = {"up": advance, "compute": compute, "load": load, "mark": mark}
        steps = {n: task(cache_policy=NO_CACHE, name=n)(work) for n, work in works.items()}
        step = task(cache_policy=NO_CACHE)(up_async)

        @flow
        def chain(n: int, name: str, d: dict[str, Any]) -> int:
            for _ in range(n):
                d = steps[name](d)
            return int(d["x"])

        @flow
        async def chain_async(run: int) -> int:
            d: dict[str, Any] = dict(START)
            for _ in range(10):
                d = await step(d)
            return int(d["x"])

        @flow
        def wide(n: int) -> int:
            futures = [steps["up"].submit({"x": k, "i": 0}) for k in range(n)]
            return sum(f.result()["x"] for f in futures)

        self.flow, self.flow_async, self.wide = chain, chain_async, wide

    async def close(self) -> None:
        self.stop(self.server)

    async def chain(self, n: int) -> int:
        return int(self.flow(n, "up", START))

    async def fan(self, n: int) -> int:
        return int(self.wide(n))

    async def fibs(self, n: int, f: int) -> int:
        return int(self.flow(n, "compute", {**START, "f": f}))

    async def first_step(self) -> float:
        self.flow(1, "mark", START)
        return firsts[-1]

    async def payloads(self, n: int) -> int:
        return int(self.flow(n, "load", START))


if __name__ == "__main__":
    main(Prefect)
