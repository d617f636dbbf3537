"""Tools as providers of models take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from podium.core.effects import Effect
from podium.core.errors import InvalidOption
from podium.tools.names import model_name
from podium.tools.registry import Names, find
from podium.tools.spec import ToolSpec


def schemas(names: Names | None = None, *, form: str = "openai") -> list[dict[str, Any]]:
    """Return tools as a provider takes them, with names that it allows.

    The reply of the model has those names, and ``podium.dispatch`` takes them as they are.

    Args:
        names: Which tools, in this order; every one of the process if left out.
        form: ``openai`` (chat completions), ``openai-responses``, ``anthropic``, ``google``, ``mcp``.

    Raises:
        InvalidOption: There is no such form.
        UnknownTool: There is no such tool.
    """
    make = _FORMS.get(form)
    if make is None:
        known = ", ".join(map(repr, _FORMS))
        raise InvalidOption(f"schemas(form={form!r}): expected one of {known}.")
    tools = find() if names is None else [one for name in names for one in find(among=[name])]
    return [make(tool.spec) for tool in tools]


def _said(spec: ToolSpec) -> dict[str, Any]:
    said = {"name": model_name(spec.name)}
    return {**said, "description": spec.description} if spec.description else said


def _openai(spec: ToolSpec) -> dict[str, Any]:
    return {"type": "function", "function": {**_said(spec), "parameters": _with_examples(spec)}}


def _openai_responses(spec: ToolSpec) -> dict[str, Any]:
    strict = {"strict": False}
    return {"type": "function", **_said(spec), "parameters": _with_examples(spec), **strict}


def _anthropic(spec: ToolSpec) -> dict[str, Any]:
    form = {**_said(spec), "input_schema": spec.input_schema}
    if spec.card.examples:
        form["input_examples"] = [dict(one) for one in spec.card.examples]
    return form


def _google(spec: ToolSpec) -> dict[str, Any]:
    return {**_said(spec), "parametersJsonSchema": _with_examples(spec)}


def _mcp(spec: ToolSpec) -> dict[str, Any]:
    form = {**_said(spec), "inputSchema": _with_examples(spec)}
    if spec.output_schema.get("type") == "object":
        form["outputSchema"] = spec.output_schema
    is_read = not spec.effect.touches
    form["annotations"] = {
        "readOnlyHint": is_read,
        "idempotentHint": is_read or spec.effect is not Effect.ONCE,
        "openWorldHint": spec.effect is not Effect.PURE,
    }
    return form


def _with_examples(spec: ToolSpec) -> dict[str, Any]:
    examples = [dict(one) for one in spec.card.examples]
    return {**spec.input_schema, "examples": examples} if examples else spec.input_schema


_FORMS: Final[dict[str, Callable[[ToolSpec], dict[str, Any]]]] = {
    "openai": _openai,
    "openai-responses": _openai_responses,
    "anthropic": _anthropic,
    "google": _google,
    "mcp": _mcp,
}
