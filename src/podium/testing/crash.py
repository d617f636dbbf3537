"""``crash_everywhere``: run a workflow in the simulator, and again with a crash at each point in turn."""

from __future__ import annotations

import random

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from podium.core.codec import decode_any, encode
from podium.core.durations import seconds
from podium.functions.calls import Workflow
from podium.journal.records import Kind
from podium.journal.store import ENDED_STATUSES
from podium.testing.ledger import Ledger
from podium.testing.replay import brief, differences
from podium.testing.simulator import SILENCE, CrashPoint, Question, SimulationError, SimWorld

Answers = Callable[[Any], Any] | Sequence[Any]
RUN_ID = "run"
"""The id of the run that is crashed."""
_SIGNALS_EVERY_S = 0.001


class CrashFailure(AssertionError):
    """A crash made a difference."""


@dataclass
class CrashReport:
    """What ``crash_everywhere`` found: no difference.

    Attributes:
        workflow: Its name.
        seed: What everything was drawn from.
        status: How the undisturbed run ended (or ``waiting``).
        output: Its output.
        points: Every crash point of the undisturbed run.
        tried: Those at which it was crashed.
        attempts: The most bodies that began for each step, over all crashes.
        waiting: Crashes after which the run waits for a person to say whether a ``once`` happened.
    """

    workflow: str
    seed: object
    status: str
    output: Any
    points: list[CrashPoint]
    tried: list[CrashPoint] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    waiting: list[CrashPoint] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.workflow} was crashed at {len(self.tried)} of {len(self.points)} points "
            f"(seed {self.seed!r}): always {self.status}, {self.output!r}"
        )


def crash_everywhere(
    workflow: Workflow[..., Any], input: dict[str, Any] | None = None, *,
    signals: Iterable[tuple[Any, ...]] = (), answers: Answers = (), seed: object = 0,
    points: str | int | Iterable[int] = "all", setup: Callable[[], object] | None = None,
    check: Callable[[], object] | None = None, same: Callable[[Any, Any], bool] | None = None,
) -> CrashReport:  # fmt: skip
    """Prove that a workflow gives the same output wherever its process dies.

    It is run once undisturbed in a simulated world, where time costs nothing, then again with a
    crash at each point: before and after each body, append, commit and delivery. Each time what
    was not durable is lost, and a new process recovers the run.

    Args:
        workflow: The workflow.
        input: Its arguments by name.
        signals: What is sent to it: ``(name, value)`` or ``(name, value, after)``.
        answers: What people answer to its asks: a function of the form, or a list, in order.
            Whether a ``once`` has happened people know by themselves.
        seed: Durations and the order of what is ready are drawn from it.
        points: ``"all"``, a number (a sample of so many), or the points themselves.
        setup: Called before each world: puts back what the tasks change outside.
        check: Called after each world: may assert what the tasks have done outside.
        same: Compares two outputs, where ``==`` asks too much.

    Returns:
        What was tried.

    Raises:
        CrashFailure: A crash made a difference; it says which, where, and how to repeat it.
    """
    proof = _Proof(workflow, input or {}, list(signals), answers, seed, setup, check, same)
    return proof.carry_out(points)


@dataclass
class _World:
    """What is known of a world that is over."""

    outcome: tuple[Any, ...]
    points: list[CrashPoint]
    attempts: dict[str, int]
    faults: list[str]
    waits_for_person: bool


