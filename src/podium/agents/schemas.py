"""JSON Schemas put into other ones."""

from __future__ import annotations

from typing import Any, Final

_DEFINITIONS: Final = "#/$defs/"


def hoisted(schema: dict[str, Any], owner: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a schema as a part of another one, to which its definitions are added.

    Args:
        schema: With definitions of its own, perhaps.
        owner: Whose it is; its definitions are named after it.
        definitions: Those of the whole; they are added to.
    """
    own = schema.get("$defs", {})
    names = {name: f"{owner}.{name}" for name in own}
    for name, one in own.items():
        definitions[names[name]] = _pointed(one, names)
    bare = {key: value for key, value in schema.items() if key not in ("$defs", "$schema")}
    moved: dict[str, Any] = _pointed(bare, names)
    return moved


def _pointed(part: Any, names: dict[str, str]) -> Any:
    """Return a part of a schema whose references follow the definitions."""
    if isinstance(part, list):
        return [_pointed(one, names) for one in part]
    if not isinstance(part, dict):
        return part
    found = {key: _pointed(value, names) for key, value in part.items()}
    reference = found.get("$ref")
    if isinstance(reference, str) and reference.startswith(_DEFINITIONS):
        name, slash, rest = reference.removeprefix(_DEFINITIONS).partition("/")
        found["$ref"] = f"{_DEFINITIONS}{names.get(name, name)}{slash}{rest}"
    return found
