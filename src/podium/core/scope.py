"""Names by place: every durable call gets a path from the scope it is made in.

``research/search[3]/fetch#2`` is the second ``fetch`` in item 3 of the map over ``search`` in the
scope ``research``. Paths say *which* call a record belongs to; they are computed here, above the
backend, so that they are the same on each.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from podium.core.errors import LimitReached
from podium.core.limits import PATH_CHARS_MAX

_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "[": "%5B", "]": "%5D", "#": "%23"})


class Scope:
    """A place in a program, counting the names taken in it."""

    __slots__ = ("counts", "path", "source")

    def __init__(self, path: str) -> None:
        self.path: str = path
        self.counts: dict[str, int] = {}
        self.source: Any = None
        """The scope's random generator, made at first use by the Context."""

    def name(self, base: str) -> str:
        """Take the next path for a call of this name; the first occurrence has no ``#1``."""
        counts = self.counts
        seen = counts.get(base, 0) + 1
        counts[base] = seen
        if seen > 1:
            base = f"{base}#{seen}"
        path = f"{self.path}/{base}" if self.path else base
        if len(path) > PATH_CHARS_MAX:
            raise LimitReached(
                f"Path {path[:80]!r}… is longer than {PATH_CHARS_MAX} characters: "
                "scopes are nested too deep. Split the work into child workflows."
            )
        return path

    def enter(self, base: str) -> Scope:
        """Open a scope of this name."""
        return Scope(self.name(base))


def item(base: str, key: object) -> str:
    """Return the path of one item: ``base[key]``."""
    return f"{base}[{escape(key)}]"


def escape(key: object) -> str:
    """Make a key safe to be a part of a path."""
    return str(key).translate(_ESCAPES)


current_scope: ContextVar[Scope] = ContextVar("podium_scope")
