"""What comes back from a call by name: a value, or an error as data."""

from __future__ import annotations

import json

from typing import Any, Final

import msgspec

from podium.core.errors import InputInvalid
from podium.tools.complaints import COMPLAINTS_MAX, Complaint
from podium.tools.repair import Repair

_SENTENCES: Final = frozenset({"unknown-tool", InputInvalid.code})
"""Codes of errors that say it all in their message."""


class ToolError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a call has no value.

    Attributes:
        code: A word to branch on: ``unknown-tool`` and ``arguments-invalid`` (nothing ran), or that
            of the failure.
        type: Name of the exception class.
        message: Its text.
        complaints: What is wrong with the arguments, where that is it.
        did_run: Whether the tool may have done something.
    """

    code: str
    type: str
    message: str
    complaints: tuple[Complaint, ...] = ()
    did_run: bool = False


class ToolReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call by name came to.

    Attributes:
        name: The tool, with its version; as it was asked for where there is none.
        is_ok: Whether there is a value.
        value: The result as plain JSON.
        error: Why there is none.
        repairs: What was mended in the arguments before the call.
        answered_by: Who made the value: the tool, the task of a fallback, ``cache``, ``last_good``
            or ``degraded``. Empty where there is none.
        is_stale: Whether the value is the last good one, of an earlier call.
        warnings: What is to be known about the value, in words.
        labels: Where what it says comes from: ``outside`` is not to be obeyed.
    """

    name: str
    is_ok: bool
    value: Any = None
    error: ToolError | None = None
    repairs: tuple[Repair, ...] = ()
    answered_by: str = ""
    is_stale: bool = False
    warnings: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The reply for a model: the value (a text as it is, else JSON), or what went wrong.

        Warnings stand in lines of their own behind it.
        """
        if self.error is not None:
            return told(self.name, self.error)
        text = self.value
        if not isinstance(text, str):
            text = json.dumps(text, ensure_ascii=False, separators=(",", ":"))
        return "\n".join([text, *(f"[{one}]" for one in self.warnings)])


class ArgumentsInvalid(InputInvalid):
    """The arguments of a call by name do not fit, and cannot be mended with certainty.

    Attributes:
        complaints: What is wrong with them.
    """

    code = "arguments-invalid"

    def __init__(self, text: str, complaints: tuple[Complaint, ...]) -> None:
        super().__init__(text)
        self.complaints = complaints


def told(name: str, error: ToolError) -> str:
    """Say an error to a model."""
    if error.complaints:
        lines = [f"{name} was not called: its arguments do not fit."]
        lines += [f"- {one.text}" for one in error.complaints]
        if len(error.complaints) == COMPLAINTS_MAX:
            lines.append("- … and perhaps more.")
        return "\n".join([*lines, "Call it again with arguments that fit."])
    if error.code in _SENTENCES:
        return error.message
    what = "failed" if error.did_run else "did nothing"
    return f"{name} {what}: {error.type}: {error.message}"
