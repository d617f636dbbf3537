"""The blobs of a family: read by id, written once each.

Same data, same blob: a blob's name is a digest keyed by the family, so that it says nothing to
who does not have the key, and differs from family to family. Ids and names fit in memory.
"""

from __future__ import annotations

import hashlib

from typing import Protocol

from podium.journal.payload.text import damaged


class BlobSink(Protocol):
    """Where new blobs go: appended, in this order, to the batch."""

    def put(self, data: bytes, digest: bytes | None) -> int:
        """Append a blob and return its id."""
        ...


class BlobSource(Protocol):
    """The family's blobs, committed or just appended."""

    def blob(self, blob_id: int) -> bytes:
        """Return a blob's data."""
        ...

    def digests(self) -> list[tuple[bytes, int]]:
        """Return (digest, id) of the family's blobs that have a digest; asked once, when needed."""
        ...


class FamilyBlobs:
    """What a family has stored, with the names of what can be found again."""

    def __init__(self, key: bytes, source: BlobSource) -> None:
        self.key = key
        self._source = source
        self._known: dict[bytes, int] | None = None

    def read(self, blob: int) -> bytes:
        """Return a blob's data.

        Raises:
            StoreCorrupt: There is no such blob.
        """
        try:
            return self._source.blob(blob)
        except LookupError as error:
            raise damaged(f"blob {blob}", "is missing") from error

    def put(self, data: bytes, sink: BlobSink) -> int:
        """Store data unless the family has it already, and return its id."""
        if self._known is None:
            self._known = dict(self._source.digests())
        digest = hashlib.blake2b(data, digest_size=16, key=self.key, person=b"podium-blob")
        name = digest.digest()
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = sink.put(data, name)
        return found
