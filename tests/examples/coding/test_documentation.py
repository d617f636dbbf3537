"""What a repository says about itself is found."""

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
