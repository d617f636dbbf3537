"""What each node gives, as JSON Schema, and what is wrong within the expressions that read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.core.schema import returns_schema
from podium.core.spec import TaskSpec, WorkflowSpec
from podium.flow.check.fits import misfit
from podium.flow.check.layout import Entry, Layout, Read, Scope
from podium.flow.check.notes import Code, Notes
from podium.flow.check.presence import Presence
from podium.flow.expression import Expression, JsonSchema, Kind, Shapes
from podium.flow.expression.shapes import (
    OF_KIND,
    Shape,
    element_of,
    list_of,
    map_of,
    shape_of,
    union,
)
from podium.flow.model import (
    Ask,
    Call,
    Document,
    Fields,
    ForEach,
    Loop,
    Set,
    SubFlow,
    Switch,
    WaitFor,
    WaitSignal,
    WaitUntil,
)

NULL: Final[JsonSchema] = {"type": "null"}
_OPEN: Final[JsonSchema] = {}
_PARTS_MAX: Final = 500
_TEXTS: Final[JsonSchema] = {"type": "object", "additionalProperties": {"type": "string"}}
_TEXT_OR_NULL: Final[JsonSchema] = {"type": ["string", "null"]}
_ERROR: Final[JsonSchema] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("type", "code", "message", "path")},
    "required": ["type", "code", "message", "path"],
    "additionalProperties": False,
}
_ERROR_OR_NULL: Final[JsonSchema] = {"anyOf": [_ERROR, NULL]}
_FINDING: Final[JsonSchema] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("code", "message", "at", "hint")},
    "required": ["code", "message", "at", "hint"],
    "additionalProperties": False,
}
_VERDICT: Final[JsonSchema] = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean"},
        "gate": {"type": "string"},
        "reason": {"type": "string"},
        "score": {"type": ["number", "null"]},
        "findings": {"type": "array", "items": _FINDING},
        "disagreement": {"type": "number"},
        "is_broken": {"type": "boolean"},
        "cost": {"type": "object"},
        "parts": {"type": "array", "items": {"type": "object"}},
    },
    "required": [
        "ok", "gate", "reason", "score", "findings", "disagreement", "is_broken", "cost", "parts",
    ],
    "additionalProperties": False,
}  # fmt: skip
_OUTCOME: Final[JsonSchema] = {
    "type": "object",
    "properties": {
        "status": {"enum": ["ok", "skipped", "failed", "cancelled"]},
        "reason": _TEXT_OR_NULL,
        "error": _ERROR_OR_NULL,
        "answered_by": _TEXT_OR_NULL,
        "is_stale": {"type": "boolean"},
        "made_at": _TEXT_OR_NULL,
        "verdict": {"anyOf": [_VERDICT, NULL]},
    },
    "required": ["status", "reason", "error", "answered_by", "is_stale", "made_at", "verdict"],
    "additionalProperties": False,
}
_WANTED: Final[Mapping[str, Shape]] = {
    **dict.fromkeys(("when", "while", "until", "verify.cel"), OF_KIND[Kind.BOOL]),
    "for_each": OF_KIND[Kind.LIST],
    "key": shape_of({"type": ["string", "number"]}),
    "lock": OF_KIND[Kind.STRING],
    "wait": shape_of({"type": ["string", "number"]}),
    "wait.until": OF_KIND[Kind.STRING],
}
"""What has to stand at a word."""


class Values:
    """The schemas of one document's nodes.

    Args:
        results: What each flow that is taken in gives.

    Attributes:
        given: What each expression gives.
        output: What the flow gives.
    """

    def __init__(
        self, layout: Layout, notes: Notes, presence: Presence, tasks: Mapping[str, TaskSpec],
        workflows: Mapping[str, WorkflowSpec], results: Mapping[int, JsonSchema],
    ) -> None:  # fmt: skip
        self._layout = layout
        self._notes = notes
        self._presence = presence
        self._tasks = tasks
        self._workflows = workflows
        self._results = results
        self._input = input_schema(layout.document.input)
        self._seen: dict[Scope, Shapes] = {}
        self.of_entry: dict[Entry, JsonSchema] = {}
        self._offered: dict[Scope, JsonSchema] = {}
        self.given: dict[Read, JsonSchema] = {}
        self.output: JsonSchema = NULL

    # in the order of the nodes -------------------------------------------------------------

    def enter(self, entry: Entry) -> None:
        """Look at what a node evaluates as it starts, and find out what its bodies are offered."""
        for read in entry.reads:
            if not read.is_within and not read.sees_own_value:
                self._check(read)
        frame = entry.scopes[0].parent if entry.scopes else None
        if frame is None or frame.repeats is None:
            return
        if isinstance(frame.repeats, ForEach):
            self._offered[frame] = self._element(entry)
        else:
            self._offered[frame] = self._state(entry, frame.repeats, entry.scopes[0])
        for read in entry.reads:
            if read.scope is frame:
                self._check(read)

    def leave(self, entry: Entry) -> None:
        """Look at what a node evaluates with its bodies, and find out what it gives."""
        for read in entry.reads:
            if read.is_within and read not in self.given:
                self._check(read)
        self.of_entry[entry] = self._value(entry)
        for read in entry.reads:
            if read.sees_own_value:
                self._check(read)

    def finish(self) -> None:
        """Look at the output of the flow."""
        for read in self._layout.reads:
            if read.reader is None:
                self._check(read)
                self.output = self.given[read]

    # expressions ----------------------------------------------------------------------------

    def _check(self, read: Read) -> None:
        facts = self._presence.facts(read)
        schema, problems = read.value.check(self._names(read), facts=facts)
        for problem in problems:
            if problem.code != "unknown-name":  # that has been said, and better
                self._notes.problem(read.position, problem, read.at)
        self.given[read] = schema if isinstance(read.value, Expression) else _bounded(schema)
        wanted = _WANTED.get(read.word.rpartition("].")[2])
        fault = misfit(shape_of(schema), wanted) if wanted is not None else None
        if fault is not None:
            note = self._notes.error if fault.is_certain else self._notes.warn
            code: Code = "misfit" if fault.is_certain else "may-not-fit"
            word = read.word.rpartition("].")[2]
            note(read.position, code, read.at, f"{word!r} does not fit: {fault.text}.")

    def _names(self, read: Read) -> Shapes:
        """Return the shapes of what an expression sees."""
        names = self._seen.get(read.scope)
        if names is None:
            names = self._seen[read.scope] = Shapes(_Names(self, read.scope))
        asked = {one.node for one in read.value.references if one.is_outcome}
        if not asked:
            return names
        own = _Names(self, read.scope)
        own["outcome"] = {
            "type": "object",
            "properties": dict.fromkeys(asked, _OUTCOME),
            "required": [*asked],
        }
        return Shapes(own)

    def named(self, name: str, scope: Scope) -> JsonSchema | None:
        """Return the schema of what a name means; None where it is not known yet.

        Raises:
            KeyError: It means nothing.
        """
        if name == "input":
            return self._input
        if name == "env":
            return _TEXTS
        if name == "loop":
            return self._loop(scope, name)
        found = scope.find(name)
        if found is None:
            raise KeyError(name)
        if isinstance(found, Entry):
            return self.of_entry.get(found)
        return self._offered.get(found)

    def _loop(self, scope: Scope, name: str) -> JsonSchema | None:
        frame = scope.loop()
        if frame is None:
            raise KeyError(name)
        if isinstance(frame.repeats, ForEach):
            return _object({"index": {"type": "integer"}})
        state = self._offered.get(frame)
        return None if state is None else _loop_schema(state)

    # what bodies are offered ----------------------------------------------------------------

    def _element(self, entry: Entry) -> JsonSchema:
        for read in entry.reads:
            if read.word == "for_each":
                shape = shape_of(self.given[read])
                lists = shape.of_kind(Kind.LIST)
                if lists and not shape.is_open:
                    return union(element_of(form) for form in lists).schema()
        return _OPEN

    def _state(self, entry: Entry, work: Loop, inner: Scope) -> JsonSchema:
        """Return what ``loop.state`` can be: what it is at first, and what ``next`` makes of it."""
        first = next((self.given[one] for one in entry.reads if one.word == "state"), NULL)
        if work.next is None:
            return first
        names = _Early(self, inner)
        names["loop"] = _loop_schema(first)
        following, _ = work.next.check(names)
        if following == first:
            return first
        rests_on_itself = any(one.root == "loop" for one in work.next.references)
        return _either(first, following, work.next.source, rests_on_itself=rests_on_itself)

    def early(self, entry: Entry) -> JsonSchema:
        """Return what a node gives, as far as that does not rest on what it is given."""
        match entry.node.work:
            case Call(task=task):
                spec = self._tasks.get(task)
                return returns_schema(spec) if spec is not None else _OPEN
            case SubFlow(returns=returns) if returns is not None:
                return returns
            case SubFlow(name=name, document=document):
                if document is not None:
                    return self._results.get(id(document), _OPEN)
                workflow = self._workflows.get(name)
                is_function = workflow is not None and flow_of(workflow) is None
                return returns_schema(workflow) if workflow and is_function else _OPEN
            case WaitFor() | WaitUntil():
                return NULL
            case WaitSignal(schema=schema):
                return _OPEN if schema is None else schema
            case _:
                return _OPEN

    # what nodes give ------------------------------------------------------------------------

    def _value(self, entry: Entry) -> JsonSchema:
        match entry.node.work:
            case Set():
                return self._at(entry, "set")
            case Switch():
                return union(shape_of(self._output(inner)) for inner in entry.scopes).schema()
            case ForEach(is_partial=is_partial):
                return self._list(entry.scopes[0], is_partial=is_partial)
            case Loop():
                return self._output(entry.scopes[0])
            case Ask(form=form):
                answer = _OPEN if form is None else input_schema(form)
                if entry.node.work.on_timeout is None:
                    return answer
                given = [answer, self._at(entry, "on_timeout")]
                return union(shape_of(one) for one in given).schema()
            case _:
                return self.early(entry)

    def _at(self, entry: Entry, word: str) -> JsonSchema:
        return next((self.given[one] for one in entry.reads if one.word == word), _OPEN)

    def _output(self, inner: Scope) -> JsonSchema:
        owner = inner.owner
        reads = owner.reads if owner is not None else []
        for read in reads:
            if read.word == "output" and read.scope is inner:
                return self.given[read]
        return NULL

    def _list(self, inner: Scope, *, is_partial: bool) -> JsonSchema:
        value = shape_of(self._output(inner))
        nullable = union([value, OF_KIND[Kind.NULL]])
        if is_partial:
            status = shape_of({"enum": ["ok", "failed", "skipped"]})
            entries = {"status": status, "value": nullable, "error": shape_of(_ERROR_OR_NULL)}
            return list_of([map_of(entries)]).schema()
        return list_of([nullable if self._may_lack(inner) else value]).schema()

    def _may_lack(self, inner: Scope) -> bool:
        owner = inner.owner
        assert owner is not None, "a body that is repeated has an owner"
        return any(
            self._presence.missing(read)
            for read in owner.reads
            if read.word == "output" and read.scope is inner
        )


class _Names(dict[str, Any]):
    """Schemas of what is seen from a scope, found as they are asked for."""

    def __init__(self, values: Values, scope: Scope) -> None:
        super().__init__()
        self._values = values
        self._scope = scope

    def __missing__(self, name: str) -> JsonSchema:
        found = self._values.named(name, self._scope)
        if found is None:  # within a circle, which has been found fault with
            return self._unknown(name)
        self[name] = found
        return found

    def _unknown(self, name: str) -> JsonSchema:
        return _OPEN


class _Early(_Names):
    """The same before the nodes of a body have been looked at."""

    def _unknown(self, name: str) -> JsonSchema:
        found = self._scope.find(name)
        return self._values.early(found) if isinstance(found, Entry) else _OPEN


def flow_of(workflow: WorkflowSpec) -> Document | None:
    """Return the document that a registered workflow is; None for a function."""
    found = getattr(workflow, "flow", None)
    return found if isinstance(found, Document) else None


def input_schema(fields: Fields) -> JsonSchema:
    """Return what an input or an answer looks like to expressions: with all its fields."""
    properties = dict(fields.schema.get("properties", {}))
    for name, default in fields.defaults.items():
        if default is None and name in properties:
            properties[name] = {"anyOf": [properties[name], NULL]}
    return _object(properties)


def _bounded(schema: JsonSchema) -> JsonSchema:
    """Return a schema, or nothing where it is so large that schemas made of it would have no end."""
    left = _PARTS_MAX
    waiting: list[Any] = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list):
            left -= 1
            waiting.extend(one.values() if isinstance(one, dict) else one)
        if left < 0:
            return _OPEN
    return schema


def _object(properties: Mapping[str, Any]) -> JsonSchema:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _loop_schema(state: JsonSchema) -> JsonSchema:
    return _object({"pass": {"type": "integer"}, "state": shape_of(state).inlined()})


def _either(
    first: JsonSchema, following: JsonSchema, source: Any, *, rests_on_itself: bool
) -> JsonSchema:
    """Put the first state and the ones that follow together, field by field.

    What may change its type from pass to pass is open, and so is what is computed from the state
    then.
    """
    one, other = first.get("properties"), following.get("properties")
    if not isinstance(one, dict) or not isinstance(other, dict):
        return _OPEN if rests_on_itself else union(map(shape_of, (first, following))).schema()
    is_steady = all(one[name] == other.get(name, one[name]) for name in one)
    found: dict[str, Any] = {}
    for name, schema in one.items():
        after = other.get(name, schema)
        text = str(source.get(name)) if isinstance(source, dict) else "loop"
        if "loop" in text and not is_steady:
            found[name] = _OPEN
        else:
            found[name] = union(map(shape_of, (schema, after))).inlined()
    return _object(found)
