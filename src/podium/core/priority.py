"""Who goes first among those that wait for one limit or lock: the run's part and the call's part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.core.errors import InvalidOption
from podium.core.limits import PRIORITY_MAX

PRIORITY_HEADER: Final = "podium.priority"
"""The attribute of a run that its steps and children have their priority from."""


def checked_priority(what: str, given: Any) -> int:
    """Return a priority.

    Args:
        what: Where it is written.
        given: What is written there.

    Raises:
        InvalidOption: It is none.
    """
    if not isinstance(given, int) or isinstance(given, bool) or abs(given) > PRIORITY_MAX:
        raise InvalidOption(
            f"{what}={given!r}; expected a whole number from -{PRIORITY_MAX:,} to {PRIORITY_MAX:,}, "
            "higher goes first."
        )
    return given


def priority_of(headers: Mapping[str, Any], own: int = 0) -> int:
    """Return the priority of what a run asks for: its own, and that of the run added to it.

    Args:
        headers: The run's attributes.
        own: What the task, the call or the lock has.
    """
    given = headers.get(PRIORITY_HEADER, 0)
    is_one = isinstance(given, int) and not isinstance(given, bool) and abs(given) <= PRIORITY_MAX
    return own + given if is_one else own
