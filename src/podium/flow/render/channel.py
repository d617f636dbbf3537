"""How lines run between two layers: down, along a track, down; each trunk with a track of its own.

Orthogonal routing in layers, after Sander (*Layout of compound directed graphs*, 2004) and Eiglsperger et al.: a
trunk that has to change its column takes a horizontal track. Which of two trunks is above is chosen so that
they cross less and never share a piece of column; where neither order can do that, an end is moved aside.
"""

from __future__ import annotations

import heapq

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from podium.flow.render.spots import Joint

_PAIRS_MAX: Final = 160
"""With more trunks than this in one channel, they are not compared pair by pair."""


@dataclass(slots=True)
class Run:
    """One trunk on its way between two layers: the columns it comes from and those it goes to."""

    trunk: int
    tops: set[int] = field(default_factory=set)
    bottoms: set[int] = field(default_factory=set)
    track: int = -1

    @property
    def low(self) -> int:
        """Its leftmost column."""
        return min(*self.tops, *self.bottoms)

    @property
    def high(self) -> int:
        """Its rightmost column."""
        return max(*self.tops, *self.bottoms)

    @property
    def is_straight(self) -> bool:
        """Whether it needs no track."""
        return self.low == self.high


@dataclass(slots=True)
class Channel:
    """The lines between two layers.

    Attributes:
        ends: By joint, the columns where it begins and where it ends.
        runs: By trunk.
        tracks: How many there are.
    """

    ends: dict[int, tuple[int, int]]
    runs: dict[int, Run]
    tracks: int = 0


def route(joints: dict[int, Joint], columns: list[int], apart: int) -> Channel:
    """Give each joint its columns and each trunk its track.

    Args:
        joints: Between one layer and the next, by number.
        columns: The middle of each spot.
        apart: How far two lines are apart.
    """
    ports = _Ports(joints, columns, apart)
    ends = {number: (ports.top(joint), ports.bottom(joint)) for number, joint in joints.items()}
    alone = Counter(joint.trunk for joint in joints.values())
    for number, joint in joints.items():
        if alone[joint.trunk] == 1:
            ends[number] = ports.straightened(joint, *ends[number])
    for _ in range(3):
        runs = _runs(joints, ends)
        if not _move_aside(joints, ends, runs, ports):
            break
    channel = Channel(ends, _runs(joints, ends))
    _assign_tracks(channel, apart)
    return channel


class _Ports:
    """Where lines may meet a box or frame: anywhere along its side, but apart from lines that pass it."""

    def __init__(self, joints: dict[int, Joint], columns: list[int], apart: int) -> None:
        self.apart = apart
        self._columns = columns
        self._passing: dict[tuple[int, bool], list[tuple[int, int]]] = {}
        for joint in joints.values():
            if not joint.upper_room:
                passing = self._passing.setdefault((joint.upper, True), [])
                passing.append((columns[joint.upper] + joint.upper_at, joint.trunk))
            if not joint.lower_room:
                passing = self._passing.setdefault((joint.lower, False), [])
                passing.append((columns[joint.lower] + joint.lower_at, joint.trunk))

    def top(self, joint: Joint) -> int:
        """Return where a joint begins: where it wants to, or the nearest place that is free."""
        return self._nearest(
            joint.upper_at, joint.upper_room, lambda at: self._may_leave(joint, at), joint.upper
        )

    def bottom(self, joint: Joint) -> int:
        """Return where a joint ends: where it wants to, or the nearest place that is free."""
        return self._nearest(
            joint.lower_at, joint.lower_room, lambda at: self.may_arrive(joint, at), joint.lower
        )

    def straightened(self, joint: Joint, top: int, bottom: int) -> tuple[int, int]:
        """Return the columns of a joint, one end moved along the side of a box if that saves a small bend."""
        if abs(top - bottom) <= 3 * self.apart:
            if self.may_arrive(joint, top):
                return top, top
            if self._may_leave(joint, bottom):
                return bottom, bottom
        return top, bottom

    def may_arrive(self, joint: Joint, column: int) -> bool:
        """Whether a joint may end in a column."""
        is_within = abs(column - self._columns[joint.lower]) <= joint.lower_room
        return (
            bool(joint.lower_room)
            and is_within
            and self._is_free(joint.lower, False, joint.trunk, column)
        )

    def _may_leave(self, joint: Joint, column: int) -> bool:
        is_within = abs(column - self._columns[joint.upper]) <= joint.upper_room
        return (
            bool(joint.upper_room)
            and is_within
            and self._is_free(joint.upper, True, joint.trunk, column)
        )

    def _nearest(self, at: int, room: int, may: Callable[[int], bool], spot: int) -> int:
        column = self._columns[spot] + at
        if room:
            for shift in range(0, room + 1, self.apart):
                for place in (column + shift, column - shift):
                    if may(place):
                        return place
        return column

    def _is_free(self, spot: int, is_upper: bool, trunk: int, column: int) -> bool:
        passing = self._passing.get((spot, is_upper), ())
        return all(other == trunk or abs(x - column) >= self.apart for x, other in passing)


def _runs(joints: dict[int, Joint], ends: dict[int, tuple[int, int]]) -> dict[int, Run]:
    runs: dict[int, Run] = {}
    for number, (top, bottom) in ends.items():
        trunk = joints[number].trunk
        run = runs.setdefault(trunk, Run(trunk))
        run.tops.add(top)
        run.bottoms.add(bottom)
    return runs


