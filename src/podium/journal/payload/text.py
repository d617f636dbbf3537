r"""How a payload is written down: JSON text with holes.

A large value is kept as its own JSON text in which long parts are replaced by *holes*, JSON
strings that name a blob. A blob holds either JSON text as it is, or (first byte ``~``) again text
with holes, so that a value is a rope of blobs. There are three holes; sizes are those of the text
that takes the hole's place, so that a place in a value is found without opening what it skips::

    "\/12.4096"       the whole text of blob 12, 4096 bytes
    "\/12+4095"       all items of the list (members of the object) in blob 12: bytes 1 to 4095
    "\/12.80.4000"    bytes 80 to 4000 of the text of blob 12

A hole begins with an escaped slash, which JSON allows and no encoder of ours ever writes, so no
value of a user can look like one: text of other encoders that contains the mark is stored apart
and as it is. An envelope is ``["\/p1",TEXT]`` (version 1; ``p1.7`` would name key 7, for a cipher
that is still to come), and is valid JSON, so that it can stand in a JSON record.
"""

from __future__ import annotations

import re

from typing import NamedTuple

from podium.core.errors import StoreCorrupt, StoreNewer

MARK = b'"\\/'
"""What every hole begins with, and no text of our encoder contains."""
HOLED = b"~"
"""The first byte of a blob that has holes; no JSON text begins with it."""
HEAD = b'["\\/p'
HEAD_NOW = HEAD + b'1",'
VERSION = 1

_HOLE = re.compile(rb'"\\/(\d+)([.+])(\d+)(?:\.(\d+))?"')
_HEADER = re.compile(rb'\["\\/p(\d+)(?:\.(\d+))?",')


class Hole(NamedTuple):
    """A range of the text of a blob.

    ``size`` is the size the whole text must have, 0 when the hole does not say it.
    """

    blob: int
    start: int
    end: int
    size: int = 0

    @property
    def is_items(self) -> bool:
        """Whether the hole stands for all items of a list or all members of an object."""
        return self.start == 1 and self.end + 1 == self.size


Part = bytes | Hole


def whole(blob: int, size: int) -> bytes:
    """Return the hole for the whole text of a blob."""
    return b'"\\/%d.%d"' % (blob, size)


def items(blob: int, end: int) -> bytes:
    """Return the hole for what lies between the brackets; ``end`` is that of the last item."""
    return b'"\\/%d+%d"' % (blob, end)


def span(blob: int, start: int, end: int) -> bytes:
    """Return the hole for a range of the text of a blob."""
    return b'"\\/%d.%d.%d"' % (blob, start, end)


def parse(text: bytes, where: str) -> list[Part]:
    """Split text into what is written there and its holes.

    Raises:
        StoreCorrupt: Something begins like a hole and is none.
    """
    parts: list[Part] = []
    at = 0
    for found in _HOLE.finditer(text):
        if found.start() > at:
            parts.append(_literal(text[at : found.start()], where))
        parts.append(_hole(found, where))
        at = found.end()
    if at < len(text):
        parts.append(_literal(text[at:], where))
    return parts


def _literal(text: bytes, where: str) -> bytes:
    if MARK in text:
        raise damaged(where, "holds a reference that cannot be read")
    return text


def _hole(found: re.Match[bytes], where: str) -> Hole:
    blob, form, first, second = found.groups()
    if form == b"+" and second is None:
        hole = Hole(int(blob), 1, int(first), int(first) + 1)
    elif form == b"." and second is None:
        hole = Hole(int(blob), 0, int(first), int(first))
    elif form == b".":
        hole = Hole(int(blob), int(first), int(second))
    else:
        raise damaged(where, "holds a reference that cannot be read")
    if hole.start >= hole.end:
        raise damaged(where, "holds a reference to nothing")
    return hole


def open_blob(hole: Hole, data: bytes) -> list[Part]:
    """Return what a hole stands for: parts of the blob's text, cut to the hole's range.

    Raises:
        StoreCorrupt: The blob has another size than the hole says, or damaged references.
    """
    where = f"blob {hole.blob}"
    parts: list[Part] = parse(data[1:], where) if data[:1] == HOLED else [data]
    sizes = [len(part) if isinstance(part, bytes) else part.end - part.start for part in parts]
    total = sum(sizes)
    if total < hole.end or (hole.size and total != hole.size):
        raise damaged(where, f"holds {total:,} bytes where {hole.size or hole.end:,} are expected")
    if hole.start == 0 and hole.end == total:
        return parts
    return _cut(parts, sizes, hole.start, hole.end)


def _cut(parts: list[Part], sizes: list[int], start: int, end: int) -> list[Part]:
    kept: list[Part] = []
    at = 0
    for part, size in zip(parts, sizes, strict=True):
        low, high = max(start - at, 0), min(end - at, size)
        at += size
        if low >= high:
            continue
        if low == 0 and high == size:
            kept.append(part)
        elif isinstance(part, bytes):
            kept.append(part[low:high])
        else:
            kept.append(Hole(part.blob, part.start + low, part.start + high))
    return kept


def parse_envelope(envelope: bytes) -> list[Part]:
    """Return the parts of an envelope that begins with :data:`HEAD`.

    Raises:
        StoreNewer: The envelope is of a later version, or encrypted.
        StoreCorrupt: The envelope is damaged.
    """
    header = _HEADER.match(envelope)
    if header is None or not envelope.endswith(b"]"):
        raise damaged("a payload envelope", "cannot be read")
    version, key = int(header[1]), int(header[2] or 0)
    if version != VERSION or key != 0:
        found = f"version {version}" if version != VERSION else f"encrypted with key {key}"
        message = f"A payload is {found}; this Podium reads version {VERSION}. Use a newer Podium."
        raise StoreNewer(message)
    return parse(envelope[header.end() : -1], "a payload envelope")


def references(data: bytes) -> list[int]:
    """Return the ids of the blobs that an envelope or a blob refers to, in their order."""
    if data.startswith(HEAD):
        parts = parse_envelope(data)
    elif data.startswith(HOLED):
        parts = parse(data[1:], "a blob")
    else:
        return []
    return [part.blob for part in parts if isinstance(part, Hole)]


def damaged(where: str, what: str) -> StoreCorrupt:
    """Return the error for a payload that cannot be put together again."""
    return StoreCorrupt(f"The database is damaged: {where} {what}. `podium db check` lists all.")
