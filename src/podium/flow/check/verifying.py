"""What nodes say about verifying their values: the tasks that gates call, and who is told of a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.core.schema import parameters_schema, returns_schema
from podium.core.spec import WorkflowSpec
from podium.flow.check.calls import Calls
from podium.flow.check.fits import misfit
from podium.flow.check.layout import Entry
from podium.flow.check.notes import Notes
from podium.flow.check.values import Values, flow_of
from podium.flow.expression import JsonSchema
from podium.flow.expression.shapes import shape_of
from podium.flow.gates import Gate, OnRefusal
from podium.flow.model import Call, SubFlow

_TOLD: Final[JsonSchema] = {"type": "string"}


class Gates:
    """Holds gates against the tasks they call, and policies against the arguments they give."""

    def __init__(
        self, notes: Notes, values: Values, calls: Calls, workflows: Mapping[str, WorkflowSpec]
    ) -> None:
        self._notes = notes
        self._values = values
        self._calls = calls
        self._workflows = workflows

    def look_at(self, entry: Entry) -> None:
        """Look at one node."""
        verify = entry.node.policy.verify
        if verify is None:
            return
        for gate in verify.walk():
            if gate.schema is not None:
                self._schema(entry, gate)
            elif gate.task:
                self._task(entry, gate)
        for policy in verify.on_refusal:
            if policy.argument:
                self._told(entry, policy)

    def _schema(self, entry: Entry, gate: Gate) -> None:
        """Take note where what the node gives can never fit."""
        assert gate.schema is not None
        given = shape_of(self._values.of_entry.get(entry, {}))
        fault = misfit(given, shape_of(gate.schema))
        if fault is not None and fault.is_certain:
            message = f"{entry.id!r} never passes this: {fault.text}."
            self._notes.error(entry.position, "misfit", gate.at, message)

    def _task(self, entry: Entry, gate: Gate) -> None:
        spec = self._calls.task(entry, gate.task, f"{gate.at}.{gate.kind}")
        if spec is None:
            return
        wanted = parameters_schema(spec)
        if gate.given is not None:
            word = f"{gate.at.removeprefix(f'{entry.node.at}.')}.args"
            self._calls.arguments(entry, gate.given, wanted, gate.task, word)
        elif gate.kind == "call":
            self._takes_value(entry, gate, wanted)
        if gate.kind == "command" and "exit_code" not in returns_schema(spec).get("properties", {}):
            message = f"{gate.task!r} gives no exit code."
            hint = "Make it a shell_tool with result=\"full\", or write 'call'."
            self._notes.error(entry.position, "misfit", f"{gate.at}.command", message, hint)

    def _takes_value(self, entry: Entry, gate: Gate, wanted: Mapping[str, Any]) -> None:
        """A task without arguments is given the value as its first one, and nothing else."""
        names = list(wanted.get("properties", {}))
        others = [one for one in wanted.get("required", ()) if one not in names[:1]]
        if not names or others:
            message = f"{gate.task!r} does not take the value alone."
            hint = f"Write 'args: {{{(others or ['value'])[0]}: …}}'."
            self._notes.error(entry.position, "missing-argument", gate.at, message, hint)
            return
        given = shape_of(self._values.of_entry.get(entry, {}))
        fault = misfit(given, shape_of(wanted["properties"][names[0]], wanted))
        if fault is not None and fault.is_certain:
            message = f"{gate.task!r} does not take the value as {names[0]!r}: {fault.text}."
            self._notes.error(entry.position, "misfit", gate.at, message)

    def _told(self, entry: Entry, policy: OnRefusal) -> None:
        """Hold the argument that a new round is given against the parameters."""
        wanted = self._parameters(entry)
        name = policy.argument
        if wanted is None:
            message = f"{policy.kind!r} is for calls and flows; this is a node of kind {entry.node.kind!r}."
            hint = "A refused value of this kind cannot be told why: write 'ask', or let it fail."
            self._notes.error(entry.position, "only-for-calls", policy.at, message, hint)
            return
        properties = wanted.get("properties", {})
        if name not in properties:
            if wanted.get("additionalProperties") is False:
                takes = ", ".join(list(properties)[:8]) or "nothing"
                hint = self._notes.near(name, properties) or f"It takes {takes}: write 'as: …'."
                message = f"a new round has nobody to tell: {entry.id!r} takes no {name!r}."
                self._notes.error(entry.position, "unknown-argument", policy.at, message, hint)
            return
        fault = misfit(shape_of(_TOLD), shape_of(properties[name], wanted))
        if fault is not None and fault.is_certain:
            message = f"{entry.id!r} is told in a text, which {name!r} is not: {fault.text}."
            self._notes.error(entry.position, "misfit", policy.at, message)

    def _parameters(self, entry: Entry) -> Mapping[str, Any] | None:
        """Return what the work of a node takes; None where it takes no arguments."""
        match entry.node.work:
            case Call(task=task):
                spec = self._calls.known(task)
                return {} if spec is None else parameters_schema(spec)
            case SubFlow(document=document) if document is not None:
                return document.input.schema
            case SubFlow(name=name):
                workflow = self._workflows.get(name)
                if workflow is None:
                    return {}
                flow = flow_of(workflow)
                return flow.input.schema if flow else parameters_schema(workflow)
            case _:
                return None
