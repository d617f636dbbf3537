"""`file_tools` read and write within one folder, which no path leaves, whatever somebody does to it meanwhile."""

import os
import shutil
import threading

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import podium

from podium import InvalidOption, LimitReached, PathRefused, Podium, file_tools, workflow
from podium.core.context import current_attempt
from podium.core.ports import Attempt
from tests.harness import drive

OUTSIDE = "what nobody may see"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with some files, beside one that is none of its business."""
    folder = tmp_path / "root"
    (folder / "notes").mkdir(parents=True)
    (folder / "a.txt").write_text("first line\nsecond é line\n")
    (folder / "notes" / "b.md").write_text("# Title\nsecond thoughts\n")
    (folder / "data.bin").write_bytes(b"\0\xff\xfe" * 100)
    (tmp_path / "secret.txt").write_text(OUTSIDE)
    return folder


def tools(root: Path, **options: Any) -> dict[str, Any]:
    """The tools of a folder by the last word of their names."""
    return {
        str(tool.name).rpartition(".")[2]: tool for tool in file_tools(root, write=True, **options)
    }


def call(tool: Any, **arguments: Any) -> Any:
    """Call a tool outside a workflow."""
    return drive(tool(**arguments), 60)


# reading ----------------------------------------------------------------------------------


def test_a_text_is_read(root: Path) -> None:
    """Whole, or part by part, without a character cut in two."""
    files = tools(root)
    small = tools(root, bytes_max=19, namespace="small")

    assert call(files["read"], path="a.txt") == {
        "text": "first line\nsecond é line\n", "size": 26, "next": None,
    }  # fmt: skip
    first = call(small["read"], path="./a.txt")
    rest = call(small["read"], path="a.txt", start=first["next"])
    assert first == {"text": "first line\nsecond ", "size": 26, "next": 18}
    assert rest == {"text": "é line\n", "size": 26, "next": None}
    assert call(files["read"], path="a.txt", start=1000) == {"text": "", "size": 26, "next": None}


def test_what_is_no_text(root: Path) -> None:
    """It is said, with what to do."""
    with pytest.raises(LimitReached, match="is no UTF-8 text"):
        call(tools(root)["read"], path="data.bin")


def test_a_folder_is_listed(root: Path) -> None:
    """Names, kinds and sizes, as deep as is asked for; links are told and not followed."""
    (root / "link").symlink_to("..")
    os.mkfifo(root / "pipe")
    files = tools(root)

    assert call(files["list"])["entries"] == [
        {"path": "a.txt", "kind": "file", "size": 26}, {"path": "data.bin", "kind": "file", "size": 300},
        {"path": "link", "kind": "link", "size": 0}, {"path": "notes", "kind": "folder", "size": 0},
        {"path": "pipe", "kind": "other", "size": 0},
    ]  # fmt: skip
    deep = call(files["list"], path=".", depth=9)
    assert [one["path"] for one in deep["entries"]] == ["a.txt", "data.bin", "link", "notes", "notes/b.md", "pipe"]  # fmt: skip
    few = tools(root, entries_max=2, namespace="few")
    assert (len(call(few["list"])["entries"]), call(few["list"])["cut"]) == (2, True)


def test_texts_are_searched(root: Path) -> None:
    """Lines with their place; only text files, only within."""
    (root / "way").symlink_to(root.parent)
    files = tools(root)

    assert call(files["search"], text="second")["matches"] == [
        {"path": "a.txt", "line": 2, "text": "second é line"},
        {"path": "notes/b.md", "line": 2, "text": "second thoughts"},
    ]  # fmt: skip
    assert call(files["search"], text="SECOND", ignore_case=True, names="*.md", path="notes")["matches"] == [
        {"path": "notes/b.md", "line": 2, "text": "second thoughts"}
    ]  # fmt: skip
    assert call(files["search"], text=OUTSIDE) == {"matches": [], "cut": False}
    assert call(files["search"], text=".*") == {"matches": [], "cut": False}
    few = tools(root, entries_max=1, namespace="few")
    assert call(few["search"], text="second")["cut"]


# writing ----------------------------------------------------------------------------------


def test_a_text_is_written(root: Path) -> None:
    """Folders that are missing are made, rights of the file that was there are kept, nothing else is left."""
    files = tools(root)
    (root / "a.txt").chmod(0o640)

    assert call(files["write"], path="a.txt", text="new é") == {"path": "a.txt", "size": 6}
    assert call(files["write"], path="./x/y/z.txt", text="") == {"path": "x/y/z.txt", "size": 0}
    assert (root / "a.txt").read_text() == "new é"
    assert (root / "a.txt").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in root.iterdir()) == ["a.txt", "data.bin", "notes", "x"]


def test_a_file_is_whole_or_not_there(root: Path) -> None:
    """Readers see the old text or the new one, never a part."""
    files = tools(root, bytes_max=2_000_000)
    texts = ["a" * 500_000, "b" * 1_000_000]
    (root / "big.txt").write_text(texts[0])
    seen, stop = set(), threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add((root / "big.txt").read_text())

    thread = threading.Thread(target=look)
    thread.start()
    for n in range(20):
        call(files["write"], path="big.txt", text=texts[n % 2])
    stop.set()
    thread.join()

    assert seen <= set(texts)


def test_what_a_dead_attempt_has_left(root: Path) -> None:
    """The next attempt of the step removes it; nobody lists, reads or writes such names."""
    files = tools(root)
    (root / ".podium-k1-dead").write_text("half")
    (root / ".podium-k2-alive").write_text("somebody else's")
    attempt = Attempt(files["write"].spec, {}, b"{}", "run", "write", 2, lambda _: "k1", {})
    token = current_attempt.set(attempt)
    try:
        files["write"].fn(path="c.txt", text="whole")
    finally:
        current_attempt.reset(token)

    assert not (root / ".podium-k1-dead").exists()
    assert (root / ".podium-k2-alive").exists()
    assert [one["path"] for one in call(files["list"])["entries"]] == [
        "a.txt",
        "c.txt",
        "data.bin",
        "notes",
    ]
    with pytest.raises(PathRefused, match="for Podium's own use"):
        call(files["read"], path=".podium-k2-alive")


def test_files_as_values(root: Path, tmp_path: Path) -> None:
    """`load` makes a `podium.File` of any file, and `save` writes one, byte for byte."""
    files = tools(root)

    @workflow
    async def copy(source: str, target: str) -> Any:
        file = await files["load"](path=source)
        return [file.name, file.size, await files["save"](path=target, file=file)]

    async def main() -> Any:
        async with Podium(str(tmp_path / "app.db")) as app:
            run = await app.start(copy, {"source": "data.bin", "target": "copies/c.bin"})
            return await run.result()

    assert drive(main(), 60) == ["data.bin", 300, {"path": "copies/c.bin", "size": 300}]
    assert (root / "copies" / "c.bin").read_bytes() == (root / "data.bin").read_bytes()


def test_limits(root: Path) -> None:
    """What is too large is refused before anything is written."""
    small = tools(root, bytes_max=10, file_max=10)

    with pytest.raises(LimitReached, match="11 bytes; at most 10"):
        call(small["write"], path="n.txt", text="x" * 11)
    with pytest.raises(LimitReached, match="300 bytes; at most 10"):
        call(small["load"], path="data.bin")
    with pytest.raises(podium.ValueNotPortable):
        call(small["write"], path="n.txt", text="\ud800")
    assert not (root / "n.txt").exists()


# what leads out ---------------------------------------------------------------------------

BAD = [
    "../secret.txt", "notes/../../secret.txt", "/etc/passwd", "//etc/passwd", "..", "notes/..", "way/secret.txt",
    "way", "direct", "", ".", "a\0b", "\ud800", "x" * 300, "/".join(["d"] * 100), "a.txt/b", "notes", "pipe", "loop",
    "loop/x", "hop/b.md", "/proc/self/environ", "./../secret.txt", "notes/./../../secret.txt",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD)
def test_no_path_leads_out(root: Path, path: str) -> None:
    """By '..', by being absolute, by any link, or to what is no plain file: for reading and for writing."""
    (root / "way").symlink_to("..")
    (root / "direct").symlink_to("../secret.txt")
    (root / "loop").symlink_to("loop")
    (root / "hop").symlink_to("notes")
    os.mkfifo(root / "pipe")
    files = tools(root)

    with pytest.raises((PathRefused, FileNotFoundError)):
        call(files["read"], path=path)
    with pytest.raises(PathRefused):
        call(files["write"], path=path, text="gotcha")
    if path not in (".", "", "notes"):
        with pytest.raises((PathRefused, FileNotFoundError)):
            call(files["list"], path=path)
    assert (root.parent / "secret.txt").read_text() == OUTSIDE
    assert sorted(one.name for one in root.parent.iterdir()) == ["root", "secret.txt"]


def test_what_is_not_there(root: Path) -> None:
    """It is said by the path that was asked for."""
    with pytest.raises(FileNotFoundError, match=r"nothing/here\.txt"):
        call(tools(root)["read"], path="nothing/here.txt")


def test_the_folder_may_be_reached_by_a_link(root: Path, tmp_path: Path) -> None:
    """Its owner may say where it is as he likes; it is what is in it that may not lead out."""
    (tmp_path / "door").symlink_to(root)

    assert call(tools(tmp_path / "door")["read"], path="a.txt")["size"] == 26


def test_links_that_come_and_go(root: Path) -> None:
    """While somebody swaps a folder for a link that leads out, nothing outside is read or written."""
    inner, away = root / "swap", root / "away"
    outside = root.parent / "outside"
    for folder, text in ((inner, "inside"), (outside, OUTSIDE)):
        folder.mkdir()
        (folder / "f.txt").write_text(text)
    files = tools(root)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for step in (
                lambda: inner.rename(away),
                lambda: inner.symlink_to(outside),
                inner.unlink,
                lambda: away.rename(inner),
            ):
                with suppress(OSError):  # a writer has made the folder that was missing just then
                    step()
            if away.exists():
                shutil.rmtree(inner, ignore_errors=True)

    thread = threading.Thread(target=swap)
    thread.start()
    seen, refused = set(), 0
    try:
        for _ in range(3000):
            try:
                seen.add(files["read"].fn(path="swap/f.txt")["text"])
                files["write"].fn(path="swap/g.txt", text="x")
                seen.update(one["text"] for one in files["search"].fn(text="nobody")["matches"])
            except (PathRefused, OSError):
                refused += 1
    finally:
        stop.set()
        thread.join()

    assert seen <= {"inside"}
    assert refused
    assert sorted(path.name for path in outside.iterdir()) == ["f.txt"]


# how it is written ------------------------------------------------------------------------


def test_names_effects_and_words(tmp_path: Path) -> None:
    """Reading alone unless writing is asked for; each tool and each parameter has its words."""
    read_only = file_tools(tmp_path, namespace="docs")
    both = file_tools(tmp_path, write=True)

    assert [(str(tool.name), str(tool.spec.effect)) for tool in read_only] == [
        ("docs.read", "read"), ("docs.list", "read"), ("docs.search", "read"), ("docs.load", "read"),
    ]  # fmt: skip
    assert [(str(tool.name), str(tool.spec.effect)) for tool in both[4:]] == [
        ("files.write", "write"), ("files.save", "write"),
    ]  # fmt: skip
    for tool in both:
        assert tool.spec.description
        for schema in tool.spec.input_schema["properties"].values():
            assert schema.get("description") or "$ref" in schema


def test_tools_that_make_no_sense(tmp_path: Path) -> None:
    """What does not fit is said when they are made."""
    with pytest.raises(InvalidOption, match="give a namespace="):
        file_tools(tmp_path, name="files")
    with pytest.raises(InvalidOption, match="bytes_max=0"):
        file_tools(tmp_path, bytes_max=0)
