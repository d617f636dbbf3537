"""Packing one value: what of it is new to the family, and how that is written.

A list is tried three ways, the cheapest first: as the continuation of a remembered list, as ranges
of a remembered list with new items between, and cut into runs that are looked up one by one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from podium.journal.payload.blobs import BlobSink, FamilyBlobs
from podium.journal.payload.cache import (
    Lineage,
    Match,
    PayloadCache,
    closing,
    common_prefix,
    common_suffix,
)
from podium.journal.payload.parts import Bounds, Members, cut, split, value_start
from podium.journal.payload.text import HOLED, MARK, items, span, whole

_DEPTH_MAX = 24
"""Deeper than this nothing is taken apart: a value nested on is stored in one piece."""
_ANCHOR_BYTES = 64
"""How much of a remembered list's end is looked for in a new list."""
_RECENT = 4
"""How many lists of the family are tried when none begins like the new one."""


class Sizes(NamedTuple):
    """From which sizes on parts become blobs; tests make them small."""

    inline_max: int = 4096
    """A value under this is its own envelope; a part under this stays where it is."""
    runs: Bounds = Bounds(8 * 1024, 24 * 1024, 128 * 1024)
    """Runs of items: about 32 kB, so that rows and pages of the store cost little beside them."""
    index_runs: Bounds = Bounds(512, 1536, 4096)
    """Runs of references to runs."""


DEFAULT_SIZES = Sizes()


class _Overlap(NamedTuple):
    """What a new list shares with a remembered one: its beginning, and a range ending at ``end``.

    That range is the last ``suffix`` bytes of the remembered list.
    """

    lineage: Lineage
    prefix: int
    suffix: int
    end: int


