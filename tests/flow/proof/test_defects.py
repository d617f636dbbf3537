"""Every defect that is put into a sound document is found by the check, at its place."""

import copy

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from podium.flow.findings import FlowInvalid
from podium.flow.flow import Flow as FlowDocument
from tests.flow.proof.generate import Data, Flow, flows
from tests.flow.proof.test_differential import errors_of
from tests.sim.cases import IS_FULL

quick = settings(max_examples=15, suppress_health_check=list(HealthCheck))
long = settings(max_examples=500 if IS_FULL else 4, suppress_health_check=list(HealthCheck))


class Defect(NamedTuple):
    """A defect.

    Attributes:
        code: What it is called by the check.
        spoil: Spoils the nodes of a body, in which ``seed``, ``maybe`` and ``reader`` are sound.
        place: Where it is found, from the body on.
        says: What the finding names.
    """

    code: str
    spoil: Callable[[Data], object]
    place: str
    says: str = ""


def sound() -> Data:
    """Return nodes into which defects are put."""
    call = {"call": "proof_number", "args": {"how": {"s": 1}, "n": 3}}
    return {
        "seed": call,
        "maybe": {**call, "when": "seed > 3"},
        "reader": {"call": "proof_text", "args": {"how": {"s": 1}, "n": "${maybe? ?? 1}"}},
        "record": {"call": "proof_record", "args": {"how": {"s": 1}, "n": "${seed}"}},
        "loop_": {
            "until": "again > 3", "max": 3, "nodes": {"again": copy.deepcopy(call)}, "output": "${again}",
        },
        "each": {"for_each": [1, 2], "as": "one", "nodes": {"inner": {"set": "${one}"}}},
        "first": {"set": "${seed? ?? maybe? ?? 0}", "join": "any"},
        "end": {
            "set": "${[seed, size(reader), record.id, loop_, first? ?? 0, size(each)]}",
            "after": ["maybe?"],
        },
    }  # fmt: skip


def put(*path: str, to: Any) -> Callable[[Data], object]:
    """Return what sets a value deep within nodes."""

    def spoil(nodes: Data) -> None:
        at = nodes
        for word in path[:-1]:
            at = at[word]
        at[path[-1]] = to

    return spoil


def drop(*path: str) -> Callable[[Data], object]:
    """Return what takes a value out."""

    def spoil(nodes: Data) -> None:
        at = nodes
        for word in path[:-1]:
            at = at[word]
        del at[path[-1]]

    return spoil


DEFECTS = [
    Defect("unknown-name", put("reader", "args", "n", to="${seeed}"), ".reader.args.n", "seeed"),
    Defect("unknown-name", put("reader", "when", to="nobody > 1"), ".reader.when", "nobody"),
    Defect("unknown-name", put("reader", "after", to="nobody"), ".reader.after", "nobody"),
    Defect("unknown-name", put("reader", "on_error", to="nobody"), ".reader.on_error", "nobody"),
    Defect("unknown-name", put("end", "set", to="${inner}"), ".end.set", "inner"),
    Defect("cycle", put("seed", "after", to="reader?"), "", "seed"),
    Defect("cycle", put("seed", "args", "n", to="${seed? ?? 1}"), ".seed", "seed"),
    Defect("missing-argument", drop("seed", "args", "how"), ".seed", "how"),
    Defect("unknown-argument", put("seed", "args", "m", to=1), ".seed.args", "m"),
    Defect("misfit", put("seed", "args", "n", to="three"), ".seed.args.n", "three"),
    Defect("misfit", put("reader", "args", "text", to="${seed}"), ".reader.args.text"),
    Defect("misfit", put("reader", "args", "items", to=["${record.tag}"]), ".reader.args.items"),
    Defect("unknown-field", put("end", "set", to="${record.idd}"), ".end.set", "idd"),
    Defect("no-overload", put("end", "set", to="${record + 1}"), ".end.set"),
    Defect("no-overload", put("end", "when", to="seed + 'a' == 'a'"), ".end.when"),
    Defect("may-be-skipped", put("loop_", "output", to="${maybe}"), ".loop_.output", "maybe"),
    Defect("may-be-skipped", put("loop_", "nodes", "again", "after", to="maybe"), ".loop_", "maybe"),
    Defect("may-have-no-value", put("loop_", "until", to="again > 3 || maybe > 1"), ".loop_.until", "maybe"),
    Defect("join-needs-mark", put("first", "set", to="${seed ?? maybe? ?? 0}"), ".first", "seed"),
    Defect("unknown-task", put("seed", "call", to="proof_nummer"), ".seed.call", "proof_number"),
    Defect("effect-lowered", put("reader", "effect", to="read"), ".reader.effect", "read"),
    Defect("missing-word", drop("loop_", "max"), ".loop_", "max"),
    Defect("shadowed-name", put("each", "as", to="seed"), ".each", "seed"),
    Defect("shadowed-name", put("each", "nodes", "seed", to={"set": 1}), ".each.nodes.seed", "seed"),
    Defect("constant-condition", put("seed", "when", to="1 > 2"), ".seed.when", "false"),
    Defect("never-ends", put("loop_", "until", to="false"), ".loop_.until", "false"),
    Defect("syntax", put("reader", "args", "n", to="${seed +}"), ".reader.args.n"),
    Defect("unknown-function", put("reader", "args", "n", to="${sice(seed)}"), ".reader.args.n", "sice"),
    Defect("unknown-word", put("seed", "whem", to="true"), ".seed.whem", "whem"),
    Defect("two-kinds", put("seed", "set", to=1), ".seed", "set"),
    Defect("no-kind", drop("seed", "call"), ".seed"),
    Defect("bad-id", put("Größe", to={"set": 1}), "", "Größe"),
    Defect("bad-id", put("outcome", to={"set": 1}), ".outcome", "outcome"),
    Defect("bad-duration", put("seed", "timeout", to="soon"), ".seed.timeout", "soon"),
    Defect("wrong-type", put("seed", "join", to="most"), ".seed.join", "most"),
    Defect("wrong-type", put("loop_", "max", to=-1), ".loop_.max", "-1"),
    Defect("wrong-type", put("each", "concurrency", to=0), ".each.concurrency", "0"),
    Defect("not-here-yet", put("seed", to={"team": ["a"]}), ".seed", "team"),
]  # fmt: skip


