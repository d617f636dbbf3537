"""A real run of a document beside what the reference says of it."""

from __future__ import annotations

import json

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from podium.core.codec import decode_any
from podium.core.errors import ErrorInfo
from podium.core.spec import StoredDocument, WorkflowSpec
from podium.engine.replaying import Values
from podium.flow.flow import Flow as FlowDocument
from podium.flow.interpret import FlowRun
from podium.flow.spec import FlowSpec
from podium.testing.crash import quiet
from podium.testing.process import SimProcess
from podium.testing.simulator import SimWorld
from tests.flow.proof.generate import Flow
from tests.flow.proof.parts import Call, Report
from tests.flow.proof.reference import Interpreter
from tests.flow.proof.stage import TIGHT_S
from tests.flow.proof.tools import TOOLS, fresh_outside, outside

_COMPARED = ("code", "message", "path")
"""What is compared of an error: of those that expressions and bodies make, only the code."""


class Real(NamedTuple):
    """What became of a real run."""

    status: str
    output: Any
    error: Any
    calls: list[Call]
    undone: list[Call]
    nodes: dict[str, tuple[str, str | None]]
    """Status and reason of the nodes that it had to the last; of a loop, those of the last pass."""


def reference_of(flow: Flow) -> Report:
    """Return what the page says."""
    return Interpreter(TOOLS).run(flow.document, flow.input)


def carry_out(flow: Flow, seed: int = 0) -> Real:
    """Run a document in a simulated world, where bodies take exactly the time they ask for."""
    fresh_outside()
    document = FlowDocument.from_dict(flow.document)
    with quiet(), SimWorld(seed, slowness=0.0, environment={}) as world:
        process = world.worker()
        world.run_until(lambda: hasattr(process, "engine"))
        seen = _watch(process)
        world.start(document, flow.input)
        began_s = world.time.now_s
        world.settle()
        row = world.row("run")
        assert row.status in ("succeeded", "failed"), world.tell()
        output = None
        if row.output is not None:
            output = decode_any(Values(world.reader, row.family).open(row.output))
        error = None if row.error is None else msgspec.json.decode(row.error, type=ErrorInfo)
        made = [one._replace(at_s=one.at_s - began_s) for one in outside.calls]
        undone = [one for one in made if one.path.startswith("compensate/")]
        calls = [one for one in made if one not in undone]
        nodes = {place: end for one in seen for place, end in _ends(one)}
        return Real(row.status, output, error, calls, undone, nodes)


def _watch(process: SimProcess) -> list[FlowRun]:
    """Return a list that each run of a document in a process is added to."""
    seen: list[FlowRun] = []
    interpret = process.engine._interpret

    def watched(kept: StoredDocument) -> WorkflowSpec:
        spec = interpret(kept)
        assert isinstance(spec, FlowSpec)
        spec.observe = seen.append
        return spec

    process.engine._interpret = watched
    return seen


def _ends(flow: FlowRun) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """Give how each node of a run has ended."""
    waiting: list[Any] = [flow.root]
    while waiting:
        body = waiting.pop()
        for run in body.nodes.values():
            place = f"{flow.context.about.run_id}:{run.path}"
            yield place, (run.status.value, run.reason or None)
            waiting += run.inner


def differences(report: Report, real: Real) -> Iterator[str]:
    """Say where a real run is not what the page says."""
    if real.status != report.status:
        yield f"status: page {report.status} {report.error}, run {real.status} {real.error}"
        return
    if report.status == "failed":
        assert report.error
        found = _innermost(real.error)
        for word in _COMPARED if report.error["type"] else ("code",):
            if found[word] != report.error[word]:
                yield f"error: page {report.error}, run {found}"
    expected, seen = shown(report.output), shown(real.output)
    if seen != expected:
        yield f"output:\n  page {json.dumps(expected)}\n  run  {json.dumps(seen)}"
    yield from _call_differences("calls", report.calls, real.calls)
    if not report.undone:
        yield from _time_differences(report.calls, real.calls)
    for place in report.nodes.keys() & real.nodes.keys():
        end = report.nodes[place]
        status, reason = real.nodes[place]
        if status != end.status or (status == "skipped" and reason != end.reason):
            yield f"node {place}: page {end}, run {status}, {reason}"
    yield from _undo_differences(report.undone, real.undone)


def _call_differences(what: str, page: Iterable[Call], run: Iterable[Call]) -> Iterator[str]:
    expected, seen = Counter(map(_call, page)), Counter(map(_call, run))
    if expected != seen:
        yield f"{what}: only by the page {list(expected - seen)}, only in the run {list(seen - expected)}"


def _call(call: Call) -> str:
    args = {"n": 0, "text": None, "items": None, **call.args}
    return json.dumps([call.run, call.path, call.task, args, call.attempt], sort_keys=True)


def _time_differences(page: Iterable[Call], run: Iterable[Call]) -> Iterator[str]:
    """Compare when calls began: the moment that what they need was there."""
    expected = {_call(one): one.at_s for one in page}
    for one in run:
        at_s = expected.get(_call(one))
        if at_s is not None and abs(at_s - one.at_s) > TIGHT_S:
            yield f"{one.path} began at {one.at_s} s, by the page at {at_s} s"


def _undo_differences(page: list[Call], run: list[Call]) -> Iterator[str]:
    """Compare compensations, and their order as far as their nodes did not start together."""
    if Counter(map(_undo, page)) != Counter(map(_undo, run)):
        yield f"undone: page {page}, run {run}"
        return
    started_s = {(one.run, f"compensate/{one.path}"): one.at_s for one in page}
    for first, then in pairwise(run):
        earlier, later = started_s[first.run, first.path], started_s[then.run, then.path]
        if first.run == then.run and earlier + TIGHT_S < later:
            yield f"undone in another order: {first.path} before {then.path}"


def _undo(call: Call) -> str:
    path = call.path.removeprefix("compensate/")
    return json.dumps([call.run, path, call.task, call.args["n"], call.args["how"]], sort_keys=True)


def _innermost(error: ErrorInfo) -> Mapping[str, Any]:
    path = error.path
    while error.code in ("child-failed", "step-failed") and error.cause is not None:
        error = error.cause
        path = error.path or path
    return {"code": error.code, "message": error.message, "path": path, "type": error.type}


def shown(value: Any) -> Any:
    """Return an output with errors reduced to what the page says of them."""
    if isinstance(value, list):
        return [shown(one) for one in value]
    if isinstance(value, Mapping):
        if set(value) == {"type", "code", "message", "path"}:
            is_told = value["code"] == "trouble"
            return {"code": value["code"], **({"message": value["message"]} if is_told else {})}
        if {"status", "reason", "error", "answered_by"} <= set(value) and value[
            "status"
        ] == "cancelled":
            return {"status": "cancelled"}
        return {key: shown(one) for key, one in value.items()}
    return value
