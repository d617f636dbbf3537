"""Temporal's dev server on a SQLite file. Modes: activity, local (local activities)."""

from __future__ import annotations

import asyncio
import itertools
import sys

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError
from temporalio.worker import Worker

from bench.peers import temporal_flows as flows
from bench.peers.common import ServerPeer, connects, free_port, main, wait_until

START = {"x": 0, "i": 0}


class Temporal(ServerPeer):
    """Temporal: worker and client in this process, default worker options."""

    imports = "temporalio.client, temporalio.worker"
    dist = "temporalio"
    work: Worker | None = None

    def __init__(self, mode: str, folder: Path) -> None:
        super().__init__(mode, folder)
        self.local = mode == "local"
        self.ids = itertools.count()
        self.port_file = folder / "port"

    def serve(self) -> None:
        """Start the dev server."""
        port = free_port()
        argv = [str(Path(sys.executable).parent / "temporal"), "server", "start-dev"]
        argv += ["--ip", "127.0.0.1", "--port", str(port), "--headless", "--log-level", "error"]
        argv += ["--dynamic-config-value", "frontend.enableServerVersionCheck=false"]
        argv += ["--db-filename", str(self.folder / "t.db")]
        quiet = {"TEMPORAL_VERSION_CHECK_DISABLED": "1", "HOME": str(self.folder)}
        self.server = self.spawn(argv, "server.log", **quiet)
        wait_until(lambda: connects(port), 30, "the Temporal server")
        self.port_file.write_text(str(port))

    async def connect(self) -> None:
        """Connect the client and start the worker."""
        address = f"127.0.0.1:{self.port_file.read_text()}"
        for attempt in itertools.count():
            try:
                self.client = await Client.connect(address)
                break
            except RuntimeError:
                if attempt > 100:
                    raise
                await asyncio.sleep(0.1)
        self.work = Worker(
            self.client,
            task_queue="q",
            workflows=[flows.Chain, flows.Fan],
            activities=list(flows.STEPS.values()),
            activity_executor=ThreadPoolExecutor(8),
        )
        await self.work.__aenter__()

    async def open(self) -> None:
        if self.port_file.exists():  # the worker of the kill test: the server runs already
            await self.connect()
            return
        self.serve()
        await self.connect()
        for attempt in itertools.count():  # a new namespace takes a moment to be visible
            try:
                await self.chain(3)
                return
            except (WorkflowFailureError, RPCError):
                if attempt > 50:
                    raise
                await asyncio.sleep(0.2)

    async def prepare_kill(self) -> None:
        await self.open()
        await self.leave()

    async def leave(self) -> None:
        """Stop the worker in this process."""
        if self.work:
            await self.work.__aexit__(None, None, None)
            self.work = None

    async def close(self) -> None:
        await self.leave()
        self.stop(self.server)

    async def execute(self, flow: Any, name: str | None = None, **given: Any) -> int:
        """Run a workflow to its end."""
        given = {"local": self.local, **given}
        ident = name or f"w{next(self.ids)}"
        return int(await self.client.execute_workflow(flow, given, id=ident, task_queue="q"))

    async def chain(self, n: int, step: str = "up", **d: Any) -> int:
        return await self.execute(flows.Chain.run, n=n, step=step, d={**START, **d})

    async def fan(self, n: int) -> int:
        return await self.execute(flows.Fan.run, n=n)

    async def fibs(self, n: int, f: int) -> int:
        return await self.chain(n, "compute", f=f)

    async def first_step(self) -> float:
        await self.chain(1, "mark")
        return flows.firsts[-1]

    async def payloads(self, n: int) -> int:
        return await self.chain(n, "load")

    async def recover(self, n: int, *, again: bool) -> int:
        if again:
            return int(await self.client.get_workflow_handle("R").result())
        d = {**START, "side": str(self.side)}
        return await self.execute(flows.Chain.run, "R", n=n, step="noted", d=d)


if __name__ == "__main__":
    main(Temporal)