def bodies(nodes: Data, at: str) -> Iterator[tuple[str, Data]]:
    """Give every body of a document, with its place."""
    yield at, nodes
    for name, spec in nodes.items():
        inner = f"{at}.{name}"
        for index, case in enumerate(spec.get("switch", [])):
            yield from bodies(case["nodes"], f"{inner}.switch[{index}].nodes")
        if "flow" in spec:
            yield from bodies(spec["flow"]["nodes"], f"{inner}.flow.nodes")
        if "nodes" in spec:
            yield from bodies(spec["nodes"], f"{inner}.nodes")


def prove(defect: Defect, flow: Flow, choice: int) -> None:
    """Put a defect into some body of a document, and look for the finding."""
    document = copy.deepcopy(flow.document)
    places = list(bodies(document["nodes"], "$.nodes"))
    at, nodes = places[choice % len(places)]
    nodes.update(sound())
    calm = FlowDocument.from_dict(document).check()
    here = (f"{at}.{name}" for name in sound())
    assert not [one for one in calm if one.is_error], calm
    assert not [one for one in calm if one.path.startswith(tuple(here)) and one.code == defect.code]
    defect.spoil(nodes)
    spoiled = FlowDocument.from_dict(document)
    found = [one for one in spoiled.check() if one.path.startswith(at) and one.code == defect.code]
    named = [
        one for one in found
        if one.path.startswith(at + defect.place) and defect.says in f"{one.message} {one.hint}"
    ]  # fmt: skip
    assert named, [str(one) for one in spoiled.check()]
    if named[0].is_error:
        with pytest.raises(FlowInvalid):
            _ = spoiled.spec


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: f"{one.code}{one.place}")
def test_a_seeded_defect_is_found(defect: Defect) -> None:
    """A finding with its code stands at its place and names it."""
    document = {"podium": 1, "name": "proof", "nodes": {"before": {"wait": "5s"}}}
    prove(defect, Flow(document, {}), 0)


@quick
@given(flow=flows(), defect=st.sampled_from(DEFECTS), choice=st.integers(0, 20))
def test_a_seeded_defect_is_found_anywhere(defect: Defect, flow: Flow, choice: int) -> None:
    """So it is in any body of a document, however deep."""
    assume(not errors_of(flow))
    prove(defect, flow, choice)


@pytest.mark.long
@long
@given(flow=flows(), choice=st.integers(0, 20))
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: f"{one.code}{one.place}")
def test_a_seeded_defect_is_found_in_many(defect: Defect, flow: Flow, choice: int) -> None:
    """The same in more documents."""
    assume(not errors_of(flow))
    prove(defect, flow, choice)
