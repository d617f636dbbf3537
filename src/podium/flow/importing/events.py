"""The plain kinds: set, wait, emit."""

from __future__ import annotations

from podium.flow.importing.importer import Importer
from podium.flow.importing.ledger import Source
from podium.flow.importing.line import NEXT, Ends, Line


def put(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``set``: a node ``set``."""
    found = source.get("set")
    if found is None or not isinstance(found.data, dict | str):
        source.error("wrong-type", "'set' has an object or an expression.")
        return importer.broken(line, name)
    value = importer.speech(line).template(found)
    line.value = line.add(importer.ids.new(name), {"set": value})
    return NEXT


def wait(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``wait``: a node ``wait``; what the task was given goes on to the next."""
    found = source.get("wait")
    text = importer.duration(found) if found else None
    if text is None:
        return importer.broken(line, name)
    line.add(importer.ids.new(name), {"wait": text})
    return NEXT


def emit(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``emit``: a call of the task ``emit``, whose result is the event as it was sent."""
    found = source.get("emit")
    event = found.get("event") if found else None
    properties = event.get("with") if event else None
    if properties is None or not isinstance(properties.data, dict):
        source.error("wrong-type", "'emit' has 'event', and that has 'with'.")
        return importer.broken(line, name)
    args = {"event": importer.speech(line).template(properties)}
    line.value = importer.call(line, name, "emit", args)
    return NEXT
