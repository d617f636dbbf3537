"""The form of a plan: a flow document for exactly the given tools, and what is wrong with one."""

from __future__ import annotations

import sys

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from podium.agents.planning.values import Attempt, PlanLimits
from podium.core.spec import Registry
from podium.flow.findings import Finding
from podium.flow.flow import Flow
from podium.flow.model import LANGUAGE, Call, Document, Loop
from podium.flow.schema import model_schema
from podium.flow.spec import task_names
from podium.models.errors import said
from podium.models.messages import Output
from podium.models.structured import FAULTS_MAX, Form, Unfit

NAME: Final = "plan"
"""What a plan is called that does not say."""
_NOT_IN_PLANS: Final[Mapping[str, str]] = {
    "uses": "The tools are there already; leave it out.",
    "env": "A plan reads no variables; leave it out.",
}
_EXCERPT_CHARS: Final = 20_000


class PlanForm(Form[Flow]):
    """The form of plans for some tools.

    Attributes:
        output: What a request says of it.
        attempts: What was read so far, with what was wrong with it.

    Args:
        tools: Those that a plan may call.
        inputs: What is given to it; a plan cannot say otherwise.
        limits: Its sizes.
    """

    def __init__(self, tools: Registry, inputs: Mapping[str, Any], limits: PlanLimits) -> None:
        schema = plan_schema(tools)
        super().__init__(schema, None, NAME)
        self.output = Output(schema, NAME, "The plan, as one JSON object.")
        self.attempts: list[Attempt] = []
        self._tools = tools
        self._input = {name: _type_of(value) for name, value in inputs.items()}
        self._limits = limits

    def read(self, text: str) -> Flow:
        """Return the flow that a text is.

        Raises:
            Unfit: It is none, or must not run; each finding is a fault.
        """
        self.attempts.append(Attempt(text[:_EXCERPT_CHARS]))
        if len(text.encode()) > self._limits.bytes:
            raise self._unfit([self._too_large(len(text.encode()))])
        try:
            return super().read(text)
        except Unfit as unfit:
            if self.attempts[-1].findings:
                raise
            findings = [Finding("not-json", "$", one) for one in unfit.faults]
            raise self._unfit(findings) from None

    def made(self, value: Any) -> Flow:
        """Return the flow that JSON stands for.

        Raises:
            Unfit: It must not run.
        """
        if not isinstance(value, dict):
            text = f"found {said(str(value))[:80]!r}, expected an object with podium, nodes and output."
            raise self._unfit([Finding("wrong-type", "$", text)])
        given = cast("dict[str, Any]", value)
        data: dict[str, Any] = {"podium": LANGUAGE, "name": NAME, **given, "input": self._input}
        found = [
            Finding("not-in-plans", f"$.{word}", f"{word!r} is no part of a plan.", hint)
            for word, hint in _NOT_IN_PLANS.items() if data.pop(word, None)
        ]  # fmt: skip
        flow = Flow.from_dict(data, registry=self._tools)
        found += flow.findings
        if flow.document is not None:
            found += self._beyond(flow.document)
        if any(one.is_error for one in found):
            raise self._unfit(found)
        self._note(found)
        assert flow.document is not None, "it has no errors"
        uses = self._modules(flow.document)
        return Flow.from_dict({**data, "uses": uses}, registry=self._tools) if uses else flow

    def _modules(self, document: Document) -> list[str]:
        """Return the modules that any process imports to have the tools of a plan."""
        names = {one for each in document.documents() for one in task_names(each)}
        modules = {self._tools.tasks[name].module for name in names}
        return sorted(one for one in modules if one in sys.modules and _is_yours(one))

    def _unfit(self, findings: list[Finding]) -> Unfit:
        self._note(findings)
        errors = [str(one) for one in findings if one.is_error]
        more = len(errors) - FAULTS_MAX
        shown = errors[:FAULTS_MAX]
        return Unfit([*shown, f"… and {more} more"] if more > 0 else shown)

    def _note(self, findings: list[Finding]) -> None:
        last = msgspec.structs.replace(self.attempts[-1], findings=tuple(findings))
        self.attempts[-1] = last

    def _too_large(self, size: int) -> Finding:
        text = f"it has {size:,} bytes; the limit is {self._limits.bytes:,}."
        return Finding("plan-too-large", "$", text, "Plan fewer and larger steps.")

    def _beyond(self, document: Document) -> Iterator[Finding]:
        """Give what a flow may have and a plan may not."""
        limits = self._limits
        nodes = [node for one in document.documents() for node in one.body.walk()]
        if not nodes:
            hint = "Write the nodes that reach the goal."
            yield Finding("plan-empty", "$.nodes", "there is nothing to do.", hint)
        if len(nodes) > limits.nodes:
            text = f"there are {len(nodes):,} nodes; the limit is {limits.nodes:,}."
            yield Finding("plan-too-large", "$.nodes", text, "Use for_each over lists.")
        if document.body.output is None:
            hint = "Say what the plan gives: any JSON with ${…}."
            yield Finding("missing-word", "$.output", "there is no output.", hint)
        for node in nodes:
            if node.policy.compensate is not None and not isinstance(node.work, Call):
                hint = "Write it at the calls within."
                text = "in a plan only calls have 'compensate'."
                yield Finding("not-in-plans", f"{node.at}.compensate", text, hint)
            if isinstance(node.work, Loop) and node.work.passes_max > limits.passes:
                text = f"{node.work.passes_max:,} passes; the limit is {limits.passes:,}."
                yield Finding("plan-too-large", f"{node.at}.max", text)


def _is_yours(module: str) -> bool:
    """Whether importing a module registers a tool again: not the script, nor what makes tools."""
    return module.partition(".")[0] not in ("__main__", "__mp_main__", "podium")


def plan_schema(tools: Registry) -> dict[str, Any]:
    """Return the JSON Schema of plans for these tools: the input is given, and no model's affair."""
    schema = model_schema(tools.tasks)
    properties = {name: one for name, one in schema["properties"].items() if name != "input"}
    return {
        **{word: value for word, value in schema.items() if word != "examples"},
        "properties": properties,
    }


def _type_of(value: Any) -> dict[str, Any]:
    """Return the JSON Schema of what a value looks like: fields and items have the kinds they have."""
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case dict():
            given = cast("dict[str, Any]", value)
            fields = {name: _type_of(one) for name, one in given.items()}
            return {"type": "object", "properties": fields, "required": [*fields]}
        case [*items]:
            kinds = {str(one): one for one in map(_type_of, items)}
            return {"type": "array", "items": next(iter(kinds.values())) if len(kinds) == 1 else {}}
        case _:
            return {}
