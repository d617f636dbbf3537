"""Where in its layer each spot stands: near what it is connected with, long lines straight.

The third phase of layered drawing. As in the priority method (Sugiyama, Tagawa, Toda 1981), sweeps pull each
spot to the weighted median of its neighbours; long lines, the strongest, follow themselves only. What is new against it is that
a whole layer is solved at once: keeping the order and the distances, the positions with the least weighted
sum of absolute deviations are found exactly by pooling adjacent violators (isotonic median regression, Barlow et
al. 1972; Stout 2008). Absolute deviations, not squares, so that most lines are exactly straight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from podium.flow.render.spots import Spots

_SWEEPS_MAX: Final = 12
_PRIORITY: Final = 50
"""How much stronger a long line is than a box: it stays straight beside a whole layer of them."""
_WORK_MAX: Final = 60_000
"""Spots moved in all sweeps: larger drawings get fewer, and at least four."""


def place(spots: Spots, gap: Callable[[int, int], int]) -> list[int]:
    """Return the middle of each spot, the leftmost at its half width.

    Args:
        spots: Ordered.
        gap: Tells how far two neighbouring spots are apart at least.
    """
    placing = _Placing(spots, gap)
    for sweep in range(min(_SWEEPS_MAX, max(4, _WORK_MAX // max(1, len(spots.sizes))))):
        placing.sweep(is_down=sweep % 2 == 0)
    placing.settle()
    left = min(
        (x - size.width // 2 for x, size in zip(placing.x, spots.sizes, strict=True)), default=0
    )
    return [x - left for x in placing.x]


class _Placing:
    def __init__(self, spots: Spots, gap: Callable[[int, int], int]) -> None:
        self.x = [0] * len(spots.sizes)
        self._rows = spots.rows
        self._is_line = [kind == "line" for kind in spots.kinds]
        self._offsets = [_offsets(row, spots, gap) for row in spots.rows]
        self._up: list[list[tuple[int, int, int]]] = [[] for _ in spots.sizes]
        self._down: list[list[tuple[int, int, int]]] = [[] for _ in spots.sizes]
        for joint in spots.joints:
            shift = joint.upper_at - joint.lower_at
            self._up[joint.lower].append((joint.upper, shift, joint.weight))
            self._down[joint.upper].append((joint.lower, -shift, joint.weight))
        for row, offsets in zip(self._rows, self._offsets, strict=True):
            middle = (offsets[-1] if offsets else 0) // 2
            for spot, offset in zip(row, offsets, strict=True):
                self.x[spot] = offset - middle

    def sweep(self, *, is_down: bool) -> None:
        """Pull each layer to the layer before."""
        near = self._up if is_down else self._down
        for row in range(len(self._rows))[:: 1 if is_down else -1]:
            self._solve(row, [near[spot] for spot in self._rows[row]])

    def settle(self) -> None:
        """Pull each layer to both its neighbours."""
        down = range(len(self._rows))
        for row in (*down, *reversed(down), *down):
            self._solve(row, [self._both(spot) for spot in self._rows[row]])

    def _both(self, spot: int) -> list[tuple[int, int, int]]:
        """Return all neighbours of a spot; of a line, those above: halfway between two is a stair."""
        return self._up[spot] if self._is_line[spot] else self._up[spot] + self._down[spot]

    def _solve(self, row: int, near: list[list[tuple[int, int, int]]]) -> None:
        spots, offsets = self._rows[row], self._offsets[row]
        wishes: list[tuple[int, int]] = []
        for spot, offset, others in zip(spots, offsets, near, strict=True):
            lines = [end for end in others if self._is_line[end[0]]] if self._is_line[spot] else []
            ends = [(self.x[other] + shift, weight) for other, shift, weight in lines or others]
            weight = sum(weight for _, weight in ends) * (_PRIORITY if lines else 1)
            wish = _middle(ends) if ends else self.x[spot]
            wishes.append((wish - offset, 10 * weight or 1))
        for spot, offset, x in zip(spots, offsets, _isotonic(wishes), strict=True):
            self.x[spot] = offset + x


def _offsets(row: Sequence[int], spots: Spots, gap: Callable[[int, int], int]) -> list[int]:
    """Return the middles of a row's spots when they stand as close as they may."""
    offsets: list[int] = []
    x = 0
    for place, spot in enumerate(row):
        width = spots.sizes[spot].width
        if place:
            before = row[place - 1]
            before_width = spots.sizes[before].width
            x += before_width - before_width // 2 + gap(before, spot) + width // 2
        offsets.append(x)
    return offsets


def _middle(ends: list[tuple[int, int]]) -> int:
    """Return the weighted median; between two middle ones, the stronger, or the point halfway."""
    ends = sorted(ends)
    total = sum(weight for _, weight in ends)
    passed = 0
    for number, (x, weight) in enumerate(ends):
        passed += weight
        if 2 * passed == total:
            after_x, after_weight = ends[number + 1]
            return (
                (x + after_x) // 2
                if weight == after_weight
                else x
                if weight > after_weight
                else after_x
            )
        if 2 * passed > total:
            return x
    return ends[-1][0]


def _isotonic(wishes: list[tuple[int, int]]) -> list[int]:
    """Return the ascending positions nearest to the wishes (position, weight)."""
    blocks: list[tuple[int, list[tuple[int, int]]]] = []
    for wish in wishes:
        x, members = wish[0], [wish]
        while blocks and blocks[-1][0] > x:
            members = blocks.pop()[1] + members
            x = _middle(members)
        blocks.append((x, members))
    return [x for x, members in blocks for _ in members]
