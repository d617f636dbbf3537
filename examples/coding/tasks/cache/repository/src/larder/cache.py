"""A cache that drops what was not used for the longest time."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Cache:
    """Keeps up to `size` entries."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size={size}; expected at least 1")
        self.size = size
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Return a value, or the default."""
        if key not in self._entries:
            return default
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self.size:
            self._entries.popitem(last=False)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)
