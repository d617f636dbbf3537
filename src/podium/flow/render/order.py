"""In which order the spots of each layer stand, so that few lines cross.

The second phase of layered drawing: sweeps down and up sort each layer by the barycentre of its
neighbours (Sugiyama, Tagawa, Toda 1981), neighbours in a layer change places where that helps (Gansner et
al. 1993), and the best order seen is kept. Crossings are counted as inversions in O(n log n) (Barth,
Mutzel, Jünger 2004). Ends on one spot are told apart by where they are on it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Final

from podium.flow.render.spots import Joint, Spots

_SWEEPS_MAX: Final = 24
_WORK_MAX: Final = 120_000
"""Joints looked at in all sweeps: larger drawings get fewer, and at least four."""
_SWAP_JOINTS_MAX: Final = 4_000
"""Drawings with more joints than this are ordered without exchanging neighbours."""
_PATIENCE: Final = 6
"""Sweeps without success after which no more are made."""


def arrange(spots: Spots) -> None:
    """Sort the rows of ``spots`` in place."""
    ordering = _Ordering(spots)
    best = [list(row) for row in spots.rows]
    least: int | None = None
    failures = 0
    sweeps = min(_SWEEPS_MAX, max(4, _WORK_MAX // max(1, len(spots.joints))))
    for sweep in range(sweeps):
        ordering.sweep(is_down=sweep % 2 == 0)
        if len(spots.joints) <= _SWAP_JOINTS_MAX:
            ordering.swap_neighbours()
        crossings = ordering.crossings()
        if least is None or crossings < least:
            best, least, failures = [list(row) for row in spots.rows], crossings, 0
        else:
            failures += 1
        if not least or failures >= _PATIENCE:
            break
    spots.rows[:] = best


class _Ordering:
    def __init__(self, spots: Spots) -> None:
        self._rows = spots.rows
        self._joints = spots.joints
        self._up: list[list[tuple[int, float, float]]] = [[] for _ in spots.sizes]
        self._down: list[list[tuple[int, float, float]]] = [[] for _ in spots.sizes]
        self._below: list[list[tuple[Joint, float, float]]] = [[] for _ in spots.rows]
        layer_of = {spot: layer for layer, row in enumerate(spots.rows) for spot in row}
        for joint in spots.joints:
            upper_at = joint.upper_at / (spots.sizes[joint.upper].width + 1)
            lower_at = joint.lower_at / (spots.sizes[joint.lower].width + 1)
            self._down[joint.upper].append((joint.lower, lower_at, upper_at))
            self._up[joint.lower].append((joint.upper, upper_at, lower_at))
            self._below[layer_of[joint.upper]].append((joint, upper_at, lower_at))
        self._place = [0] * len(spots.sizes)
        for row in spots.rows:
            self._number(row)

    def sweep(self, *, is_down: bool) -> None:
        """Sort each layer by where its neighbours in the layer before are, from one end to the other."""
        near = self._up if is_down else self._down
        rows = self._rows[1:] if is_down else self._rows[-2::-1]
        for row in rows:
            self._sort(row, near)

    def swap_neighbours(self) -> None:
        """Let neighbours change places while that leaves fewer crossings."""
        for _ in range(2):
            moved = [self._swap_in(row, range(len(row) - 1)) for row in self._rows]
            moved += [self._swap_in(row, range(len(row) - 2, -1, -1)) for row in self._rows]
            if not any(moved):
                return

    def crossings(self) -> int:
        """Return how often lines cross."""
        total = 0
        for joints in self._below:
            ends = sorted(
                (self._place[joint.upper] + upper_at, self._place[joint.lower] + lower_at)
                for joint, upper_at, lower_at in joints
            )
            total += _inversions(ends)
        return total

    def _sort(self, row: list[int], near: list[list[tuple[int, float, float]]]) -> None:
        """Sort by barycentre; spots without neighbours keep their place."""
        keys = {
            spot: sum(self._place[other] + at for other, at, _ in near[spot]) / len(near[spot])
            for spot in row
            if near[spot]
        }
        free = iter(sorted(keys, key=lambda spot: (keys[spot], self._place[spot])))
        row[:] = [next(free) if spot in keys else spot for spot in row]
        self._number(row)

    def _number(self, row: list[int]) -> None:
        for place, spot in enumerate(row):
            self._place[spot] = place

    def _swap_in(self, row: list[int], places: range) -> bool:
        swapped = False
        for place in places:
            left, right = row[place], row[place + 1]
            now = then = 0
            for near in (self._up, self._down):
                ends_left = sorted(self._place[other] + at for other, at, _ in near[left])
                ends_right = sorted(self._place[other] + at for other, at, _ in near[right])
                now += _crossed(ends_left, ends_right)
                then += _crossed(ends_right, ends_left)
            if then < now:
                row[place], row[place + 1] = right, left
                self._place[left], self._place[right] = place + 1, place
                swapped = True
        return swapped


def _crossed(left: list[float], right: list[float]) -> int:
    """Return how often the lines of two neighbours cross, given the other ends of each, sorted."""
    count = at = 0
    for end in left:
        while at < len(right) and right[at] < end:
            at += 1
        count += at
    return count


def _inversions(ends: list[tuple[float, float]]) -> int:
    """Return how many pairs, sorted by their first, are the other way round in their second."""
    count = 0
    seen: list[float] = []
    for number, (_, lower) in enumerate(ends):
        count += number - bisect_right(seen, lower)
        insort(seen, lower)
    return count
