"""What a process remembers of long lists, so that the next version costs only its difference.

A :class:`Lineage` is one list as it grew: the text of its longest version, and where in it earlier
versions end. So 2,000 versions of a growing list take the memory of one, and whether a new list
extends one of them is a comparison of bytes, with no look at single items. Of a list that has to
go, length and digest stay, which is enough to know its continuation.

A cache belongs to one open database: it names blobs by their ids in that file.
"""

from __future__ import annotations

import hashlib

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

CACHE_BYTES = 64 * 1024 * 1024
_HEAD_BYTES = 256
"""Lists are looked for among those whose text begins alike."""
_LOOKS_MAX = 64
"""How many lists that begin alike are compared, the last used first."""
_SHADOWS_MAX = 4096
_SHADOWS_ALIKE_MAX = 8
"""Of how many lists, and of how many that begin alike, length and digest are kept."""
_MARK_BYTES = 150
"""What remembering one version costs, about; the text is counted by its length."""


class Lineage:
    """A list or an object as it grew.

    ``text`` is its JSON without the closing bracket; ``marks`` are (end, blob) of the versions
    that are known, in order: ``text[:end]`` is the open text of that blob.
    """

    __slots__ = ("family", "head", "marks", "text")

    def __init__(self, family: bytes, text: bytes) -> None:
        self.family = family
        self.text = text
        self.head = text[:_HEAD_BYTES]
        self.marks: list[tuple[int, int]] = []

    @property
    def weight(self) -> int:
        """How many bytes it costs to remember this."""
        return len(self.text) + _MARK_BYTES * (len(self.marks) + 4)

    def last_within(self, end: int) -> int:
        """Return the index of the longest known version that ends by ``end``; -1 if none does."""
        return bisect_right(self.marks, end, key=_end) - 1

    def first_holding(self, end: int) -> int:
        """Return the blob of the shortest known version that reaches up to ``end``."""
        return self.marks[bisect_left(self.marks, end, key=_end)][1]


def _end(mark: tuple[int, int]) -> int:
    return mark[0]


class Match(NamedTuple):
    """A remembered list that begins as another does, and for how many bytes."""

    lineage: Lineage
    prefix: int


class _Shadow(NamedTuple):
    """What is kept of a list whose text is not: its open text has this length and digest."""

    end: int
    digest: bytes
    blob: int


class _Shadows:
    """Lists that were let go. With more long lists at work than fit, none is written anew."""

    def __init__(self) -> None:
        self._alike: OrderedDict[tuple[bytes, bytes], list[_Shadow]] = OrderedDict()

    def add(self, lineage: Lineage) -> None:
        """Keep the shadow of a list's longest version."""
        end, blob = lineage.marks[-1]
        digest = hashlib.blake2b(lineage.text[:end], digest_size=16).digest()
        place = (lineage.family, lineage.text[:_HEAD_BYTES])
        shadows = self._alike.setdefault(place, [])
        shadows.append(_Shadow(end, digest, blob))
        del shadows[:-_SHADOWS_ALIKE_MAX]
        self._alike.move_to_end(place)
        if len(self._alike) > _SHADOWS_MAX:
            self._alike.popitem(last=False)

    def find(self, family: bytes, text: bytes) -> Lineage | None:
        """Return the longest list that was let go of which the text is a continuation."""
        found = None
        hashed, at = hashlib.blake2b(digest_size=16), 0
        for shadow in sorted(self._alike.get((family, text[:_HEAD_BYTES]), ())):
            if text[shadow.end : shadow.end + 1] == b"," or shadow.end == len(text):
                hashed.update(text[at : shadow.end])
                at = shadow.end
                if hashed.copy().digest() == shadow.digest:
                    found = shadow
        if found is None:
            return None
        lineage = Lineage(family, text[: found.end])
        lineage.marks.append((found.end, found.blob))
        return lineage

    def forget(self, family: bytes) -> None:
        """Drop all of a family."""
        for place in [place for place in self._alike if place[0] == family]:
            del self._alike[place]


