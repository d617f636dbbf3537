"""Whatever a program is made of, a crash does not show."""

from functools import partial
from typing import Any

import msgspec
import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.engine.engine import EngineOptions
from podium.testing.crash import CrashProof
from podium.testing.simulator import SimWorld
from tests.property.programs import (
    any_programs,
    fresh_outside,
    nothing_was_done_twice,
    prop_program,
    settled_programs,
)
from tests.sim.cases import IS_FULL

pytestmark = pytest.mark.long

worlds = st.builds(
    dict, fickle=st.booleans(), stalls=st.sampled_from([0.0, 0.02, 0.3]),
    slowness=st.sampled_from([0.0, 1.0, 3.0]),
    options=st.sampled_from([0, 1, 10_000]).map(lambda most: EngineOptions(resident_max=most)),
)  # fmt: skip
crashes = st.tuples(st.floats(0, 1), st.one_of(st.none(), st.integers(2, 60)))
quick = settings(max_examples=60, suppress_health_check=list(HealthCheck))
long = settings(
    max_examples=5_000 if IS_FULL else 120,
    suppress_health_check=list(HealthCheck),
)


class AnyEnd(CrashProof):
    """A proof for programs whose output hangs on what ends first: only the promises are checked."""

    def _is_same(self, one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
        ends = {"succeeded", "failed"}
        return (
            one[0] in ends
            and other[0] in ends
            and {_code(one), _code(other)} <= {None, "deadlocked"}
        )


def _code(outcome: tuple[Any, ...]) -> str | None:
    return outcome[2] and outcome[2][2]


def prove(
    kind: type[CrashProof], tree: Any, seed: int, world: dict[str, Any],
    crash: tuple[float, int | None],
) -> None:  # fmt: skip
    """Run a program undisturbed, then with a crash or two at the drawn points."""
    tree = msgspec.json.decode(msgspec.json.encode(tree))
    proof = kind(
        workflow=prop_program, input={"tree": tree}, seed=seed, setup=fresh_outside,
        check=nothing_was_done_twice, world=partial(SimWorld, **world),
    )  # fmt: skip
    share, again = crash
    points = len(proof.carry_out([]).points)
    first = min(points - 1, int(share * points))
    report = proof.carry_out([(first,) if again is None else (first, first + again)])

    assert report.tried


@quick
@given(settled_programs, st.integers(0, 1000), worlds, crashes)
def test_a_crash_does_not_change_the_result(
    tree: Any, seed: int, world: dict[str, Any], crash: tuple[float, int | None]
) -> None:
    """The undisturbed result is the result with crashes, and other durations after them."""
    prove(CrashProof, tree, seed, world, crash)


@quick
@given(any_programs, st.integers(0, 1000), worlds, crashes)
def test_a_crash_does_not_change_what_was_seen(
    tree: Any, seed: int, world: dict[str, Any], crash: tuple[float, int | None]
) -> None:
    """Races, timeouts and cancels too: the recovered program sees its facts as it saw them first."""
    prove(AnyEnd, tree, seed, world, crash)


@long
@given(settled_programs, st.integers(0, 1000), worlds, crashes)
def test_a_crash_does_not_change_the_result_of_many(
    tree: Any, seed: int, world: dict[str, Any], crash: tuple[float, int | None]
) -> None:
    """The same for more programs."""
    prove(CrashProof, tree, seed, world, crash)


@long
@given(any_programs, st.integers(0, 1000), worlds, crashes)
def test_a_crash_does_not_change_what_was_seen_by_many(
    tree: Any, seed: int, world: dict[str, Any], crash: tuple[float, int | None]
) -> None:
    """The same for more programs."""
    prove(AnyEnd, tree, seed, world, crash)
