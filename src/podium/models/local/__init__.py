"""Small models on this machine: a language model of llama.cpp, and sentences as vectors in numpy.

Their weights are in no package of Podium: ``podium model pull`` fetches them.
"""

from __future__ import annotations

from podium.models.local.errors import (
    ContextFull,
    PullFailed,
    SchemaNotHeld,
    WeightsDamaged,
    WeightsMissing,
)
from podium.models.local.shapes import bare_label
from podium.models.provider import Provider

__all__ = [
    "ContextFull", "PullFailed", "SchemaNotHeld", "WeightsDamaged", "WeightsMissing", "bare_label",
    "provider",
]  # fmt: skip


def provider(name: str) -> Provider:  # noqa: ARG001 - every provider is made by its name
    """Return what answers for ``local:…``."""
    from podium.models.local.llama import Local

    return Local()
