"""Calls of tasks, workflows and flows: names, arguments, and the policies over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from podium.core.effects import Effect
from podium.core.schema import parameters_schema
from podium.core.spec import TaskSpec, WorkflowSpec
from podium.core.validation import Validator
from podium.flow.check.fits import described, has_expression, misfit
from podium.flow.check.layout import Entry, Layout
from podium.flow.check.notes import Notes
from podium.flow.check.values import Values, flow_of
from podium.flow.expression import JsonSchema, Kind, Template
from podium.flow.expression.shapes import Form, Shape, field_of, shape_of
from podium.flow.model import Call, Compensation, SubFlow
from podium.flow.places import child

_RANK: Final = {effect: rank for rank, effect in enumerate(Effect)}
_SUPPLIED: Final = frozenset({"result", "outcome"})
"""What a task that undoes a node is given besides the node's arguments."""


class Calls:
    """Holds every call against what is called."""

    def __init__(
        self, layout: Layout, notes: Notes, values: Values, tasks: Mapping[str, TaskSpec],
        workflows: Mapping[str, WorkflowSpec],
    ) -> None:  # fmt: skip
        self._document = layout.document
        self._notes = notes
        self._values = values
        self._tasks = tasks
        self._workflows = workflows
        self._validators: dict[tuple[int, str], Validator] = {}
        self._parameters: dict[tuple[int, str], Shape] = {}
        self._undeclared: set[str] = set()

    def look_at(self, entry: Entry) -> None:
        """Look at what a node calls, and at what undoes it."""
        match entry.node.work:
            case Call(task=task, args=args):
                spec = self.task(entry, task, f"{entry.node.at}.call")
                if spec is not None:
                    self.arguments(entry, args, parameters_schema(spec), task, "args")
                    self._policy(entry, spec)
            case SubFlow(name=name, document=None, args=args):
                workflow = self._workflows.get(name)
                if workflow is None:
                    self._unknown_workflow(entry, name)
                else:
                    flow = flow_of(workflow)
                    wanted = flow.input.schema if flow else parameters_schema(workflow)
                    self.arguments(entry, args, wanted, name, "args", entry.node.work.places)
            case SubFlow(name=name, document=document, args=args) if document is not None:
                self.arguments(entry, args, document.input.schema, name, "args")
            case _:
                pass
        if entry.node.policy.effect is not None and not isinstance(entry.node.work, Call):
            message = f"only a call has an effect; this is a node of kind {entry.node.kind!r}."
            hint = "Write it at the calls within." if entry.scopes else "Leave it out."
            at = f"{entry.node.at}.effect"
            self._notes.warn(entry.position, "effect-ignored", at, message, hint)
        undo = entry.node.policy.compensate
        if undo is not None:
            self._compensation(entry, undo)

    def effect(self, entry: Entry) -> Effect | None:
        """Return the effect of a call, as far as somebody declared it."""
        work = entry.node.work
        spec = self._tasks.get(work.task) if isinstance(work, Call) else None
        if spec is None:
            return None
        own = spec.effect if spec.options.is_declared else None
        return entry.node.policy.effect or own

    # what is called -------------------------------------------------------------------------

    def task(self, entry: Entry, name: str, at: str) -> TaskSpec | None:
        """Return a task that is named at a place; take note if there is none."""
        found = self._tasks.get(name)
        if found is None:
            message = f"there is no task {name!r}."
            hint = self._notes.near(name, self._tasks) or self._where()
            if name in self._workflows:
                hint = f"{name!r} is a workflow: write 'flow: {name}'."
            self._notes.error(entry.position, "unknown-task", at, message, hint)
        return found

    def known(self, name: str) -> TaskSpec | None:
        """Return a task, if there is one."""
        return self._tasks.get(name)

    def _unknown_workflow(self, entry: Entry, name: str) -> None:
        kind = entry.node.kind
        at = f"{entry.node.at}.{kind}"
        noun = "workflow" if kind == "flow" else kind
        message = f"there is no {noun} {name!r}."
        hint = self._notes.near(name, self._workflows) or self._where()
        if name in self._tasks:
            hint = f"{name!r} is a task: write 'call: {name}'."
        self._notes.error(entry.position, "unknown-workflow", at, message, hint)

    def _where(self) -> str:
        uses = ", ".join(self._document.uses)
        known = f"{uses} does not register it: name" if uses else "Name"
        return f"{known} the module that does in 'uses'."

    # arguments ------------------------------------------------------------------------------

    def arguments(
        self, entry: Entry, args: Template, wanted: JsonSchema, name: str, word: str,
        places: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Hold the arguments against the parameters."""
        source = args.source
        if not isinstance(source, dict):
            return
        properties = wanted.get("properties", {})
        at = f"{entry.node.at}.{word}"
        for given in source:
            if given not in properties and wanted.get("additionalProperties") is False:
                self._unknown_argument(entry, given, name, properties, child(at, given))
        for one in wanted.get("required", ()):
            if one not in source:
                what = described(shape_of(properties.get(one), wanted))
                message = f"{name!r} needs {one!r}, which is not given."
                where = at if source else entry.node.at
                hint = f"Add it to 'args': {what}."
                self._notes.error(entry.position, "missing-argument", where, message, hint)
        read = next((each for each in entry.reads if each.value is args), None)
        schema = self._values.given.get(read) if read is not None else None
        form = next(iter(shape_of(schema or {}).of_kind(Kind.MAP)), None)
        for one, value in source.items():
            if one in properties:
                own = (places or {}).get(one)
                where = f"{entry.node.at}.{own}" if own else child(at, one)
                self._argument(entry, one, value, form, wanted, (name, where))

    def require_parameters(
        self, entry: Entry, spec: TaskSpec, names: Iterable[str], at: str
    ) -> None:
        """Take note of names that no argument of a task can have."""
        wanted = parameters_schema(spec)
        properties = wanted.get("properties", {})
        for name in names:
            if name not in properties and wanted.get("additionalProperties") is False:
                self._unknown_argument(entry, name, spec.name, properties, at)

    def _unknown_argument(
        self, entry: Entry, given: str, name: str, properties: Mapping[str, Any], at: str
    ) -> None:
        message = f"{name!r} takes no {given!r}."
        takes = (
            f"It takes {', '.join(list(properties)[:8])}." if properties else "It takes nothing."
        )
        hint = self._notes.near(given, properties) or takes
        self._notes.error(entry.position, "unknown-argument", at, message, hint)

    def _argument(
        self, entry: Entry, one: str, value: Any, given: Form | None, wanted: JsonSchema,
        place: tuple[str, str],
    ) -> None:  # fmt: skip
        """Hold one argument against its parameter."""
        name, at = place
        if not has_expression(value):
            text = self._fault(one, value, wanted)
            if text:
                message = f"{name!r} does not take this as {one!r}: {text}."
                self._notes.error(entry.position, "misfit", at, message)
            return
        field = field_of(given, one) if given is not None else None
        if field is None or field.shape is None:
            return
        fault = misfit(field.shape, self._parameter(one, wanted))
        if fault is None:
            return
        if fault.is_certain:
            message = f"{name!r} does not take this as {one!r}: {fault.text}."
            self._notes.error(entry.position, "misfit", at, message)
        else:
            message = f"{name!r} may not take this as {one!r}: {fault.text}."
            hint = (
                "Write '… ?? other', or test for null in 'when'." if fault.given == "null" else ""
            )
            self._notes.warn(entry.position, "may-not-fit", at, message, hint)

    def _parameter(self, one: str, wanted: JsonSchema) -> Shape:
        key = (id(wanted), one)
        found = self._parameters.get(key)
        if found is None:
            found = self._parameters[key] = shape_of(wanted["properties"][one], wanted)
        return found

    def _fault(self, one: str, value: Any, wanted: JsonSchema) -> str:
        """Say how a value that is known does not fit; empty if it does."""
        key = (id(wanted), one)
        validator = self._validators.get(key)
        if validator is None:
            shared = {word: wanted[word] for word in ("$defs", "definitions") if word in wanted}
            try:
                validator = Validator({**shared, **wanted["properties"][one]})
            except ValueError:  # a schema of the user's that is none, or has patterns of Python's
                return ""
            self._validators[key] = validator
        fault = next(validator.faults(value), None)
        if fault is None:
            return ""
        path = ".".join(map(str, fault.path))
        return f"at {path!r} {fault.message}" if path else fault.message

    # policies -------------------------------------------------------------------------------

    def _policy(self, entry: Entry, spec: TaskSpec) -> None:
        policy, at = entry.node.policy, entry.node.at
        if policy.effect is not None and _RANK[policy.effect] < _RANK[spec.effect]:
            message = (
                f"{spec.name!r} is {spec.effect.value!r}, which a flow can raise and not lower."
            )
            hint = f"Leave it out, or declare it where the task is written: '@task(effect=\"{policy.effect.value}\")'."
            self._notes.error(entry.position, "effect-lowered", f"{at}.effect", message, hint)
        elif policy.effect is None and not spec.options.is_declared:
            self._note_undeclared(entry, spec)
        effect = policy.effect or spec.effect
        is_retried = policy.retry is not None and policy.retry.attempts > 1
        if is_retried and effect is Effect.ONCE and not spec.options.not_done:
            message = f"{spec.name!r} must not be repeated: only what certainly did not happen is retried."
            hint = "Let the task raise NotDone where it knows that, or leave 'retry' out."
            self._notes.warn(entry.position, "retry-once", f"{at}.retry", message, hint)

    def _note_undeclared(self, entry: Entry, spec: TaskSpec) -> None:
        if spec.name in self._undeclared:
            return
        self._undeclared.add(spec.name)
        message = (
            f"{spec.name!r} does not say what repeating it would do; it is taken as a 'write'."
        )
        hint = "Write '@task(effect=\"read\")', or pure, write or once."
        self._notes.warn(
            entry.position, "undeclared-effect", f"{entry.node.at}.call", message, hint
        )

    def _compensation(self, entry: Entry, undo: Compensation) -> None:
        at = f"{entry.node.at}.compensate"
        spec = self.task(entry, undo.task, at if undo.args is None else f"{at}.call")
        effect = self.effect(entry)
        if effect in (Effect.PURE, Effect.READ):
            message = f"{entry.id!r} is {effect.value!r}: it changes nothing that could be undone."
            self._notes.warn(entry.position, "nothing-to-undo", at, message, "Leave it out.")
        if spec is None:
            return
        wanted = parameters_schema(spec)
        if undo.args is not None:
            self.arguments(entry, undo.args, wanted, undo.task, "compensate.args")
            return
        work = entry.node.work
        source = work.args.source if isinstance(work, Call | SubFlow) else {}
        supplied = _SUPPLIED | (source.keys() if isinstance(source, dict) else set())
        for one in wanted.get("required", ()):
            if one not in supplied:
                message = (
                    f"{undo.task!r} needs {one!r}, which {entry.id!r} has not among its arguments."
                )
                hint = f"Write 'compensate: {{call: {undo.task}, args: {{{one}: …}}}}'."
                self._notes.error(entry.position, "missing-argument", at, message, hint)
