"""What ``podium mcp serve`` does."""

from __future__ import annotations

import asyncio

from dataclasses import dataclass
from typing import Any

import click

from podium.cli import terminal
from podium.cli.exits import CommandFailed, Exit
from podium.cli.interrupts import Interrupts
from podium.cli.modules import load_module, settle_memory, show_log
from podium.cli.screens import LogLines
from podium.client.app import Podium
from podium.client.locations import database_path
from podium.core.durations import seconds
from podium.core.secrets import resolve
from podium.tools.extras import needed


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What was asked for on the command line."""

    modules: tuple[str, ...]
    database: str | None
    workflows: tuple[str, ...]
    tools: tuple[str, ...]
    http: str | None
    token: str | None
    wait: str
    answers: bool

    def carry_out(self) -> int:
        """Serve until told to stop, or until nobody is there any more."""
        needed("mcp_types", "mcp", "podium mcp serve")
        wait_s = seconds(self.wait, what="--wait")
        place = None if self.http is None else _place(self.http)
        for one in self.modules:
            load_module(one)
        show_log(LogLines(terminal.talk))
        settle_memory()
        interrupts = Interrupts(lambda: terminal.talk("stopping: every run is left to be resumed"))
        with interrupts.listening():
            asyncio.run(self._serve(interrupts, wait_s, place))
        return Exit.OK

    async def _serve(
        self, interrupts: Interrupts, wait_s: float, place: tuple[str, int] | None
    ) -> None:
        from podium.server.mcp import Offered, chosen
        from podium.server.serving import over_http, over_pipes

        stop = interrupts.attach()
        async with Podium(database_path(self.database), name="mcp") as app:
            workflows, tools = chosen(self.modules, self.workflows, self.tools)
            offered = Offered(app, workflows, tools, wait_s=wait_s, answers=self.answers)
            if not offered.names:
                raise CommandFailed(
                    f"There is no workflow in {', '.join(self.modules)}: nothing to serve.",
                    Exit.USAGE,
                )
            terminal.talk(f"serving {', '.join(offered.names)} of {app.path}")
            server: Any = offered.server()
            if place is not None:
                terminal.talk(f"at http://{place[0]}:{place[1]}/mcp")
                await over_http(server, *place, resolve(self.token), stop)
                return
            piped = asyncio.create_task(over_pipes(server))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([piped, stopping], return_when=asyncio.FIRST_COMPLETED)
            for one in (piped, stopping):
                one.cancel()
            await asyncio.gather(piped, stopping, return_exceptions=True)


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise click.UsageError(f"--http {text!r}: expected HOST:PORT, such as 127.0.0.1:8000.")
    return host.strip("[]"), int(port)
