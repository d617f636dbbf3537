"""``file_tools``: reading, listing, searching and writing files within one folder."""

from __future__ import annotations

import fnmatch
import os
import uuid

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, TypedDict, Unpack, cast

from podium.core.context import current_attempt
from podium.core.errors import InvalidOption, LimitReached, ValueNotPortable
from podium.core.file import File
from podium.functions.options import CommonKeywords
from podium.functions.primitives import open_file, save_file
from podium.tools.made import caller_module
from podium.tools.rooted import Root
from podium.tools.tool import SafetyKeywords, Tool, tool

Path = Annotated[str, "Path of the file within the folder, such as 'notes/a.txt'."]
Folder = Annotated[str, "Path of the folder; '.' is the whole of it."]
_PIECE: Final = 256 * 1024
_SNIFFED: Final = 8192
_LINE_CHARS: Final = 300
_SEARCHED_MAX: Final = 256 * 1024 * 1024


class FileKeywords(CommonKeywords, SafetyKeywords, total=False):
    """Options of :func:`file_tools`: those that tools share, and

    Attributes:
        namespace: What stands before the names; ``files`` unless given.
        bytes_max: How much of a file is read as text, and how much may be written.
        file_max: How large a file may be that is passed on as a ``podium.File``.
        entries_max: How many entries or matches are given.
        tags: Words to find them by.
    """

    namespace: str
    bytes_max: int
    file_max: int
    entries_max: int
    tags: Sequence[str]


class Text(TypedDict):
    """A part of a text file.

    Attributes:
        text: What stands in it.
        size: How large the whole file is, in bytes.
        next: Where to read on, in bytes; null at the end.
    """

    text: str
    size: int
    next: int | None


class Listed(TypedDict):
    """Something in a folder: its path, its kind (file, folder, link, other), its size in bytes."""

    path: str
    kind: str
    size: int


class Listing(TypedDict):
    """What is in a folder.

    Attributes:
        entries: By name; folders before what is in them.
        cut: Whether there is more.
    """

    entries: list[Listed]
    cut: bool


class Match(TypedDict):
    """A line that was found: the file, the number of the line from 1, its text."""

    path: str
    line: int
    text: str


class Matches(TypedDict):
    """What was found.

    Attributes:
        matches: In order of the paths.
        cut: Whether there may be more.
    """

    matches: list[Match]
    cut: bool


class Written(TypedDict):
    """A file that was written: its path, and its size in bytes."""

    path: str
    size: int


def file_tools(
    root: str | os.PathLike[str], /, *, write: bool = False, **options: Unpack[FileKeywords]
) -> list[Tool[..., Any, Any]]:
    """Make and register tools for the files of one folder, which they cannot leave.

    No path leads out of it, by ``..``, by being absolute, or by a link, also while somebody else
    changes what is in it. ``read``, ``list``, ``search`` and ``load`` are reads; with ``write=True``
    there are ``write`` and ``save``, which put a whole file in place or none.

    Args:
        root: The folder.
        write: Whether there are tools that write.
        options: See :class:`FileKeywords`.

    Returns:
        The tools: ``files.read``, ``files.list``, ``files.search``, ``files.load``, and with
        ``write=True`` ``files.write`` and ``files.save``.

    Raises:
        InvalidOption: An option makes no sense.
        NameTaken: Another module has a tool of such a name.
    """
    given: dict[str, Any] = {"namespace": "files", "outside": True, **options}
    if "name" in given:
        raise InvalidOption("file_tools(name=…): these are several tools; give a namespace=.")
    most = {
        "bytes_max": given.pop("bytes_max", 256 * 1024),
        "file_max": given.pop("file_max", 64 * 1024 * 1024),
        "entries_max": given.pop("entries_max", 500),
    }
    for option, value in most.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InvalidOption(f"file_tools: {option}={value!r}; expected a number, at least 1.")
    files = _Files(Root(root), **most)
    made = [
        _tool(files.read, "read", "read", given), _tool(files.list_, "list", "read", given),
        _tool(files.search, "search", "read", given), _tool(files.load, "load", "read", given),
    ]  # fmt: skip
    if write:
        made += [
            _tool(files.write, "write", "write", given), _tool(files.save, "save", "write", given),
        ]  # fmt: skip
    return made


def _tool(method: Any, name: str, effect: str, options: dict[str, Any]) -> Tool[..., Any, Any]:
    def function(**arguments: Any) -> Any:
        return method(**arguments)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = method.__doc__
    function.__module__ = caller_module()
    function.__wrapped__ = method  # type: ignore[attr-defined]  # its signature and its types
    function.__annotations__ = dict(method.__func__.__annotations__)
    made: Any = tool(**options, name=name, effect=effect)
    return cast("Tool[..., Any, Any]", made(function))


