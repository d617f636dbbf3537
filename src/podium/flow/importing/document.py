"""A whole source: its head, its tasks, and what is said of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from podium.flow.check import check
from podium.flow.expression import ExpressionError
from podium.flow.findings import Finding, FlowInvalid
from podium.flow.importing import control
from podium.flow.importing.importer import Importer
from podium.flow.importing.jq import One, Record
from podium.flow.importing.kinds import KINDS
from podium.flow.importing.ledger import Ledger, Source, refuse_non_json
from podium.flow.importing.line import Ends, Line, TooLarge
from podium.flow.importing.names import MISSING, slug
from podium.flow.importing.wants import fields_of
from podium.flow.model import LANGUAGE
from podium.flow.parse import parse
from podium.flow.places import child

PASSES_MAX: Final = 10_000
_SCHEMA_ROOT: Final = frozenset(["type", "properties", "required", "additionalProperties"])
_LEFT_OUT: Final = {
    "namespace": "flows have no namespaces",
    "version": "a flow's version is the hash of its content",
    "tags": "flows have no tags",
    "metadata": "flows have no metadata",
}
_KEPT: Final = frozenset(["functions", "errors", "retries", "timeouts"])
_KEPT_OUTSIDE: Final = {
    "secrets": ("secrets", "secrets are not named in a flow: what it reads is recorded."),
    "authentications": ("authentication", "credentials stay outside of a flow."),
    "catalogs": ("catalog", "functions of catalogs are tasks here, known by their names."),
}
_OF_OTHERS: Final = frozenset(["unknown-task", "unknown-workflow"])
WHAT: Final = "Serverless Workflow"
_UNKNOWN_INPUT: Final = "value"
"""The field of the input where the source takes something else than an object with known fields."""
TASKS: Final = {
    "http": "method, endpoint, headers, body, query, output, redirect, authentication",
    "grpc": "proto, service, method, arguments",
    "openapi": "document, operationId, parameters, output, redirect, authentication",
    "asyncapi": "document, operation or channel, server, protocol, message or subscription",
    "a2a": "method, agentCard or server, parameters",
    "mcp": "method, parameters, transport, client",
    "emit": "event; it gives the event as it was sent",
    "merge": "objects: a list of objects or nulls; it gives one with the fields of all, the last winning",
    "run_container": "image, command, arguments, environment, stdin, returns and others",
    "run_script": "language, code or source, arguments, environment, stdin, returns",
    "run_shell": "command, arguments, environment, stdin, returns",
}
"""The arguments that the tasks are called with which stand for kinds of the source."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A flow that was made of a document of another language.

    Attributes:
        document: The flow, as data; :func:`podium.flow.parse.parse` finds nothing wrong with its words.
        notes: All that was not carried over, or otherwise than it was said, in the order of the source;
            paths are those of the source. An error says that the flow does less than the source.
        tasks: Names of the tasks that it calls: they must be registered.
    """

    document: dict[str, Any]
    notes: list[Finding]
    tasks: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether everything that the source does is in the flow."""
        return not any(note.is_error for note in self.notes)


def import_serverless(
    data: Any, *, name: str | None = None, passes_max: int = PASSES_MAX
) -> Imported:
    """Make a flow of a document of CNCF Serverless Workflow 1.0.

    Args:
        data: The document, as JSON that was decoded.
        name: What the flow is called; the name of the document unless given.
        passes_max: How many passes a loop may have for which the document sets no limit.

    Raises:
        FlowInvalid: It is no such document.
    """
    shown = name or "the document"
    head = _head_of(data, shown)
    writer = _Writer(Ledger(data), data, passes_max, None)
    written = _written(writer)
    if writer.asks_for_fields:
        writer = _Writer(Ledger(data), data, passes_max, fields_of(written, data))
        written = _written(writer)
    ledger = writer.ledger
    document = {
        "podium": LANGUAGE,
        "name": name or _flow_name(str(head.get("name", ""))),
        **written,
    }
    parsed = parse(document)
    for finding in parsed.findings:
        _note_flow(ledger, finding)
        document = {**document, **_nothing()}
    if parsed.document is not None and not any(note.is_error for note in ledger.notes):
        for finding in check(parsed.document, {}, {}):
            if finding.is_error and finding.code not in _OF_OTHERS:
                _note_flow(ledger, finding)
    writer.finish()
    if any(note.is_error for note in ledger.notes) and MISSING not in repr(document):
        missing = {writer.spare_id(): {"set": f"${{{MISSING}}}"}}
        document = {**document, "nodes": {**document["nodes"], **missing}}
    return Imported(document, ledger.notes, tuple(writer.tasks))


