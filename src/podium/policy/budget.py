"""Budgets, as pure decisions: what may still be reserved, and what an attempt has used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from podium.core.budgets import Amount, Said

How = Literal["known", "unknown", "not-done"]
"""How much is known of an attempt that is over: its body has ended; it was cut, or given up, or its
process died; it certainly did not happen."""


def used(reserved: Amount, said: Iterable[Said], how: How) -> Amount:
    """Return what counts as spent by an attempt.

    Args:
        reserved: What it might cost at worst.
        said: What its body said that it has used.
        how: Whether that is the whole truth. What is not known counts as spent.
    """
    sums: dict[str, int] = {}
    for one in said:
        for name in ("usd", "tokens", "calls"):
            value = getattr(one, name)
            if value is not None:
                sums[name] = sums.get(name, 0) + value

    def of(name: str) -> int:
        worst: int = getattr(reserved, name)
        if how == "unknown":
            return max(worst, sums.get(name, 0))
        return sums.get(name, worst if how == "known" else 0)

    return Amount(of("usd"), of("tokens"), of("calls"), reserved.steps)
