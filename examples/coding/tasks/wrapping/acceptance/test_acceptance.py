"""What whoever asked for it will try."""

import io

import pytest

from fold.command import main


def folded(text: str, *options: str) -> str:
    """Return what the command writes."""
    target = io.StringIO()
    assert main(options, io.StringIO(text), target) == 0
    return target.getvalue()


def test_items_hang() -> None:
    """Each is wrapped by itself, its lines under its text."""
    text = "- one two three\n* four five six seven\n- eight"

    assert folded(text, "--lists", "--width", "11") == (
        "- one two\n  three\n* four five\n  six seven\n- eight\n"
    )


def test_a_line_that_begins_no_item_belongs_to_the_one_before() -> None:
    """Until an empty line."""
    assert folded("- one\n  two\nthree\n\nfour", "--lists") == "- one two three\n\nfour\n"


def test_text_before_a_list() -> None:
    """It is a paragraph; a list may follow at once."""
    assert (
        folded("Buy\nthis:\n- tea\n- -5 degrees", "--lists") == "Buy this:\n- tea\n- -5 degrees\n"
    )


def test_without_the_option_nothing_changes() -> None:
    """A list is a paragraph."""
    assert folded("- one\n- two") == "- one - two\n"


def test_indent_counts_for_the_width() -> None:
    """Each line that is not empty has it."""
    assert folded("aa bb\n\ncc", "--indent", "3", "--width", "6") == "   aa\n   bb\n\n   cc\n"
    assert folded("- a b c", "--lists", "--indent", "2", "--width", "7") == "  - a b\n    c\n"


def test_a_bad_indent() -> None:
    """It is refused like a bad width."""
    with pytest.raises(SystemExit):
        main(["--indent", "-1"], io.StringIO(""), io.StringIO())
