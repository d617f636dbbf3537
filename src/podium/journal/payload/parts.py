"""Taking a JSON text apart at its top level, and cutting long lists at content-defined ends.

A list that is cut every n items shares nothing with the same list one item shorter at the front.
Ends that the content itself decides move with it: cut where a hash of what lies at that place falls
under a threshold, and an edit only changes the runs it touches. The idea is from LBFS ("A
Low-bandwidth Network File System", Muthitacharoen, Chen and Mazières, SOSP 2001), with bounds for
the smallest and largest run as there; here the units are whole items instead of a rolling window of
bytes, as in the trees of Noms, Dolt ("prolly trees") and Irmin.
"""

from __future__ import annotations

import re

from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple
from zlib import crc32

import msgspec

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KEY = re.compile(rb'"(?:[^"\\]|\\.)*":', re.DOTALL)
_HASHES = 1 << 32
_COMMAS_MAX = 2_000_000
_MEMBERS_MAX = 250_000
"""Longer lists are of small numbers; their objects in memory would be many times the text."""


@dataclass(slots=True)
class Members:
    """What lies between the brackets of a list or object, in parts that commas separate.

    Attributes:
        brackets: ``[]`` or ``{}``.
        items: Texts to write: an item, a member with its key, or a hole.
        sizes: For each, how many bytes of the value's text it stands for.
        holed: Which of them have holes in them.
    """

    brackets: bytes
    items: list[bytes]
    sizes: list[int]
    holed: set[int] = field(default_factory=set)

    def part(self, start: int, end: int) -> Members:
        """Return some of the members, in a new object."""
        holed = {index - start for index in self.holed if start <= index < end}
        return Members(self.brackets, self.items[start:end], self.sizes[start:end], holed)

    def add(self, text: bytes, size: int, *, is_holed: bool) -> None:
        """Append one part."""
        if is_holed:
            self.holed.add(len(self.items))
        self.items.append(text)
        self.sizes.append(size)

    def extend(self, other: Members) -> None:
        """Append all parts of another."""
        self.holed.update(index + len(self.items) for index in other.holed)
        self.items += other.items
        self.sizes += other.sizes

    @property
    def end(self) -> int:
        """Where the last member ends in the value's text, which is one byte before its end."""
        return sum(self.sizes) + max(len(self.sizes), 1)

    @property
    def text_size(self) -> int:
        """How many bytes the text with holes takes, brackets included."""
        return sum(map(len, self.items)) + len(self.items) + 1

    def edges(self) -> list[int]:
        """Return 0 and then where each member ends in the value's text."""
        return list(accumulate((size + 1 for size in self.sizes), initial=0))


def split(text: bytes) -> Members | None:
    """Split the text of a list or object at its top level, without looking deeper.

    ``None`` when joining the parts by commas would not give back the same bytes: text with spaces,
    doubled keys, other escapes than our encoder's, nesting too deep for the decoder; and when there
    are so many members that taking them apart costs more than it can save.
    """
    if len(text) > 2 * _COMMAS_MAX and text.count(b",") > _COMMAS_MAX:
        return None
    try:
        items = _list_items(text) if text[:1] == b"[" else _object_items(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    if items is None or len(items) > _MEMBERS_MAX:
        return None
    return Members(text[:1] + text[-1:], items, list(map(len, items)))


def _list_items(text: bytes) -> list[bytes] | None:
    raws = _LIST.decode(text)
    if len(raws) > _MEMBERS_MAX:
        return None
    items = list(map(bytes, raws))
    return items if b",".join(items) == text[1:-1] else None


def _object_items(text: bytes) -> list[bytes] | None:
    """Compare in place, as an object's members may be few and large."""
    items: list[bytes] = []
    start = 1
    for key, value in _OBJECT.decode(text).items():
        head = msgspec.json.encode(key) + b":"
        middle = start + len(head)
        end = middle + len(value)
        if not (text.startswith(head, start) and text.startswith(value, middle)):
            return None
        items.append(text[start:end])
        if text[end : end + 1] not in (b",", b"}"):
            return None
        start = end + 1
    return items if start == len(text) else None


def value_start(member: bytes) -> int:
    """Return where the value of an object's member begins, behind key and colon."""
    found = _KEY.match(member)
    return found.end() if found else 0


class Bounds(NamedTuple):
    """How large runs become, in bytes: never smaller but at the end, about, never larger."""

    least: int
    about: int
    most: int


def cut(items: list[bytes], bounds: Bounds) -> list[int]:
    """Return where runs of items end, the end of the list included.

    Whether a run ends behind an item depends on the item alone, once the run has its least size.
    The chance grows with the size of the item, so that runs of large and of small items take about
    the same bytes. (CRC-32 is enough: nothing rests on the ends but sizes, which are bounded.)
    """
    ends: list[int] = []
    least, most = bounds.least, bounds.most
    chance = _HASHES // bounds.about
    size = 0
    for index, item in enumerate(items):
        length = len(item)
        size += length + 1
        if size >= least and (size >= most or crc32(item) < length * chance):
            ends.append(index + 1)
            size = 0
    if not ends or ends[-1] != len(items):
        ends.append(len(items))
    return ends
