"""`module:workflow`: what is said when it names nothing that can be run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said, Shell


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("shop:totl", "Module 'shop' has no workflow 'totl'. Did you mean shop:total?"),
        ("shpo:total", "There is no module 'shpo', neither in"),
        ("shpo:total", "Did you mean shop?"),
        ("shop.sub:total", "There is no module 'shop.sub'"),
        ("shop", "'shop' names no workflow; expected module:workflow. There are shop:total"),
        ("shop:", "names no workflow"),
        (":total", "has no module"),
        ("shop:fetch", "shop:fetch is a task; a workflow calls it."),
        ("shop:plain", "shop:plain is a plain async function; decorate it with @workflow."),
        ("shop:LEDGER", "shop:LEDGER is no workflow but PosixPath"),
        ("shop.py:total", "names a file; expected module:workflow. Write shop:total"),
        ("..:x", "is no name of a module"),
    ],
)
def test_a_reference_that_names_nothing(
    podium: Callable[..., Said], shell: Shell, reference: str, expected: str
) -> None:
    """A mistyped reference is a usage error that says what is there."""
    said = podium("run", reference, cwd=shell.folder)

    assert said.code == 2
    assert expected in said.err
    assert not (shell.folder / "podium.db").exists()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def broken(:\n", "SyntaxError: invalid syntax at "),
        ("x = 1\nraise KeyError('config')\n", "KeyError: 'config' at "),
        ("import sys\nsys.exit(3)\n", "it ended the program (exit 3)"),
        ("import nowhere_to_be_found\n", "No module named 'nowhere_to_be_found' at "),
        ("from podium import task\n@task(effect='maybe')\ndef f(): ...\n", "InvalidOption"),
    ],
)
def test_a_module_that_cannot_be_imported(
    podium: Callable[..., Said], tmp_path: Path, source: str, expected: str
) -> None:
    """An import that fails is an error with the place in the user's code, without a traceback."""
    (tmp_path / "broken_shop.py").write_text(source)
    said = podium("run", "broken_shop:x", cwd=tmp_path)

    assert said.code == 1
    assert "Importing 'broken_shop' failed: " in said.err
    assert expected in said.err
    assert "Traceback" not in said.err


def test_debug_shows_the_traceback(podium: Callable[..., Said], tmp_path: Path) -> None:
    """`PODIUM_DEBUG=1` shows where an error came from."""
    (tmp_path / "broken_shop.py").write_text("raise KeyError('config')\n")
    said = podium("run", "broken_shop:x", cwd=tmp_path, PODIUM_DEBUG="1")

    assert said.code == 1
    assert "Traceback" in said.err
