"""Tools and plans that Hypothesis draws: most of the wiring is right, some of it is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from podium import Tool

Data = dict[str, Any]
SCHEMAS: dict[str, Data] = {
    "int": {"type": "integer"},
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "integer"}},
    "record": {
        "type": "object",
        "properties": {"id": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["id", "n"],
        "additionalProperties": False,
    },
    "perhaps": {"type": ["string", "null"]},
}
VALUES: dict[str, tuple[Any, ...]] = {
    "int": (0, 1, 7),
    "text": ("", "a", "ab"),
    "flag": (True, False),
    "list": ([1], [2, 3]),
    "record": ({"id": "x", "n": 1}, {"id": "y", "n": 2}),
    "perhaps": (None, "p"),
}
DONE: Counter[str] = Counter()
"""How often each tool was called."""
FAILING: set[str] = set()
"""Tools that fail."""


@dataclass(frozen=True)
class Drawn:
    """A tool as it was drawn."""

    name: str
    takes: dict[str, str]
    gives: str


@dataclass
class World:
    """Tools, a plan, and what kind each of its nodes has."""

    tools: list[Drawn]
    nodes: Data = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    maybe: set[str] = field(default_factory=set)
    calls: dict[str, Drawn] = field(default_factory=dict)
    output: Any = None

    @property
    def plan(self) -> Data:
        """The plan as a model writes it."""
        return {"podium": 1, "name": "drawn", "nodes": self.nodes, "output": self.output}

    def made(self) -> list[Any]:
        """Register the tools, and return them."""
        return [_tool(one) for one in self.tools]


def _tool(drawn: Drawn) -> Any:
    async def call(arguments: Data) -> Any:
        if drawn.name in FAILING:
            raise ValueError(f"{drawn.name} is out of order")
        DONE[drawn.name] += 1
        choices = VALUES[drawn.gives]
        return choices[len(str(sorted(arguments.items()))) % len(choices)]

    schema = {
        "type": "object",
        "properties": {name: SCHEMAS[kind] for name, kind in drawn.takes.items()},
        "required": [*drawn.takes],
        "additionalProperties": False,
    }
    output = SCHEMAS[drawn.gives]
    return Tool.from_schema(drawn.name, "It is drawn.", schema, output, effect="read", call=call)


@st.composite
def tool_sets(draw: Any) -> list[Drawn]:
    """Draw some tools."""
    kinds = st.sampled_from([*SCHEMAS])
    found = []
    for number in range(draw(st.integers(2, 5))):
        takes = draw(st.dictionaries(st.sampled_from(["a", "b", "c"]), kinds, max_size=3))
        found.append(Drawn(f"drawn.t{number}", takes, draw(kinds)))
    return found


@st.composite
def worlds(draw: Any, *, odd: bool = True) -> World:
    """Draw tools and a plan; with ``odd`` some of its wiring is wrong."""
    world = World(draw(tool_sets()))
    for number in range(draw(st.integers(1, 6))):
        drawn = draw(st.sampled_from(world.tools))
        name = f"n{number}"
        args = {one: draw(_value(world, kind, odd)) for one, kind in drawn.takes.items()}
        node: Data = {"call": drawn.name, "args": args}
        flags = [one for one, kind in world.kinds.items() if kind == "flag"]
        if flags and draw(st.integers(0, 4)) == 0:
            node["when"] = f"{draw(st.sampled_from(flags))}? ?? false"
            world.maybe.add(name)
        elif _reads_maybe(world, args):
            world.maybe.add(name)
        world.nodes[name] = node
        world.kinds[name] = drawn.gives
        world.calls[name] = drawn
    lists = [one for one, kind in world.kinds.items() if kind == "list" and one not in world.maybe]
    if lists and draw(st.booleans()):
        _add_each(world, draw(st.sampled_from(lists)), draw)
    reads = [f"${{{one}{'?' if one in world.maybe else ''}}}" for one in world.nodes]
    world.output = reads
    if odd and draw(st.integers(0, 9)) == 0:
        world.output = "${n0.id}"
    return world


def _add_each(world: World, items: str, draw: Any) -> None:
    fitting = [one for one in world.tools if {"int"} >= set(one.takes.values())]
    if not fitting:
        return
    drawn = draw(st.sampled_from(fitting))
    body = {"one": {"call": drawn.name, "args": dict.fromkeys(drawn.takes, "${it}")}}
    world.nodes["each"] = {
        "for_each": f"${{{items}}}", "as": "it", "nodes": body, "output": "${one}",
    }  # fmt: skip
    world.kinds["each"] = "other"


@st.composite
def _value(draw: Any, world: World, kind: str, odd: bool) -> Any:
    """Draw an argument: a value of the kind, or what refers to one."""
    if odd and draw(st.integers(0, 11)) == 0:
        kind = draw(st.sampled_from([*SCHEMAS]))
    found: list[Any] = [*VALUES[kind]]
    found += [f"${{{text}}}" for text in _readable(world, kind)]
    if odd and world.nodes and draw(st.integers(0, 11)) == 0:
        found.append("${" + draw(st.sampled_from([*world.nodes])) + "}")
    return draw(st.sampled_from(found))


def _readable(world: World, kind: str) -> list[str]:
    """Return expressions of a kind."""
    found = []
    for name, own in world.kinds.items():
        plain = name if name not in world.maybe else f"{name}"
        if own == kind or (kind == "perhaps" and own == "text"):
            found.append(plain)
        if own == "record":
            found += {"text": [f"{plain}.id"], "int": [f"{plain}.n"]}.get(kind, [])
        if own == "list" and kind == "int":
            found.append(f"size({plain})")
        if own == "perhaps" and kind == "text":
            found.append(f"{plain} ?? 'none'")
        if own == "int" and kind == "flag":
            found.append(f"{plain} > 1")
    return found


def _reads_maybe(world: World, args: Data) -> bool:
    """Whether a node is skipped where another one is."""
    texts = [value for value in args.values() if isinstance(value, str) and "${" in value]
    return any(f"{name}" in text for name in world.maybe for text in texts)
