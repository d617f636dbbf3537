"""What a tool could say better: notes for its author, none of them an error."""

from __future__ import annotations

from collections.abc import Iterator

from podium.tools.spec import ToolSpec


def notes_on(spec: ToolSpec) -> list[str]:
    """Return what makes a tool harder to choose and to call rightly than it need be."""
    return list(_notes(spec))


def _notes(spec: ToolSpec) -> Iterator[str]:
    if not spec.description:
        yield "it has no description: a model sees its name only"
    properties = spec.input_schema.get("properties", {})
    for name, schema in properties.items():
        if not isinstance(schema, dict) or not schema.get("description"):
            yield f"parameter {name!r} has no description"
        if isinstance(schema, dict) and not schema.keys() - {"description", "default", "title"}:
            yield f"parameter {name!r} has no type: anything fits"
    if not spec.output_schema:
        yield "its result has no type: nothing is checked"
    for number, example in enumerate(spec.card.examples, start=1):
        fault = next(spec.validator.faults(dict(example)), None)
        if fault is not None:
            yield f"example {number} does not fit: {fault.text('the arguments')}"
