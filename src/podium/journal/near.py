"""Ids that look like one that was mistyped."""

from __future__ import annotations

import difflib

from collections.abc import Sequence


def nearest(wanted: str, ids: Sequence[str], limit: int) -> list[str]:
    """Return the ids that look like the wanted one: first those that begin so, then similar ones.

    Among equals the order of ``ids`` holds (newest first).
    """
    found = [one for one in ids if wanted and one.startswith(wanted)]
    if len(found) < limit:
        found += difflib.get_close_matches(wanted, ids, n=limit + len(found), cutoff=0.6)
    return list(dict.fromkeys(found))[:limit]
