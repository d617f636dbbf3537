"""Lists of tasks, their jumps, and the kinds that are made of lists: do, switch, for, fork."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from podium.flow.importing.graph import End, Graph, Target
from podium.flow.importing.importer import Importer
from podium.flow.importing.jq import One
from podium.flow.importing.ledger import Source
from podium.flow.importing.line import (
    NEXT,
    Ends,
    Line,
    Shape,
    Way,
    branch,
    either,
    label,
    needs_of,
)
from podium.flow.importing.names import MISSING

ITEMS_MAX: Final = 100_000
_ALL_ENDS: Final[frozenset[Target]] = frozenset([End.EXIT, End.END])


@dataclass(frozen=True, slots=True)
class Step:
    """A task of a list: its name, where it stands, and where it goes on: as it says, and if it is skipped."""

    name: str
    source: Source
    onward: Target
    following: Target

    @property
    def is_switch(self) -> bool:
        """Whether it is a switch."""
        return "switch" in self.source and "call" not in self.source


class Listing:
    """A list of tasks with its jumps."""

    def __init__(self, importer: Importer, source: Source, *, is_whole: bool) -> None:
        """Read a list of tasks, each under its name.

        Args:
            importer: What writes the tasks.
            source: The list.
            is_whole: Whether it is the workflow itself, so that its end is the end of all.
        """
        self._importer = importer
        self._over: Target = End.EXIT if is_whole else End.END
        entries = _entries(source)
        self._places = {name: at for at, (name, _) in reversed([*enumerate(entries)])}
        self._count = len(entries)
        self._steps = [
            Step(name, task, self._directive(task.get("then"), at), self._directive(None, at))
            for at, (name, task) in enumerate(entries)
        ]
        self._written: set[int] = set()
        self._graph = Graph({at: self._following(step) for at, step in enumerate(self._steps)})

    # reading ----------------------------------------------------------------------------

    def _directive(self, source: Source | None, at: int) -> Target:
        following: Target = at + 1 if at + 1 < self._count else End.EXIT
        then = "continue" if source is None else source.take()
        match then:
            case "continue":
                return following
            case "exit":
                return End.EXIT
            case "end":
                return self._over
            case str() if then in self._places:
                return self._places[then]
            case _:
                assert source is not None
                source.error("unknown-name", f"no task of this list is called {then!r:.60}.")
                return End.EXIT

    def _following(self, step: Step) -> tuple[Target, ...]:
        if step.is_switch:
            return tuple(dict.fromkeys(target for _, target in self._cases(step)))
        found: list[Target] = [] if "raise" in step.source else [step.onward]
        if "if" in step.source:
            found.append(step.following)
        if _may_end(step.source.data):
            found.append(self._over)
        return tuple(dict.fromkeys(found))

    def _cases(self, step: Step) -> list[tuple[Source | None, Target]]:
        """Return the cases of a switch; the last one has no condition."""
        at = next(index for index, one in enumerate(self._steps) if one is step)
        cases: list[tuple[Source | None, Target]] = []
        default = step.onward
        found = step.source.get("switch")
        for _, entry in found.inside() if found else []:
            named = entry.inside() if isinstance(entry.data, dict) else []
            for _, case in named:
                target = self._directive(case.get("then"), at)
                when = case.peek("when")
                if when is None:
                    default = target
                else:
                    cases.append((when, target))
            if len(named) != 1:
                entry.error("wrong-type", "a case of a switch has one name.")
        return [*cases, (None, default)]

    # writing ----------------------------------------------------------------------------

    def write(self, line: Line) -> Ends:
        """Write all that can be reached from the first task."""
        if not self._steps:
            return NEXT
        ends = self._region(line, 0, _ALL_ENDS)
        for at in sorted(set(range(len(self._steps))) - self._written):
            source = self._steps[at].source
            source.take()
            source.warn("unreachable", f"no way leads to the task {self._steps[at].name!r:.60}.")
        return ends

    def _region(
        self, line: Line, at: Target, stops: frozenset[Target], *, is_begun: bool = False
    ) -> Ends:
        """Write what comes from a target on, up to the stops.

        Args:
            line: Where to write.
            at: The first target.
            stops: Where to end.
            is_begun: Whether the first target is written although it is a stop: a loop's own body.
        """
        while is_begun or at not in stops:
            assert isinstance(at, int)
            self._written.add(at)
            if not is_begun and self._graph.repeats(at, stops):
                ends = self._loop(line, at, stops)
            elif self._steps[at].is_switch:
                ends = self._switch(line, at, stops)
            else:
                ends = self._step(line, at)
            is_begun = False
            while len(ends.reached) > 1 and not ends.reached <= stops:
                ends = self._dispatch(line, ends, stops)
            if len(ends.reached) != 1:
                return ends
            (at,) = ends.reached
        return Ends(frozenset([at]))

    def _step(self, line: Line, at: int) -> Ends:
        step = self._steps[at]
        ends = self._importer.task(
            line, step.name, step.source, can_skip=step.onward != step.following
        )
        onward: dict[End, Target] = {
            End.EXIT: step.onward, End.END: self._over, End.SKIPPED: step.following,
        }  # fmt: skip
        reached = frozenset(onward[target] for target in ends.reached if isinstance(target, End))
        if ends.to is None:
            return Ends(reached)
        if len(reached) == 1:
            return Ends(reached)
        name = self._importer.ids.new(step.name, "_next")
        there = f"'{label(step.onward)}'"
        for end in sorted(ends.reached - {End.EXIT}, key=label):
            if isinstance(end, End):
                there = f"{ends.to} == '{label(end)}' ? '{label(onward[end])}' : {there}"
        return Ends(reached, line.add(name, {"set": f"${{{there}}}"}))

    def _dispatch(self, line: Line, ends: Ends, stops: frozenset[Target]) -> Ends:
        """Go on from where several targets were reached."""
        assert ends.to is not None
        targets = sorted(ends.reached, key=label)
        conditions = [f"{ends.to} == '{label(target)}'" for target in targets[:-1]]
        before = ends.to.split(".", maxsplit=1)[0].split("_then", maxsplit=1)[0]
        name = self._importer.ids.new(before, "_then")
        return self._ways(line, name, [*zip([*conditions, None], targets, strict=True)], stops)

    def _switch(self, line: Line, at: int, stops: frozenset[Target]) -> Ends:
        step = self._steps[at]
        importer, source = self._importer, step.source
        importer.begin_switch(line, step.name, source)
        speech = importer.speech(line)
        guard = source.get("if")
        cases: list[tuple[str | None, Target]] = []
        if guard is not None:
            cases.append((f"!({speech.condition(guard)})", step.following))
        cases += [
            (speech.condition(when) if when else None, target) for when, target in self._cases(step)
        ]
        importer.give_output(line, step.name, source, line.value)
        if len(cases) == 1:
            return Ends(frozenset([cases[0][1]]))
        return self._ways(line, importer.ids.new(step.name), cases, stops)

    def _ways(
        self,
        line: Line,
        name: str,
        cases: list[tuple[str | None, Target]],
        stops: frozenset[Target],
    ) -> Ends:
        """Write several ways up to where they meet."""
        until = stops | self._graph.cuts([target for _, target in cases], stops)
        ways: list[Way] = []
        for when, target in cases:
            inner = line.inner()
            ways.append(Way(when, inner, self._region(inner, target, until)))
        return branch(line, name, ways)

    def _loop(self, line: Line, at: int, stops: frozenset[Target]) -> Ends:
        """Write tasks that a jump leads back to: a pass for each time that the first of them is reached."""
        importer, step = self._importer, self._steps[at]
        name, start = importer.ids.new(step.name, "_loop"), importer.ids.new(step.name, "_pass")
        step.source.warn(
            "loop-limit", f"tasks that are repeated may have {importer.passes_max:,} passes here.",
            f"See 'max' of the node '{name}'.",
        )  # fmt: skip
        state = {"value": f"${{{line.value}}}", "context": f"${{{line.context}}}"}
        inner = begun(line, start)
        ends = self._region(inner, at, stops | {at}, is_begun=True)
        onward = frozenset(ends.reached - {at})
        if at not in ends.reached:
            until = "true"
        else:
            until = f"{ends.to} != '{label(at)}'" if ends.to else "false"
        shape = Shape(has_context=True, has_target=len(onward) > 1)
        following = Shape(has_context=True, has_target=False)
        line.add(
            name,
            {
                "until": until, "max": importer.passes_max, "state": state, "nodes": inner.nodes,
                "next": following.output(inner, ends), "output": shape.output(inner, ends),
            },
        )  # fmt: skip
        if not onward:
            return Ends(onward)
        return shape.follow(line, name, onward, line.schema_of(shape.output(inner, ends)))


def begun(line: Line, start: str) -> Line:
    """Begin the body of a loop, whose state has the value and the context."""
    inner = line.inner()
    inner.pool.schemas["loop"] = {}
    inner.add(start, {"set": "${loop.state}"})
    inner.pool.schemas[start] = {
        "type": "object",
        "properties": {"value": {}, "context": {"type": "object"}, "index": {"type": "integer"}},
        "required": ["value", "context", "index"],
    }
    inner.value, inner.context = f"{start}.value", f"{start}.context"
    return inner


def _entries(source: Source) -> list[tuple[str, Source]]:
    """Return the tasks of a list by name."""
    if not isinstance(source.data, list):
        source.error("wrong-type", f"expected a list of tasks; got {source.data!r:.60}.")
        return []
    entries: list[tuple[str, Source]] = []
    for _, entry in source.inside():
        named = entry.inside() if isinstance(entry.data, dict) else []
        if len(named) != 1:
            entry.error("wrong-type", "an entry of a list of tasks has one name, and its task.")
        entries += named
    return entries


def _may_end(data: Any) -> bool:
    """Whether a task can end the whole workflow from within."""
    if not isinstance(data, dict):
        return False
    waiting = [data[key] for key in ("do", "try", "catch", "fork") if key in data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if one.get("then") == "end":
                return True
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False


# kinds ------------------------------------------------------------------------------------


def tasks(importer: Importer, line: Line, source: Source | None, *, is_whole: bool = False) -> Ends:
    """Write a list of tasks into a body."""
    return Listing(importer, source, is_whole=is_whole).write(line) if source else NEXT


def group(importer: Importer, line: Line, _name: str, source: Source) -> Ends:
    """``do``: its tasks stand in the same body."""
    return tasks(importer, line, source.get("do"))


def fork(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``fork``: rows of nodes beside each other, and one that waits for all, or for the first."""
    found = source.get("fork")
    branches = found.get("branches") if found else None
    if found is None or branches is None:
        source.error("wrong-type", "a fork has 'branches'.")
        return importer.broken(line, name)
    competes = found.get("compete")
    is_race = competes is not None and competes.take() is True
    rows: list[Line] = []
    for _, entry in branches.inside():
        for row_name, task in entry.inside():
            row = line.beside()
            if then := task.peek("then"):
                then.left_out("branches of a fork have no successor: 'then' says nothing.")
            ends = _row(importer, row, row_name, task)
            if End.END in ends.reached:
                task.error("end-in-fork", "a branch cannot end the whole workflow.")
            if row.context != line.context:
                task.error(
                    "context-in-fork", "what a branch exports does not reach the tasks after the fork.",
                    "Give it as the branch's output.",
                )  # fmt: skip
            rows.append(row)
    if not rows:
        line.value = line.add(importer.ids.new(name), {"set": []})
        return NEXT
    if not is_race:
        line.last = tuple(dict.fromkeys(last for row in rows for last in row.last))
        line.value = line.add(
            importer.ids.new(name), {"set": [f"${{{row.value}}}" for row in rows]}
        )
        return NEXT
    line.last = ()
    line.value = first_of(importer, line, name, [row.value for row in rows])
    return NEXT


