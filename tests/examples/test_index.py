"""The list of examples has all of them."""

import re

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_each_example_is_listed() -> None:
    """Each folder and each program of its own is named, and each name is there."""
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    named = {link.partition("/")[0] for link in re.findall(r"\]\(([^)]+)\)", page)}
    there = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name[0].isalpha()}
    programs = {path.name for path in EXAMPLES.glob("*.py") if path.stem != "__init__"}

    assert named == there | programs
