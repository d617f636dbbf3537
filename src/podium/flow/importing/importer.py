"""What all kinds of tasks have in common: conditions, data, context, time, and where they go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from podium.flow.importing.durations import duration_ms, duration_text
from podium.flow.importing.errors import ErrorCodes
from podium.flow.importing.graph import End
from podium.flow.importing.jq import Constant, One, Record, Value
from podium.flow.importing.ledger import Ledger, Source
from podium.flow.importing.line import NEXT, Ends, Line, Pool, Way, branch, label
from podium.flow.importing.names import MISSING, Ids
from podium.flow.importing.speech import Speech

Kind = Callable[["Importer", Line, str, Source], Ends]
"""Writes the nodes of one kind of task; ``line.value`` is what it is given, then what it gives."""


class Importer:
    """Writes the flow of one source.

    Attributes:
        ids: Names for nodes.
        errors: Codes for types of errors.
        use: What the source keeps for use by name: functions, errors, retries, timeouts.
        tasks: The names of the tasks that the flow calls.
        calling: The functions that are being written, from outside in.
    """

    def __init__(
        self, ledger: Ledger, data: Mapping[str, Any], kinds: Mapping[str, Kind], *, passes_max: int
    ) -> None:
        self.ids = Ids()
        self._kinds = kinds
        self.errors = ErrorCodes(data)
        self.pool = Pool()
        self.passes_max = passes_max
        self.use = ledger.root.peek("use")
        self.tasks: dict[str, None] = {}
        self.calling: tuple[str, ...] = ()
        self._ledger = ledger
        self._data = data

    def reusable(self, group: str, name: str) -> Source | None:
        """Return what is kept under a name in ``use``, as carried over."""
        kept = self.use.peek(group) if self.use else None
        if self.use is None or kept is None or name not in kept:
            return None
        self._ledger.use(self.use.path)
        self._ledger.use(kept.path)
        return kept.get(name)

    # translation ------------------------------------------------------------------------

    def speech(
        self,
        line: Line,
        *,
        dot: str | None = None,
        given: str | None = None,
        output: str | None = None,
    ) -> Speech:
        """Return the translator for expressions at a point.

        Args:
            line: The body that is being written.
            dot: What they are applied to; the value there unless given.
            given: What ``$input`` is: the value there unless given.
            output: What ``$output`` is, where there is one.
        """
        variables: dict[str, Value] = {
            "context": One.named(line.context),
            "input": One.named(given or line.value),
            "workflow": Record(
                "workflow",
                {"definition": Constant(self._data), "input": line.variables["workflow input"]},
            ),
        }
        if output is not None:
            variables["output"] = One.named(output)
        return Speech(line, One.named(dot or line.value), variables, self.merge)

    def merge(self, line: Line, objects: list[Any]) -> str:
        """Write a node that merges objects, the last one winning; return its id."""
        return self.call(line, "merged", "merge", {"objects": objects})

    def call(self, line: Line, name: str, task: str, args: dict[str, Any], **more: Any) -> str:
        """Write a call of a task that is to be registered; return its node."""
        self.tasks[task] = None
        return line.add(self.ids.new(name), {"call": task, "args": args, **more})

    def broken_node(self, line: Line, name: str) -> str:
        """Write a node that the check refuses, in the place of what could not be carried over."""
        return line.add(self.ids.new(name), {"set": f"${{{MISSING}}}"})

    def broken(self, line: Line, name: str) -> Ends:
        """Write such a node as the task."""
        line.value = self.broken_node(line, name)
        return NEXT

    # tasks ------------------------------------------------------------------------------

    def task(self, line: Line, name: str, source: Source, *, can_skip: bool = False) -> Ends:
        """Write the nodes of a task that is no switch.

        Args:
            line: Where to write.
            name: The name of the task.
            source: The task.
            can_skip: Whether it makes a difference that it was skipped by its ``if``.
        """
        if not isinstance(source.data, dict):
            source.error("wrong-type", f"expected a task; got {source.data!r:.60}.")
            return self.broken(line, name)
        condition = source.get("if")
        if condition is None:
            return self._timed(line, name, source)
        when = self.speech(line).condition(condition)
        inner = line.inner()
        ways = [
            Way(when, inner, self._timed(inner, name, source)),
            Way(None, line.inner(), Ends(frozenset([End.SKIPPED])) if can_skip else NEXT),
        ]
        return branch(line, self.ids.new(name, "_if"), ways)

    def begin_switch(self, line: Line, name: str, source: Source) -> None:
        """Take the input of a switch."""
        self._leave_out(source)
        if timeout := source.peek("timeout"):
            timeout.left_out("a switch takes no time.")
        self._set_task(line, name, source)
        self.take_input(line, name, source)

    def span(self, source: Source) -> int | None:
        """Return a duration in milliseconds."""
        return duration_ms(source.take())

    def block(self, line: Line, name: str, write: Callable[[Line], Ends], **policies: Any) -> Ends:
        """Write several nodes as one, so that policies hold for all of them."""
        inner = line.inner()
        ends = write(inner)
        return branch(line, name, [Way(None, inner, ends)], **policies)

    def _timed(self, line: Line, name: str, source: Source) -> Ends:
        timeout = self.timeout(source)
        if timeout is None:
            return self._done(line, name, source)
        return self.block(
            line, self.ids.new(name, "_timed"), lambda inner: self._done(inner, name, source),
            timeout=timeout,
        )  # fmt: skip

    def timeout(self, source: Source) -> str | None:
        """Return how long a task, or the workflow, may take."""
        found = source.get("timeout")
        if found is None:
            return None
        if isinstance(found.data, str):
            known = self.reusable("timeouts", found.data)
            if known is None:
                found.error("unknown-name", f"no timeout is called {found.data!r:.60}.")
                return None
            found.take()
            found = known
        after = found.get("after")
        if after is None:
            found.error("wrong-type", "a timeout has 'after'.")
            return None
        text = self.duration(after)
        if text == "0s":
            after.error("bad-duration", "a timeout of nothing cannot be carried over.")
            return None
        return text

    def duration(self, source: Source) -> str | None:
        """Return a duration in our words; None, with a note, where it has no counterpart."""
        milliseconds = duration_ms(source.data)
        if milliseconds is None:
            source.error(
                "bad-duration", f"{source.data!r:.80} is no duration that can be carried over.",
                "Use days, hours, minutes, seconds and milliseconds: years, months and "
                "expressions that give ISO 8601 have no counterpart.",
            )  # fmt: skip
            return None
        source.take()
        return duration_text(milliseconds)

    def _done(self, line: Line, name: str, source: Source) -> Ends:
        """Take the input, do the task, give the output, and export the context."""
        self._leave_out(source)
        self._set_task(line, name, source)
        raw = line.value
        self.take_input(line, name, source)
        given = line.value
        kind = next((kind for kind in self._kinds if kind in source), None)
        if kind is None:
            source.error("no-kind", "no kind of task is known by these words.")
            return self.broken(line, name)
        self._ledger.use(f"{source.path}.{kind}")
        ends = self._kinds[kind](self, line, name, source)
        self._set_task(line, name, source, raw=raw, output=line.value)
        if ends.reached == {End.EXIT} or not ("output" in source or "export" in source):
            self.give_output(line, name, source, given)
            return ends
        return self._output_unless_over(line, name, source, given, ends)

    def _output_unless_over(
        self, line: Line, name: str, source: Source, given: str, ends: Ends
    ) -> Ends:
        """Give the output of tasks that may end the workflow, or fail: then it does not count."""
        if End.EXIT not in ends.reached or ends.to is None:
            for word in ("output", "export"):
                if part := source.peek(word):
                    part.left_out(f"the task never ends in a way that {word!r} counts.")
            return ends
        over, onward = line.inner(), line.inner()
        self.give_output(onward, name, source, given)
        ways = [
            Way(f"{ends.to} == '{label(End.END)}'", over, Ends(frozenset([End.END]))),
            Way(None, onward, Ends(ends.reached - {End.END})),
        ]
        return branch(line, self.ids.new(name, "_given"), ways)

    def _set_task(
        self,
        line: Line,
        name: str,
        source: Source,
        *,
        raw: str | None = None,
        output: str | None = None,
    ) -> None:
        """Say what ``$task`` is."""
        fields: dict[str, Value] = {
            "name": Constant(name),
            "definition": Constant(source.data),
            "reference": Constant(pointer(source.path)),
            "input": One.named(raw or line.value),
        }
        if output is not None:
            fields["output"] = One.named(output)
        line.variables["task"] = Record("task", fields)

    def _leave_out(self, source: Source) -> None:
        if found := source.peek("metadata"):
            found.left_out("metadata of tasks are not carried over.", "Use 'description'.")

    # data -------------------------------------------------------------------------------

    def take_input(self, line: Line, name: str, source: Source) -> None:
        """Carry out ``input``: what the task is given."""
        found = source.get("input")
        if found is None:
            return
        if found.path != "$.input":
            self._unchecked(found)
        if (given := found.get("from")) is not None:
            speech = self.speech(line)
            path = speech.path(given)
            line.value = path or line.add(
                self.ids.new(name, "_input"), {"set": speech.value(given)}
            )

    def give_output(self, line: Line, name: str, source: Source, given: str) -> None:
        """Carry out ``output`` and ``export``: what the task gives, and the context after it."""
        found = source.get("output")
        if found is not None:
            self._unchecked(found)
            if (wanted := found.get("as")) is not None:
                speech = self.speech(line, given=given)
                path = speech.path(wanted)
                line.value = path or line.add(
                    self.ids.new(name, "_output"), {"set": speech.value(wanted)}
                )
        exported = source.get("export")
        if exported is None:
            return
        self._unchecked(exported)
        if (wanted := exported.get("as")) is not None:
            speech = self.speech(line, given=given, output=line.value)
            path = speech.path(wanted)
            line.context = path or line.add(
                self.ids.new(name, "_context"), {"set": speech.value(wanted)}
            )

    def _unchecked(self, source: Source) -> None:
        if schema := source.peek("schema"):
            schema.take()
            schema.warn(
                "unchecked", "values are not checked against this schema as the flow runs.",
                "Declare the types of the task's parameters and result in Python.",
            )  # fmt: skip


def pointer(path: str) -> str:
    """Return a path of ours as a JSON pointer."""
    return path.removeprefix("$").replace(".", "/").replace("[", "/").replace("]", "")