def _row(importer: Importer, row: Line, name: str, task: Source) -> Ends:
    """Write a branch such that it has a node of its own, which a race can wait for and call off."""
    before = dict(row.nodes)
    ends = importer.task(row, name, task)
    own = row.nodes.keys() - before.keys()
    if row.value.split(".")[0] not in own or row.last != (row.value,):
        row.value = row.add(importer.ids.new(name, "_done"), {"set": f"${{{row.value}}}"})
    return ends


def first_of(importer: Importer, line: Line, name: str, nodes: list[str]) -> str:
    """Write a node that takes the value of the first of some nodes that has one."""
    values = " ?? ".join(f"{node}?" for node in nodes)
    return line.add(importer.ids.new(name), {"set": f"${{{values}}}", "join": "any"})


def repeat(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``for``: one pass for each item, each given what the one before gave.

    Where no pass reads what the one before gave, it is a ``for_each``.
    """
    found = source.get("for")
    given = found.get("in") if found else None
    if found is None or given is None:
        source.error("wrong-type", "'for' has 'in'.")
        return importer.broken(line, name)
    speech = importer.speech(line)
    items = speech.path(given) or line.add(
        importer.ids.new(name, "_items"), {"set": speech.value(given)}
    )
    ids = importer.ids
    start, item = ids.new(name, "_pass"), ids.new(found.text("each", "item"))
    index = ids.new(found.text("at", "index"))
    inner = begun(line, start)
    inner.add(item, {"set": f"${{{items}[{start}.index]}}"})
    inner.add(index, {"set": f"${{{start}.index}}"})
    inner.variables[found.text("each", "item")] = One.named(item)
    inner.variables[found.text("at", "index")] = One.named(index)
    goes_on = source.get("while")
    condition = _while(importer, line, items, goes_on, found) if goes_on else None
    ends = tasks(importer, inner, source.get("do"))
    if not _uses(inner, index):
        _drop(inner, [index])
    is_alone = (
        condition is None and ends.reached == {End.EXIT} and inner.context == f"{start}.context"
    )
    carried = (f"{start}.value", f"{start}.context")
    if is_alone and not any(_mentions([inner.nodes, inner.value], one) for one in carried):
        return _each(importer, line, name, items, (start, item, index), inner)
    return _passes(importer, line, name, items, inner, ends, condition=condition)


def _uses(line: Line, node: str) -> bool:
    """Whether anything in a body but ``after`` names a node."""
    others = {
        key: {word: part for word, part in one.items() if word != "after"}
        for key, one in line.nodes.items()
        if key != node
    }
    return _mentions([others, line.value, line.context], node)


def _drop(line: Line, gone: list[str]) -> None:
    """Take nodes out of a body: what stands behind one of them stands behind what it stood behind."""
    for name in gone:
        before = line.nodes.pop(name).get("after")
        for node in line.nodes.values():
            if node.get("after") == name:
                del node["after"]
                if before is not None and before not in needs_of(node):
                    node["after"] = before


def _mentions(data: Any, name: str) -> bool:
    match data:
        case str():
            return name in data
        case dict():
            return any(_mentions(one, name) for one in data.values())
        case list():
            return any(_mentions(one, name) for one in data)
        case _:
            return False


def _while(importer: Importer, line: Line, items: str, source: Source, words: Source) -> str:
    """Return the condition of ``while``, said of the state of the loop, before each pass."""
    schema = {
        "type": "object", "properties": {"value": {}, "context": {"type": "object"}, "index": {"type": "integer"}},
        "required": ["value", "context", "index"],
    }  # fmt: skip
    line.pool.schemas["loop"] = {
        "type": "object", "properties": {"state": schema}, "required": ["state"],
    }  # fmt: skip
    before = Line(line.pool, "loop.state.value", "loop.state.context", dict(line.variables))
    before.variables[words.text("each", "item")] = One(f"{items}[loop.state.index]")
    before.variables[words.text("at", "index")] = One("loop.state.index")
    text = importer.speech(before).condition(source)
    line.pool.schemas["loop"] = {}
    if before.nodes:
        source.error("jq", "a condition of 'while' cannot merge objects.")
        return MISSING
    return text


def _each(
    importer: Importer, line: Line, name: str, items: str, ids: tuple[str, str, str], inner: Line
) -> Ends:
    start, item, index = ids
    if index in inner.nodes:
        inner.nodes[index] = {"set": "${loop.index}"}
    _drop(inner, [start, item])
    each = importer.ids.new(name, "_each")
    output = f"${{{inner.value}}}"
    line.add(
        each,
        {
            "for_each": f"${{{items}}}", "as": item, "concurrency": 1, "nodes": inner.nodes,
            "output": output,
        },
    )  # fmt: skip
    last = f"size({each}) == 0 ? {line.value} : {each}[size({each}) - 1]"
    line.value = line.add(importer.ids.new(name), {"set": f"${{{last}}}"})
    return NEXT


def _passes(
    importer: Importer,
    line: Line,
    name: str,
    items: str,
    inner: Line,
    ends: Ends,
    *,
    condition: str | None,
) -> Ends:
    state: dict[str, Any] = {
        "index": 0, "value": f"${{{line.value}}}", "context": f"${{{line.context}}}",
    }  # fmt: skip
    start = inner.value if not inner.nodes else next(iter(inner.nodes))
    following: dict[str, Any] = {
        "index": f"${{{start}.index + 1}}",
        "value": f"${{{inner.value}}}",
        "context": f"${{{inner.context}}}",
    }
    goes_on = f"loop.state.index < size({items})"
    if condition is not None:
        goes_on += f" && ({condition})"
    if End.END in ends.reached:
        state["to"] = label(End.EXIT)
        following["to"] = f"${{{ends.to}}}" if ends.to else label(End.END)
        goes_on = f"loop.state.to != '{label(End.END)}' && {goes_on}"
    loop = importer.ids.new(name)
    line.add(
        loop,
        {
            "while": goes_on, "max": ITEMS_MAX, "state": state, "nodes": inner.nodes,
            "next": following, "output": "${loop.state}",
        },
    )  # fmt: skip
    shape = Shape(
        has_context=inner.context != f"{start}.context", has_target=End.END in ends.reached
    )
    reached = frozenset({End.EXIT} | ends.reached)
    fields = Shape(has_context=True, has_target=shape.has_target)
    before = line.context
    known = either([line.schema_of(one) for one in (state, following)])
    found = fields.follow(line, loop, reached, known)
    if not shape.has_context:
        line.context = before
    return found


__all__ = [
    "ITEMS_MAX",
    "Listing",
    "begun",
    "first_of",
    "fork",
    "group",
    "needs_of",
    "repeat",
    "tasks",
]
