"""The page of flow documents and the tests that prove it agree, in both directions."""

import re

from tests.quotes import ROOT, plain, quotes

PAGE = ROOT / "docs" / "flows.md"
_ENTRY = re.compile(r"^- \*\*(F-\d+)\*\* (.+(?:\n  .+)*)$", re.MULTILINE)


def sentences() -> dict[str, str]:
    """Every sentence of the page by id."""
    found = _ENTRY.findall(PAGE.read_text(encoding="utf-8"))
    assert len({number for number, _ in found}) == len(found)
    return {number: plain(text) for number, text in found}


def test_the_ids_are_counted_through() -> None:
    """No sentence has lost its shape, none is left out."""
    text = PAGE.read_text(encoding="utf-8")

    assert re.findall(r"\*\*(F-\d+)\*\*", text) == [
        f"F-{number:02}" for number in range(1, len(sentences()) + 1)
    ]


def test_every_sentence_is_quoted_by_a_test() -> None:
    """No sentence of the page is without proof."""
    quoted = {number for found in quotes("F").values() for number in found}

    assert sorted(sentences().keys() - quoted) == []


def test_every_quote_is_on_the_page_word_for_word() -> None:
    """Whatever a test claims to prove stands on the page."""
    page = sentences()
    stray = [
        (name, number) for name, found in quotes("F").items() for number, text in found.items()
        if page.get(number) != text
    ]  # fmt: skip

    assert stray == []
