"""A simulated fleet of workers that share one limit, and the server behind it, which counts.

Time is in µs and absolute for the server; workers see the time since the machine was started. All
chances come from one seed.
"""

import heapq
import itertools
import random

from collections.abc import Callable
from dataclasses import dataclass, field

from podium.policy import permits
from podium.policy.permits import PATIENCE_US, Give, Granted, Lost, Noted, Take, Withdraw
from podium.policy.shared import Now
from tests.policy.shelf import Shelf

SECOND = 1_000_000


@dataclass
class Call:
    """A call as the server sees it: from when to when, and when it was counted."""

    start_us: int
    end_us: int
    counted_us: int


@dataclass
class Worker:
    """One worker: its life's name, what it has to do, and what it has in flight."""

    name: str
    backlog: int
    priority: int = 0
    spare: int = 0
    flying: list[Call] = field(default_factory=list)
    asks_at_us: int = 0
    done_us: list[int] = field(default_factory=list)


class Fleet:
    """Runs workers against a limit until all have done what they had to do."""

    def __init__(
        self, seed: int, *, limit: int, period_us: int = 0, is_strict: bool = True,
        call_us: int = SECOND, trouble: float = 0.0,
    ) -> None:  # fmt: skip
        self.random = random.Random(seed)
        self.limit, self.period_us, self.is_strict = limit, period_us, is_strict
        self.call_us, self.trouble = call_us, trouble
        self.shelf = Shelf()
        self.at_us = self.booted_us = 0
        self.boots = self.lives = 0
        self.workers: list[Worker] = []
        self.calls: list[Call] = []
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    # the world

    @property
    def now(self) -> Now:
        """What a commit at this moment takes for the time."""
        return Now(f"boot{self.boots}", self.at_us - self.booted_us, self.at_us)

    def ask(self, event: permits.Event) -> permits.Decision:
        """Commit an event. Those that can have something now hear of it, mostly."""
        decision = self.shelf.ask(permits.KIND, "k", event, self.now)
        if isinstance(decision, Noted):
            for worker in self.workers:
                if worker.name in decision.ready and self.random.random() >= self.trouble:
                    self.wish(worker, 0)
        return decision

    def later(self, after_us: int, act: Callable[[], None]) -> None:
        """Put something on the agenda."""
        heapq.heappush(self._agenda, (self.at_us + max(0, after_us), next(self._numbers), act))

    def run(self, until_us: int | None = None) -> None:
        """Let time pass until nothing is left to do, or until a moment."""
        while self._agenda and (until_us is None or self._agenda[0][0] <= until_us):
            self.at_us, _, act = heapq.heappop(self._agenda)
            act()
            assert self.at_us < 10**13, "the fleet does not come to an end"
        if until_us is not None:
            self.at_us = until_us

    def add(self, backlog: int, priority: int = 0) -> Worker:
        """Start a worker with something to do."""
        self.lives += 1
        worker = Worker(f"w{self.lives}", backlog, priority)
        self.workers.append(worker)
        self.wish(worker, 0)
        return worker

    # a worker

    def wish(self, worker: Worker, after_us: int) -> None:
        """Have a worker ask after a while; an earlier plan to ask is dropped."""
        at_us = worker.asks_at_us = self.at_us + max(0, after_us)

        def ask() -> None:
            if worker in self.workers and worker.asks_at_us == at_us and worker.backlog:
                self.take(worker)

        self.later(after_us, ask)

    def take(self, worker: Worker) -> None:
        """Ask for as much as there is to do; begin calls, and come again for the rest."""
        got = self.ask(
            Take(
                worker.name, worker.backlog, self.limit, self.period_us, self.is_strict,
                worker.priority,
            )
        )  # fmt: skip
        assert isinstance(got, Granted)
        assert got.count <= worker.backlog
        for _ in range(got.count):
            worker.backlog -= 1
            if self.trouble and self.random.random() < self.trouble / 4:
                worker.backlog += 1
                self.return_unused(worker, got.use_by_us)
            else:
                worker.spare += 1
                self.later(self.idle_us(got), lambda: self.begin(worker))
        if worker.backlog:
            if got.retry_at_us is None:
                self.wish(worker, PATIENCE_US // 2)
            else:
                self.wish(worker, got.retry_at_us - self.now.at_us)

    def return_unused(self, worker: Worker, use_by_us: int | None) -> None:
        """Give one permit back that was not used, and ask again a little later."""
        self.ask(Give(worker.name, unused=1, use_by_us=use_by_us))
        self.wish(worker, self.random.randrange(1, SECOND))

    def idle_us(self, got: Granted) -> int:
        """How long a permit lies about before it is used."""
        if not self.trouble:
            return 0
        most = SECOND if got.use_by_us is None else got.use_by_us - self.now.at_us
        return self.random.randrange(most)

    def begin(self, worker: Worker) -> None:
        """Use a permit for a call."""
        if worker not in self.workers:
            return
        worker.spare -= 1
        lasts_us = self.random.randrange(self.call_us + 1) if self.trouble else self.call_us
        counted_us = self.random.randrange(lasts_us + 1) if self.is_strict else 0
        call = Call(self.at_us, self.at_us + lasts_us, self.at_us + counted_us)
        worker.flying.append(call)
        self.calls.append(call)
        self.later(lasts_us, lambda: self.end(worker, call))

    def end(self, worker: Worker, call: Call) -> None:
        """A call has ended; the worker says so, a little later."""
        if worker not in self.workers:
            return
        worker.flying.remove(call)
        worker.done_us.append(self.at_us)

        def give() -> None:
            if worker in self.workers:
                self.ask(Give(worker.name, used=1))
                if worker.backlog and not self.trouble:
                    self.wish(worker, 0)

        self.later(self.random.randrange(20_000) if self.trouble else 0, give)

    # trouble

    def crash(self, worker: Worker) -> None:
        """A worker dies; what it had to do goes to another life. Others notice after a while."""
        self.workers.remove(worker)
        for call in worker.flying:
            call.end_us = min(call.end_us, self.at_us)
            if call.counted_us > self.at_us:
                self.calls.remove(call)  # it never reached the server
        self.add(worker.backlog + worker.spare, worker.priority)
        self.later(self.random.randrange(12 * SECOND), lambda: self.ask(Lost(worker.name)))

    def reboot(self) -> None:
        """The machine is restarted: all workers die at once, and its clock begins anew."""
        self.boots += 1
        self.booted_us = self.at_us
        for worker in list(self.workers):
            self.crash(worker)

    def withdraw(self, worker: Worker) -> None:
        """A worker stops waiting for a while."""
        self.ask(Withdraw(worker.name))
        self.wish(worker, self.random.randrange(1, 10 * SECOND))

    def stumble(self) -> None:
        """Something goes wrong, sometimes; again after a while, as long as there is work."""
        busy = [one for one in self.workers if one.backlog or one.flying or one.spare]
        if not busy:
            return
        chance = self.random.random()
        worker = self.random.choice(busy)
        if chance < self.trouble / 4:
            self.reboot()
        elif chance < self.trouble:
            self.crash(worker)
        elif chance < 2 * self.trouble:
            self.withdraw(worker)
        self.later(self.random.randrange(1, 2 * max(self.period_us, SECOND)), self.stumble)
