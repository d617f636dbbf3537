"""The payloads of the families this worker deals with: keys, blobs, and what is not committed yet."""

from __future__ import annotations

import weakref

from collections.abc import Callable, Iterator

from podium.core.ports import Entropy
from podium.engine.log import Log
from podium.engine.payloads import Payloads
from podium.journal.payload import PayloadCache
from podium.journal.store import Batch, Reader


class PayloadBook:
    """Gives each family its payloads; appends blobs and finds them before they are committed."""

    def __init__(
        self, worker: int, log: Log, reader: Reader, entropy: Entropy, new_num: Callable[[], int]
    ) -> None:
        self._log = log
        self._reader = reader
        self._entropy = entropy
        self._new_num = new_num
        self._payloads: weakref.WeakValueDictionary[int, Payloads] = weakref.WeakValueDictionary()
        self._keys: dict[int, bytes] = {}
        self._cache = PayloadCache()
        self._pending: dict[int, bytes] = {}
        self._ids = _blob_ids(worker)

    def of(self, family: int) -> Payloads:
        """Return the payloads of a family, shared by its runs in memory."""
        found = self._payloads.get(family)
        if found is None:
            key = self._keys.get(family) or self._reader.family_key(family)
            found = self._payloads[family] = Payloads(family, key, self, self._reader, self._cache)
        return found

    def new_family(self) -> int:
        """Create a family with its key."""
        family, key = self._new_num(), self._entropy.token(32)
        self._log.batch.families.append((family, key))
        self._log.mark()
        self._keys[family] = key
        return family

    def put_blob(self, family: int, data: bytes, digest: bytes | None) -> int:
        """Append a blob to the batch."""
        blob_id = next(self._ids)
        self._log.batch.blobs.append((blob_id, family, digest, data))
        self._log.mark(len(data) + 32)
        self._pending[blob_id] = data
        return blob_id

    def pending_blob(self, blob_id: int) -> bytes | None:
        """Return a blob that is not committed yet."""
        return self._pending.get(blob_id)

    def committed(self, batch: Batch) -> None:
        """Forget what the store has now."""
        for blob in batch.blobs:
            self._pending.pop(blob[0], None)
        for family, _ in batch.families:
            self._keys.pop(family, None)


def _blob_ids(worker: int) -> Iterator[int]:
    """Give numbers that no other worker gives; short ones first, since references carry them."""
    short = worker << 24
    yield from range(short + 1, short + (1 << 24))
    long = (1 << 62) | (worker << 36)
    yield from range(long, long + (1 << 36))
