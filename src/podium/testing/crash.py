"""``crash_everywhere``: run a workflow in the simulator, and again with a crash at each point in turn."""

from __future__ import annotations

import logging
import random

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from podium.core.codec import decode_any, encode
from podium.core.durations import seconds
from podium.functions.calls import Workflow
from podium.journal.records import Kind
from podium.journal.store import ENDED_STATUSES, RunRow
from podium.testing.ledger import Ledger
from podium.testing.replay import brief, differences
from podium.testing.simulator import SILENCE, CrashPoint, Question, SimulationError, SimWorld

Points = str | int | Iterable[int | tuple[int, ...]]
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
    points: Points = "all", setup: Callable[[], object] | None = None,
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
        points: ``"all"``, a number (a sample of so many), or the points themselves; a tuple
            stands for several crashes in one world.
        setup: Called before each world: puts back what the tasks change outside.
        check: Called after each world: may assert what the tasks have done outside.
        same: Compares two outputs, where ``==`` asks too much.

    Returns:
        What was tried.

    Raises:
        CrashFailure: A crash made a difference; it says which, where, and how to repeat it.
    """
    proof = CrashProof(
        workflow=workflow, input=input or {}, signals=list(signals), answers=answers, seed=seed,
        setup=setup, check=check, same=same,
    )  # fmt: skip
    return proof.carry_out(points)


@dataclass
class _World:
    """What is known of a world that is over."""

    outcome: tuple[Any, ...]
    points: list[CrashPoint]
    attempts: dict[str, int]
    faults: list[str]
    waits_for_person: bool


@dataclass(kw_only=True)
class CrashProof:
    """One call of :func:`crash_everywhere`, for those who want other worlds.

    Attributes:
        world: Makes each world.
    """

    workflow: Workflow[..., Any]
    input: dict[str, Any]
    signals: list[tuple[Any, ...]] = field(default_factory=list)
    answers: Answers = ()
    seed: object = 0
    setup: Callable[[], object] | None = None
    check: Callable[[], object] | None = None
    same: Callable[[Any, Any], bool] | None = None
    world: Callable[[object], SimWorld] = SimWorld

    def carry_out(self, points: Points = "all") -> CrashReport:
        """Run the undisturbed world, then each crashed one.

        Raises:
            CrashFailure: A crash made a difference.
        """
        with quiet():
            calm = self._world(())
            if calm.faults:
                raise CrashFailure(
                    self._text("even without a crash promises are broken", calm.faults)
                )
            status, output, _ = calm.outcome
            report = CrashReport(self.workflow.name, self.seed, status, output, calm.points)
            report.attempts.update(calm.attempts)
            for plan in self._chosen(points, len(calm.points)):
                self._try(calm, plan, report)
            return report

    def _try(self, calm: _World, plan: tuple[int, ...], report: CrashReport) -> None:
        world = self._world(plan)
        self._compare(calm, world, plan)
        report.tried.append(calm.points[plan[0]])
        if world.waits_for_person:
            report.waiting.append(calm.points[plan[0]])
        for step, count in world.attempts.items():
            report.attempts[step] = max(count, report.attempts.get(step, 0))

    def _chosen(self, points: Points, count: int) -> list[tuple[int, ...]]:
        if isinstance(points, str):
            if points != "all":
                raise ValueError(
                    f"points={points!r}: expected 'all', a number, or a list of points"
                )
            return [(number,) for number in range(count)]
        if isinstance(points, int):
            chance = random.Random(f"points/{self.seed}")
            return [(number,) for number in sorted(chance.sample(range(count), min(points, count)))]
        plans = [(one,) if isinstance(one, int) else tuple(one) for one in points]
        return [plan for plan in plans if 0 <= plan[0] < count]

    def _world(self, plan: tuple[int, ...]) -> _World:
        if self.setup is not None:
            self.setup()
        with self.world(self.seed) as world:
            world.crash_when = lambda point: point.number in plan
            world.answer_with = _People(world.ledger, self.answers).answer
            world.worker()
            world.start(self.workflow, self.input, id=RUN_ID)
            self._send_signals(world)
            faults = _let_it_end(world)
            faults += [*world.ledger.faults, *world.views.faults, *_untidy(world)]
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

    def _compare(self, calm: _World, world: _World, plan: tuple[int, ...]) -> None:
        first = plan[0]
        where = " and ".join(str(world.points[one]) for one in plan if one < len(world.points))
        if world.points[: first + 1] != calm.points[: first + 1]:
            what = (
                f"the way to crash point {calm.points[first]} was not the same twice; the tasks or "
                "the workflow depend on real time, chance or state that setup= does not put back"
            )
            raise CrashFailure(self._text(what, world.faults, plan))
        if world.faults:
            what = f"after a crash at {where} promises are broken"
            raise CrashFailure(self._text(what, world.faults, plan))
        if not (world.waits_for_person or self._is_same(calm.outcome, world.outcome)):
            what = f"after a crash at {where} the outcome differs"
            lines = list(difference(calm.outcome, world.outcome))
            raise CrashFailure(self._text(what, lines, plan))

    def _is_same(self, one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
        if self.same is not None and one[0] == other[0] == "succeeded":
            return self.same(one[1], other[1])
        return one == other

    def _text(self, what: str, lines: list[str], plan: tuple[int, ...] = ()) -> str:
        name = self.workflow.name
        shown = plan[0] if len(plan) == 1 else plan
        points = f", points=[{shown}]" if plan else ""
        return "\n".join([
            f"{name}: {what}.",
            *(f"  {line if len(line) < 2_000 else f'{line[:2_000]}…'}" for line in lines[:10]),
            f"  To repeat it: crash_everywhere({name}, …, seed={self.seed!r}{points})",
        ])  # fmt: skip


def difference(calm: Any, crashed: Any, place: str = "outcome") -> Iterator[str]:
    """Say where two outcomes differ."""
    if isinstance(calm, dict) and isinstance(crashed, dict) and calm.keys() == crashed.keys():
        for key in calm:
            yield from difference(calm[key], crashed[key], f"{place}[{key!r}]")
    elif (
        isinstance(calm, list | tuple) and type(calm) is type(crashed) and len(calm) == len(crashed)
    ):
        for index, (one, other) in enumerate(zip(calm, crashed, strict=True)):
            yield from difference(one, other, f"{place}[{index}]")
    elif calm != crashed:
        yield f"{place}: undisturbed {calm!r}, crashed {crashed!r}"


@contextmanager
def quiet() -> Iterator[None]:
    """Dying workers are what a proof is about, not worth a warning each."""
    logger = logging.getLogger("podium")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


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
        elif row.status == "waiting":
            found += _never_woken(row)
        if row.status in ENDED_STATUSES:
            found += [f"ask {ask.id} of the ended run {row.id!r} is still open"
                      for ask in world.reader.asks(row.num)]  # fmt: skip
        found += _shown_twice(world, row)
    for message in database.inbox.values():
        if database.runs[message.run].status not in ENDED_STATUSES:
            found.append(f"{message.kind} {message.name!r} for an open run was never taken")
    return found


def _never_woken(row: RunRow) -> list[str]:
    """Return what a waiting run waits for although time alone should have brought it."""
    return [
        f"run {row.id!r} was never woken by the {wait['kind']} at {wait['path']!r}"
        for wait in decode_any(row.waits or b"[]")
        if wait["kind"] in ("timer", "retry")
    ]


def _shown_twice(world: SimWorld, row: RunRow) -> list[str]:
    """Return what a run has published or emitted more than once for the same call."""
    shown = Counter(
        (record.kind, record.path)
        for record in world.journal(row.id)
        if record.kind in (Kind.EMITTED, Kind.PUBLISHED)
    )
    found = [f"run {row.id!r} showed {path!r} {n} times" for (_, path), n in shown.items() if n > 1]
    chunks = sum(one.kind == Kind.EMITTED for one in world.database.records.get(row.num, ()))
    if chunks != sum(not one.attempt for one in world.database.stream.get(row.num, ())):
        found.append(f"run {row.id!r} recorded {chunks} chunks, its stream has others")
    return found
