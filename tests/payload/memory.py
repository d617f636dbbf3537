"""A family's blobs in memory, and values whose bytes are the same on each machine."""

import hashlib

from typing import Any

import msgspec

from podium.journal.payload import FamilyPayloads, PayloadCache, Sizes
from podium.journal.payload.parts import Bounds

KEY = b"k" * 32
OTHER_KEY = b"o" * 32

SMALL = Sizes(inline_max=48, runs=Bounds(60, 120, 300), index_runs=Bounds(60, 120, 300))
"""So small that short values take every way there is."""


class Memory:
    """Source and sink; counts what is written and looked up. Ids are as long as real ones."""

    def __init__(self) -> None:
        self.data: dict[int, bytes] = {}
        self.names: list[tuple[bytes, int]] = []
        self.written = 0
        self.looked_up = 0
        self.asked_digests = 0

    def put(self, data: bytes, digest: bytes | None) -> int:
        number = 1_000_000 + len(self.data)
        self.data[number] = data
        self.written += len(data)
        if digest is not None:
            self.names.append((digest, number))
        return number

    def blob(self, blob_id: int) -> bytes:
        self.looked_up += 1
        return self.data[blob_id]

    def digests(self) -> list[tuple[bytes, int]]:
        self.asked_digests += 1
        return list(self.names)

    def family(self, cache_bytes: int | None = None, sizes: Sizes | None = None) -> FamilyPayloads:
        """A cold start on what is stored."""
        cache = None if cache_bytes is None else PayloadCache(cache_bytes)
        return FamilyPayloads(KEY, self, cache=cache, sizes=sizes or Sizes())


def hex_text(name: object, size: int) -> str:
    """Text that cannot be compressed or shared, from a name."""
    return hashlib.shake_128(repr(name).encode()).hexdigest((size + 1) // 2)[:size]


def message(name: object, size: int) -> bytes:
    """A message whose JSON has exactly that size."""
    frame = len(encode({"role": "user", "content": ""}))
    return encode({"role": "user", "content": hex_text(name, size - frame)})


def list_of(items: list[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)
