"""The page about findings is right and complete."""

from __future__ import annotations

import re

from typing import get_args

import pytest

from podium.flow.check.notes import Code
from tests.flow.check.documents import SECTIONS, example, look_at
from tests.tidy.repository import ROOT, SRC

FLOW = SRC / "podium" / "flow"
WITHOUT_EXAMPLE = {
    "not-json", "too-deep", "too-long", "unreadable-flow", "recursive-flow", "module-missing", "module-not-allowed",
}  # fmt: skip
"""What takes files, a document too large for a page, or one that is no text."""


def codes_of_reading() -> set[str]:
    """The codes that reading a document, and taking it as a flow, hands out."""
    files = [*(FLOW / "parse").glob("*.py"), FLOW / "flow.py"]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    return set(re.findall(r"(?:fault|Finding)\(\s*\"([a-z-]+)\"", text))


def codes_of_expressions() -> set[str]:
    """The codes of the tables about expressions: those of the check, and of texts that are none."""
    page = (ROOT / "docs" / "expressions.md").read_text(encoding="utf-8")
    table = page.split("## What the check finds\n")[1].split("\n## ")[0]
    found = set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE))
    return found | {"syntax", "unknown-function", "bad-pattern", "too-long", "too-deep", "not-json"}


@pytest.mark.parametrize("code", sorted(SECTIONS.keys() - WITHOUT_EXAMPLE))
def test_example(code: str) -> None:
    """An example has the finding that it stands under, and no other."""
    found = look_at(example(code))

    assert {one.code for one in found} == {code}, "\n".join(map(str, found))


def test_every_code_is_listed() -> None:
    """Every code has its section, and every section is a code."""
    assert set(SECTIONS) == {*get_args(Code)} | codes_of_reading() | codes_of_expressions()


def test_examples_are_left_out_for_a_reason() -> None:
    """Only what cannot stand on a page has no example."""
    assert {code for code, text in SECTIONS.items() if "```yaml" not in text} == WITHOUT_EXAMPLE
