"""Where ``File`` values are kept: content-addressed chunks in the same database, streamed."""

from __future__ import annotations

import io
import os
import tempfile

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from podium.core.errors import StoreCorrupt
from podium.core.file import File, FileDigest
from podium.journal.store import Batch, Store

CHUNK_BYTES = 256 * 1024
_COMMIT_BYTES = 8 * 1024 * 1024
_SPOOL_BYTES = 8 * 1024 * 1024
Source = bytes | str | os.PathLike[str] | BinaryIO | Iterable[bytes]


class FileVault:
    """The files of one family. Its methods block; sync tasks and threads may call them.

    Args:
        store: The database.
        family: Whose files; the same bytes have another name in another family.
    """

    def __init__(self, store: Store, family: int) -> None:
        self._store = store
        self._family = family

    def save(self, source: Source, *, name: str, media_type: str) -> File:
        """Keep bytes, a file by its path, an open binary file, or an iterable of bytes."""
        reader = self._store.reader()
        key = reader.family_key(self._family)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            digest = FileDigest(key)
            for piece in _pieces(source):
                digest.update(piece)
                spool.write(piece)
            spool.seek(0)
            file = digest.file(name, media_type)
            self._write(spool, file.digest)
        return file

    def _write(self, spool: BinaryIO | tempfile.SpooledTemporaryFile[bytes], digest: str) -> None:
        batch, index = Batch(), 0
        while True:
            data = spool.read(CHUNK_BYTES)
            if data or not index:
                batch.file_chunks.append((self._family, digest, index, data))
                batch.size_bytes += len(data)
                index += 1
            if not data or batch.size_bytes >= _COMMIT_BYTES:
                if batch.file_chunks:
                    self._store.commit(batch, None)
                batch = Batch()
            if not data:
                return

    def chunks(self, file: File) -> Iterator[bytes]:
        """Give the bytes piece by piece.

        Raises:
            StoreCorrupt: They are not all there.
        """
        size = 0
        for data in self._store.reader().file_chunks(self._family, file.digest):
            size += len(data)
            yield data
        if size != file.size:
            raise StoreCorrupt(
                f"File {file.name!r} ({file.digest[:12]}…) has {size:,} bytes in the database; "
                f"expected {file.size:,}. Files belong to their run and its family; "
                "`podium db check` looks for damage."
            )

    def open(self, file: File) -> BinaryIO:
        """Return the bytes as a readable binary file."""
        spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - handed on
        try:
            for data in self.chunks(file):
                spool.write(data)
        except BaseException:
            spool.close()
            raise
        spool.seek(0)
        return spool  # type: ignore[return-value]


def _pieces(source: Source) -> Iterator[bytes]:
    if isinstance(source, bytes | bytearray | memoryview):
        yield bytes(source)
    elif isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield from _read(file)
    elif isinstance(source, io.IOBase) or hasattr(source, "read"):
        yield from _read(source)  # type: ignore[arg-type]
    else:
        yield from source


def _read(file: BinaryIO) -> Iterator[bytes]:
    while data := file.read(CHUNK_BYTES):
        yield data
