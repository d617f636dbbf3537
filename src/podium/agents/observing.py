"""From the reply of a tool to what the model sees of it: cut where it is long, with a way to the rest."""

from __future__ import annotations

from typing import Any, Final

from podium.agents.transcript import Observation
from podium.models.messages import ToolCall
from podium.tools.reply import ToolReply

_PAGE_SHARE: Final = 0.9


class Kept:
    """The whole texts of observations that were cut; they are made of recorded results.

    Args:
        chars_max: A longer text is cut.
    """

    def __init__(self, chars_max: int) -> None:
        self._chars_max = chars_max
        self._texts: dict[str, tuple[str, tuple[str, ...]]] = {}

    def __bool__(self) -> bool:
        return bool(self._texts)

    def cut(self, text: str, labels: tuple[str, ...]) -> tuple[str, str]:
        """Return a text as the model is given it, and its reference where it was cut.

        Args:
            text: The whole.
            labels: Where it comes from.
        """
        if len(text) <= self._chars_max:
            return text, ""
        reference = f"result-{len(self._texts) + 1}"
        self._texts[reference] = (text, labels)
        return self._page(reference, text, 0), reference

    def read(self, call: ToolCall) -> Observation:
        """Return a part of a text that was cut, as a model asks for it."""
        given: dict[str, Any] = call.arguments if isinstance(call.arguments, dict) else {}
        reference, start = given.get("reference"), given.get("start", 0)
        kept = self._texts.get(reference) if isinstance(reference, str) else None
        if kept is None:
            known = ", ".join(self._texts) or "none"
            said = f"There is no result {reference!r:.80}; those that were cut: {known}."
            return Observation(call.id, call.name, said, "arguments-invalid")
        text, labels = kept
        if not isinstance(start, int) or isinstance(start, bool) or not 0 <= start < len(text):
            said = (
                f"start: found {start!r:.40}, expected a whole number from 0 to {len(text) - 1:,}."
            )
            return Observation(call.id, call.name, said, "arguments-invalid")
        page = self._page(str(reference), text, start)
        return Observation(call.id, call.name, page, labels=labels)

    def _page(self, reference: str, text: str, start: int) -> str:
        end = start + int(self._chars_max * _PAGE_SHARE)
        part = text[start:end]
        if end >= len(text):
            return part
        return (
            f"{part}\n[Cut: characters {start:,} to {end:,} of {len(text):,}. More of it: "
            f'read_result with reference "{reference}" and start {end}.]'
        )


def observed(call: ToolCall, reply: ToolReply, kept: Kept) -> Observation:
    """Return what the model sees of a tool's reply."""
    text, reference = kept.cut(reply.text, reply.labels)
    error = reply.error
    return Observation(
        call.id,
        reply.name,
        text,
        "" if error is None else error.code,
        did_run=error is None or error.did_run,
        whole=reference,
        labels=reply.labels,
    )


def not_called(call: ToolCall, why: str, code: str = "not-called") -> Observation:
    """Return the result of a call that was not made."""
    return Observation(call.id, call.name, f"{call.name} was not called: {why}", code)
