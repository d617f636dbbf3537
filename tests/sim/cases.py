"""How much of a long proof runs: a seeded sample, or all of it."""

import os
import random

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
IS_FULL = os.environ.get("PODIUM_PROOF") == "full"


def sample(cases: Sequence[T], count: int) -> list[T]:
    """Return every case in the full proof, else a few, the same ones on each machine."""
    if IS_FULL or count >= len(cases):
        return list(cases)
    picked = sorted(random.Random("podium").sample(range(len(cases)), count))
    return [cases[index] for index in picked]
