"""A workflow is the same, whether it is written as a function or as a document."""

from __future__ import annotations

import re

from functools import partial
from typing import Any, NamedTuple

import pytest

from podium import Workflow
from podium.client.views import StepView, steps_of
from podium.core.codec import decode_any
from podium.core.errors import ErrorInfo
from podium.engine.replaying import Values
from podium.journal.store import RunRow
from podium.testing import CrashReport, SimWorld, crash_everywhere
from podium.testing.crash import quiet
from podium.testing.replay import brief
from tests.flow.equivalence.pairs import PAIRS, Pair
from tests.sim.cases import IS_FULL

pytestmark = pytest.mark.long

_GATHERED = re.compile(r"(gather|race)(#\d+)?\[\d+\]/|lock:\w+/")
_PASS = re.compile(r"\.(\d+)")
_CASES = [
    pytest.param(pair, index, id=f"{name}-{index}")
    for name, pair in PAIRS.items()
    for index in range(len(pair.inputs))
]


class Told(NamedTuple):
    """What the journal tells of a step.

    Attributes:
        path: Its name by place, as a document says it.
        error: Type, code and message where it failed.
    """

    path: str
    task: str
    effect: str
    status: str
    attempts: int
    arguments: Any
    result: Any
    error: tuple[str, str, str] | None


class Story(NamedTuple):
    """What the journals tell of a run and its children: steps, and how it ended."""

    end: tuple[str, Any, Any]
    steps: list[Told]
    children: list[tuple[str, Any, Any]]


def _carry_out(pair: Pair, workflow: Workflow[..., Any], given: dict[str, Any]) -> Story:
    """Run one way of a pair in a simulated world."""
    with quiet(), SimWorld(slowness=0.0, environment={}) as world:
        answers = iter(pair.answers)
        world.answer_with = lambda _: next(answers)
        world.worker()
        world.start(workflow, given)
        for name, value, after in pair.signals:
            seconds = {"s": 1, "h": 3600}[after[-1]] * float(after[:-1])
            world.later(seconds, partial(world.signal, "run", name, value))
        world.settle()
        row, *children = sorted(world.reader.runs(limit=100), key=lambda one: one.num)
        steps = [told for one in (row, *children) for told in _told(world, one)]
        others = [(one.workflow, _input(world, one), _end(world, one)) for one in children]
        return Story(_end(world, row), sorted(steps, key=repr), others)


def _told(world: SimWorld, row: RunRow) -> list[Told]:
    values = Values(world.reader, row.family)

    def opened(envelope: bytes) -> Any:
        return decode_any(values.open(envelope)) if envelope else None

    def one(step: StepView) -> Told:
        path = _PASS.sub(r"[\1]", _GATHERED.sub("", step.path))
        return Told(
            path, step.task, step.effect, step.status, step.attempts, opened(step.arguments),
            opened(step.result), _began(step.error) if step.error else None,
        )  # fmt: skip

    steps = steps_of(world.reader.records(row.num, row.base, 100_000))
    return [one(step) for step in steps if step.task.startswith("eq_")]


def _began(error: ErrorInfo) -> tuple[str, str, str]:
    return error.type, error.code, error.message


def _input(world: SimWorld, row: RunRow) -> Any:
    return decode_any(Values(world.reader, row.family).open(row.input))


def _end(world: SimWorld, row: RunRow) -> tuple[str, Any, Any]:
    """Return how a run ended: status, output, and the error in which it began."""
    status, output, error = brief(world.reader, row)
    while error is not None and error[-1] is not None:
        error = error[-1]
    return status, output, None if error is None else error[:3]


@pytest.mark.parametrize(("pair", "index"), _CASES)
def test_both_ways_are_the_same(pair: Pair, index: int) -> None:
    """Both make the same calls under the same names, with the same arguments, results and errors, and
    come to the same end; so do their children."""
    given = pair.inputs[index]
    function = _carry_out(pair, pair.function, given)
    document = _carry_out(pair, pair.document, given)

    assert document == function
    assert document.end[0] in ("succeeded", "failed")
    assert document.steps


def _crash(pair: Pair, index: int, points: Any, seed: int) -> tuple[CrashReport, CrashReport]:
    first, second = (
        crash_everywhere(
            one, pair.inputs[index], signals=pair.signals, answers=pair.answers, points=points,
            seed=seed,
        )
        for one in (pair.function, pair.document)
    )  # fmt: skip
    return first, second


@pytest.mark.parametrize(("pair", "index"), _CASES)
def test_both_ways_survive_some_crashes(pair: Pair, index: int) -> None:
    """Wherever the process dies, both come to the end that they have without it."""
    function, document = _crash(pair, index, 3, seed=1)

    assert (document.status, document.output) == (function.status, function.output)


@pytest.mark.parametrize(("pair", "index"), _CASES)
def test_both_ways_survive_every_crash(pair: Pair, index: int) -> None:
    """So it is at every point, and with other durations."""
    for seed in range(3 if IS_FULL else 1):
        function, document = _crash(pair, index, "all" if IS_FULL else 10, seed)

        assert (document.status, document.output) == (function.status, function.output)
        if IS_FULL:
            assert document.tried == document.points


def test_there_are_enough_of_them() -> None:
    """Every way in which people write workflows is there."""
    assert len(PAIRS) >= 15
