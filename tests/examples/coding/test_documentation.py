"""What a repository says about itself is found."""

import re

from pathlib import Path

from examples.coding.documentation import search
from examples.coding.forms import Section

FILES = {
    "README.md": "# spans\n\nDurations as people write them.\n",
    "docs/notation.md": "# Notation\n\n## Units\n\nWeeks, days, hours.\n\n## Errors\n\nIt raises `NotASpan`.\n",
    "src/spans.py": 'def spell(ms: int) -> str:\n    """Write a duration in milliseconds."""\n',
    "src/broken.py": "def (",
}


def test_sections_are_found_once_in_order_of_the_questions() -> None:
    """By words of their headings and their text, in any form of an English word."""
    found = search(FILES, ["which error is raising", "writing milliseconds", "errors"])

    assert found == [
        Section("docs/notation.md", "Notation: Errors", "It raises `NotASpan`."),
        Section("src/spans.py", "src/spans.py: spell", "def spell(ms: int) -> str\nWrite a duration in milliseconds."),
        Section("README.md", "spans", "Durations as people write them."),
    ]  # fmt: skip


def test_questions_without_words_find_nothing() -> None:
    """Also those that look like a query of the search engine."""
    assert search(FILES, ["", "what is the", '"* OR NEAR(', "NOT"]) == []


def test_the_words_of_the_page_fit() -> None:
    """Each file of the table in the example's README is there, and each that is there is in the table."""
    folder = Path(__file__).parents[3] / "examples" / "coding"
    page = (folder / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = {
        name.strip("/") for row in rows for name in re.findall(r"`([^`]+)`", row) if "*" not in name
    }

    assert named == {
        path.name for path in folder.iterdir() if path.name[:2] != "__" or path.stem == "__main__"
    } - {"README.md"}
