"""The line in one worker: what waits for one limit, by priority, and fair between keys.

Two rules, both with static data, so that a put and a pop cost the same however many wait:

- Between priorities: the oldest of each priority compare by when they came, less a head start for
  each step of priority (``HEAD_START_US``). So a low one waits no longer for newer ones above it
  than its head start lasts.
- Within a priority: round robin between keys (each key one, in turn), and for one key in order of
  arrival. So of ``k`` keys with something to do, each gets one of ``k`` pops, however long its line
  is, and a key that comes late waits for one round. (The case of equal sizes of "Efficient Fair
  Queuing Using Deficit Round-Robin", M. Shreedhar and G. Varghese, 1995.)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from podium.policy.book import HEAD_START_US

T = TypeVar("T", bound=Hashable)


class Queue(Generic[T]):
    """Items that wait. An item waits once: putting it again is an error of the caller."""

    def __init__(self) -> None:
        self._levels: dict[int, _Level[T]] = {}
        self._priorities: dict[T, int] = {}

    def __len__(self) -> int:
        return len(self._priorities)

    @property
    def priority(self) -> int:
        """Priority of the item that :meth:`pop` would return; 0 if there is none."""
        return self._first() if self._levels else 0

    def put(self, item: T, at_us: int, *, priority: int = 0, key: str = "") -> None:
        """Let an item wait.

        Args:
            item: What waits.
            at_us: When it came, in µs of any clock that does not go back.
            priority: A higher one goes first, with aging.
            key: The items of one key are in line; keys take turns.
        """
        if item in self._priorities:
            raise ValueError(f"{item!r} waits already; remove it before you put it again.")
        self._priorities[item] = priority
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = _Level()
        level.put(item, at_us, key)

    def pop(self) -> T:
        """Take the next item out.

        Raises:
            IndexError: None waits.
        """
        if not self._levels:
            raise IndexError("Nothing waits.")
        item = self._levels[self._first()].next()
        self._take(item, is_served=True)
        return item

    def remove(self, item: T) -> bool:
        """Take an item out, wherever it is; tell whether it was there."""
        if item not in self._priorities:
            return False
        self._take(item, is_served=False)
        return True

    def _take(self, item: T, *, is_served: bool) -> None:
        priority = self._priorities.pop(item)
        level = self._levels[priority]
        level.remove(item, is_served=is_served)
        if not level.arrivals:
            del self._levels[priority]

    def _first(self) -> int:
        """Return the priority that is served next; of equal ones the higher."""
        return min(
            self._levels,
            key=lambda priority: (
                self._levels[priority].oldest_us - priority * HEAD_START_US,
                -priority,
            ),
        )


class _Level(Generic[T]):
    """The items of one priority.

    Ordered dicts and not dicts: taking the first out of a dict again and again is quadratic.
    """

    def __init__(self) -> None:
        self.arrivals: OrderedDict[T, tuple[int, str]] = OrderedDict()
        """When each came and its key, oldest first."""
        self._round: OrderedDict[str, OrderedDict[T, None]] = OrderedDict()
        """The items of each key; the key whose turn it is comes first."""

    @property
    def oldest_us(self) -> int:
        """When the oldest came."""
        return next(iter(self.arrivals.values()))[0]

    def put(self, item: T, at_us: int, key: str) -> None:
        """Let an item wait at the end of its key's line."""
        self.arrivals[item] = at_us, key
        self._round.setdefault(key, OrderedDict())[item] = None

    def next(self) -> T:
        """Return the first item of the key whose turn it is."""
        return next(iter(next(iter(self._round.values()))))

    def remove(self, item: T, *, is_served: bool) -> None:
        """Take an item out; a key that was served waits for its next turn."""
        _, key = self.arrivals.pop(item)
        line = self._round[key]
        del line[item]
        if not line:
            del self._round[key]
        elif is_served:
            self._round.move_to_end(key)
