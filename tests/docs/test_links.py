"""Links inside the repository lead somewhere, and files that are named are there."""

import re

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, place, text_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"`((?:\w[\w.\-]*/)+(?:[\w\-]+\.[a-z]+)?)`")
LINKED = [*PAGES, ROOT / "tests" / "README.md", *sorted((ROOT / "examples").rglob("*.md"))]
ROOTS = (ROOT, ROOT / "src" / "podium", ROOT / "src")


def problem(page: Path, target: str) -> str | None:
    """Why a link does not lead anywhere."""
    if "://" in target or target.startswith("mailto:"):
        return None
    name, _, anchor = target.partition("#")
    path = (page.parent / name).resolve() if name else page
    if not path.exists():
        return f"{target}: no such file"
    if not path.is_relative_to(ROOT):
        return f"{target}: outside the repository"
    if anchor and anchor not in anchors(path):
        return f"{target}: no such heading"
    return None


@pytest.mark.parametrize("page", LINKED, ids=place)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link inside the repository names a file that is there, and a heading in it."""
    found = [problem(page, target) for target in LINK.findall(text_of(page))]

    assert [one for one in found if one] == []


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_named_files_are_there(page: Path) -> None:
    """A path in backquotes is one of the repository, or of the package."""
    assert [
        name
        for name in NAMED.findall(text_of(page))
        if not any((root / name).exists() for root in ROOTS)
    ] == []


@pytest.mark.parametrize(
    ("target", "is_good"),
    [
        ("README.md", True),
        ("no.md", False),
        ("docs/errors.md#timeout", True),
        ("docs/errors.md#no", False),
    ],
)
def test_bad_links_are_found(target: str, is_good: bool) -> None:
    """A link to a missing file or heading is reported, any other is not."""
    assert (problem(ROOT / "README.md", target) is None) is is_good
