"""What is done elsewhere: calls of services and functions, and what is run."""

from __future__ import annotations

import re

from typing import Any, Final

from podium.flow.importing.graph import End
from podium.flow.importing.importer import Importer
from podium.flow.importing.ledger import Source
from podium.flow.importing.line import NEXT, Ends, Line

PROTOCOLS: Final = ("http", "grpc", "openapi", "asyncapi", "a2a", "mcp")
"""The functions that the specification defines, each a task of that name here."""
_ENDPOINTS: Final = frozenset(["endpoint", "uri", "server"])
_PAYLOADS: Final = frozenset(
    ["body", "headers", "query", "arguments", "parameters", "message", "payload"]
)
_PER_MESSAGE: Final = frozenset(["filter", "while", "until", "foreach"])
_CUSTOM: Final = re.compile(r"([^:@]+)(:[^@]*)?(@.*)?")
_PROCESSES: Final = ("container", "script", "shell")


# call -------------------------------------------------------------------------------------


def call(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``call``: a task of that name, or a function that the source itself defines."""
    function = source.text("call")
    given = source.get("with")
    if not function:
        source.error("wrong-type", "'call' has the name of a function.")
        return importer.broken(line, name)
    if given is not None and not isinstance(given.data, dict):
        given.lost("wrong-type", f"'with' has arguments by name; got {given.data!r:.60}.")
        given = None
    if function in PROTOCOLS:
        args = _Arguments(importer, line).of(given) if given else {}
        line.value = importer.call(line, name, function, args)
        return NEXT
    known = importer.reusable("functions", function)
    if known is not None:
        return _function(importer, line, name, function, known, given)
    args = importer.speech(line).template(given) if given else {}
    task = function
    if (match := _CUSTOM.fullmatch(function)) and (match[2] or match[3]):
        task = match[1]
        source.warn(
            "catalog", f"the function {function!r:.80} is taken as the task {task!r:.60}: its version "
            "and its catalog do not count here.",
        )  # fmt: skip
    line.value = importer.call(line, name, task, args)
    return NEXT


def _function(
    importer: Importer, line: Line, name: str, function: str, known: Source, given: Source | None
) -> Ends:
    """Write the task that a function consists of, in the place of its call."""
    if function in importer.calling:
        known.error("recursive", f"the function {function!r:.60} calls itself.")
        return importer.broken(line, name)
    arguments = importer.speech(line).template(given) if given else {}
    line.value = line.add(importer.ids.new(name, "_args"), {"set": arguments})
    if then := known.peek("then"):
        then.left_out("'then' says nothing in a function.")
    before, task = importer.calling, line.variables.get("task")
    importer.calling = (*before, function)
    ends = importer.task(line, name, known)
    importer.calling = before
    if task is not None:
        line.variables["task"] = task
    return Ends(ends.reached & {End.EXIT, End.END}, ends.to)


class _Arguments:
    """Arguments of a call: templates, with what URIs and authentications have of their own."""

    def __init__(self, importer: Importer, line: Line) -> None:
        self._speech = importer.speech(line)

    def of(self, source: Source) -> dict[str, Any]:
        """Return the fields of an object, without those that are not carried over."""
        found: dict[str, Any] = {}
        for key, value in source.inside():
            if key in _PAYLOADS:
                found[key] = self._speech.template(value)
            elif key == "authentication":
                found |= self._authentication(value)
            elif key == "subscription" and isinstance(value.data, dict):
                found[key] = self._subscription(value)
            elif key in _ENDPOINTS and isinstance(value.data, str):
                found[key] = self._speech.uri(value)
            elif isinstance(value.data, dict):
                found[key] = self.of(value)
            else:
                found[key] = self._speech.template(value)
        return found

    def _authentication(self, source: Source) -> dict[str, Any]:
        name = source.data.get("use") if isinstance(source.data, dict) else source.data
        if isinstance(name, str) and (not isinstance(source.data, dict) or len(source.data) == 1):
            source.take()
            return {"authentication": name}
        source.lost(
            "authentication", "credentials are not made arguments of a call: these are recorded.",
            "Let the task know them.",
        )  # fmt: skip
        return {}

    def _subscription(self, source: Source) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in source.inside():
            if key in _PER_MESSAGE:
                value.lost(
                    "per-message", f"{key!r} concerns each message, within the task that receives them.",
                    "Let the task do it.",
                )  # fmt: skip
            elif isinstance(value.data, dict) and key == "consume":
                found[key] = self._subscription(value)
            else:
                found[key] = self._speech.template(value)
        return found


# run --------------------------------------------------------------------------------------


def run(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``run``: a flow for a workflow, else a task such as ``run_shell``."""
    found = source.get("run")
    if found is None or not isinstance(found.data, dict):
        source.error("wrong-type", "'run' has container, script, shell or workflow.")
        return importer.broken(line, name)
    awaited = found.get("await")
    is_awaited = awaited is None or awaited.take() is not False
    before = line.last
    value = _workflow(importer, line, name, found) or _process(importer, line, name, found)
    if value is None:
        found.error("wrong-type", "'run' has container, script, shell or workflow.")
        return importer.broken(line, name)
    if is_awaited:
        line.value = value
        return NEXT
    line.last = before
    if awaited is not None:
        awaited.warn(
            "not-awaited", "the tasks that follow do not wait for it, but the run as a whole does."
        )
    return NEXT


def _workflow(importer: Importer, line: Line, name: str, source: Source) -> str | None:
    found = source.get("workflow")
    if found is None:
        return None
    flow = found.text("name") or "unnamed"
    for word in ("namespace", "version"):
        if part := found.peek(word):
            part.left_out(f"workflows are known by their names here, not by the {word}.")
    if wanted := source.peek("return"):
        wanted.left_out("a workflow has one result: its output.")
    args: Any = {}
    given = found.get("input")
    if given is not None and isinstance(given.data, dict):
        args = importer.speech(line).template(given)
    elif given is not None:
        given.lost("wrong-type", "the input of a flow has its fields by name.")
    return line.add(importer.ids.new(name), {"flow": flow, "args": args})


def _process(importer: Importer, line: Line, name: str, source: Source) -> str | None:
    kind = next((kind for kind in _PROCESSES if kind in source), None)
    found = source.get(kind) if kind else None
    if found is None or not isinstance(found.data, dict):
        return None
    args = _Arguments(importer, line).of(found) | {"returns": source.text("return", "stdout")}
    return importer.call(line, name, f"run_{kind}", args)
