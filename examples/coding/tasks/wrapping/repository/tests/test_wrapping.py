"""Paragraphs are wrapped."""

import io

from fold import wrap
from fold.command import main


def test_paragraphs() -> None:
    """Each by itself, with one empty line between."""
    assert wrap("one two three\n\n\nfour\n", 8) == "one two\nthree\n\nfour\n"


def test_the_command() -> None:
    """It reads one file and writes another."""
    target = io.StringIO()

    assert main(["--width", "8"], io.StringIO("one two three"), target) == 0
    assert target.getvalue() == "one two\nthree\n"
