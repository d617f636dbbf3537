"""Sound documents have no errors; one defect put into them is found, and named where it is."""

from __future__ import annotations

import copy

from typing import Any

import pytest

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from podium.core.spec import registry
from podium.flow.check import check, result_schema
from podium.flow.findings import Finding
from podium.flow.parse import parse
from tests.flow.check.defects import DEFECTS, Data, Defect
from tests.flow.proof.generate import Flow, flows
from tests.sim.cases import IS_FULL

pytestmark = pytest.mark.long

JUNK = st.sampled_from(
    [
        None,
        3,
        "",
        "${",
        "${n1}",
        "${loop.pass}",
        [],
        {},
        True,
        "x",
        ["n1", "n2?"],
        {"set": "${n1? ?? item}"},
    ]
)
LOOSE = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None
)
QUICK, LONG = 2, 40 if IS_FULL else 15


def found_in(document: Data) -> list[Finding]:
    """What the check finds in a document that can be read."""
    parsed = parse(document, name="drawn")
    assert parsed.document is not None
    assert parsed.findings == []
    return check(parsed.document, registry.tasks, registry.workflows)


def is_named(defect: Defect, drawn: Flow, data: st.DataObject) -> None:
    """Put a defect into a document, and look for it."""
    document = copy.deepcopy(drawn.document)
    seeded = defect(document, lambda places: data.draw(st.sampled_from(places)))
    assume(seeded is not None)
    found = found_in(document)

    assert seeded in [(one.code, one.path) for one in found], "\n".join(map(str, found))


@settings(LOOSE, max_examples=20)
@given(flows())
def test_sound_documents(drawn: Flow) -> None:
    """A sound document has no errors, and a result that is known."""
    errors = [one for one in found_in(drawn.document) if one.is_error]
    parsed = parse(drawn.document, name="drawn")

    assert errors == []
    assert parsed.document is not None
    assert result_schema(parsed.document, registry.tasks, registry.workflows) != {}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: one.__name__)
@settings(LOOSE, max_examples=QUICK)
@given(flows(), st.data())
def test_a_defect_is_named(defect: Defect, drawn: Flow, data: st.DataObject) -> None:
    """Each kind of defect is found where it is."""
    is_named(defect, drawn, data)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A document of which some parts were taken out, or replaced by something else."""
    document = copy.deepcopy(draw(flows()).document)
    for _ in range(draw(st.integers(1, 4))):
        part: Any = document
        while True:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(part[key], dict | list) and part[key] and draw(st.booleans()):
                part = part[key]
                continue
            if draw(st.booleans()):
                del part[key]
            else:
                part[key] = draw(JUNK)
            break
    return document


def survives(document: Any) -> None:
    """Whatever was read can be checked, and what is said of it is a finding in it."""
    parsed = parse(document, name="drawn")
    if parsed.document is None:
        return
    found = check(parsed.document, registry.tasks, registry.workflows, known=parsed.findings)

    assert all(one.path.startswith("$") and one.message for one in found)
    assert found == check(
        parsed.document, registry.tasks, registry.workflows, known=parsed.findings
    )


@settings(LOOSE, max_examples=30)
@given(damaged())
def test_anything_can_be_checked(document: Any) -> None:
    """A damaged document is checked as far as it was read, without an exception."""
    survives(document)


@settings(LOOSE, max_examples=5_000 if IS_FULL else 250)
@given(damaged())
def test_anything_can_be_checked_in_many(document: Any) -> None:
    """The same, of many more."""
    survives(document)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: one.__name__)
@settings(LOOSE, max_examples=LONG)
@given(flows(), st.data())
def test_a_defect_is_named_in_many(defect: Defect, drawn: Flow, data: st.DataObject) -> None:
    """The same, in many more documents."""
    is_named(defect, drawn, data)