def _must_be_above(runs: list[Run], apart: int) -> dict[int, set[int]]:
    """Return, by trunk, those that must be below: they come down where it goes down to its track.

    Straight ones have no track, and are below nothing and above nothing, unless they are joined: what
    comes to the bottom of another trunk's column ends below its track.
    """
    tops = sorted((x, run.trunk) for run in runs for x in run.tops)
    bottoms = sorted((x, run.trunk) for run in runs for x in run.bottoms)
    below: dict[int, set[int]] = {run.trunk: set() for run in runs}
    first = 0
    for x, trunk in tops:
        while first < len(bottoms) and bottoms[first][0] <= x - apart:
            first += 1
        for at in range(first, len(bottoms)):
            other_x, other = bottoms[at]
            if other_x >= x + apart:
                break
            if other != trunk:
                below[trunk].add(other)
    return below


def _move_aside(
    joints: dict[int, Joint], ends: dict[int, tuple[int, int]], runs: dict[int, Run], ports: _Ports
) -> bool:
    """Where two trunks must each be above the other, end one a little aside; return whether one moved."""
    apart = ports.apart
    below = _must_be_above([run for run in runs.values() if not run.is_straight], apart)
    cyclic = _on_cycles(below)
    moved = False
    tops = [(x, trunk) for trunk in cyclic for x in runs[trunk].tops]
    for number, (top, bottom) in ends.items():
        joint = joints[number]
        if joint.trunk not in cyclic or top == bottom:
            continue
        clashes = any(abs(x - bottom) < apart and trunk != joint.trunk for x, trunk in tops)
        aside = bottom + (2 * apart if top > bottom else -2 * apart)
        if clashes and ports.may_arrive(joint, aside):
            ends[number] = (top, aside)
            moved = True
    return moved


def _on_cycles(below: dict[int, set[int]]) -> set[int]:
    """Return what is left when all that is above nothing or below nothing is taken away, again and again."""
    left = {trunk: set(others) for trunk, others in below.items()}
    while True:
        kept = {trunk for others in left.values() for trunk in others}
        loose = [trunk for trunk, others in left.items() if not others or trunk not in kept]
        if not loose:
            return set(left)
        for trunk in loose:
            del left[trunk]
        for others in left.values():
            others.intersection_update(left)


def _assign_tracks(channel: Channel, apart: int) -> None:
    """Give each run that is not straight the first track where it overlaps none and its order is kept."""
    runs = sorted(
        (run for run in channel.runs.values() if not run.is_straight),
        key=lambda run: (run.low, run.trunk),
    )
    before = _order(runs, apart)
    tracks: list[list[Run]] = []
    waiting = {run.trunk: len(before[run.trunk]) for run in runs}
    by_trunk = {run.trunk: run for run in runs}
    ready = [(number, run.trunk) for number, run in enumerate(runs) if not waiting[run.trunk]]
    numbers = {run.trunk: number for number, run in enumerate(runs)}
    after: dict[int, list[int]] = {run.trunk: [] for run in runs}
    for trunk, others in before.items():
        for other in others:
            after[other].append(trunk)
    while ready:
        run = by_trunk[heapq.heappop(ready)[1]]
        least = max((by_trunk[other].track + 1 for other in before[run.trunk]), default=0)
        run.track = next(
            (
                track
                for track in range(least, len(tracks))
                if not _overlaps(run, tracks[track], apart)
            ),
            max(least, len(tracks)),
        )
        while len(tracks) <= run.track:
            tracks.append([])
        tracks[run.track].append(run)
        for trunk in after[run.trunk]:
            waiting[trunk] -= 1
            if not waiting[trunk]:
                heapq.heappush(ready, (numbers[trunk], trunk))
    channel.tracks = len(tracks)


def _overlaps(run: Run, others: list[Run], apart: int) -> bool:
    return any(run.low < other.high + apart and other.low < run.high + apart for other in others)


def _order(runs: list[Run], apart: int) -> dict[int, set[int]]:
    """Return, by trunk, which ones come above it; without cycles."""
    above: dict[int, set[int]] = {run.trunk: set() for run in runs}
    for trunk, others in _must_be_above(runs, apart).items():
        for other in others:
            if trunk not in above[other] and not _reaches(above, trunk, other):
                above[other].add(trunk)
    if len(runs) > _PAIRS_MAX:
        return above
    for place, one in enumerate(runs):
        for two in runs[place + 1 :]:
            if two.low >= one.high:
                break
            better = _crossings(one, two) - _crossings(two, one)
            upper, lower = (one, two) if better < 0 else (two, one)
            if better and not _reaches(above, upper.trunk, lower.trunk):
                above[lower.trunk].add(upper.trunk)
    return above


def _reaches(above: dict[int, set[int]], trunk: int, target: int) -> bool:
    """Whether ``target`` is above ``trunk``, at once or by others."""
    seen = {trunk}
    stack = [trunk]
    while stack:
        for other in above[stack.pop()]:
            if other == target:
                return True
            if other not in seen:
                seen.add(other)
                stack.append(other)
    return False


def _crossings(upper: Run, lower: Run) -> int:
    """Return how often two runs cross when the first has the higher track."""
    return sum(lower.low < x < lower.high for x in upper.bottoms) + sum(
        upper.low < x < upper.high for x in lower.tops
    )
