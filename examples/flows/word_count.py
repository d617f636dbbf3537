"""Counting many files: each is taken into the store once, and passed on as a `File`."""

import csv
import io
import re

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from podium import File, open_file, save_file, task

TOP = 10


@dataclass(frozen=True)
class Counts:
    """What was counted in one file."""

    name: str
    lines: int
    words: int
    bytes: int
    longest: int
    top: dict[str, int]


@dataclass(frozen=True)
class Totals:
    """What was counted in all files; `longest` is the longest line, in characters."""

    files: int
    lines: int
    words: int
    bytes: int
    longest: int
    top: dict[str, int]


@task(effect="read")
def take_in(folder: str, pattern: str) -> list[File]:
    """Keep the files of a folder as they are now; what changes later does not matter to the run.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    paths = sorted(path for path in Path(folder).glob(pattern) if path.is_file())
    return [
        save_file(path, name=path.relative_to(folder).as_posix(), media_type="text/plain")
        for path in paths
    ]


@task(effect="pure")
def count_file(file: File) -> Counts:
    """Count the lines and words of one file."""
    found: Counter[str] = Counter()
    lines = longest = 0
    with open_file(file) as stream, io.TextIOWrapper(stream, "utf-8", "replace") as text:
        for line in text:
            lines += 1
            longest = max(longest, len(line.rstrip("\n")))
            found.update(re.findall(r"[^\W\d_]+", line.lower()))
    return Counts(file.name, lines, found.total(), file.size, longest, _top(found))


@task(effect="pure")
def add_up(counts: list[Counts]) -> Totals:
    """Add up what was counted; the most frequent words are those of the ten most frequent of each file."""
    top: Counter[str] = Counter()
    for one in counts:
        top.update(one.top)
    return Totals(
        files=len(counts),
        lines=sum(one.lines for one in counts),
        words=sum(one.words for one in counts),
        bytes=sum(one.bytes for one in counts),
        longest=max((one.longest for one in counts), default=0),
        top=_top(top),
    )


@task(effect="pure")
def write_table(counts: list[Counts]) -> File:
    """Write a table in CSV, a line for each file."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("name", "lines", "words", "bytes", "longest"))
    rows.writerows((one.name, one.lines, one.words, one.bytes, one.longest) for one in counts)
    return save_file(table.getvalue().encode(), name="counts.csv", media_type="text/csv")


def _top(found: Counter[str]) -> dict[str, int]:
    """The most frequent words of more than three letters; among equals, in the order of the alphabet."""
    ranked = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return dict([one for one in ranked if len(one[0]) > 3][:TOP])
