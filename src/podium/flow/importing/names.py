"""Ids for the nodes of an imported flow."""

from __future__ import annotations

import re

from typing import Final

from podium.flow.expression.names import FORBIDDEN_IDS

MISSING: Final = "not_carried_over"
"""Stands where an expression could not be carried over: nothing is called so, and the check says it."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_MACRO: Final = re.compile(r"each\d*")
"""What variables of macros are called."""
_LENGTH_MAX: Final = 60


class Ids:
    """Gives ids, each once in a document: so nothing is shadowed anywhere."""

    def __init__(self) -> None:
        self._taken = {*FORBIDDEN_IDS, MISSING}

    def new(self, wanted: str, suffix: str = "") -> str:
        """Return an id that is like a name: ``getPet`` becomes ``get_pet``, then ``get_pet_2``."""
        base = snake(wanted) + suffix
        number, name = 1, base
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name


def snake(name: str) -> str:
    """Return a name in small letters with ``_`` between its words."""
    words = _OTHER.sub("_", _CAMEL.sub("_", name).lower()).strip("_")[:_LENGTH_MAX].strip("_")
    if not words:
        return "step"
    return words if words[0].isalpha() and not _MACRO.fullmatch(words) else f"step_{words}"


def slug(name: str) -> str:
    """Return a name in small letters with ``-`` between its words; empty if nothing is left."""
    return _OTHER.sub("-", name.lower()).strip("-")
