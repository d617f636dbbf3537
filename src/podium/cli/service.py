"""What ``podium worker`` does."""

from __future__ import annotations

import asyncio
import os

from dataclasses import dataclass

from podium.cli import terminal
from podium.cli.exits import CommandFailed, Exit
from podium.cli.interrupts import Interrupts
from podium.cli.modules import load_module, make_importable, settle_memory, show_log
from podium.cli.screens import LogLines
from podium.client.app import Podium
from podium.client.locations import database_path
from podium.core import durations
from podium.core.spec import registry

LOOK_S = 0.2
TELL_EVERY_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was asked for on the command line."""

    modules: tuple[str, ...]
    database: str | None
    name: str
    runs_max: int
    kill_frozen: bool
    duration: str | None


class Service:
    """A worker of the command line."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._path = database_path(order.database)
        self._limit_s = (
            None if order.duration is None else durations.seconds(order.duration, what="--for")
        )
        self._interrupts = Interrupts(self._say_stopping)
        self._seen: frozenset[int] = frozenset()
        self._told_at = 0.0
        self._told = 0

    def carry_out(self) -> int:
        """Work; return the exit code."""
        names = self._load()
        show_log(LogLines(_say))
        settle_memory()
        with self._interrupts.listening():
            asyncio.run(self._work(names))
        return Exit.OK

    def _load(self) -> list[str]:
        make_importable()
        for name in self._order.modules:
            load_module(name)
        if self._order.modules and not (registry.workflows or registry.tasks):
            which = " and ".join(map(repr, self._order.modules))
            raise CommandFailed(
                f"There is no workflow in {which}, and no task: nothing is decorated with @workflow "
                "or @task, so there is nothing to execute.",
                Exit.USAGE,
            )
        return sorted(registry.workflows)

    async def _work(self, names: list[str]) -> None:
        stop = self._interrupts.attach()
        order = self._order
        app = Podium(
            self._path, name=order.name, runs_max=order.runs_max, kill_frozen=order.kill_frozen
        )
        async with app:
            me = f"{order.name}, " if order.name else ""
            _say(f"worker ({me}process {os.getpid()}) on {self._path}")
            what = ", ".join([*names, "flow documents"])
            _say(f"executes {what}; Ctrl-C or SIGTERM stops it")
            self._warn_undeclared()
            await self._until_stopped(app, stop)
            if app.desk.problem is not None:
                raise CommandFailed(
                    f"This worker had to stop: {app.desk.problem} Its runs are taken over or resumable."
                )
            left = len(app.desk.in_hand)
        _say(
            f"stopped; {_runs(left)} left to be resumed"
            if left
            else "stopped; it had no run in hand"
        )

    async def _until_stopped(self, app: Podium, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        end = None if self._limit_s is None else loop.time() + self._limit_s
        while not stop.is_set() and not app.is_stopped:
            if end is not None and loop.time() >= end:
                _say(f"{self._order.duration} are over")
                return
            try:
                await asyncio.wait_for(stop.wait(), LOOK_S)
            except TimeoutError:
                self._tell(app.desk.in_hand, loop.time())

    def _tell(self, in_hand: frozenset[int], now: float) -> None:
        """Say now and then how much there is to do, when that has changed."""
        if in_hand == self._seen or now - self._told_at < TELL_EVERY_S:
            return
        self._seen, self._told_at = in_hand, now
        if len(in_hand) != self._told:
            self._told = len(in_hand)
            _say(f"{_runs(len(in_hand))} in hand")

    def _say_stopping(self) -> None:
        _say(
            "stopping: nothing new is started, effects in flight have 10 s; a second signal quits at once"
        )

    def _warn_undeclared(self) -> None:
        names = sorted(
            spec.name for spec in registry.tasks.values() if not spec.options.is_declared
        )
        if names:
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            _say(f"tasks that declare no effect run as write: {shown}")


def _say(text: str) -> None:
    terminal.talk(f"{terminal.now():%H:%M:%S}  {text}")


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"
