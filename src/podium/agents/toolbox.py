"""The tools of an agent: which it may call, and which of them the model is told of."""

from __future__ import annotations

import fnmatch

from collections.abc import Iterable, Sequence
from typing import Any, Final

import docstring_parser  # noqa: F401 - here, so that no program imports it in the middle of a run

from podium.core.effects import Effect
from podium.core.errors import InvalidOption
from podium.core.spec import TaskOptions, TaskSpec
from podium.models.messages import ToolOffer
from podium.tools.names import model_name
from podium.tools.registry import AnyTool, UnknownTool, find, get
from podium.tools.searching import search
from podium.tools.tool import Tool

SHOWN_MAX: Final = 40
"""Of more tools than this a model is told of those only that it has found."""
_FOUND_AT_ONCE: Final = 8
SEARCH: Final = "search_tools"
READ: Final = "read_result"
ANSWER: Final = "answer"

_SEARCH_OFFER: Final = ToolOffer(
    SEARCH,
    "Find tools by what they do. There are more tools than those you see; the ones found here can "
    "be called from the next turn on.",
    {
        "type": "object",
        "properties": {"query": {"type": "string", "description": "What the tool should do."}},
        "required": ["query"],
    },
)
_READ_OFFER: Final = ToolOffer(
    READ,
    "Read more of a result that was cut.",
    {
        "type": "object",
        "properties": {
            "reference": {"type": "string", "description": "As it stands where the result was cut."},
            "start": {"type": "integer", "minimum": 0, "description": "The first character."},
        },
        "required": ["reference", "start"],
    },
)  # fmt: skip


def require_tools(agent: str, wanted: Iterable[Any]) -> tuple[str | AnyTool, ...]:
    """Return the tools that an agent is given, each a tool, a name, or a pattern of names.

    Raises:
        InvalidOption: One is none of them.
    """
    given = tuple(wanted)
    for one in given:
        if not isinstance(one, str | Tool):
            raise InvalidOption(
                f"Agent({agent!r}, tools=…): {one!r:.100} is no tool; expected a @podium.tool, the "
                'name of one, or a pattern such as "shop.*".'
            )
    return given


class Toolbox:
    """The tools of one piece of work.

    Args:
        wanted: Tools, their names, patterns of names; a pattern means the newest version of each.
        shown_max: Of more tools than this only those that were found are offered.

    Raises:
        UnknownTool: There is no such tool, or none that fits a pattern.
    """

    def __init__(self, wanted: Sequence[str | AnyTool], shown_max: int = SHOWN_MAX) -> None:
        self._tools: dict[str, AnyTool] = {}
        for one in wanted:
            for tool in _resolved(one):
                self._tools[tool.name] = tool
        self._names = {model_name(name): tool for name, tool in self._tools.items()}
        self.is_searched: bool = len(self._tools) > shown_max
        self._found: dict[str, None] = {} if self.is_searched else dict.fromkeys(self._tools)

    @property
    def tools(self) -> list[AnyTool]:
        """All that may be called."""
        return list(self._tools.values())

    def get(self, name: str) -> AnyTool | None:
        """Return the tool that a model means; None where there is none."""
        try:
            return get(name, among=self.tools)
        except UnknownTool:
            return None

    def offers(self, aside: frozenset[str], *, can_read: bool) -> tuple[ToolOffer, ...]:
        """Return what the model is told of.

        Args:
            aside: Tools that are set aside for now.
            can_read: Whether there are results of which more can be read.
        """
        found = [offer_of(self._tools[name]) for name in self._found if name not in aside]
        if self.is_searched:
            found.append(_SEARCH_OFFER)
        if can_read:
            found.append(_READ_OFFER)
        return tuple(found)

    def found(self, names: Iterable[str]) -> None:
        """Offer these from now on."""
        self._found.update(dict.fromkeys(name for name in names if name in self._tools))


def offer_of(tool: AnyTool) -> ToolOffer:
    """Return a tool as models are told of it."""
    spec = tool.spec
    schema = spec.input_schema
    if spec.card.examples:
        schema = {**schema, "examples": [dict(one) for one in spec.card.examples]}
    return ToolOffer(model_name(spec.name), spec.description, schema)


def _resolved(wanted: str | AnyTool) -> list[AnyTool]:
    if not isinstance(wanted, str):
        return [wanted]
    if not any(mark in wanted for mark in "*?["):
        return [get(wanted)]
    newest: dict[str, AnyTool] = {}
    for tool in find():
        plain = tool.spec.parts.plain
        if fnmatch.fnmatchcase(plain, wanted):
            old = newest.get(plain)
            if old is None or old.spec.parts.age < tool.spec.parts.age:
                newest[plain] = tool
    if not newest:
        raise UnknownTool(
            f"No tool fits {wanted!r}: import the module that makes them before the agent works."
        )
    return list(newest.values())


# the step that searches -------------------------------------------------------------------------


async def search_tools(query: str, among: list[str]) -> list[dict[str, str]]:
    """Find tools; recorded, so that a replay under other tools finds what was found."""
    found = search(query, _FOUND_AT_ONCE, among=among)
    return [
        {"tool": one.name, "name": model_name(one.name), "what": one.spec.description}
        for one in found
    ]


SEARCH_STEP: Final = TaskSpec(
    search_tools, "podium.search_tools", TaskOptions(effect=Effect.READ, is_declared=True)
)
