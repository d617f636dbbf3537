"""The order in which nodes can start, and cycles, where there is none."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from podium.flow.check.layout import Entry, Scope
from podium.flow.check.notes import Notes

_SHOWN_MAX = 12
"""So many nodes of a circle are written out."""


def put_in_order(scope: Scope, notes: Notes) -> None:
    """Fill ``scope.order``: each node stands behind those it waits for; take note of cycles."""
    for group in _groups(list(scope.entries.values())):
        first = min(group, key=lambda entry: entry.position)
        if len(group) > 1:
            _note_cycle(first, group, notes)
        elif first in first.waits:
            _note_itself(first, notes)
        scope.order.extend(sorted(group, key=lambda entry: entry.position))


def _groups(entries: list[Entry]) -> list[list[Entry]]:
    """Return the nodes in groups that wait for each other, those first that others wait for (Tarjan)."""
    groups: list[list[Entry]] = []
    number: dict[Entry, int] = {}
    low: dict[Entry, int] = {}
    path: list[Entry] = []
    on_path: set[Entry] = set()
    for root in entries:
        if root in number:
            continue
        work = [(root, iter(root.waits))]
        number[root] = low[root] = len(number)
        path.append(root)
        on_path.add(root)
        while work:
            entry, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[entry])
                if low[entry] == number[entry]:
                    groups.append(_cut(path, on_path, entry))
            elif following not in number:
                number[following] = low[following] = len(number)
                path.append(following)
                on_path.add(following)
                work.append((following, iter(following.waits)))
            elif following in on_path:
                low[entry] = min(low[entry], number[following])
    return groups


def _cut(path: list[Entry], on_path: set[Entry], last: Entry) -> list[Entry]:
    group: list[Entry] = []
    while True:
        one = path.pop()
        on_path.discard(one)
        group.append(one)
        if one is last:
            return group


def _note_itself(entry: Entry, notes: Notes) -> None:
    inner = entry.waits[entry]
    hint = "What one pass hands to the next goes through 'next' and 'loop.state'."
    is_loop = entry.node.kind in {"while", "until"}
    if inner is entry:
        message = f"{entry.id!r} refers to itself: {entry.id} -> {entry.id}."
    else:
        message = f"{inner.id!r} refers to {entry.id!r}, which it is a part of."
    notes.error(
        inner.position,
        "cycle",
        inner.node.at,
        message,
        hint if is_loop else "Refer to what is there before.",
    )


def _note_cycle(first: Entry, group: list[Entry], notes: Notes) -> None:
    chain = _shortest(first, set(group))
    names = [_link(one, following) for one, following in pairwise(chain)]
    if len(names) > _SHOWN_MAX:
        names[_SHOWN_MAX // 2 : -_SHOWN_MAX // 2] = [f"… ({len(names) - _SHOWN_MAX} more)"]
    text = " -> ".join([*names, first.id])
    message = f"these nodes wait for each other: {text}."
    others = len(group) - len(chain) + 1
    if others:
        message += f" {others} more wait in the same circle."
    hint = "Take one of these references out."
    notes.error(first.position, "cycle", first.node.at, message, hint)


def _link(entry: Entry, following: Entry) -> str:
    inner = entry.waits[following]
    return entry.id if inner is entry else f"{entry.id} (its {inner.id})"


def _shortest(first: Entry, group: set[Entry]) -> list[Entry]:
    """Return the shortest way from a node back to itself, within nodes that wait for each other."""
    came_from: dict[Entry, Entry] = {}
    waiting = deque([first])
    while waiting:
        entry = waiting.popleft()
        for following in sorted(entry.waits, key=lambda one: one.position):
            if following is first:
                chain = [entry]
                while chain[-1] is not first:
                    chain.append(came_from[chain[-1]])
                return [*reversed(chain), first]
            if following in group and following not in came_from:
                came_from[following] = entry
                waiting.append(following)
    return [first, first]
