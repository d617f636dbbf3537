"""What the documents show is what happens: code runs, commands print what stands below them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, Difference, commands, place, run_page
from tests.harness import fresh_names

pytestmark = pytest.mark.long

SHOWN = {page: page.read_text(encoding="utf-8") for page in PAGES}
LONG = {page for page, text in SHOWN.items() if text.count("\n$ ") > 3}
"""Each command is a process of its own."""


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=place(page), marks=[pytest.mark.long] if page in LONG else [])
        for page, text in SHOWN.items()
        if "```" in text
    ],
)
def test_examples_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    """Every block of Python and every command of a page is run, and prints what the page says."""
    run_page(page, tmp_path)


def test_a_wrong_example_is_found(tmp_path: Path) -> None:
    """A page that says something else than what happens fails."""
    wrong = {
        "code": "```python\nassert 1 == 2\n```\n",
        "output": "```python\nprint(1)\n```\n\n```text\n2\n```\n",
        "command": "```console\n$ echo 1\n2\n```\n",
        "target": "```console\n$ make nothing-of-the-kind\n```\n",
        "token": "```console\n$ echo 0123456789ab 0123456789ac\n111111111111 111111111111\n```\n",
    }
    for name, text in wrong.items():
        page = tmp_path / f"{name}.md"
        page.write_text(text, encoding="utf-8")
        folder = tmp_path / name
        folder.mkdir()
        with pytest.raises(AssertionError):
            run_page(page, folder)


def test_a_right_example_passes(tmp_path: Path) -> None:
    """Dots stand for anything; a token for any other, which later commands may name; codes are kept."""
    page = tmp_path / "right.md"
    page.write_text(
        "```python\n# shop.py\nitem = 'lamp'\n```\n\n"
        "```console\n$ echo begin 0123456789ab end\nbegin aaaaaaaaaaaa ...\n"
        "$ echo aaaaaaaaaaaa\n0123456789ab\n$ exit 7\n$ echo $?\n7\n"
        "$ python -c 'import shop; print(shop.item)'\nlamp\n```\n\n"
        "```python\nprint(6 * 7)\n```\n\n```text\n42\n```\n",
        encoding="utf-8",
    )

    assert run_page(page, tmp_path) == 4


def test_a_console_block_begins_with_a_command() -> None:
    """Output without a command is a mistake of the page."""
    assert [one.line for one in commands("$ a \\\n  b\nc\n$ d")] == ["a \\\n  b", "d"]
    with pytest.raises(Difference, match="begins with a command"):
        commands("c")
