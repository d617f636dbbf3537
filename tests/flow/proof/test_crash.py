"""Whatever a document says, a crash does not show."""

from functools import partial
from typing import Any

import pytest

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from podium.flow.flow import Flow as FlowDocument
from podium.testing.crash import CrashProof
from podium.testing.simulator import SimWorld
from tests.flow.proof.compare import reference_of, shown
from tests.flow.proof.generate import Flow, Words, flows
from tests.flow.proof.test_differential import errors_of
from tests.flow.proof.tools import fresh_outside
from tests.sim.cases import IS_FULL

pytestmark = pytest.mark.long

SETTLED = Words(races=False, fatal=False)
"""Documents whose output is the same whatever ends first."""
quick = settings(max_examples=4, suppress_health_check=list(HealthCheck))
long = settings(max_examples=1_000 if IS_FULL else 5, suppress_health_check=list(HealthCheck))
crashes = st.tuples(st.floats(0, 1), st.one_of(st.none(), st.integers(2, 60)))


class AnyEnd(CrashProof):
    """A proof for documents whose output hangs on what ends first: only the promises are checked."""

    def _is_same(self, one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
        return {one[0], other[0]} <= {"succeeded", "failed"}


def proof_of(kind: type[CrashProof], flow: Flow, **world: Any) -> CrashProof:
    """Return the proof that a document is the same after crashes."""
    assume(not errors_of(flow))
    document = FlowDocument.from_dict(flow.document)
    return kind(
        workflow=document, input=flow.input, setup=fresh_outside,
        world=partial(SimWorld, environment={}, slowness=0.0, **world),
    )  # fmt: skip


def crash(kind: type[CrashProof], flow: Flow, place: tuple[float, int | None]) -> Any:
    """Crash a document once or twice at drawn points; return its output."""
    proof = proof_of(kind, flow)
    share, again = place
    points = len(proof.carry_out([]).points)
    first = min(points - 1, int(share * points))
    report = proof.carry_out([(first,) if again is None else (first, first + again)])
    assert report.tried
    return report.output


@quick
@given(flows(SETTLED), crashes)
def test_a_crash_does_not_change_the_output(flow: Flow, place: tuple[float, int | None]) -> None:
    """The output after a crash is that without one, and that of the page."""
    assert shown(crash(CrashProof, flow, place)) == shown(reference_of(flow).output)


@quick
@given(flows(), crashes)
def test_a_crash_breaks_no_promise(flow: Flow, place: tuple[float, int | None]) -> None:
    """Joins, times that run out and failures too: the recovered run sees what it saw, and ends."""
    crash(AnyEnd, flow, place)


@long
@given(flows(SETTLED))
def test_a_crash_at_any_fact_does_not_change_the_output(flow: Flow) -> None:
    """The same at every point of a document, or at forty of them."""
    report = proof_of(CrashProof, flow).carry_out("all" if IS_FULL else 25)
    assert shown(report.output) == shown(reference_of(flow).output)


@settings(long, max_examples=2_000 if IS_FULL else 40)
@given(flows(), crashes)
def test_a_crash_breaks_no_promise_of_many(flow: Flow, place: tuple[float, int | None]) -> None:
    """The same for more documents."""
    crash(AnyEnd, flow, place)
