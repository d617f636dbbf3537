"""Sentences as vectors: all-MiniLM-L6-v2 (BERT, six layers) in numpy."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import threading

from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from podium.models.errors import ModelUnknown
from podium.models.local.errors import WeightsDamaged
from podium.models.local.weights import MINILM
from podium.models.local.wordpiece import WordPiece

try:
    import numpy as np
except ImportError as problem:
    raise ModelUnknown(
        "Vectors of sentences need numpy, which is not installed: pip install 'podium[local]'."
    ) from problem

SIZE: Final = 384
"""Numbers of a vector."""
TOKENS_MAX: Final = 256
"""What is beyond of a text has no part in its vector; the model was made for this."""
_LAYERS: Final = 6
_HEADS: Final = 12
_EPSILON: Final = 1e-12
_BATCH: Final = 16
"""Texts that are computed together, those of like length."""
_HEAD_MAX: Final = 10_000_000
_DTYPES: Final = {"F32": np.float32, "I64": np.int64}

Array = np.ndarray[Any, np.dtype[Any]]


class MiniLM:
    """The model, read from its folder when it is first asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._computing = threading.Lock()

    def vectors(self, texts: Sequence[str]) -> Array:
        """Return a vector of length 1 for each text, as rows; one has nothing to do with another."""
        pieces = [self._words.numbers(text, TOKENS_MAX) for text in texts]
        found = np.zeros((len(texts), SIZE), np.float32)
        by_length = sorted(range(len(texts)), key=lambda at: len(pieces[at]))
        for start in range(0, len(by_length), _BATCH):
            rows = by_length[start : start + _BATCH]
            # Many threads that compute a little at a time would hinder each other, and the loop.
            with self._computing:
                found[rows] = self._forward([pieces[row] for row in rows])
        return found

    def _forward(self, pieces: list[list[int]]) -> Array:
        longest = max(map(len, pieces))
        numbers = np.array([row + [0] * (longest - len(row)) for row in pieces])
        is_there = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in pieces], bool)
        x = self._of("embeddings.word_embeddings.weight")[numbers]
        x = x + self._of("embeddings.position_embeddings.weight")[:longest]
        x = x + self._of("embeddings.token_type_embeddings.weight")[0]
        x = self._normed(x, "embeddings.LayerNorm")
        unseen = np.where(is_there, 0.0, -1e9).astype(np.float32)[:, None, None, :]
        for layer in range(_LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}", unseen)
        weight = is_there[:, :, None].astype(np.float32)
        mean = (x * weight).sum(axis=1) / weight.sum(axis=1)
        found: Array = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return found

    def _layer(self, x: Array, name: str, unseen: Array) -> Array:
        rows, length, _ = x.shape

        def heads(part: str) -> Array:
            whole = self._linear(x, f"{name}.attention.self.{part}")
            return whole.reshape(rows, length, _HEADS, SIZE // _HEADS).transpose(0, 2, 1, 3)

        query, key, value = heads("query"), heads("key"), heads("value")
        score = query @ key.transpose(0, 1, 3, 2) / np.float32((SIZE // _HEADS) ** 0.5) + unseen
        share = np.exp(score - score.max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        seen = (share @ value).transpose(0, 2, 1, 3).reshape(rows, length, SIZE)
        seen = self._linear(seen, f"{name}.attention.output.dense")
        x = self._normed(x + seen, f"{name}.attention.output.LayerNorm")
        wide = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._normed(x + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")  # fmt: skip

    def _linear(self, x: Array, name: str) -> Array:
        found: Array = x @ self._of(f"{name}.weight").T + self._of(f"{name}.bias")
        return found

    def _normed(self, x: Array, name: str) -> Array:
        off = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((off * off).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        found: Array = off / spread * self._of(f"{name}.weight") + self._of(f"{name}.bias")
        return found

    def _of(self, name: str) -> Array:
        return self._tensors[name]

    @cached_property
    def _words(self) -> WordPiece:
        return WordPiece(self._folder / MINILM.files[1].name)

    @cached_property
    def _tensors(self) -> dict[str, Array]:
        return read_safetensors(self._folder / MINILM.files[0].name)


def read_safetensors(path: Path) -> dict[str, Array]:
    """Map the tensors of a file into memory.

    Raises:
        WeightsDamaged: The file is no such file.
    """
    try:
        with path.open("rb") as file:
            head = int.from_bytes(file.read(8), "little")
            if not 0 < head < _HEAD_MAX:
                raise ValueError("it has no head")
            told = json.loads(file.read(head))
        data = np.memmap(path, np.uint8, "r", offset=8 + head)
        return {
            name: data[one["data_offsets"][0] : one["data_offsets"][1]]
            .view(_DTYPES[one["dtype"]])
            .reshape(one["shape"])
            for name, one in told.items()
            if name != "__metadata__"
        }
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise WeightsDamaged(
            f"{path} cannot be read ({problem}). `podium model pull {MINILM.name}` fetches it again."
        ) from problem


_made: dict[Path, MiniLM] = {}
_making = threading.Lock()
_keeping = threading.Lock()


def minilm() -> MiniLM:
    """Return the model, one for the process.

    Raises:
        WeightsMissing: Its weights are not on this machine.
        WeightsDamaged: A file of them is not whole.
    """
    folder = MINILM.path()
    with _making:
        return _made.setdefault(folder, MiniLM(folder))


@cache
def _kept(texts: tuple[str, ...]) -> Array:
    digest = hashlib.sha256(json.dumps([MINILM.version, *texts]).encode()).hexdigest()[:32]
    path = MINILM.folder / f"vectors-{digest}.npy"
    try:
        found: Array = np.load(path, allow_pickle=False)
        if found.shape == (len(texts), SIZE):
            return found
    except (OSError, ValueError):  # there is none, or it is not whole
        pass
    found = minilm().vectors(texts)
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=path.parent) as room:
        np.save(Path(room) / path.name, found, allow_pickle=False)
        (Path(room) / path.name).replace(path)
    return found


def kept_vectors(texts: Sequence[str]) -> Array:
    """Return the vectors of texts; they are kept beside the weights, and computed once.

    Raises:
        WeightsMissing, WeightsDamaged: As :func:`minilm`.
    """
    MINILM.path()
    with _keeping:
        return _kept(tuple(texts))


def _gelu(x: Array) -> Array:
    """Return x by the share of the normal distribution below it."""
    return x * np.float32(0.5) * (np.float32(1) + _erf(x / np.float32(2**0.5)))


def _erf(x: Array) -> Array:
    """Return the error function, to 1.5e-7 (Abramowitz and Stegun 7.1.26)."""
    size = np.abs(x)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * size)
    rest = t * np.float32(1.061405429) + np.float32(-1.453152027)
    for part in (1.421413741, -0.284496736, 0.254829592):
        rest = rest * t + np.float32(part)
    share: Array = np.float32(1) - rest * t * np.exp(-size * size)
    return np.copysign(share, x)
