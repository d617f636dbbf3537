"""Calls by name for flow documents: the workflow ``dispatch``, that a node of kind ``flow`` starts.

A document names this module in ``uses``; importing it registers the workflow.
"""

from __future__ import annotations

from typing import Any, TypedDict

from podium.functions.decorators import workflow
from podium.tools.dispatch import dispatch

__all__ = ["DispatchReply", "dispatch_flow"]


class DispatchError(TypedDict):
    """Why a call by name has no value; ``text`` is what a model is told."""

    code: str
    message: str
    text: str
    did_run: bool


class DispatchReply(TypedDict):
    """What a call by name came to, as a document sees it."""

    name: str
    ok: bool
    value: Any
    error: DispatchError | None
    repairs: list[str]
    answered_by: str
    is_stale: bool
    labels: list[str]


@workflow(name="dispatch")
async def dispatch_flow(
    tool: str, arguments: dict[str, Any], among: list[str] | None = None,
    labels: list[str] | None = None,
) -> DispatchReply:  # fmt: skip
    """Call a tool by name with arguments that somebody else wrote; nothing of it fails the run.

    Args:
        tool: Its name.
        arguments: By name.
        among: Only these tools may be called; any of the process if left out.
        labels: Of what the choice and the arguments rest on. Left out in a document: of all that its
            calls have given so far.
    """
    reply = await dispatch(tool, arguments, among=among, labels=labels or ())
    error: DispatchError | None = None
    if reply.error is not None:
        error = {
            "code": reply.error.code, "message": reply.error.message, "text": reply.text,
            "did_run": reply.error.did_run,
        }  # fmt: skip
    return {
        "name": reply.name, "ok": reply.is_ok, "value": reply.value, "error": error,
        "repairs": [str(one) for one in reply.repairs], "answered_by": reply.answered_by,
        "is_stale": reply.is_stale, "labels": list(reply.labels),
    }  # fmt: skip


dispatch_flow.spec.takes_labels = True
dispatch_flow.spec.labels_of = lambda reply: reply["labels"]
