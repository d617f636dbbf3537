"""Where a tool is put in the one table of names; which version its plain name stands for."""

from __future__ import annotations

from podium.core.errors import NameTaken
from podium.core.spec import Registry
from podium.tools.spec import ToolSpec


def register(table: Registry, spec: ToolSpec) -> None:
    """Put a tool into the table of names; the plain name stands for its newest version.

    Raises:
        NameTaken: Another module has a tool of that name, or a task has the plain name.
    """
    plain, version = spec.parts
    named = table.tasks.get(plain)
    if version and named is not None and not (isinstance(named, ToolSpec) and named.parts.version):
        raise NameTaken(
            f"{spec.name!r} ({spec.place}) is a version of {plain!r}, which is taken by what has no "
            f"version ({named.place}). Give that one a version or another name."
        )
    if not version and isinstance(named, ToolSpec) and named.parts.version:
        raise NameTaken(
            f"{plain!r} ({spec.place}) has versions, such as {named.name!r} ({named.place}); "
            "give this one a version too, or another name."
        )
    table.add_task(spec)
    if version and (
        not isinstance(named, ToolSpec)
        or named.parts.age < spec.parts.age
        or named.name == spec.name
    ):
        table.tasks[plain] = spec
