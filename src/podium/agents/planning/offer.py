"""The tools of a planner: which a plan may call, and nothing else."""

from __future__ import annotations

import fnmatch

from collections.abc import Iterable
from typing import Any

from podium.core.errors import InvalidOption
from podium.core.spec import Registry, TaskSpec, registry
from podium.functions.calls import Task
from podium.tools.registry import UnknownTool, find, get
from podium.tools.spec import ToolSpec

Wanted = Iterable["str | Task[..., Any, Any]"]
"""Tools, tasks that declare their effect, names, or patterns of names such as ``shop.*``."""


def offered(wanted: Wanted) -> Registry:
    """Return a table of the tools that a plan may call, and of no others.

    Raises:
        InvalidOption: There are none; or one does not say what repeating it would do.
        UnknownTool: No tool has a name, or fits a pattern.
    """
    if isinstance(wanted, str):
        raise InvalidOption(f"tools={wanted!r}: expected a list: [{wanted!r}].")
    found: dict[str, TaskSpec] = {}
    for one in wanted:
        for spec in _specs(one):
            _require_declared(spec)
            found[spec.name] = spec
    if not found:
        raise InvalidOption("tools=[]: a plan needs tools; give those that it may call.")
    return Registry(tasks=dict(sorted(found.items())))


def _specs(wanted: Any) -> list[TaskSpec]:
    if isinstance(wanted, Task):
        return [wanted.spec]
    if not isinstance(wanted, str):
        raise InvalidOption(
            f"tools=[{wanted!r:.100}]: expected tools, tasks, their names, or patterns such as 'shop.*'."
        )
    if any(mark in wanted for mark in "*?["):
        fitting: list[TaskSpec] = [
            tool.spec for tool in find() if fnmatch.fnmatchcase(tool.name, wanted)
        ]
        if not fitting:
            raise UnknownTool(f"No tool fits {wanted!r}: import the module that makes them.")
        return fitting
    task = registry.tasks.get(wanted)
    return [get(wanted).spec if task is None or isinstance(task, ToolSpec) else task]


def _require_declared(spec: TaskSpec) -> None:
    if not spec.options.is_declared:
        raise InvalidOption(
            f"tools=[{spec.name!r}]: the task does not say what repeating it would do, and a model is "
            'to choose it. Declare it: @task(effect="read").'
        )