class Packing:
    """One value on its way into blobs."""

    def __init__(
        self, blobs: FamilyBlobs, cache: PayloadCache, sizes: Sizes, sink: BlobSink
    ) -> None:
        self._blobs = blobs
        self._key = blobs.key
        self._cache = cache
        self._sizes = sizes
        self._sink = sink

    def part(self, text: bytes, depth: int) -> tuple[bytes, bool]:
        """Return the text with its long parts replaced by holes, and whether there are any."""
        if len(text) < self._sizes.inline_max:
            return text, False
        if text[:1] in (b"[", b"{") and depth < _DEPTH_MAX:
            return self._container(text, depth), True
        return whole(self._put(text), len(text)), True

    def _put(self, data: bytes) -> int:
        return self._blobs.put(data, self._sink)

    def _container(self, text: bytes, depth: int) -> bytes:
        open_text = text[:-1]
        match = self._cache.find(self._key, open_text)
        node = self._continue(match, open_text, depth) if match else None
        if node is not None:
            return whole(node, len(text))
        members = split(text)
        if members is None:
            node = self._put(text)
        else:
            node = self._splice(match, open_text, members, depth)
        if node is None and members is not None:
            self._pack_members(members, depth)
            plain = _join_inline(members, self._sizes.inline_max)
            if plain is not None:
                return plain
            if members.holed or len(text) > self._sizes.runs.most:
                node = self._store(members, self._sizes.runs)
            else:
                node = self._put(text)  # no more than one run: not worth a search for its ends
        assert node is not None  # split or not, it is stored by now
        self._cache.learn(self._key, open_text, [(len(open_text), node)])
        return whole(node, len(text))

    def _continue(self, match: Match, text: bytes, depth: int) -> int | None:
        """Store a list that is, or continues, a version of a remembered one."""
        lineage, prefix = match
        index = lineage.last_within(prefix)
        end, base = lineage.marks[index]
        if index < 0 or text[end : end + 1] not in (b"", b","):
            return None
        if end == len(text):
            return base
        if end != len(lineage.text) and len(text) - end > self._sizes.inline_max:
            return None
        new = self._new_items(text[:1] + text[end + 1 :] + closing(text), depth)
        if new is None:
            return None
        node = Members(new.brackets, [], [])
        node.add(items(base, end), end - 1, is_holed=True)
        node.extend(new)
        blob = self._store(node, self._sizes.runs, is_shared=False)
        self._cache.learn(self._key, text, [(len(text), blob)], near=lineage)
        return blob

    def _new_items(self, text: bytes, depth: int) -> Members | None:
        """Return the members of a list of new items; a short one is not taken apart at all."""
        if len(text) < self._sizes.inline_max:
            return Members(text[:1] + text[-1:], [text[1:-1]], [len(text) - 2])
        members = split(text)
        if members is not None:
            self._pack_members(members, depth)
        return members

    def _splice(self, match: Match | None, text: bytes, members: Members, depth: int) -> int | None:
        """Store a list that shares at least half of its bytes with a remembered one.

        That is a conversation that lost its front, or one whose front was replaced by a summary,
        or where one message was edited: new items, and ranges of what is there.
        """
        overlap = self._best_overlap(match, text)
        if overlap is None or 2 * (overlap.prefix + overlap.suffix) < len(text):
            return None
        lineage, prefix, suffix, high = overlap
        edges = members.edges()
        first = bisect_right(edges, prefix) - 1
        third = bisect_right(edges, high) - 1
        second = max(bisect_left(edges, high - suffix - 1), first)
        if second >= third:
            second = third = len(members.items)
        if 2 * (edges[first] + edges[third] - edges[second]) < len(text):
            return None
        new = Members(members.brackets, [], [])
        if first > 0:
            self._add_range(new, lineage, 1, edges[first])
        new.extend(self._packed(members.part(first, second), depth))
        if second < third:
            shift = len(lineage.text) - high
            self._add_range(new, lineage, edges[second] + 1 + shift, edges[third] + shift)
        new.extend(self._packed(members.part(third, len(members.items)), depth))
        return self._store(new, self._sizes.runs, is_shared=False)

    def _best_overlap(self, match: Match | None, text: bytes) -> _Overlap | None:
        tried = {} if match is None else {match.lineage: match.prefix}
        for lineage in self._cache.recent(self._key, _RECENT):
            if lineage not in tried and lineage.text[:1] == text[:1]:
                tried[lineage] = common_prefix(lineage.text, text)
        overlaps = [_overlap(lineage, prefix, text) for lineage, prefix in tried.items()]
        return max(overlaps, key=lambda found: found.prefix + found.suffix, default=None)

    def _add_range(self, new: Members, lineage: Lineage, start: int, end: int) -> None:
        blob = lineage.first_holding(end)
        new.add(span(blob, start, end), end - start, is_holed=True)

    def _packed(self, members: Members, depth: int) -> Members:
        self._pack_members(members, depth)
        return members

    def _pack_members(self, members: Members, depth: int) -> None:
        """Replace the large members by text with holes."""
        least = self._sizes.inline_max
        for index, item in enumerate(members.items):
            if len(item) < least:
                continue
            start = value_start(item) if members.brackets == b"{}" else 0
            if MARK in item[:start]:
                continue
            text, is_holed = self.part(item[start:], depth + 1)
            if is_holed:
                members.items[index] = item[:start] + text
                members.holed.add(index)

    def _store(self, members: Members, bounds: Bounds, *, is_shared: bool = True) -> int:
        """Store a list or object, cut into runs if it is long, and return its blob."""
        ends = cut(members.items, bounds)
        is_index = bounds is self._sizes.index_runs
        if len(ends) == 1 or (is_index and 2 * len(ends) > len(members.items)):
            return self._store_run(members, is_shared=is_shared)
        index = Members(members.brackets, [], [])
        start = 0
        for end in ends:
            run = members.part(start, end)
            blob = self._store_run(run, is_shared=True)
            index.add(items(blob, run.end), run.end - 1, is_holed=True)
            start = end
        return self._store(index, self._sizes.index_runs, is_shared=is_shared)

    def _store_run(self, run: Members, *, is_shared: bool) -> int:
        """Store members as one blob; without a digest if nobody could write the same again."""
        opening, close = run.brackets[:1], run.brackets[1:]
        if not run.holed:
            return self._put(opening + b",".join(run.items) + close)
        texts = [
            self._apart(item, run.brackets) if index not in run.holed and MARK in item else item
            for index, item in enumerate(run.items)
        ]
        data = HOLED + opening + b",".join(texts) + close
        return self._put(data) if is_shared else self._sink.put(data, None)

    def _apart(self, item: bytes, brackets: bytes) -> bytes:
        """Store, as it is, a member that another encoder wrote and that looks like a hole."""
        return items(self._put(brackets[:1] + item + brackets[1:]), len(item) + 1)


def _join_inline(members: Members, size_max: int) -> bytes | None:
    """Return an object that its holes made short, to stay a part of what holds it.

    Not if one of its members looks like a hole: among members there is no place for a hole that
    an envelope could hold as JSON.
    """
    if members.brackets != b"{}" or members.text_size >= size_max:
        return None
    for index, item in enumerate(members.items):
        if index not in members.holed and MARK in item:
            return None
    return members.brackets[:1] + b",".join(members.items) + members.brackets[1:]


def _overlap(lineage: Lineage, prefix: int, text: bytes) -> _Overlap:
    """Find where the end of a remembered list lies in a new one that begins alike or not at all."""
    known = lineage.text
    anchor = known[-min(_ANCHOR_BYTES, len(known) - 1) :]
    found = text.rfind(anchor, prefix)
    if found < 0:
        return _Overlap(lineage, prefix, 0, 0)
    end = found + len(anchor)
    if text[end : end + 1] not in (b"", b","):
        return _Overlap(lineage, prefix, 0, 0)
    limit = min(end, len(known)) - prefix
    return _Overlap(lineage, prefix, common_suffix(known, text, end, limit), end)
