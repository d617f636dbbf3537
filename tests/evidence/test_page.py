"""The page of the guarantee and the tests that prove it agree, in both directions."""

import re

from typing import NamedTuple

import pytest

from tests.quotes import ROOT, plain, quotes

PAGE = ROOT / "docs" / "guarantee.md"
_ENTRY = re.compile(r"^- \*\*(G-\d+)\*\* (.+)\n  (Tests|Comes with): (.+)$", re.MULTILINE)


class Sentence(NamedTuple):
    """One sentence of the page."""

    text: str
    tests: frozenset[str]
    issues: str


def page() -> dict[str, Sentence]:
    """Every sentence by id."""
    found = {}
    for number, text, kind, rest in _ENTRY.findall(PAGE.read_text(encoding="utf-8")):
        assert number not in found, f"{number} is given twice"
        tests = frozenset(re.findall(r"`(tests/[^`]+)`", rest)) if kind == "Tests" else frozenset()
        found[number] = Sentence(plain(text), tests, "" if tests else rest)
    return found


def test_every_sentence_has_a_test_or_an_issue() -> None:
    """No entry of the page is without proof, and none has lost its shape."""
    text = PAGE.read_text(encoding="utf-8")
    sentences = page()

    assert sorted(set(re.findall(r"\*\*(G-\d+)\*\*", text))) == sorted(sentences)
    assert sorted(sentences) == [f"G-{n:02}" for n in range(1, len(sentences) + 1)]
    assert all(one.tests or "issue" in one.issues for one in sentences.values())


@pytest.mark.parametrize("number", sorted(page()))
def test_the_tests_of_a_sentence_quote_it(number: str) -> None:
    """Each test that the page names is there and quotes the sentence, word for word."""
    sentence, quoted = page()[number], quotes("G")

    assert {name: quoted.get(name, {}).get(number) for name in sentence.tests} == dict.fromkeys(
        sentence.tests, sentence.text
    )


def test_every_quote_is_on_the_page() -> None:
    """Whatever a test claims to prove is named by the page, for that test."""
    sentences = page()
    stray = [
        (name, number) for name, quoted in quotes("G").items() for number in quoted
        if number not in sentences or name not in sentences[number].tests
    ]  # fmt: skip

    assert stray == []
