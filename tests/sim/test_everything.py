"""A workflow that uses every primitive, crashed everywhere: the same output, nothing done twice."""

import random

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from podium import warn
from podium.engine.engine import EngineOptions
from podium.testing.crash import CrashProof, CrashReport
from podium.testing.simulator import SimWorld
from tests.sim.cases import IS_FULL
from tests.sim.programs import (
    SIGNALS,
    answer,
    fresh_outside,
    nothing_was_done_twice,
    outside,
    sim_everything,
    sim_undone,
    sim_waits_for_cancel,
)

pytestmark = pytest.mark.long

PRIMITIVES = {
    "ask", "child", "emit", "env", "gather", "map", "now", "patched", "publish", "race", "random",
    "receive", "restart_with", "scope", "send", "sleep", "sleep_until", "uuid4", "warn",
}  # fmt: skip
CRASHES = {
    "before-effect", "effect-done", "before-append", "appended", "before-commit", "after-commit",
    "committed", "before-deliver", "delivered", "claimed",
}  # fmt: skip


def everything(seed: object, **world: Any) -> CrashProof:
    return CrashProof(
        workflow=sim_everything, input={"rounds": 2}, signals=SIGNALS, answers=answer, seed=seed,
        setup=fresh_outside, check=nothing_was_done_twice, world=partial(SimWorld, **world),
    )  # fmt: skip


def test_it_uses_every_primitive_and_passes_every_kind_of_crash_point() -> None:
    """Nothing is left out of the proof."""
    from tests.sim import programs

    report = everything(0).carry_out([])
    text = Path(programs.__file__).read_text(encoding="utf-8")
    unused = [name for name in PRIMITIVES if f"{name}(" not in text.split("# every primitive")[1]]

    assert unused == []
    assert {point.name for point in report.points} >= CRASHES
    assert warn is not None


@pytest.mark.parametrize("seed", range(2))
def test_a_sample_of_crashes(seed: int) -> None:
    """Quick: a few points, drawn from the seed."""
    report = everything(seed).carry_out(15)

    assert report.status == "succeeded"
    assert len(report.tried) == 15


@pytest.mark.parametrize("seed", range(3))
def test_a_crash_at_every_point(seed: int) -> None:
    """Each point in turn."""
    report = everything(seed).carry_out("all" if IS_FULL else 60)
    once = [count for step, count in report.attempts.items() if step.endswith("sim_mail")]

    assert report.status == "succeeded"
    assert len(report.tried) == (len(report.points) if IS_FULL else 60)
    assert once
    assert max(once) == 2  # once in each incarnation


@pytest.mark.parametrize("seed", range(200 if IS_FULL else 6))
def test_two_crashes_in_other_worlds(seed: int) -> None:
    """Stalls, slow bodies, other durations after each crash, runs that leave memory at once."""
    chance = random.Random(seed)
    proof = everything(
        seed, stalls=chance.choice((0.0, 0.02, 0.3)), fickle=chance.random() < 0.5,
        slowness=chance.choice((0.0, 1.0, 5.0)),
        options=EngineOptions(resident_max=chance.choice((0, 1, 10_000))),
    )  # fmt: skip
    firsts = [chance.randrange(700) for _ in range(6)]
    report = proof.carry_out([(first, first + chance.randrange(2, 150)) for first in firsts])

    assert report.status == "succeeded"


@pytest.mark.parametrize("seed", range(10 if IS_FULL else 1))
def test_what_may_have_happened_is_undone_wherever_it_is_crashed(seed: int) -> None:
    """Compensation runs in reverse order, once the run has failed, and survives crashes itself."""
    proof = CrashProof(
        workflow=sim_undone, input={}, seed=seed, setup=fresh_outside, check=all_undone
    )

    assert proof.carry_out().status == "failed"


@pytest.mark.parametrize("seed", range(10 if IS_FULL else 1))
def test_a_cancelled_run_is_undone_with_its_child_wherever_it_is_crashed(seed: int) -> None:
    """Cancel reaches parent and child; ``finally`` runs; both are undone."""

    def world(seed: object) -> SimWorld:
        world = SimWorld(seed)
        world.later(2.0, lambda: None if world.is_over("run") else world.cancel("run"))
        return world

    proof = CrashProof(
        workflow=sim_waits_for_cancel, input={}, seed=seed, setup=fresh_outside, check=all_undone,
        world=world,
    )  # fmt: skip
    report: CrashReport = proof.carry_out()

    assert report.status == "cancelled"


def all_undone() -> None:
    """Whatever was booked was undone."""
    assert set(outside.booked) == set(outside.undone)
