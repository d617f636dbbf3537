"""What can be wrong with a local model."""

from __future__ import annotations

from pathlib import Path

from podium.core.errors import PodiumError
from podium.models.errors import ModelRequestInvalid, ModelUnknown


class WeightsMissing(ModelUnknown):
    """The weights of a local model are not on this machine."""

    code = "weights-missing"

    @classmethod
    def of(cls, name: str, folder: Path) -> WeightsMissing:
        """Say which, and how they come there."""
        return cls(
            f"The weights of the local model {name!r} are not in {folder}. "
            f"`podium model pull {name}` fetches them; "
            "PODIUM_MODELS names the folder where they are, if it is another one."
        )


class WeightsDamaged(ModelUnknown):
    """A file of weights is not what it should be, or llama.cpp cannot read it."""

    code = "weights-damaged"


class ContextFull(ModelRequestInvalid):
    """What a local model was sent is more than it can hold."""

    code = "context-full"


class SchemaNotHeld(ModelRequestInvalid):
    """A local model cannot be held to a schema."""

    code = "schema-not-held"

    @classmethod
    def at(cls, place: str, problem: str) -> SchemaNotHeld:
        """Say where in the schema, and why."""
        return cls(
            f"A local model cannot be held to this schema: {place or 'the schema'} {problem}. "
            "Ask for a simpler form, or ask another model."
        )


class PullFailed(PodiumError):
    """Weights could not be fetched; nothing of them is left."""

    code = "pull-failed"