@dataclass
class _Proof:
    """One call of ``crash_everywhere``."""

    workflow: Workflow[..., Any]
    input: dict[str, Any]
    signals: list[tuple[Any, ...]]
    answers: Answers
    seed: object
    setup: Callable[[], object] | None
    check: Callable[[], object] | None
    same: Callable[[Any, Any], bool] | None

    def carry_out(self, points: str | int | Iterable[int]) -> CrashReport:
        """Run the undisturbed world, then each crashed one."""
        calm = self._world(None)
        if calm.faults:
            raise CrashFailure(self._text("even without a crash promises are broken", calm.faults))
        status, output, _ = calm.outcome
        report = CrashReport(self.workflow.name, self.seed, status, output, calm.points)
        report.attempts.update(calm.attempts)
        for index in self._chosen(points, len(calm.points)):
            world = self._world(index)
            self._compare(calm, world, index)
            report.tried.append(calm.points[index])
            if world.waits_for_person:
                report.waiting.append(calm.points[index])
            for step, count in world.attempts.items():
                report.attempts[step] = max(count, report.attempts.get(step, 0))
        return report

    def _chosen(self, points: str | int | Iterable[int], count: int) -> list[int]:
        if isinstance(points, str):
            if points != "all":
                raise ValueError(f"points={points!r}: expected 'all', a number, or a list of points")
            return list(range(count))
        if isinstance(points, int):
            chance = random.Random(f"points/{self.seed}")
            return sorted(chance.sample(range(count), min(points, count)))
        return [index for index in points if 0 <= index < count]

    def _world(self, crash_at: int | None) -> _World:
        if self.setup is not None:
            self.setup()
        with SimWorld(self.seed) as world:
            if crash_at is not None:
                world.crash_when = lambda point: point.index == crash_at
            people = _People(world.ledger, self.answers)
            world.answer_with = people.answer
            world.worker()
            world.start(self.workflow, self.input, id=RUN_ID)
            self._send_signals(world)
            problem = _let_it_end(world)
            faults = [*problem, *world.ledger.faults, *world.views.faults, *_untidy(world)]
            faults += self._checked(world)
            row = world.row(RUN_ID)
            return _World(
                brief(world.reader, row), world.points, world.ledger.attempts(), faults,
                b'"kind":"unknown"' in (row.waits or b""),
            )  # fmt: skip

    def _send_signals(self, world: SimWorld) -> None:
        for index, (name, value, *after) in enumerate(self.signals, start=1):
            delay_s = seconds(after[0], what="signals") if after else index * _SIGNALS_EVERY_S

            def send(name: str = name, value: Any = value) -> None:
                if not world.is_over(RUN_ID):
                    world.signal(RUN_ID, name, value)

            world.later(delay_s, send)

    def _checked(self, world: SimWorld) -> list[str]:
        found = [
            text for row in world.reader.runs(limit=100_000)
            for text in differences(world.reader, row, world.registry)
        ]  # fmt: skip
        if self.check is not None:
            try:
                self.check()
            except AssertionError as problem:
                found.append(f"check() failed: {problem}")
        return found

    def _compare(self, calm: _World, world: _World, index: int) -> None:
        point = calm.points[index]
        if world.points[: index + 1] != calm.points[: index + 1]:
            raise CrashFailure(
                self._text(
                    f"the way to crash point {point} was not the same twice; the tasks or the "
                    "workflow depend on real time, chance or state that setup= does not put back",
                    world.faults, index,
                )  # fmt: skip
            )
        if world.faults:
            raise CrashFailure(self._text(f"after a crash at {point} promises are broken", world.faults, index))
        if not (world.waits_for_person or self._is_same(calm.outcome, world.outcome)):
            lines = [f"undisturbed: {calm.outcome}", f"crashed:     {world.outcome}"]
            raise CrashFailure(self._text(f"after a crash at {point} the outcome differs", lines, index))

    def _is_same(self, one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
        if self.same is not None and one[0] == other[0] == "succeeded":
            return self.same(one[1], other[1])
        return one == other

    def _text(self, what: str, lines: list[str], index: int | None = None) -> str:
        name = self.workflow.name
        points = "" if index is None else f", points=[{index}]"
        shown = [line if len(line) < 2_000 else f"{line[:2_000]}…" for line in lines[:10]]
        return "\n".join([
            f"{name}: {what}.", *(f"  {line}" for line in shown),
            f"  To repeat it: crash_everywhere({name}, …, seed={self.seed!r}{points})",
        ])  # fmt: skip


class _People:
    """Answer what is asked: as told, and honestly where it is about a lost ``once``."""

    def __init__(self, ledger: Ledger, answers: Answers) -> None:
        self._ledger = ledger
        self._answers = answers
        self._order: dict[tuple[str, str], int] = {}

    def answer(self, question: Question) -> Any:
        """Return the answer, or silence."""
        form = question.form
        if isinstance(form, dict) and form.get("kind") == "unknown-outcome":
            return self._what_happened(question)
        if callable(self._answers):
            return self._answers(form)
        index = self._order.setdefault((question.run_id, question.path), len(self._order))
        return self._answers[index] if index < len(self._answers) else SILENCE

    def _what_happened(self, question: Question) -> Any:
        bodies = self._ledger.of_step(question.run_id, question.path)
        if not bodies or bodies[-1].state == "raised":
            return {"happened": False}
        if bodies[-1].state == "returned":
            return {"happened": True, "result": decode_any(encode(bodies[-1].value))}
        return SILENCE


def _let_it_end(world: SimWorld) -> list[str]:
    """Let the world come to rest; return what must not be."""
    try:
        world.settle()
    except SimulationError as problem:
        return [str(problem)]
    return []


def _untidy(world: SimWorld) -> list[str]:
    """Return what is left over in the database of a world that has come to rest."""
    found = []
    database = world.database
    for row in database.runs.values():
        if row.status in ("blocked", "quarantined"):
            found.append(f"run {row.id!r} is {row.status}: {brief(world.reader, row)[2]}")
        elif row.status not in ENDED_STATUSES and not (row.status == "waiting" and row.waits):
            found.append(f"run {row.id!r} is {row.status} and waits for nothing that it names")
        if row.status in ENDED_STATUSES:
            found += [f"ask {ask.id} of the ended run {row.id!r} is still open"
                      for ask in world.reader.asks(row.num)]  # fmt: skip
        emitted = sum(one.kind == Kind.EMITTED for one in database.records.get(row.num, ()))
        if emitted != len(database.stream.get(row.num, ())):
            found.append(f"run {row.id!r} recorded {emitted} chunks, its stream has others")
    for message in database.inbox.values():
        if database.runs[message.run].status not in ENDED_STATUSES:
            found.append(f"{message.kind} {message.name!r} for an open run was never taken")
    return found
