"""The check of a document and of all flows it takes in, each looked at once, the inner ones first."""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from podium.core.spec import TaskSpec, WorkflowSpec
from podium.flow.check.calls import Calls
from podium.flow.check.layout import Entry, Layout, Scope
from podium.flow.check.names import Names
from podium.flow.check.notes import Notes
from podium.flow.check.order import put_in_order
from podium.flow.check.outside import Outside
from podium.flow.check.presence import Presence
from podium.flow.check.reach import Reach
from podium.flow.check.values import Values
from podium.flow.check.verifying import Gates
from podium.flow.expression import JsonSchema
from podium.flow.findings import Finding
from podium.flow.model import Document, SubFlow

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]")


def check(
    document: Document, tasks: Mapping[str, TaskSpec], workflows: Mapping[str, WorkflowSpec], *,
    known: Iterable[Finding] = (),
) -> list[Finding]:  # fmt: skip
    """Return all that can be known to be wrong before anything runs, in the order of the document.

    Args:
        document: What was read.
        tasks: The tasks by name.
        workflows: The workflows by name.
        known: What reading it has found: what only follows from an error there is left out.
    """
    found = _Checked(document, tasks, workflows).findings
    wrong = [one.path for one in known if one.is_error and one.path != "$"]
    return _without_consequences(found, wrong) if wrong else found


def _without_consequences(found: list[Finding], wrong: list[str]) -> list[Finding]:
    """Leave out what is about a place that could not be read, or about a node that is not there."""
    places = set(wrong)
    lost = [name for one in wrong if (name := one.rpartition(".nodes.")[2]).isidentifier()]
    words = [f"{name!r}" for name in lost]
    nodes = {one.rpartition(".")[0] for one in wrong}
    return [
        one
        for one in found
        if one.code != "unused"
        and not any(place in places for place in _around(one.path))
        and not (one.code == "missing-argument" and one.path in nodes)
        and not (one.code == "unknown-name" and any(word in one.message for word in words))
    ]


def _around(path: str) -> Iterator[str]:
    """Give a path, and those of all that it is in."""
    yield path
    for step in _STEP.finditer(path):
        yield path[: step.start()]


def result_schema(
    document: Document, tasks: Mapping[str, TaskSpec], workflows: Mapping[str, WorkflowSpec]
) -> dict[str, Any]:
    """Return the JSON Schema of what a flow gives; ``{}`` where nothing is known."""
    return dict(_Checked(document, tasks, workflows).output)


class _Checked:
    """A document with the flows it takes in, looked at.

    Attributes:
        findings: All that was found.
        output: What the flow gives.
    """

    def __init__(
        self,
        document: Document,
        tasks: Mapping[str, TaskSpec],
        workflows: Mapping[str, WorkflowSpec],
    ) -> None:
        results: dict[int, JsonSchema] = {}
        inside: dict[int, list[Finding]] = {}
        for layout in reversed(_layouts(document)):
            found, results[id(layout.document)] = _one(layout, tasks, workflows, results)
            inside[id(layout.document)] = _put_in(layout, found, inside)
        self.findings = inside[id(document)]
        self.output = results[id(document)]


def _layouts(document: Document) -> list[Layout]:
    """Return a document and all that are within it, each behind those it stands in."""
    found: list[Layout] = []
    waiting = [document]
    while waiting:
        layout = Layout(waiting.pop())
        found.append(layout)
        waiting.extend(inner for _, _, inner in layout.document.taken_in())
    return found


def _one(
    layout: Layout, tasks: Mapping[str, TaskSpec], workflows: Mapping[str, WorkflowSpec],
    results: Mapping[int, JsonSchema],
) -> tuple[list[tuple[int, Finding]], JsonSchema]:  # fmt: skip
    """Look at one document; return what was found, and what it gives."""
    notes = Notes()
    Names(layout, notes).follow()
    for scope in layout.scopes:
        put_in_order(scope, notes)
    presence = Presence(layout, notes)
    values = Values(layout, notes, presence, tasks, workflows, results)
    calls = Calls(layout, notes, values, tasks, workflows)
    outside = Outside(notes, values, calls, tasks)
    gates = Gates(notes, values, calls, workflows)
    reach = Reach(notes, presence, calls)
    for entry, is_over in _in_order(layout.top):
        if not is_over:
            presence.enter(entry)
            values.enter(entry)
        else:
            presence.leave(entry)
            values.leave(entry)
            calls.look_at(entry)
            outside.look_at(entry)
            gates.look_at(entry)
            reach.look_at(entry)
    presence.check_output()
    values.finish()
    return notes.placed(), values.output


def _in_order(scope: Scope) -> Iterator[tuple[Entry, bool]]:
    """Give each node before and after the nodes within it, behind those it waits for."""
    waiting = [(entry, False) for entry in reversed(scope.order)]
    while waiting:
        entry, is_over = waiting.pop()
        yield entry, is_over
        if not is_over:
            waiting.append((entry, True))
            for inner in reversed(entry.scopes):
                waiting.extend((one, False) for one in reversed(inner.order))


def _put_in(
    layout: Layout, found: list[tuple[int, Finding]], inside: Mapping[int, list[Finding]]
) -> list[Finding]:
    """Put what was found within other flows to the nodes they belong to."""
    for entry in layout.entries:
        work = entry.node.work
        if isinstance(work, SubFlow) and work.document is not None:
            at = f"{entry.node.at}.flow"
            inner = inside[id(work.document)]
            found.extend((entry.position, one.within(at, work.file)) for one in inner)
    ordered = sorted(found, key=lambda one: one[0])
    return list(dict.fromkeys(finding for _, finding in ordered))
