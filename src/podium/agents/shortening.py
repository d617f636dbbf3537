"""Compaction as it happens: the older turns are summed up or left out, in steps that are recorded."""

from __future__ import annotations

from podium.agents.compaction import (
    COMPACTED,
    bounded,
    is_due,
    oldest,
    squeezed,
    summary_request,
    trimmed,
)
from podium.agents.conversation import Conversation
from podium.agents.definition import Definition
from podium.agents.limits import Meter
from podium.agents.places import place
from podium.core.context import current_context
from podium.core.errors import StepFailed
from podium.core.scope import current_scope
from podium.models.errors import ModelError


async def shortened(talk: Conversation, agent: Definition, meter: Meter, turn: int) -> Conversation:
    """Return a conversation that has room for the next turn.

    Args:
        talk: The conversation.
        agent: Whose it is.
        meter: Counts what a summary uses.
        turn: After which turn.
    """
    option = agent.compaction
    if option is None or not is_due(talk, option):
        return talk
    with place("compaction", turn):
        by = option.by
        count = oldest(talk, option)
        short = talk
        if count and by == "summary":
            summary = await _summary(talk, agent, meter)
            by = "summary" if summary else "trim"
            short = talk.condensed(count, bounded(summary)) if summary else trimmed(talk, option)
        elif count:
            short = trimmed(talk, option)
        if is_due(short, option):
            short = squeezed(short, option)
        context = current_context.get()
        if short != talk and context is not None:
            bound = {
                "turns": count, "tokens_before": talk.tokens, "tokens_after": short.tokens, "by": by,
            }  # fmt: skip
            await context.step(current_scope.get().name(COMPACTED.name), COMPACTED, bound)
    return short


async def _summary(talk: Conversation, agent: Definition, meter: Meter) -> str:
    """Return what the model writes down of the older turns; empty where it does not."""
    option = agent.compaction
    if option is None or meter.is_over():
        return ""
    try:
        reply = await agent.model.ask(summary_request(talk, option))
    except (StepFailed, ModelError):
        return ""
    meter.reply(reply)
    text = reply.text.strip()
    return f"Notes on what was done so far:\n{text}" if text and reply.finish == "stop" else ""
