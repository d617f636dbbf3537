"""A sound document does what the page says: the same nodes, calls, arguments and outcome as the reference."""

from collections.abc import Iterator
from typing import Any

import pytest

from hypothesis import HealthCheck, assume, given, settings

from podium.flow.flow import Flow as FlowDocument
from tests.flow.proof.compare import carry_out, differences, reference_of
from tests.flow.proof.generate import Flow, Words, flows
from tests.sim.cases import IS_FULL

pytestmark = pytest.mark.long

POINTLESS = {"unreachable", "never-ends"}
"""What the check may hold against a drawn document: a part of it is in vain."""
EXPECTED = {"trouble", "timeout", "failed", "drawn", "max-passes"}
"""How nodes of drawn documents may fail."""
quick = settings(max_examples=20, suppress_health_check=list(HealthCheck))
long = settings(max_examples=5_000 if IS_FULL else 100, suppress_health_check=list(HealthCheck))


def errors_of(flow: Flow) -> list[Any]:
    """Return what the check finds that must not be."""
    return [one for one in FlowDocument.from_dict(flow.document).check() if one.is_error]


def codes_in(value: Any) -> Iterator[str]:
    """Give the code of every error within an output."""
    if isinstance(value, list):
        for one in value:
            yield from codes_in(one)
    if isinstance(value, dict):
        if value.keys() == {"type", "code", "message", "path"}:
            yield value["code"]
        for one in value.values():
            yield from codes_in(one)


def agree(flow: Flow) -> None:
    """Carry out a document twice, by the page and for real."""
    errors = errors_of(flow)
    assert {one.code for one in errors} <= POINTLESS, errors
    assume(not errors)
    report = reference_of(flow)
    assume(not report.doubts)
    found = carry_out(flow)
    assert list(differences(report, found)) == []
    codes = {*codes_in(found.output), *([report.error["code"]] if report.error else [])}
    assert codes <= EXPECTED


@quick
@given(flows())
def test_a_sound_document_does_what_the_page_says(flow: Flow) -> None:
    """No reference and no type fails in it, and it agrees with the reference interpreter."""
    agree(flow)


@long
@given(flows())
def test_many_sound_documents_do_what_the_page_says(flow: Flow) -> None:
    """The same for more documents."""
    agree(flow)


@settings(long, max_examples=1_000 if IS_FULL else 15)
@given(flows(Words(depth=4, nodes=12, in_all=40)))
def test_large_documents_do_what_the_page_says(flow: Flow) -> None:
    """The same for larger ones."""
    agree(flow)
