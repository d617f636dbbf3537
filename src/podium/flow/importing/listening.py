"""``listen``: events of the source are signals of a run here, named by the type of the event."""

from __future__ import annotations

from typing import Any, Final

from podium.flow.importing import control
from podium.flow.importing.graph import End
from podium.flow.importing.importer import Importer
from podium.flow.importing.jq import One
from podium.flow.importing.ledger import Source
from podium.flow.importing.line import NEXT, Ends, Line
from podium.flow.importing.names import MISSING

_BY_SENDER: Final = "Whoever passes events on as signals of the run sends those that fit."
_STRATEGIES: Final = ("one", "all", "any")


def listen(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``listen``: nodes that wait for signals, and one with the list of their values."""
    found = source.get("listen")
    to = found.get("to") if found else None
    strategy = next((word for word in _STRATEGIES if to is not None and word in to), None)
    if found is None or to is None or strategy is None:
        source.error("wrong-type", "'listen' has 'to' with one, all or any.")
        return importer.broken(line, name)
    read = found.text("read", "data")
    if read != "data" and (place := found.peek("read")):
        place.warn("event-read", f"a signal has one value: send the event as {read!r:.20} with it.")
    each = source.get("foreach")
    if each is not None and "export" in each and (exported := each.peek("export")):
        exported.lost(
            "context-in-foreach", "what is exported for each event does not reach other tasks."
        )
    wanted = to.get(strategy)
    until = to.peek("until")
    if strategy == "any" and until is not None and until.data is not False:
        return _many(importer, line, name, to, source)
    if until is not None:
        until.left_out("'until' counts beside 'any' only.")
    events = _once(importer, line, name, strategy, wanted)
    if events is None:
        return _nothing(importer, line, name, source)
    line.value = line.add(importer.ids.new(name), {"set": [f"${{{event}}}" for event in events]})
    if each is not None:
        line.value = _handled(importer, line, name, each, line.value, "0")
    return NEXT


def _once(
    importer: Importer, line: Line, name: str, strategy: str, wanted: Source | None
) -> list[str] | None:
    """Write what waits for each of some events, or for the first of them; return where they are."""
    filters = [] if wanted is None else [wanted]
    if strategy != "one":
        filters = [entry for _, entry in wanted.inside()] if wanted else []
    if not filters:
        return None
    rows = [line.beside() for _ in filters]
    events = [_event(importer, row, name, one) for row, one in zip(rows, filters, strict=True)]
    if strategy == "all" and len(events) > 1:
        wanted_path = wanted or filters[0]
        wanted_path.warn(
            "event-order", "the values stand in the order of the list, not of their arrival."
        )
    if strategy == "any" and len(events) > 1:
        line.last = ()
        return [control.first_of(importer, line, f"{name}_event", events)]
    line.last = tuple(events)
    return events


def _nothing(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """Say that no events are named."""
    for word in ("listen", "foreach"):
        if part := source.peek(word):
            part.lost(
                "any-event", "a signal is waited for by its name: all events at once cannot be."
            )
    return importer.broken(line, name)


def _event(importer: Importer, line: Line, name: str, source: Source) -> str:
    """Write what waits for one event that fits a filter; return its node."""
    properties = source.get("with")
    if correlate := source.peek("correlate"):
        correlate.take()
        correlate.warn(
            "event-filter", "a signal is sent to one run: nothing is correlated here.", _BY_SENDER
        )
    kind = properties.peek("type") if properties else None
    if properties is None or kind is None or not isinstance(kind.data, str) or "${" in kind.data:
        source.error(
            "event-type", "an event is waited for by its type, which must be a fixed text here."
        )
        return line.add(importer.ids.new(name, "_event"), {"set": f"${{{MISSING}}}"})
    signal = str(kind.take())
    for word, part in properties.inside():
        if word not in {"type", "data"}:
            part.take()
            part.warn("event-filter", f"signals are not told apart by {word!r:.40}.", _BY_SENDER)
    data = properties.get("data")
    waits = {"wait": {"signal": signal}}
    if data is None:
        return line.add(importer.ids.new(name, "_event"), waits)
    inner = line.inner()
    event = inner.add(importer.ids.new(name, "_event"), waits)
    fits = _fits(importer, inner, data, event)
    loop = importer.ids.new(name, "_fitting")
    line.add(
        loop,
        {
            "until": fits,
            "max": importer.passes_max,
            "nodes": inner.nodes,
            "output": f"${{{event}}}",
        },
    )
    data.warn(
        "event-filter", f"signals called {signal!r:.60} that do not fit are dropped, up to "
        f"{importer.passes_max:,} of them.",
    )  # fmt: skip
    return loop


def _fits(importer: Importer, line: Line, data: Source, event: str) -> str:
    speech = importer.speech(line, dot=event)
    if isinstance(data.data, str) and "${" in data.data:
        return speech.condition(data)
    wanted = line.add(importer.ids.new(event, "_wanted"), {"set": speech.template(data)})
    return f"{event} == {wanted}"


def _handled(
    importer: Importer, line: Line, name: str, source: Source, events: str, before: str
) -> str:
    """Write what is done for each event, one after another; return where the results are."""
    item, index = (
        importer.ids.new(source.text("item", "item")),
        importer.ids.new(source.text("at", "index")),
    )
    inner = line.inner()
    inner.pool.schemas["loop"] = {}
    inner.pool.schemas[item] = {}
    inner.variables[source.text("item", "item")] = One.named(item)
    number = "loop.index" if before == "0" else f"{before} + loop.index"
    inner.add(index, {"set": f"${{{number}}}"})
    inner.variables[source.text("at", "index")] = One.named(index)
    inner.value = item
    ends = control.tasks(importer, inner, source.get("do"))
    if End.END in ends.reached:
        source.error("end-in-foreach", "what is done for an event cannot end the whole workflow.")
    importer.give_output(inner, name, _Without(source), item)
    each = importer.ids.new(name, "_each")
    return line.add(
        each,
        {
            "for_each": f"${{{events}}}", "as": item, "concurrency": 1, "nodes": inner.nodes,
            "output": f"${{{inner.value}}}",
        },
    )  # fmt: skip


class _Without(Source):
    """A source whose ``export`` is not seen."""

    def __init__(self, source: Source) -> None:
        super().__init__(source.ledger, source.data, source.path)

    def peek(self, key: str | int) -> Source | None:
        """Return what stands at a word."""
        return None if key == "export" else super().peek(key)


# any, until -------------------------------------------------------------------------------


def _many(importer: Importer, line: Line, name: str, to: Source, source: Source) -> Ends:
    """Wait for events until a condition holds, or another event comes: a pass for each event."""
    until, wanted, each = to.get("until"), to.get("any"), source.get("foreach")
    assert until is not None
    loop, start = importer.ids.new(name), importer.ids.new(name, "_pass")
    inner = line.inner()
    inner.pool.schemas["loop"] = {}
    inner.add(start, {"set": "${loop.state}"})
    inner.pool.schemas[start] = _STATE
    begin = inner.last
    got = _once(importer, inner, name, "any", wanted)
    if got is None:
        return _nothing(importer, line, name, source)
    stopped = ""
    if isinstance(until.data, dict):
        first = _stop(importer, inner, name, until, got[0], begin)
        fresh, stopped = f"{first}.events", f"{first}.stopped"
    else:
        fresh = inner.add(importer.ids.new(name, "_new"), {"set": [f"${{{got[0]}}}"]})
    events = inner.add(importer.ids.new(name, "_events"), {"set": f"${{{start}.events + {fresh}}}"})
    results = events
    if each is not None:
        handled = _handled(importer, inner, name, each, fresh, f"size({start}.events)")
        results = inner.add(
            importer.ids.new(name, "_results"), {"set": f"${{{start}.results + {handled}}}"}
        )
    over = stopped or importer.speech(inner, dot=events).condition(until)
    to.warn(
        "loop-limit", f"at most {importer.passes_max:,} events are waited for.",
        f"See 'max' of the node '{loop}'.",
    )  # fmt: skip
    line.add(
        loop,
        {
            "until": over, "max": importer.passes_max, "state": {"events": [], "results": []},
            "nodes": inner.nodes,
            "next": {"events": f"${{{events}}}", "results": f"${{{results}}}"},
            "output": f"${{{results}}}",
        },
    )  # fmt: skip
    line.value = loop
    return NEXT


_STATE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"events": {"type": "array"}, "results": {"type": "array"}},
    "required": ["events", "results"],
}


def _stop(
    importer: Importer, line: Line, name: str, until: Source, got: str, begin: tuple[str, ...]
) -> str:
    """Write what waits for the event that ends all, beside what waits for the others."""
    strategy = next((word for word in _STRATEGIES if word in until), None)
    wanted = until.get(strategy) if strategy else None
    row = line.beside()
    row.last = begin
    events = None
    if (
        strategy == "all"
        and wanted is not None
        and isinstance(wanted.data, list)
        and len(wanted.data) > 1
    ):
        wanted.error(
            "until-all", "'until' with several events that must all come cannot be carried over."
        )
    elif strategy is not None:
        events = _once(importer, row, f"{name}_stop", strategy, wanted)
    if inner := until.peek("until"):
        inner.left_out("'until' within 'until' says nothing.")
    stop = events[0] if events else importer.broken_node(row, name)
    line.last = ()
    is_over = f"outcome.{stop}.status == 'ok'"
    first = importer.ids.new(name, "_first")
    line.nodes[first] = {
        "set": {"stopped": f"${{{is_over}}}", "events": f"${{{is_over} ? [] : [{got}?]}}"},
        "join": "any",
    }
    line.last = (first,)
    line.pool.schemas[first] = {
        "type": "object",
        "properties": {"stopped": {"type": "boolean"}, "events": {"type": "array"}},
        "required": ["stopped", "events"],
    }
    return first