def _written(writer: _Writer) -> dict[str, Any]:
    """Return the flow; one that says nothing, with a note, where it would be too large."""
    try:
        return writer.flow()
    except TooLarge as problem:
        why = f"{problem}."
    except (ExpressionError, RecursionError) as problem:
        why = f"an expression would be too large: {problem}."
    writer.ledger.use("$", whole=True)
    writer.ledger.note("error", "too-large", "$", why, "Make it several workflows.")
    return _nothing()


def _note_flow(ledger: Ledger, finding: Finding) -> None:
    """Say what is wrong with the flow that was written."""
    ledger.note("error", finding.code, "$.do", f"in the flow, {finding.path}: {finding.message}")


def _nothing() -> dict[str, Any]:
    """Return a flow that says nothing and that the check refuses."""
    missing = f"${{{MISSING}}}"
    return {"input": {}, "nodes": {"imported": {"set": missing}}, "output": "${imported}"}


def _flow_name(name: str) -> str:
    base = slug(name)[:80]
    return base if base[:1].isalpha() else f"flow-{base}".rstrip("-")


def _head_of(data: Any, shown: str) -> dict[str, Any]:
    """Return ``document`` of a source.

    Raises:
        FlowInvalid: There is none, or it is of another version.
    """
    problem, path = "", "$"
    if not isinstance(data, dict):
        problem = f"expected a {WHAT} document; got {data!r:.60}."
    elif not isinstance(data.get("document"), dict) or "do" not in data:
        problem = f"a {WHAT} document has 'document' and 'do'."
        if "specVersion" in data or "states" in data:
            problem += " This one is of version 0.x, which is another language."
    elif not str(data["document"].get("dsl", "")).startswith("1."):
        problem = f"'dsl' is {data['document'].get('dsl')!r:.40}; this import reads version 1.0."
        path = "$.document.dsl"
    elif not isinstance(data["do"], list):
        problem, path = f"'do' is a list of tasks; got {data['do']!r:.60}.", "$.do"
    if problem:
        raise FlowInvalid(shown, [Finding("not-serverless", path, problem)])
    refuse_non_json(data, shown)
    return dict(data["document"])


