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


class Committed:
    """What is durable, as far as the guarantee speaks of it. Keys are (run, path)."""

    def __init__(self) -> None:
        self.results: dict[int, set[str]] = defaultdict(set)
        self.starts: dict[tuple[int, str], tuple[str, int, str]] = {}
        self.not_done: dict[tuple[int, str], set[int]] = defaultdict(set)
        self.facts: dict[int, int] = defaultdict(int)
        """How many facts of the current incarnation are durable."""

    def take(self, batch: Batch) -> None:
        """Note what a commit has made durable."""
        for run, kind, path, _, body in batch.records:
            if kind < Kind.STARTED:
                self.facts[run] += 1
            if kind == Kind.RESULT:
                self.results[run].add(path)
                result = decode_result(body)
                if result.x is not None and result.x.code == "not-done":
                    self.not_done[run, path].add(result.n)
            elif kind == Kind.STARTED:
                started = decode_started(body)
                self.starts[run, path] = (started.k, started.n, started.key)
            elif kind == Kind.FAILED_ATTEMPT:
                failed = decode_failed_attempt(body)
                if failed.x.code == "not-done":
                    self.not_done[run, path].add(failed.n)
            elif kind == Kind.RESTARTED:
                self._forget(run)

    def _forget(self, run: int) -> None:
        self.results.pop(run, None)
        self.facts.pop(run, None)
        for key in [key for key in self.starts if key[0] == run]:
            del self.starts[key]
        for key in [key for key in self.not_done if key[0] == run]:
            del self.not_done[key]


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
        self._keys: dict[tuple[str, int, str], str] = {}

    def about_to_begin(self, attempt: Attempt, num: int, incarnation: int) -> None:
        """Check that the engine may begin this attempt now."""
        path, spec = attempt.path, attempt.spec
        where = f"step {path!r} ({spec.name}, {spec.effect}) of run {attempt.run_id!r}"
        if path in self.committed.results[num]:
            self.faults.append(f"{where} began again although its result was committed")
        if spec.touches:
            self._check_start(attempt, num, where)
            known = self._keys.setdefault((attempt.run_id, incarnation, path), attempt.key)
            if known != attempt.key:
                self.faults.append(f"{where} was repeated with another idempotency key")
        if spec.effect is Effect.ONCE:
            self._check_once(attempt, num, where)

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

    def _check_start(self, attempt: Attempt, num: int, where: str) -> None:
        started = self.committed.starts.get((num, attempt.path))
        if started is None or started[1] < attempt.number:
            self.faults.append(f"{where}: attempt {attempt.number} began before its start was durable")
        elif started[0] == attempt.spec.name and started[1:] != (attempt.number, attempt.key):
            self.faults.append(
                f"{where}: attempt {attempt.number} with key {attempt.key} began, "
                f"but attempt {started[1]} with key {started[2]} is what was recorded"
            )

    def _check_once(self, attempt: Attempt, num: int, where: str) -> None:
        declared = self.committed.not_done[num, attempt.path]
        for earlier in self._by_key[attempt.key, attempt.spec.name]:
            if not earlier.did_not_happen and earlier.number not in declared:
                self.faults.append(
                    f"{where} began again (attempt {attempt.number}) although attempt "
                    f"{earlier.number} had {earlier.state} and was not declared not done"
                )