class PayloadCache:
    """Long lists used last, within a bound of bytes. For use in one thread."""

    def __init__(self, bytes_max: int = CACHE_BYTES) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._lineages: OrderedDict[Lineage, None] = OrderedDict()
        self._alike: dict[tuple[bytes, bytes], OrderedDict[Lineage, None]] = {}
        self._recent: dict[bytes, OrderedDict[Lineage, None]] = {}
        self._nodes: dict[tuple[bytes, int], tuple[Lineage, int]] = {}
        self._shadows = _Shadows()

    @property
    def size_bytes(self) -> int:
        """How much is held, about."""
        return self._bytes

    def read(self, family: bytes, blob: int, start: int, end: int, size: int) -> bytes | None:
        """Return that range of a blob's text; ``size``, if not 0, must be its whole size."""
        found = self._nodes.get((family, blob))
        if found is None:
            return None
        lineage, known = found
        if end > known + 1 or (size and size != known + 1):
            return None
        self._touch(lineage)
        text = lineage.text[start : min(end, known)]
        return text if end <= known else text + closing(lineage.text)

    def find(self, family: bytes, text: bytes) -> Match | None:
        """Return the list with the longest common beginning among those that begin alike."""
        best, length = None, 0
        alike = self._alike.get((family, text[:_HEAD_BYTES]), ())
        for lineage in islice(reversed(alike), _LOOKS_MAX):
            other = lineage.text
            if length == len(text):
                break
            if len(other) <= length or other[length] != text[length]:
                continue
            prefix = common_prefix(other, text)
            if prefix > length:
                best, length = lineage, prefix
        if best is not None and length in (len(text), len(best.text)):
            self._touch(best)
            return Match(best, length)
        shadow = self._shadows.find(family, text)
        if shadow is not None and len(shadow.text) > length:
            return Match(shadow, len(shadow.text))
        return None if best is None else Match(best, length)

    def recent(self, family: bytes, count: int) -> Iterable[Lineage]:
        """Return the lists of a family that were used last."""
        return islice(reversed(self._recent.get(family, ())), count)

    def learn(
        self,
        family: bytes,
        text: bytes,
        marks: Iterable[tuple[int, int]],
        near: Lineage | None = None,
    ) -> None:
        """Remember a list by its open text, and versions of it.

        Args:
            family: Whose list it is.
            text: Its JSON without the closing bracket.
            marks: (end, blob) of versions, each a beginning of the text, the last all of it.
            near: The lineage it was seen to continue, if the caller knows.
        """  # fmt: skip
        lineage = self._lineage_of(family, text, near)
        self._bytes -= lineage.weight
        if len(text) > len(lineage.text):
            lineage.text = text
        for mark in marks:
            self._nodes.setdefault((family, mark[1]), (lineage, mark[0]))
            place = bisect_left(lineage.marks, mark)
            if lineage.marks[place : place + 1] != [mark]:
                lineage.marks.insert(place, mark)
        self._bytes += lineage.weight
        self._touch(lineage)
        while self._bytes > self._bytes_max:
            oldest = next(iter(self._lineages))
            self._drop(oldest)
            self._shadows.add(oldest)

    def forget(self, family: bytes) -> None:
        """Drop all of a family: after its deletion, or when appended blobs were not committed."""
        for lineage in list(self._recent.get(family, ())):
            self._drop(lineage)
        self._shadows.forget(family)

    def _lineage_of(self, family: bytes, text: bytes, near: Lineage | None) -> Lineage:
        if near is not None and near in self._lineages and text.startswith(near.text):
            return near
        alike = self._alike.setdefault((family, text[:_HEAD_BYTES]), OrderedDict())
        for lineage in islice(reversed(alike), _LOOKS_MAX):
            if text.startswith(lineage.text) or lineage.text.startswith(text):
                return lineage
        lineage = Lineage(family, text)
        alike[lineage] = None
        self._lineages[lineage] = None
        self._recent.setdefault(family, OrderedDict())[lineage] = None
        self._bytes += lineage.weight
        return lineage

    def _touch(self, lineage: Lineage) -> None:
        self._lineages.move_to_end(lineage)
        self._recent[lineage.family].move_to_end(lineage)
        self._alike[lineage.family, lineage.head].move_to_end(lineage)

    def _drop(self, lineage: Lineage) -> None:
        del self._lineages[lineage]
        self._bytes -= lineage.weight
        for _, blob in lineage.marks:
            known = self._nodes.get((lineage.family, blob))
            if known is not None and known[0] is lineage:
                del self._nodes[lineage.family, blob]
        recent = self._recent[lineage.family]
        del recent[lineage]
        if not recent:
            del self._recent[lineage.family]
        alike = self._alike[lineage.family, lineage.head]
        del alike[lineage]
        if not alike:
            del self._alike[lineage.family, lineage.head]


def closing(text: bytes) -> bytes:
    """Return the bracket that closes what the text opens."""
    return b"]" if text[:1] == b"[" else b"}"


def common_prefix(one: bytes, other: bytes) -> int:
    """Return for how many bytes two texts are equal, in time linear in that number."""
    if len(one) > len(other):
        one, other = other, one
    if other.startswith(one):
        return len(one)
    low, step = 0, 1024
    while one[low : low + step] == other[low : low + step]:
        low += step
        step *= 2
    while step > 1:
        step = (step + 1) // 2
        if one[low : low + step] == other[low : low + step]:
            low += step
    return low


def common_suffix(one: bytes, other: bytes, end: int, limit: int) -> int:
    """Return for how many bytes ``one`` and ``other[:end]`` end alike, at most ``limit``."""
    shift = end - len(one)
    low, step = 0, 1024

    def same(count: int) -> bool:
        high = len(one) - low
        start = max(high - count, 0)
        return low + count <= limit and one[start:high] == other[start + shift : high + shift]

    while same(step):
        low += step
        step *= 2
    while step > 1:
        step = (step + 1) // 2
        if same(step):
            low += step
    return low
