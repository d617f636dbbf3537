"""Files as values: named by what is in them, passed by reference.

A :class:`File` is what programs, arguments and results hold of a file; its bytes lie in the store,
once per family, in chunks. Reading and writing them is the engine's part.
"""

from __future__ import annotations

import hashlib

from dataclasses import dataclass

DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class File:
    """A file that lies in the store, as a value of four JSON fields.

    Attributes:
        digest: Keyed BLAKE2b of the bytes, in hex (see :class:`FileDigest`).
        size: How many bytes it has.
        name: What people call it; no path, and not part of its identity.
        media_type: What the bytes are, e.g. ``application/pdf``.
    """

    digest: str
    size: int
    name: str
    media_type: str = "application/octet-stream"

    def __post_init__(self) -> None:
        is_hex = len(self.digest) == 2 * DIGEST_BYTES and set(self.digest) <= _HEX
        if not is_hex:
            message = f"The digest of a File has {2 * DIGEST_BYTES} hex digits; got {self.digest!r}"
            raise ValueError(message)
        if self.size < 0:
            raise ValueError(f"The size of a File is its number of bytes; got {self.size}")


_HEX = frozenset("0123456789abcdef")


class FileDigest:
    """The digest of a file, taken piece by piece as it streams by.

    It is keyed by the family, so that the same file has another name in another family: nobody who
    sees digests learns that two customers hold the same document.
    """

    __slots__ = ("_hash", "size")

    def __init__(self, key: bytes) -> None:
        self._hash = hashlib.blake2b(digest_size=DIGEST_BYTES, key=key, person=b"podium-file")
        self.size: int = 0

    def update(self, data: bytes) -> None:
        """Take the next bytes of the file."""
        self._hash.update(data)
        self.size += len(data)

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""
        return self._hash.hexdigest()

    def file(self, name: str, media_type: str = "application/octet-stream") -> File:
        """Return the value that stands for the bytes so far."""
        return File(self.hexdigest(), self.size, name, media_type)
