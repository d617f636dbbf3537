"""The page about control-flow patterns: each document keeps its pattern, and one that breaks it is seen to."""

from __future__ import annotations

import re

from pathlib import Path

import pytest

from podium.flow.source import read
from tests.flow.patterns.plays import PATTERNS, Pattern
from tests.flow.patterns.stage import Play, WrongOrder, perform
from tests.tidy.repository import ROOT

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs" / "patterns.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^### (\d+)\. .*?(?=^##|\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
DOCUMENTS = {int(found[1]): BLOCK.findall(found[0]) for found in SECTION.finditer(PAGE)}
ORIGINAL = range(1, 21)
ALL = range(1, 44)


def plays() -> list[object]:
    """Every play, with the number of its pattern."""
    return [
        pytest.param(number, play, id=f"{number}-{index}")
        for number, pattern in sorted(PATTERNS.items())
        for index, play in enumerate(pattern.plays)
    ]


def changes() -> list[object]:
    """Every change that breaks a pattern."""
    return [
        pytest.param(number, old, new, id=f"{number}-{index}")
        for number, pattern in sorted(PATTERNS.items())
        for index, (old, new) in enumerate(pattern.wrong)
    ]


@pytest.mark.parametrize(("number", "play"), plays())
def test_the_order_is_that_of_the_pattern(number: int, play: Play, tmp_path: Path) -> None:
    """After each event exactly that begins, ends and is stopped which the pattern asks for."""
    perform(DOCUMENTS[number][0], play, tmp_path)


@pytest.mark.parametrize(("number", "old", "new"), changes())
def test_another_order_is_seen(number: int, old: str, new: str, tmp_path: Path) -> None:
    """A document that is changed so that it breaks the pattern does not pass for it."""
    text = DOCUMENTS[number][0]
    assert text.count(old) == 1

    assert broken(PATTERNS[number], text.replace(old, new), tmp_path)


def broken(pattern: Pattern, text: str, folder: Path) -> bool:
    """Whether one of a pattern's plays is not kept by a document."""
    for index, play in enumerate(pattern.plays):
        place = folder / str(index)
        place.mkdir()
        try:
            perform(text, play, place)
        except WrongOrder:
            return True
    return False


def test_the_page_has_every_pattern() -> None:
    """Each of the 43 has a document, or a line that says how or why not; the first twenty have documents."""
    told = {int(number) for number in re.findall(r"^\| (\d+) ", PAGE, re.MULTILINE)}

    assert PATTERNS.keys() == DOCUMENTS.keys()
    assert {len(blocks) for blocks in DOCUMENTS.values()} == {1}
    assert set(ORIGINAL) <= DOCUMENTS.keys()
    assert told | DOCUMENTS.keys() == set(ALL)
    assert not told & DOCUMENTS.keys()


@pytest.mark.parametrize("number", sorted(DOCUMENTS))
def test_every_document_is_one_of_the_language(number: int) -> None:
    """Each block is a document by itself."""
    assert read(DOCUMENTS[number][0], str(number)).data["podium"] == 1
