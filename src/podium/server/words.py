"""What clients of a server are told: tools, results, errors, questions."""

from __future__ import annotations

import inspect
import json

from typing import Any, Final

import mcp_types as types

from podium.client.views import AskView
from podium.core.errors import PodiumError, RunFailed
from podium.core.spec import WorkflowSpec
from podium.tools.mcp.description import KEYED_META
from podium.tools.spec import ToolSpec

_RESULT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "run_id": {"type": "string"},
        "status": {"type": "string"},
        "result": {"description": "What the run gave, once it has succeeded."},
        "error": {"type": "object", "description": "Why it has not."},
        "asks": {"type": "array", "description": "Questions that it waits for people to answer."},
        "next": {"type": "string"},
    },
    "required": ["status"],
}


def tool_form(
    name: str, words: str, schema: dict[str, Any], *, is_read: bool, is_final: bool = True
) -> types.Tool:
    """Return a tool as clients see it; it knows a repeat by its key."""
    return types.Tool(
        name=name, description=words, input_schema=schema, output_schema=_RESULT,
        annotations=types.ToolAnnotations(
            read_only_hint=is_read, destructive_hint=None if is_read else is_final,
            idempotent_hint=is_read,
        ),
        _meta={KEYED_META: True},
    )  # fmt: skip


def described(spec: WorkflowSpec | ToolSpec) -> str:
    """Return what a workflow or a tool says that it does."""
    if isinstance(spec, ToolSpec):
        return spec.description
    return inspect.cleandoc(spec.fn.__doc__ or f"Start a run of {spec.name}.")


def outcome(told: dict[str, Any], value: Any, problem: PodiumError | None) -> types.CallToolResult:
    """Return how a run stands, as data and as a text of the same."""
    if problem is not None:
        told["error"] = _error(problem)
    elif told["status"] == "succeeded":
        told["result"] = value
    return _result(told, is_error=problem is not None)


def failed(problem: PodiumError) -> types.CallToolResult:
    """Return an error of a call that started nothing."""
    return _result({"status": "not-started", "error": _error(problem)}, is_error=True)


def answer_of(ask: AskView, *, may_answer: bool) -> dict[str, Any]:
    """Return a question as clients see it."""
    form = ask.form
    if isinstance(form, dict) and "fingerprint" in form:  # what would approve it is for people
        form = {name: form[name] for name in form if name not in ("fingerprint", "answer")}
    how = "run_answer" if may_answer and form is ask.form else "podium runs answer"
    return {"ask_id": ask.id, "to": ask.to, "form": form, "answered_with": how}


def _error(problem: PodiumError) -> dict[str, Any]:
    if isinstance(problem, RunFailed):
        info = problem.error
        return {"code": info.code, "type": info.type, "message": info.message}
    return {"code": problem.code, "type": type(problem).__name__, "message": str(problem)}


def _result(told: dict[str, Any], *, is_error: bool) -> types.CallToolResult:
    text = json.dumps(told, ensure_ascii=False)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], structured_content=told, is_error=is_error
    )  # fmt: skip
