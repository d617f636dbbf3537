"""Restate's server with its defaults (RocksDB, its log synced). Mode: default."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

from pathlib import Path
from typing import Any

import httpx

from bench.peers.common import ServerPeer, connects, free_port, main, wait_until

NPM = Path(__file__).parents[2] / ".bench" / "restate-npm" / "node_modules" / "@restatedev"
START = {"x": 0, "i": 0}
PATIENCE = 280
RUNS_AT_ONCE = 600


class Restate(ServerPeer):
    """Restate: server, one hypercorn worker, and this process as the client."""

    imports = "restate"
    dist = "restate-sdk"
    hypercorn: subprocess.Popen[bytes] | None = None

    async def open(self) -> None:
        self.ports = {name: free_port() for name in ("ingress", "admin", "node", "worker")}
        self.url = f"http://127.0.0.1:{self.ports['ingress']}"
        limits = httpx.Limits(max_connections=RUNS_AT_ONCE, max_keepalive_connections=RUNS_AT_ONCE)
        self.http = httpx.AsyncClient(timeout=PATIENCE, limits=limits, trust_env=False)
        self.serve()
        self.hypercorn = self.worker("open", 0)
        wait_until(lambda: connects(self.ports["worker"]), 20, "the Restate worker")
        await self.register()

    def serve(self) -> None:
        """Start the server."""
        binary = next(NPM.glob("restate-server-*/bin/restate-server"), None)
        if binary is None:
            raise SystemExit("restate-server is not installed")
        argv = [str(binary), "--no-logo", "--base-dir", str(self.folder / "data"), "--bind-ip"]
        argv += ["127.0.0.1", "--node-name", "n1", "--log-filter", "warn", "--listen-mode", "tcp"]
        self.server = self.spawn(
            argv,
            "server.log",
            RESTATE_DISABLE_TELEMETRY="true",
            DO_NOT_TRACK="1",
            RESTATE_BIND_PORT=str(self.ports["node"]),
            RESTATE_ADMIN__BIND_PORT=str(self.ports["admin"]),
            RESTATE_INGRESS__BIND_PORT=str(self.ports["ingress"]),
        )
        for name in ("ingress", "admin"):
            wait_until(lambda name=name: connects(self.ports[name]), 40, "the Restate server")

    def worker(self, phase: str, n: int) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "hypercorn", "bench.peers.restate_service:app", "--bind"]
        argv += [f"127.0.0.1:{self.ports['worker']}", "--workers", "0", "--log-level", "error"]
        process = self.spawn(argv, "worker.log")
        if phase == "first":
            wait_until(lambda: connects(self.ports["worker"]), 20, "the Restate worker")
            given = {"n": n, "step": "noted", "d": {**START, "side": str(self.side)}}
            sent = httpx.post(f"{self.url}/Bench/chain/send", json=given, trust_env=False)
            self.invocation = sent.json()["invocationId"]
        return process

    async def register(self) -> None:
        """Tell the server of the worker, and wait until a call goes through."""
        admin = f"http://127.0.0.1:{self.ports['admin']}/deployments"
        target = {"uri": f"http://127.0.0.1:{self.ports['worker']}", "force": True}
        deadline = time.time() + 30
        while True:
            try:
                (await self.http.post(admin, json=target)).raise_for_status()
                await self.chain(3)
                return
            except httpx.HTTPError:
                if time.time() > deadline:
                    raise
                await asyncio.sleep(0.1)

    async def prepare_kill(self) -> None:
        await self.open()
        self.stop(self.hypercorn)

    async def await_recovered(self, worker: subprocess.Popen[bytes]) -> None:
        output = f"{self.url}/restate/invocation/{self.invocation}/output"
        deadline = time.time() + 120
        while time.time() < deadline:
            if (await self.http.get(output)).status_code == httpx.codes.OK:
                return
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        self.stop(self.hypercorn)
        self.stop(self.server)

    async def call(self, handler: str, given: Any) -> Any:
        """Invoke a handler and return its result."""
        answer = await self.http.post(f"{self.url}/Bench/{handler}", json=given)
        return answer.raise_for_status().json()

    async def chain(self, n: int, step: str = "up", **d: Any) -> int:
        return int(await self.call("chain", {"n": n, "step": step, "d": {**START, **d}}))

    async def fan(self, n: int) -> int:
        return int(await self.call("fan", n))

    async def fibs(self, n: int, f: int) -> int:
        return await self.chain(n, "compute", f=f)

    async def first_step(self) -> float:
        given = {"n": 1, "step": "mark", "d": START}
        return float(await self.call("chain", given))

    async def payloads(self, n: int) -> int:
        return await self.chain(n, "load")


if __name__ == "__main__":
    main(Restate)
