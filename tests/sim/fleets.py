"""Services that a fleet of runs calls, and which count what they see; and what harms a fleet."""

import asyncio
import random

from collections import defaultdict
from typing import Any

import msgspec

from podium.testing.process import SimProcess, _here
from podium.testing.simulator import SimWorld


class Throttled(Exception):
    """The service has had too many calls."""


class Down(Exception):
    """The service does not work."""


class Service:
    """An outside service: it counts, throttles, and is down now and then.

    Attributes:
        limit, period_s: How many calls it allows in any period; none is counted without a period.
        at_once: How many it allows at one moment.
        is_down: Whether every call fails.
        counted: When it counted each call.
        refused: When it refused one because there were too many.
        failed: When a call met an outage.
        most: How many were inside at the worst moment.
    """

    def __init__(self, limit: int = 0, period_s: float = 0.0, at_once: int = 0) -> None:
        self.limit, self.period_s, self.at_once = limit, period_s, at_once
        self.is_down = False
        self.counted: list[float] = []
        self.refused: list[float] = []
        self.failed: list[float] = []
        self.most = 0
        self._inside: defaultdict[SimProcess, int] = defaultdict(int)

    async def serve(self, lasts_s: float, share: float = 0.5) -> None:
        """Serve a call that takes a while; it is counted somewhere in it."""
        process = _here.get()
        assert process is not None
        self._inside[process] += 1
        try:
            inside = sum(count for one, count in self._inside.items() if not one.is_dead)
            self.most = max(self.most, inside)
            await asyncio.sleep(lasts_s * share)
            now_s = asyncio.get_running_loop().time()
            self._count(now_s, inside)
            await asyncio.sleep(lasts_s * (1 - share))
        finally:
            self._inside[process] -= 1

    def _count(self, now_s: float, inside: int) -> None:
        self.counted.append(now_s)
        recent = sum(one > now_s - self.period_s + 1e-6 for one in self.counted)
        if (self.period_s and recent > self.limit) or (self.at_once and inside > self.at_once):
            self.refused.append(now_s)
            raise Throttled
        if self.is_down:
            self.failed.append(now_s)
            raise Down


def states(world: SimWorld, kind: str) -> dict[str, Any]:
    """The shared states of a kind."""
    return {
        key: msgspec.json.decode(state) for key, state in world.reader.common.states(kind).items()
    }


def books(world: SimWorld) -> dict[str, Any]:
    """What is still held, in flight or waited for in any shared state: nothing, when all is over."""
    permits = states(world, "permits")
    return {
        "held": {key: one["held"] for key, one in permits.items() if one.get("held")},
        "in line": {key: one["waiting"] for key, one in permits.items() if one.get("waiting")},
        "probes": {
            key: one["out"] for key, one in states(world, "breaker").items() if one.get("out")
        },
        "locks": states(world, "lock"),
        "runs with locks": states(world, "lock.run"),
    }


BALANCED: dict[str, Any] = {
    "held": {}, "in line": {}, "probes": {}, "locks": {}, "runs with locks": {},
}  # fmt: skip


def harm(world: SimWorld, chance: random.Random, *, times: int, within_s: float) -> None:
    """Let processes die, or stand still for a few seconds, at times that are drawn."""

    def once() -> None:
        victims = [one for one in world.alive if not one.is_frozen]
        if not victims:
            return
        victim = chance.choice(victims)
        if chance.random() < 0.7:
            victim.kill()
            world.later(0.05, lambda: world.worker() and None)
        else:
            victim.freeze()
            world.later(chance.random() * 4, victim.thaw)

    for _ in range(times):
        world.later(chance.random() * within_s, once)


def restart_machine(world: SimWorld) -> None:
    """All processes die at once, and a clock that nobody knew before counts from now on."""
    count = len(world.alive)
    for process in world.alive:
        process.kill()
    world.time.boot_id += "+1"
    for _ in range(count):
        world.later(0.05, lambda: world.worker() and None)
