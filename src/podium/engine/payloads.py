"""A family's payloads as the engine uses them: small ones inline, larger ones as trees of blobs."""

from __future__ import annotations

from typing import Protocol

from podium.journal.payload import HEAD, FamilyPayloads, PayloadCache
from podium.journal.store import Reader


class BlobBook(Protocol):
    """Where new blobs go, and where they are found before they are committed."""

    def put_blob(self, family: int, data: bytes, digest: bytes | None) -> int: ...
    def pending_blob(self, blob_id: int) -> bytes | None: ...


class Payloads:
    """Packs and resolves the values of one family."""

    def __init__(
        self, family: int, key: bytes, book: BlobBook, reader: Reader, cache: PayloadCache
    ) -> None:
        self.family = family
        self._book = book
        self._reader = reader
        self._tree = FamilyPayloads(key, self, cache=cache)
        self.fingerprint = self._tree.fingerprint

    def pack(self, encoded: bytes) -> bytes:
        """Return the envelope of a value: what its record or column holds."""
        return self._tree.pack(encoded, self)

    def open(self, envelope: bytes) -> bytes:
        """Return the JSON of a value."""
        return self._tree.unpack(envelope) if envelope.startswith(HEAD) else envelope

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