class _Files:
    """What the tools do."""

    def __init__(self, root: Root, *, bytes_max: int, file_max: int, entries_max: int) -> None:
        self._root = root
        self._bytes_max = bytes_max
        self._file_max = file_max
        self._entries_max = entries_max

    def read(self, path: Path, start: Annotated[int, "Where to begin, in bytes."] = 0) -> Text:
        """Read a text file, from the beginning or from where the last part ended."""
        with self._root.open_file(path) as file:
            size = os.fstat(file).st_size
            start = max(0, min(start, size))
            data = _read_at(file, start, self._bytes_max)
        text, used = _decoded(data, path, is_end=start + len(data) >= size)
        end = start + used
        return Text(text=text, size=size, next=end if end < size else None)

    def list_(
        self, path: Folder = ".", depth: Annotated[int, "How many folders deep; 1 is this one."] = 1
    ) -> Listing:
        """List what is in a folder."""
        found: list[Listed] = []
        for path_, kind, size in self._walk(path, depth):
            if len(found) == self._entries_max:
                return Listing(entries=found, cut=True)
            found.append(Listed(path=path_, kind=kind, size=size))
        return Listing(entries=found, cut=False)

    def search(
        self, text: Annotated[str, "What to look for, as it stands there; no pattern."],
        path: Folder = ".",
        names: Annotated[str, "Only in files of such names, such as '*.py'."] = "*",
        ignore_case: Annotated[bool, "Whether small and capital letters are the same."] = False,
    ) -> Matches:  # fmt: skip
        """Find lines with a text, in a folder and the folders in it. Only text files are looked at."""
        wanted = text.lower() if ignore_case else text
        matches: list[Match] = []
        searched = 0
        for found, kind, size in self._walk(path, 1000):
            if kind != "file" or not fnmatch.fnmatchcase(found.rpartition("/")[2], names):
                continue
            searched += size
            if searched > _SEARCHED_MAX:
                return Matches(matches=matches, cut=True)
            for number, line in self._lines(found):
                if wanted in (line.lower() if ignore_case else line):
                    if len(matches) == self._entries_max:
                        return Matches(matches=matches, cut=True)
                    matches.append(Match(path=found, line=number, text=line[:_LINE_CHARS]))
        return Matches(matches=matches, cut=False)

    def load(self, path: Path) -> File:
        """Take a file of any kind as it is, to pass it on."""
        with self._root.open_file(path) as file:
            size = os.fstat(file).st_size
            if size > self._file_max:
                raise LimitReached(
                    f"{path!r} has {size:,} bytes; at most {self._file_max:,} are taken."
                )
            return save_file(_pieces(file, self._file_max), name=path.rpartition("/")[2])

    def write(self, path: Path, text: Annotated[str, "What is to stand in it."]) -> Written:
        """Write a text file, in place of what was there; missing folders are made."""
        try:
            data = text.encode()
        except UnicodeEncodeError as problem:
            raise ValueNotPortable(
                f"The text for {path!r} has half a character in it: {problem}."
            ) from None
        if len(data) > self._bytes_max:
            raise LimitReached(
                f"The text has {len(data):,} bytes; at most {self._bytes_max:,} are written."
            )
        return self._written(path, iter([data]))

    def save(self, path: Path, file: File) -> Written:
        """Write a file that was passed on, in place of what was there; missing folders are made."""
        if file.size > self._file_max:
            raise LimitReached(f"{file.name!r} has {file.size:,} bytes; at most {self._file_max:,} are written.")  # fmt: skip
        with open_file(file) as source:
            return self._written(path, iter(lambda: source.read(_PIECE), b""))

    def _written(self, path: str, pieces: Iterator[bytes]) -> Written:
        attempt = current_attempt.get()
        key = attempt.key if attempt is not None else "plain"
        size = self._root.write(path, pieces, key, uuid.uuid4().hex)
        return Written(path="/".join(self._root.parts(path)), size=size)

    def _walk(self, path: str, depth: int) -> Iterator[tuple[str, str, int]]:
        for entry in self._root.entries(path):
            yield entry
            if entry.kind == "folder" and depth > 1:
                try:
                    yield from self._walk(entry.path, depth - 1)
                except OSError:  # gone meanwhile, or not ours to read
                    continue

    def _lines(self, path: str) -> Iterator[tuple[int, str]]:
        try:
            with self._root.open_file(path) as file, os.fdopen(os.dup(file), "rb") as source:
                if b"\0" in source.read(_SNIFFED):
                    return
                source.seek(0)
                for number, line in enumerate(source, 1):
                    yield number, line.decode(errors="replace").rstrip("\r\n")
        except OSError:  # gone meanwhile, or not ours to read
            return


def _read_at(file: int, start: int, size: int) -> bytes:
    found = bytearray()
    while len(found) < size and (data := os.pread(file, size - len(found), start + len(found))):
        found += data
    return bytes(found)


def _pieces(file: int, most: int) -> Iterator[bytes]:
    taken = 0
    while taken < most and (data := os.pread(file, min(_PIECE, most - taken), taken)):
        taken += len(data)
        yield data


def _decoded(data: bytes, path: str, *, is_end: bool) -> tuple[str, int]:
    """Return text and how many bytes it was: a character that is cut off is left for the next part."""
    try:
        return data.decode(), len(data)
    except UnicodeDecodeError as problem:
        is_cut_off = not is_end and problem.end == len(data) and problem.start > len(data) - 4
        if is_cut_off and problem.start:
            return data[: problem.start].decode(), problem.start
        raise LimitReached(
            f"{path!r} is no UTF-8 text (at byte {problem.start:,} of this part); take it as a file."
        ) from None
