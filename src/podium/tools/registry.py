"""Tools by name, by tag, by words: a view over the one table of names."""

from __future__ import annotations

import difflib

from collections.abc import Iterable
from typing import Any

from podium.core.errors import UsageError
from podium.core.spec import registry
from podium.tools.names import model_name
from podium.tools.spec import ToolSpec
from podium.tools.tool import Tool

AnyTool = Tool[..., Any, Any]
Names = Iterable["str | AnyTool"]
"""Tools, or their names."""


class UnknownTool(UsageError):
    """No tool of that name is registered in this process, or none that may be called here."""

    code = "unknown-tool"


def get(name: str, *, among: Names | None = None) -> AnyTool:
    """Return the tool of a name.

    Args:
        name: ``shop.pay`` (the newest version), ``shop.pay@2``, or the name that models were given.
        among: Only these; all of the process if left out.

    Raises:
        UnknownTool: There is none; near names are said.
    """
    known = _by_name(among)
    spec = known.get(name)
    if spec is None:
        spec = next((one for other, one in known.items() if model_name(other) == name), None)
    if spec is None:
        raise UnknownTool(_unknown(name, known))
    return Tool(spec.fn, spec)


def find(*, tag: str | None = None, among: Names | None = None) -> list[AnyTool]:
    """Return the tools in the order of their names, each version once.

    Args:
        tag: Only those that have it.
        among: Only these; all of the process if left out.
    """
    specs = {spec.name: spec for spec in _by_name(among).values()}
    found = [spec for _, spec in sorted(specs.items()) if tag is None or tag in spec.card.tags]
    return [Tool(spec.fn, spec) for spec in found]


def has_foreign(among: Names | None) -> bool:
    """Tell whether one of some tools was described by somebody who is not to be obeyed."""
    return among is not None and any(one.card.foreign for one in _by_name(among).values())


def _by_name(among: Names | None) -> dict[str, ToolSpec]:
    """Return tools under every name they have."""
    if among is None:
        return {name: one for name, one in registry.tasks.items() if isinstance(one, ToolSpec)}
    found: dict[str, ToolSpec] = {}
    for one in among:
        spec = one.spec if isinstance(one, Tool) else get(one).spec
        found[spec.name] = spec
    plain: dict[str, ToolSpec] = {}
    for spec in sorted(found.values(), key=lambda one: one.parts.age):
        plain[spec.parts.plain] = spec
    return {**plain, **found}


def _unknown(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    last = {one.rpartition(".")[2]: one for one in names}
    near = difflib.get_close_matches(name, names, n=3)
    near += [last[one] for one in difflib.get_close_matches(name.rpartition(".")[2], last, n=3)]
    if near:
        hint = f"Did you mean {' or '.join(map(repr, dict.fromkeys(near)))}?"
    elif names:
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        hint = f"There are {', '.join(names[:20])}{more}."
    else:
        hint = "None is registered: import the module that makes them."
    return f"There is no tool {name!r:.200}. {hint}"
