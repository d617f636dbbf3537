"""Whatever is given for a document or an input: a finding or one of the documented errors, in bounded time."""

import copy
import json
import subprocess
import sys

from typing import Any

import pytest

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from podium.core.errors import InputInvalid, ValueNotPortable
from podium.flow.flow import Flow as FlowDocument
from podium.flow.source import SourceError
from podium.testing.crash import quiet
from podium.testing.simulator import SimWorld
from tests.flow.proof.generate import Data, Flow, flows
from tests.flow.proof.hostile import documents
from tests.flow.proof.tools import fresh_outside
from tests.sim.cases import IS_FULL

pytestmark = pytest.mark.long

quick = settings(max_examples=40, suppress_health_check=list(HealthCheck))
long = settings(max_examples=10_000 if IS_FULL else 200, suppress_health_check=list(HealthCheck))
WORDS = (
    "podium", "name", "uses", "input", "env", "nodes", "output", "call", "flow", "switch", "for_each",
    "while", "until", "wait", "ask", "set", "fail", "args", "when", "else", "after", "join", "on_error",
    "retry", "timeout", "total_timeout", "effect", "compensate", "as", "key", "concurrency", "partial",
    "max", "every", "state", "next", "form", "to", "on_timeout", "signal", "type", "of", "rest",
    "proof_number", "n1", "n2", "loop", "item", "outcome", "any", "settled", "continue", "1s", "once",
    "${n1}", "${n1?}", "${", "${outcome.n1}", "${loop.state}", "${input.n}", "n1 > 2", "true",
)  # fmt: skip
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=6),
        st.sampled_from(WORDS),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=12,
)
seeds = st.integers(0, 1_000_000)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a value: what holds it, and its key."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        keys = (
            list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else []
        )
        found += [(one, key) for key in keys]
        waiting += [one[key] for key in keys]
    return found


@st.composite
def damaged(draw: st.DrawFn) -> Flow:
    """Draw a sound document, and damage it here and there."""
    flow = draw(flows())
    document = copy.deepcopy(flow.document)
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(places(document) or [({"x": 1}, "x")]))
        match draw(st.sampled_from(["put", "drop", "text", "swap", "add"])):
            case "put":
                holder[key] = draw(values)
            case "drop":
                del holder[key]
            case "text" if isinstance(holder[key], str):
                text, at = holder[key], draw(st.integers(0, 60))
                holder[key] = text[:at] + draw(st.text(max_size=3)) + text[at + 1 :]
            case "swap":
                other, name = draw(st.sampled_from(places(document)))
                holder[key] = copy.deepcopy(other[name])
            case _ if isinstance(holder[key], dict):
                holder[key][draw(st.sampled_from(WORDS))] = draw(values)
            case _:
                holder[key] = [holder[key]]
    return Flow(document, flow.input)


def check_and_run(data: Data, input: Data) -> None:
    """Check a document; where it is sound, carry it out: it ends, or waits for something it names."""
    flow = FlowDocument.from_dict(data)
    findings = flow.check()
    for one in findings:
        assert one.code
        assert one.message
        assert str(one)
    if any(one.is_error for one in findings):
        return
    fresh_outside()
    with quiet(), SimWorld(slowness=0.0, environment={}) as world:
        world.worker()
        try:
            world.start(flow, input)
        except (InputInvalid, ValueNotPortable):  # the second where it is no JSON: an infinity
            return
        world.settle()
        row = world.row("run")
        assert row.status in {"succeeded", "failed"} or (row.status == "waiting" and row.waits), (
            world.tell()
        )


def read(text: str | bytes) -> None:
    """Read a text; it is a document with findings, or refused."""
    try:
        flow = FlowDocument.from_text(text)
    except SourceError as error:
        place, findings = error.line, []
    else:
        place, findings = 1, flow.check()
    assert place >= 1
    assert all(map(str, findings))


@quick
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_bytes_are_a_document_or_refused(text: str | bytes) -> None:
    """Any bytes."""
    read(text)


@quick
@given(values)
def test_json_is_a_document_or_has_findings(value: Any) -> None:
    """Any JSON, at any place of a document."""
    for data in (
        value,
        {"podium": 1, "name": "x", "nodes": value},
        {"podium": 1, "nodes": {"a": value}},
    ):
        if isinstance(data, dict):
            check_and_run(data, {})


@quick
@given(damaged())
def test_a_damaged_document_has_findings_or_runs(flow: Flow) -> None:
    """Damage to a sound document is found, or does no harm."""
    check_and_run(flow.document, flow.input)


@quick
@given(damaged(), st.integers(0, 3_000), st.binary(max_size=4))
def test_a_damaged_text_is_a_document_or_refused(flow: Flow, at: int, noise: bytes) -> None:
    """Damage to its text."""
    text = json.dumps(flow.document, indent=1).encode()
    read(text[:at] + noise + text[at + len(noise) :])


@quick
@given(flows(), st.dictionaries(st.sampled_from(["n", "text", "items", "note", "x"]), values))
def test_any_input_fits_or_is_refused(flow: Flow, input: Data) -> None:
    """Anything as input: it is refused as invalid or as no JSON, or the run ends."""
    check_and_run(flow.document, input)


@long
@given(
    st.one_of(
        damaged(), st.builds(Flow, st.dictionaries(st.sampled_from(WORDS), values), st.just({}))
    )
)
def test_many_damaged_documents(flow: Flow) -> None:
    """The same for more of them."""
    check_and_run(flow.document, flow.input)


@long
@given(damaged(), st.integers(0, 3_000), st.binary(max_size=4))
def test_many_damaged_texts(flow: Flow, at: int, noise: bytes) -> None:
    """The same for more texts, and as YAML."""
    text = json.dumps(flow.document).encode().replace(b'"', b"" if at % 2 else b'"')
    assume(text)
    read(text[:at] + noise + text[at + len(noise) :])


def test_hostile_documents_take_little_memory_and_time() -> None:
    """Each is read or refused, in 1.5 GB of address space and two minutes of computing for all."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.flow.proof.hostile"],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert told == [name for name, _ in documents()], done.stderr[-2_000:]
    assert done.returncode == 0
