"""The payloads of one family: pack a value, open an envelope, fingerprint arguments."""

from __future__ import annotations

import base64
import hashlib

from podium.core.errors import ValueNotPortable
from podium.journal.payload.blobs import BlobSink, BlobSource, FamilyBlobs
from podium.journal.payload.cache import PayloadCache
from podium.journal.payload.pack import DEFAULT_SIZES, Packing, Sizes
from podium.journal.payload.text import (
    HEAD,
    HEAD_NOW,
    HOLED,
    Hole,
    Part,
    damaged,
    open_blob,
    parse_envelope,
    whole,
)

_OPENINGS_FREE = 1_000_000
"""Opening more blobs than this, plus one per byte of the value, means that references circle."""


class FamilyPayloads:
    """Packs and unpacks the values of one family. For use in one thread.

    When a batch with new blobs is given up, drop this object, and the family from the cache
    (:meth:`PayloadCache.forget`): both would refer to blobs that never were committed.
    """

    def __init__(
        self, key: bytes, source: BlobSource, *, cache: PayloadCache | None = None,
        sizes: Sizes = DEFAULT_SIZES,
    ) -> None:  # fmt: skip
        self._blobs = FamilyBlobs(key, source)
        self._key = key
        self._cache = PayloadCache() if cache is None else cache
        self._sizes = sizes

    def fingerprint(self, encoded: bytes) -> str:
        """Return a short text that names the value within the family (22 characters)."""
        digest = hashlib.blake2b(encoded, digest_size=16, key=self._key, person=b"podium-print")
        return base64.urlsafe_b64encode(digest.digest())[:22].decode()

    def pack(self, encoded: bytes, sink: BlobSink) -> bytes:
        """Return the envelope of a value: its JSON if it is short, else a reference to blobs.

        Args:
            encoded: JSON of the whole value.
            sink: Takes the blobs that the family does not have yet.
        """
        # Around a value, spaces are not kept by what holds the envelope; at HEAD it begins as ours.
        is_plain = encoded.strip() == encoded and not encoded.startswith(HEAD)
        if is_plain and len(encoded) < self._sizes.inline_max:
            return encoded
        if encoded.startswith(HOLED) or not encoded.strip():
            raise ValueNotPortable(f"Not JSON: {encoded[:40]!r}")
        if is_plain:
            text, _ = Packing(self._blobs, self._cache, self._sizes, sink).part(encoded, 0)
            return HEAD_NOW + text + b"]"
        return HEAD_NOW + whole(self._blobs.put(encoded, sink), len(encoded)) + b"]"

    def unpack(self, envelope: bytes) -> bytes:
        """Return the JSON that was packed, byte for byte.

        Raises:
            StoreCorrupt: A blob is missing, or is not what the reference says.
            StoreNewer: The envelope was written by a later version.
        """
        if not envelope.startswith(HEAD):
            return envelope
        parts = parse_envelope(envelope)
        return b"".join(part if isinstance(part, bytes) else self._read(part) for part in parts)

    def _read(self, root: Hole) -> bytes:
        """Return the text a hole stands for: a walk with a stack, as lists can be long chains."""
        text = self._cache.read(self._key, *root)
        if text is not None:
            return text
        out: list[bytes] = []
        stack: list[Part] = [root]
        marks: list[tuple[int, int]] = []
        left = _OPENINGS_FREE + root.end
        while stack:
            part = stack.pop()
            if isinstance(part, bytes):
                out.append(part)
                continue
            if part.is_items and len(out) == 1 and len(out[0]) == 1:
                marks.append((part.end, part.blob))  # an earlier version of this very list
            text = self._cache.read(self._key, *part)
            if text is not None:
                out.append(text)
                continue
            left -= 1
            if left < 0:
                raise damaged(f"blob {root.blob}", "refers to itself")
            stack.extend(reversed(open_blob(part, self._blobs.read(part.blob))))
        text = b"".join(out)
        if text[:1] in (b"[", b"{") and root.size >= self._sizes.inline_max:
            marks.append((len(text) - 1, root.blob))
            self._cache.learn(self._key, text[:-1], marks)
        return text
