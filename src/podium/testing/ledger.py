"""What the outside world saw of a simulated run: every body that began, and whether it was allowed to.

It looks at committed state only, so it knows what the engine may rest on: an effect may begin only
when its start is durable, and nothing may begin again once its result is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from podium.core.effects import Effect
from podium.core.errors import NotDone
from podium.core.ports import Attempt
from podium.journal.records import (
    Kind,
    Started,
    decode_failed_attempt,
    decode_result,
    decode_started,
)
from podium.journal.store import Batch


@dataclass(slots=True)
class BodyRun:
    """A body that was begun.

    Attributes:
        state: ``begun``, ``returned`` or ``raised``.
        value: What it returned.
        error: What it raised.
    """

    process: int
    run_id: str
    path: str
    task: str
    effect: str
    number: int
    key: str
    state: str = "begun"
    value: Any = None
    error: BaseException | None = None
    declared: tuple[type[BaseException], ...] = ()

    @property
    def did_not_happen(self) -> bool:
        """Whether the body itself declared that nothing happened."""
        return isinstance(self.error, (NotDone, *self.declared))


Place = tuple[int, int, str]
"""A step: the run's number, its incarnation, the path."""


class Committed:
    """What is durable, as far as the guarantee speaks of it."""

    def __init__(self) -> None:
        self.results: set[Place] = set()
        self.starts: dict[Place, Started] = {}
        self.not_done: dict[Place, set[int]] = defaultdict(set)
        """Attempts that were declared not to have happened."""
        self._incarnations: dict[int, int] = defaultdict(int)

    def take(self, batch: Batch) -> None:
        """Note what a commit has made durable."""
        for run, kind, path, _, body in batch.records:
            place = (run, self._incarnations[run], path)
            if kind == Kind.RESULT:
                self.results.add(place)
                result = decode_result(body)
                if result.x is not None and result.x.code == "not-done":
                    self.not_done[place].add(result.n)
            elif kind == Kind.STARTED:
                self.starts[place] = decode_started(body)
            elif kind == Kind.FAILED_ATTEMPT:
                failed = decode_failed_attempt(body)
                if failed.x.code == "not-done":
                    self.not_done[place].add(failed.n)
            elif kind == Kind.RESTARTED:
                self._incarnations[run] += 1


class Ledger:
    """Every body that began in a simulated world, and every broken promise.

    Attributes:
        bodies: In the order in which they began.
        faults: What was not allowed, in words.
    """

    def __init__(self) -> None:
        self.committed = Committed()
        self.bodies: list[BodyRun] = []
        self.faults: list[str] = []
        self._by_key: dict[tuple[str, str], list[BodyRun]] = defaultdict(list)
        self._keys: dict[Place, str] = {}

    def judge(self, attempt: Attempt, place: Place, *, is_fenced: bool) -> None:
        """Check that the body of an attempt may begin now.

        A worker that was frozen and does not know yet that it was fenced may still look at the
        world, and repeat what may be repeated.
        """
        spec = attempt.spec
        where = f"step {attempt.path!r} ({spec.name}, {spec.effect}) of run {attempt.run_id!r}"
        if is_fenced and spec.effect is not Effect.ONCE:
            return
        if place in self.committed.results:
            self.faults.append(f"{where} began again although its result was committed")
        if spec.touches:
            self._check_start(attempt, place, where)
            if self._keys.setdefault(place, attempt.key) != attempt.key:
                self.faults.append(f"{where} was repeated with another idempotency key")
        if spec.effect is Effect.ONCE:
            self._check_once(attempt, place, where)

    def begun(self, attempt: Attempt, process: int) -> BodyRun:
        """Note that a body has begun."""
        spec = attempt.spec
        body = BodyRun(
            process, attempt.run_id, attempt.path, spec.name, spec.effect.value, attempt.number,
            attempt.key, declared=spec.options.not_done,
        )  # fmt: skip
        self.bodies.append(body)
        self._by_key[body.key, body.task].append(body)
        return body

    def attempts(self) -> dict[str, int]:
        """Return how many bodies began, by ``run: path``."""
        counts: dict[str, int] = defaultdict(int)
        for body in self.bodies:
            counts[f"{body.run_id}: {body.path}"] += 1
        return dict(counts)

    def of_step(self, run_id: str, path: str) -> list[BodyRun]:
        """Return the bodies that began for a step."""
        return [body for body in self.bodies if (body.run_id, body.path) == (run_id, path)]

    def _check_start(self, attempt: Attempt, place: Place, where: str) -> None:
        started = self.committed.starts.get(place)
        if started is None or started.n < attempt.number:
            self.faults.append(
                f"{where}: attempt {attempt.number} began before its start was durable"
            )
        elif started.k == attempt.spec.name and started.n != attempt.number:
            self.faults.append(f"{where}: attempt {attempt.number} began after attempt {started.n}")

    def _check_once(self, attempt: Attempt, place: Place, where: str) -> None:
        declared = self.committed.not_done[place]
        for earlier in self._by_key[attempt.key, attempt.spec.name]:
            if not earlier.did_not_happen and earlier.number not in declared:
                self.faults.append(
                    f"{where} began again (attempt {attempt.number}) although attempt "
                    f"{earlier.number} had {earlier.state} and was not declared not done"
                )
