"""The order of keys, and which mappings have one: those that are a part of the language."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final


class Role(Enum):
    """What a list or mapping is in a document."""

    FLOW = auto()
    NODES = auto()
    NODE = auto()
    CASES = auto()
    CASE = auto()
    DATA = auto()


_ELEMENTS: Final = {Role.NODES: Role.NODE, Role.CASES: Role.CASE}
_FIELDS: Final = {
    (Role.FLOW, "nodes"): Role.NODES,
    (Role.NODE, "nodes"): Role.NODES,
    (Role.NODE, "flow"): Role.FLOW,
    (Role.NODE, "switch"): Role.CASES,
    (Role.NODE, "compensate"): Role.NODE,
    (Role.CASE, "nodes"): Role.NODES,
}
_ORDER: Final = {
    Role.FLOW: "podium name description uses input env types budget nodes output",
    Role.CASE: "when else nodes output",
    Role.NODE: (
        "description when after join "
        "call flow agent plan goal trust switch for_each while until wait ask set fail "
        "as key concurrency partial max every state next form to args nodes output "
        "effect cache rate breaker retry timeout on_timeout total_timeout queue_timeout heartbeat_timeout "
        "priority lock budget fallback verify on_refusal on_error compensate"
    ),
}
_RANKS: Final = {
    role: {word: rank for rank, word in enumerate(words.split())} for role, words in _ORDER.items()
}


def role_within(role: Role, key: str | int) -> Role:
    """Return the role of what stands under a key, or at a number, of such a mapping or list."""
    if role in _ELEMENTS:
        return _ELEMENTS[role]
    return _FIELDS.get((role, key), Role.DATA) if isinstance(key, str) else Role.DATA


def in_order(role: Role, keys: Iterable[str]) -> list[str]:
    """Return the keys in their order; what the language does not know comes last, as it was."""
    ranks = _RANKS.get(role, {})
    return sorted(keys, key=lambda key: ranks.get(key, len(ranks)))
