"""A book of shared state in memory, and the one way in which tests ask it: through the door."""

from typing import Any

import msgspec

from podium.policy import breaker, budget, lock, permits
from podium.policy.shared import Now, apply

DECISIONS: dict[str, Any] = {
    permits.KIND: permits.Decision,
    breaker.KIND: breaker.View,
    lock.KIND: lock.Decision,
    budget.KIND: budget.Decision,
    budget.HELD_KIND: budget.Decision,
}


class Shelf:
    """States by kind and key."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], bytes] = {}

    def keys(self, kind: str, prefix: str = "") -> list[str]:
        return sorted(key for one, key in self.states if one == kind and key.startswith(prefix))

    def get(self, kind: str, key: str) -> bytes | None:
        return self.states.get((kind, key))

    def put(self, kind: str, key: str, state: bytes | None) -> None:
        if state is None:
            del self.states[kind, key]  # what is deleted was there
        else:
            self.states[kind, key] = state

    def ask(self, kind: str, key: str, event: msgspec.Struct, now: Now) -> Any:
        """Have an event decided, as a store does."""
        decision = apply(self, kind, key, msgspec.json.encode(event), now)
        return msgspec.json.decode(decision, type=DECISIONS[kind])