class _Writer:
    """Writes the parts of one flow.

    Attributes:
        ledger: What is said of the source.
        asks_for_fields: Whether no schema says what the input has, and nobody else did: the flow shows
            which fields it reads.
    """

    def __init__(
        self, ledger: Ledger, data: dict[str, Any], passes_max: int, fields: list[str] | None
    ) -> None:
        self.ledger = ledger
        self.asks_for_fields = False
        self._fields = fields
        self._data = data
        self._source = ledger.root
        self._importer = Importer(ledger, data, KINDS, passes_max=passes_max)

    @property
    def tasks(self) -> list[str]:
        """The tasks that the flow calls."""
        return [*self._importer.tasks]

    def spare_id(self) -> str:
        """Return an id that no node has."""
        return self._importer.ids.new("import")

    def flow(self) -> dict[str, Any]:
        """Return the flow without its first words."""
        self._head()
        fields, value = self._input()
        self._importer.pool.schemas["input"] = {}
        if not self.asks_for_fields:
            properties = {key: _schema_of(one) for key, one in fields.items()}
            self._importer.pool.schemas["input"] = {
                "type": "object", "properties": properties, "required": [*fields],
                "additionalProperties": False,
            }  # fmt: skip
        line = Line(self._importer.pool, value, value)
        line.variables["workflow input"] = One.named(value)
        line.variables["task"] = Record("task", {})
        self._importer.take_input(line, "workflow", _Part(self._source, ("input",)))
        line.context = line.value
        timeout = self._importer.timeout(self._source)
        if timeout is None:
            self._do(line)
        else:
            self._importer.block(line, self._importer.ids.new("timed"), self._do, timeout=timeout)
        self._importer.give_output(line, "workflow", _Part(self._source, ("output",)), line.value)
        described = self._description()
        return {
            **described, "input": fields, "nodes": line.nodes, "output": f"${{{line.value}}}",
        }  # fmt: skip

    def finish(self) -> None:
        """Say of all that is left what became of it."""
        self._unused()
        for task in self.tasks:
            what = f" with {TASKS[task]}" if task in TASKS else ""
            self.ledger.note(
                "warning", "needs-task", "$.do", f"the flow calls the task {task!r:.80}{what}.",
                "Register it in a module, and name the module in 'uses'.",
            )  # fmt: skip
        self.ledger.note_the_rest()

    def _do(self, line: Line) -> Ends:
        return control.tasks(self._importer, line, self._source.get("do"), is_whole=True)

    # the head ---------------------------------------------------------------------------

    def _head(self) -> None:
        head = self._source.get("document")
        assert head is not None
        for word in ("dsl", "name", "title", "summary"):
            head.text(word)
        for word, why in _LEFT_OUT.items():
            if part := head.peek(word):
                part.left_out(f"{why}: {word!r} is not carried over.")
        if found := self._source.peek("schedule"):
            found.take()
            found.warn(
                "schedule", "when runs are started is not said in a flow.",
                "Start them from outside: from cron, or where the events come in.",
            )  # fmt: skip
        if found := self._source.peek("evaluate"):
            self._evaluate(found)

    def _evaluate(self, source: Source) -> None:
        self.ledger.use(source.path)
        language = source.text("language", "jq")
        if language != "jq":
            source.error("language", f"expressions are read as jq, not as {language!r:.40}.")
        mode = source.text("mode", "strict")
        if mode != "strict":
            source.warn(
                "language",
                f"expressions in values are those in '${{…}}', not as in mode {mode!r:.40}.",
            )

    def _description(self) -> dict[str, str]:
        head = self._data["document"]
        texts = [
            head[word].strip() for word in ("title", "summary") if isinstance(head.get(word), str)
        ]
        return {"description": "\n\n".join(texts)} if any(texts) else {}

    def _unused(self) -> None:
        use = self._importer.use
        if use is None:
            return
        self.ledger.use(use.path)
        for group in use.data if isinstance(use.data, dict) else []:
            kept = use.peek(group)
            assert kept is not None
            if group in _KEPT_OUTSIDE:
                kept.take()
                kept.warn(*_KEPT_OUTSIDE[group], "Let the tasks know them.")
            elif group == "extensions":
                kept.lost(
                    "extension", "tasks that extensions put around others are not carried over."
                )
            elif group in _KEPT and isinstance(kept.data, dict):
                self.ledger.use(kept.path)
                for name in kept.data:
                    part = kept.peek(name)
                    if part and not self.ledger.is_used(part.path):
                        part.left_out(f"nothing uses {name!r:.60}.")

    # input ------------------------------------------------------------------------------

    def _input(self) -> tuple[dict[str, Any], str]:
        """Return the fields of the input, and the expression of what the source calls its input."""
        given = self._source.get("input")
        schema = given.get("schema") if given else None
        document = schema.get("document") if schema else None
        if schema is not None:
            if schema.text("format", "json").split(":")[0] != "json":
                schema.error("schema", "only schemas in the format 'json' are read.")
                document = None
            if resource := schema.peek("resource"):
                resource.lost(
                    "schema", "schemas that stand elsewhere are not read.", "Put it in 'document'."
                )
        if document is not None and isinstance(document.data, dict):
            return self._declared(document)
        if (
            "on" in (self._data.get("schedule") or {})
            if isinstance(self._data.get("schedule"), dict)
            else False
        ):
            self._source.warn(
                "input", "the events that start the workflow are the field 'value' of the input, a list.",
            )  # fmt: skip
            return {_UNKNOWN_INPUT: {"type": "array"}}, f"input.{_UNKNOWN_INPUT}"
        if self._fields is None:
            self.asks_for_fields = True
            return {}, "input"
        shown = f"the fields {', '.join(self._fields)}" if self._fields else "no fields"
        (given or self._source).warn(
            "input", f"no schema says what the input has: it has {shown}, as the expressions ask for.",
            "Declare its fields in 'input'; no others are taken.",
        )  # fmt: skip
        return dict.fromkeys(self._fields, "any?"), "input"

    def _declared(self, document: Source) -> tuple[dict[str, Any], str]:
        schema = document.take()
        properties = schema.get("properties")
        is_object = schema.get("type", "object") == "object" and isinstance(properties, dict)
        if not is_object or not all(isinstance(one, dict) for one in properties.values()):
            document.warn(
                "input",
                f"the input is no object with known fields: it is the field {_UNKNOWN_INPUT!r}.",
            )
            kept = "any" if not schema or _refers(schema) else schema
            return {_UNKNOWN_INPUT: kept}, f"input.{_UNKNOWN_INPUT}"
        for word in schema.keys() - _SCHEMA_ROOT - {"description", "title", "$schema", "$id"}:
            self.ledger.note(
                "warning", "unchecked", child(document.path, word),
                f"{word!r:.40} of the whole input is not checked; its fields are.",
            )  # fmt: skip
        if schema.get("additionalProperties") is not False:
            document.warn("input", "fields that the schema does not name are refused here.")
        required = schema.get("required", [])
        fields: dict[str, Any] = {}
        for name, one in properties.items():
            is_needed = isinstance(required, list) and name in required
            if _refers(one):
                self.ledger.note(
                    "warning", "unchecked", child(f"{document.path}.properties", name),
                    "a schema that refers to another part is not carried over: the field may be anything.",
                )  # fmt: skip
                fields[name] = "any" if is_needed else "any?"
                continue
            fields[name] = one if is_needed or "default" in one else _nullable(one)
        return fields, "input"


def _refers(schema: Any) -> bool:
    """Whether a schema has a reference, which would lead elsewhere from its new place."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "$ref" in one:
                return True
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False


def _nullable(schema: dict[str, Any]) -> dict[str, Any] | str:
    """Return a field that may be left out, and is null then."""
    kind = schema.get("type")
    if set(schema) == {"type"} and kind in {
        "string",
        "integer",
        "number",
        "boolean",
        "object",
        "array",
    }:
        return f"{kind}?"
    return {"anyOf": [schema, {"type": "null"}], "default": None}


def _schema_of(field: Any) -> dict[str, Any]:
    if isinstance(field, dict):
        return field
    if field in {"any?", "any"}:
        return {}
    return {"type": [str(field).removesuffix("?"), "null"]}


class _Part(Source):
    """The workflow as if it were a task: only some of its words."""

    def __init__(self, source: Source, words: tuple[str, ...]) -> None:
        super().__init__(source.ledger, source.data, source.path)
        self._words = words

    def peek(self, key: str | int) -> Source | None:
        """Return what stands at a word."""
        return super().peek(key) if key in self._words else None


__all__ = ["PASSES_MAX", "TASKS", "Imported", "import_serverless"]
