"""Where a text comes from, as labels that go with it.

The label ``outside`` says that somebody may have written the text who is not to be obeyed: a page, a
mail, the reply of a service. What a call gives carries the labels of its tool and of what the call
rests on, unless there is no room in it for words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from podium.core.context import current_context
from podium.core.errors import InvalidOption
from podium.tools.narrow import INTEGER_MAX, room_for_text

if TYPE_CHECKING:
    from podium.tools.spec import ToolSpec

OUTSIDE: Final = "outside"
"""The text may come from somebody who is not to be obeyed."""
Labels = tuple[str, ...]


def labels_given(labels: Iterable[str]) -> Labels:
    """Return labels in order, each once.

    Raises:
        InvalidOption: They are no words.
    """
    given = [labels] if isinstance(labels, str) else list(labels)
    if not all(isinstance(one, str) and one.strip() for one in given):
        raise InvalidOption(f"labels={labels!r:.200}; expected words, such as ('outside',).")
    return tuple(sorted(set(given)))


def seen() -> Labels:
    """Return the labels of all that calls by name have given this run so far; none outside of a run."""
    context = current_context.get()
    return () if context is None else tuple(sorted(context.seen))


def saw(labels: Labels) -> None:
    """Remember that the program of this run was given something with these labels."""
    context = current_context.get()
    if context is not None and labels:
        context.seen.update(labels)


def of_value(spec: ToolSpec, value: Any, basis: Labels) -> Labels:
    """Return the labels of a result.

    Args:
        spec: The tool that gave it.
        value: The result, as plain JSON.
        basis: The labels of what the call rests on.
    """
    if _is_wordless(value):
        return ()
    if spec.card.outside:
        return labels_given((*basis, OUTSIDE))
    # what the schema of a stranger has no room for may still stand in the words of the schema
    if basis and spec.output_schema and not spec.card.foreign:
        return () if room_for_text(spec.output_schema) is None else basis
    return basis


def of_failure(spec: ToolSpec, basis: Labels) -> Labels:
    """Return the labels of what an error says."""
    return labels_given((*basis, OUTSIDE)) if spec.card.outside else basis


def of_work(tools: Iterable[ToolSpec] | None, schema: dict[str, Any], value: Any) -> Labels:
    """Return the labels of what somebody made who could call some tools.

    Args:
        tools: Which; None: nobody knows.
        schema: Of what was to be made; empty where anything was.
        value: What was made, as plain JSON.
    """
    if _is_wordless(value) or (schema and room_for_text(schema) is None):
        return ()
    if tools is None or any(one.card.outside or one.card.foreign for one in tools):
        return (OUTSIDE,)
    return ()


def _is_wordless(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) <= INTEGER_MAX
    return value is None or isinstance(value, float) or value in ([], {})
