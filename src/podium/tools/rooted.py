"""A folder that cannot be left: each step of a path is opened by itself, and none may be a link.

A path that is looked at first and opened then can be another one in between. Here nothing is looked
at: the system opens name after name within the folder that is open already, and refuses links.
"""

from __future__ import annotations

import errno
import os
import stat

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from podium.core.errors import InvalidOption
from podium.tools.process.errors import PathRefused

TEMPORARY: Final = ".podium-"
"""How the names of files begin that are not whole yet."""
_CLOSE: Final = getattr(os, "O_CLOEXEC", 0)
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _CLOSE
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_PART_CHARS_MAX: Final = 255
_DEPTH_MAX: Final = 64


class Entry(NamedTuple):
    """What stands in a folder.

    Attributes:
        path: From the root, with ``/``.
        kind: ``file``, ``folder``, ``link`` or ``other``.
        size: In bytes, of a file.
    """

    path: str
    kind: str
    size: int


class Root:
    """A folder and what is in it.

    Args:
        folder: Its path; may itself be a link, which is followed once.

    Raises:
        InvalidOption: The system cannot open paths step by step.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        if os.open not in os.supports_dir_fd or not _NO_LINK:
            raise InvalidOption("Tools for files need Linux, macOS or another POSIX system.")
        self.folder = os.path.realpath(folder)

    @contextmanager
    def open_file(self, path: str) -> Iterator[int]:
        """Open a plain file for reading, as a descriptor.

        Raises:
            PathRefused: The path leads out, or to what is no plain file.
            FileNotFoundError: There is none.
        """
        *parents, name = self.parts(path, needs_name=True)
        with self._folder(parents, path) as folder:
            # A pipe would be waited for; a device might do anything.
            with _told(path):
                file = os.open(name, os.O_RDONLY | _NO_LINK | os.O_NONBLOCK | _CLOSE, dir_fd=folder)
            try:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    raise PathRefused(f"{path!r} is no plain file.")
                yield file
            finally:
                os.close(file)

    def entries(self, path: str) -> list[Entry]:
        """Return what stands in a folder, by name.

        Raises:
            PathRefused: The path leads out, or to what is no folder.
            FileNotFoundError: There is none.
        """
        parts = self.parts(path)
        with self._folder(parts, path) as folder:
            return sorted(
                _entry("/".join([*parts, one.name]), one)
                for one in os.scandir(folder) if not one.name.startswith(TEMPORARY)
            )  # fmt: skip

    def write(self, path: str, pieces: Iterator[bytes], key: str, token: str) -> int:
        """Write a file: whole or not at all, also when the machine fails; return its size.

        Args:
            path: Where; folders that are missing are made.
            pieces: What.
            key: What is left of earlier attempts under this key is removed.
            token: Tells this attempt from others of that key.

        Raises:
            PathRefused: The path leads out, or to what is no plain file.
        """
        *parents, name = self.parts(path, needs_name=True)
        with self._folder(parents, path, is_made=True) as folder:
            beginning = f"{TEMPORARY}{key}-"
            for left in os.listdir(folder):  # noqa: PTH208 - a descriptor
                if left.startswith(beginning):
                    with suppress(FileNotFoundError):
                        os.unlink(left, dir_fd=folder)
            mode = _mode_of(folder, name, path)
            temporary = f"{beginning}{token}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _CLOSE
            with _told(path):
                file = os.open(temporary, flags, 0o666, dir_fd=folder)
            try:
                size = _filled(file, pieces, mode)
                with _told(path):
                    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
            os.fsync(folder)
        return size

    def parts(self, path: str, *, needs_name: bool = False) -> list[str]:
        """Return the names that a path consists of.

        Raises:
            PathRefused: It leads out of the folder, or cannot be one.
        """
        pure = PurePosixPath(path)
        parts = [one for one in pure.parts if one != "."]
        why = ""
        if "\0" in path or not _is_text(path):
            why = "has characters that no path has"
        elif pure.is_absolute() or ".." in parts:
            why = "leads out of it"
        elif len(parts) > _DEPTH_MAX or any(len(one.encode()) > _PART_CHARS_MAX for one in parts):
            why = "is too long"
        elif any(one.startswith(TEMPORARY) for one in parts):
            why = "is a name for Podium's own use"
        elif needs_name and not parts:
            why = "names no file"
        if why:
            raise PathRefused(
                f"{path!r:.200} {why}; expected a path within the folder, such as 'notes/a.txt'."
            )
        return parts

    @contextmanager
    def _folder(self, parts: list[str], path: str, *, is_made: bool = False) -> Iterator[int]:
        with _told(path):
            folder = os.open(self.folder, _FOLDER)
        try:
            for part in parts:
                if is_made:
                    with suppress(FileExistsError), _told(path):
                        os.mkdir(part, dir_fd=folder)
                with _told(path):
                    inner = os.open(part, _FOLDER | _NO_LINK, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entry(path: str, one: os.DirEntry[str]) -> Entry:
    try:
        found = one.stat(follow_symlinks=False)
    except OSError:  # gone meanwhile
        return Entry(path, "other", 0)
    if stat.S_ISREG(found.st_mode):
        return Entry(path, "file", found.st_size)
    is_folder, is_link = stat.S_ISDIR(found.st_mode), stat.S_ISLNK(found.st_mode)
    return Entry(path, "folder" if is_folder else "link" if is_link else "other", 0)


def _mode_of(folder: int, name: str, path: str) -> int | None:
    """Return the rights of the file that is replaced; None if there is none."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise PathRefused(f"{path!r} is there and is no plain file.")
    return stat.S_IMODE(found.st_mode)


def _filled(file: int, pieces: Iterator[bytes], mode: int | None) -> int:
    with open(file, "wb") as target:
        size = sum(target.write(piece) for piece in pieces)
        target.flush()
        if mode is not None:
            os.fchmod(target.fileno(), mode)
        os.fsync(target.fileno())
    return size


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Say what the system refuses, by the path that was asked for."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ELOOP, errno.EMLINK):
            raise PathRefused(f"{path!r}: there is a link in it, which could lead out.") from None
        if problem.errno in (errno.ENOTDIR, errno.EISDIR, errno.ENXIO):
            raise PathRefused(
                f"{path!r}: something in it is no folder, or no plain file."
            ) from None
        if isinstance(problem, FileExistsError):
            raise
        raise type(problem)(problem.errno, f"{problem.strerror}: {path!r}") from None
