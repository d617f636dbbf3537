"""Which layer each item is drawn in: arrows lead down, layers are not too wide, arrows are short.

The first phase of layered drawing (Sugiyama, Tagawa, Toda 1981). Layers of bounded width are filled from
the top in the manner of Coffman and Graham (1972); then items are moved along their slack towards what
they are connected with (a greedy form of what Gansner et al. 1993 do by network simplex), which is
linear and good enough where an item has few neighbours, as in flows.
"""

from __future__ import annotations

import heapq

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow between two items, by number; ``span`` is how many layers lie between them at least."""

    source: int
    target: int
    span: int = 1


def backward(count: int, links: Sequence[Link]) -> set[int]:
    """Return the numbers of links that close a cycle; the others form none."""
    out = _by_source(count, links)
    state = [0] * count
    found: set[int] = set()
    for root in range(count):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            item, rest = stack[-1]
            link = next(rest, None)
            if link is None:
                state[item] = 2
                stack.pop()
            elif state[links[link].target] == 1:
                found.add(link)
            elif state[links[link].target] == 0:
                target = links[link].target
                state[target] = 1
                stack.append((target, iter(out[target])))
    return found


def assign(widths: Sequence[int], links: Sequence[Link], *, width_max: int) -> list[int]:
    """Return the layer of each item, from 0 at the top.

    Args:
        widths: What an item takes of its layer, with its distance to the next.
        links: They form no cycle.
        width_max: What the items of one layer take together, unless it is a single one.
    """
    layering = _Layering(widths, links, width_max)
    layering.fill()
    for _ in range(_ROUNDS):
        if not layering.tighten():
            break
    used = set(layering.layers)
    used |= {layering.layers[link.target] - 1 for link in links if link.span > 1}
    numbers = {layer: number for number, layer in enumerate(sorted(used))}
    return [numbers[layer] for layer in layering.layers]


class _Layering:
    """Layers while they are found."""

    def __init__(self, widths: Sequence[int], links: Sequence[Link], width_max: int) -> None:
        self.layers = [0] * len(widths)
        self._widths = widths
        self._width_max = width_max
        self._taken: list[int] = []
        self._up: list[list[tuple[int, int]]] = [[] for _ in widths]
        self._down: list[list[tuple[int, int]]] = [[] for _ in widths]
        for link in links:
            self._down[link.source].append((link.target, link.span))
            self._up[link.target].append((link.source, link.span))
        self._order: list[int] = []

    def fill(self) -> None:
        """Put each item, from the top, into the first layer that it may stand in and that has room."""
        missing = [len(up) for up in self._up]
        ready = [(0, item) for item, count in enumerate(missing) if not count]
        while ready:
            layer, item = heapq.heappop(ready)
            while not self._has_room(item, layer):
                layer += 1
            self._put(item, layer)
            self._order.append(item)
            for target, _ in self._down[item]:
                missing[target] -= 1
                if not missing[target]:
                    heapq.heappush(ready, (self._earliest(target), target))

    def tighten(self) -> bool:
        """Move items along their slack where that makes arrows shorter; return whether one moved."""
        moved = False
        for item in reversed(self._order):
            if len(self._down[item]) > len(self._up[item]):
                latest = min(self.layers[target] - span for target, span in self._down[item])
                moved |= self._move(item, range(latest, self.layers[item], -1))
        for item in self._order:
            if len(self._up[item]) >= len(self._down[item]):
                moved |= self._move(item, range(self._earliest(item), self.layers[item]))
        return moved

    def _earliest(self, item: int) -> int:
        return max((self.layers[source] + span for source, span in self._up[item]), default=0)

    def _move(self, item: int, layers: range) -> bool:
        for layer in layers:
            if self._has_room(item, layer):
                self._taken[self.layers[item]] -= self._widths[item]
                self._put(item, layer)
                return True
        return False

    def _put(self, item: int, layer: int) -> None:
        self.layers[item] = layer
        while len(self._taken) <= layer:
            self._taken.append(0)
        self._taken[layer] += self._widths[item]

    def _has_room(self, item: int, layer: int) -> bool:
        taken = self._taken[layer] if layer < len(self._taken) else 0
        return not taken or taken + self._widths[item] <= self._width_max


def _by_source(count: int, links: Sequence[Link]) -> list[list[int]]:
    out: list[list[int]] = [[] for _ in range(count)]
    for number, link in enumerate(links):
        out[link.source].append(number)
    return out
