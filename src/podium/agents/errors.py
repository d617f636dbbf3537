"""Why an agent has no answer."""

from __future__ import annotations

from podium.agents.transcript import Turn
from podium.core.errors import PodiumError


class AgentError(PodiumError):
    """An agent ended without an answer.

    Attributes:
        turns: What it thought, did and saw until then.
    """

    code = "agent-failed"

    def __init__(self, text: str, turns: tuple[Turn, ...] = ()) -> None:
        super().__init__(text)
        self.turns = turns


class AgentLimitReached(AgentError):
    """A limit was reached, and what the model said then is no answer."""

    code = "agent-limit"


class AgentStuck(AgentError):
    """A guard stopped it: it did not get on, in spite of a warning and a change of approach."""

    code = "agent-stuck"


class AgentAnswerInvalid(AgentError):
    """What the model gave as its answer does not fit, and did not after it was told so."""

    code = "agent-answer-invalid"


class AgentRefused(AgentError):
    """The model, or its provider, would not answer."""

    code = "agent-refused"
