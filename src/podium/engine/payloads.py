"""A family's payloads as the engine uses them: small ones inline, larger ones as trees of blobs."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from podium.journal.payload import HEAD, FamilyPayloads, PayloadCache
from podium.journal.store import Reader

_FRESH_BYTES = 16 * 1024 * 1024
"""How much is kept whole until the program has taken it."""


class BlobBook(Protocol):
    """Where new blobs go, and where they are found before they are committed."""

    def put_blob(self, family: int, data: bytes, digest: bytes | None) -> int: ...
    def pending_blob(self, blob_id: int) -> bytes | None: ...


class Payloads:
    """Packs and resolves the values of one family."""

    def __init__(self, family: int, key: bytes, book: BlobBook, reader: Reader, cache: PayloadCache) -> None:
        self.family = family
        self._book = book
        self._reader = reader
        self._tree = FamilyPayloads(key, self, cache=cache)
        self._fresh: OrderedDict[bytes, bytes] = OrderedDict()
        self._fresh_bytes = 0
        self.fingerprint = self._tree.fingerprint

    def pack(self, encoded: bytes) -> bytes:
        """Return the envelope of a value: what its record or column holds."""
        return self._tree.pack(encoded, self)

    def pack_fact(self, encoded: bytes) -> bytes:
        """Return the envelope of a value that the program opens in its next turn."""
        envelope = self._tree.pack(encoded, self)
        if envelope is not encoded and envelope not in self._fresh:
            self._fresh[envelope] = encoded
            self._fresh_bytes += len(encoded)
            while self._fresh_bytes > _FRESH_BYTES:
                self._fresh_bytes -= len(self._fresh.popitem(last=False)[1])
        return envelope

    def open(self, envelope: bytes) -> bytes:
        """Return the JSON of a value."""
        if not envelope.startswith(HEAD):
            return envelope
        found = self._fresh.pop(envelope, None)
        if found is None:
            return self._tree.unpack(envelope)
        self._fresh_bytes -= len(found)
        return found

    # what the tree asks for -------------------------------------------------------------

    def put(self, data: bytes, digest: bytes | None) -> int:
        """Append a blob."""
        return self._book.put_blob(self.family, data, digest)

    def blob(self, blob_id: int) -> bytes:
        """Return a blob, committed or not."""
        pending = self._book.pending_blob(blob_id)
        return pending if pending is not None else self._reader.blob(blob_id)

    def digests(self) -> list[tuple[bytes, int]]:
        """Return the committed digests of the family."""
        return self._reader.digests(self.family)
