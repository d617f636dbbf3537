"""What every source file looks like: it says what it is for, and nothing is left lying about."""

import ast
import re

from pathlib import Path

import pytest

from tests.tidy.repository import SOURCES, SRC, Function, inside, named, parse, place, texts

# Written apart, so that this file is no finding of its own.
LEFTOVERS = ("FIX" + "ME", "XX" + "X", "TO" + "DO", "HA" + "CK")
LEFTOVER = re.compile(r"\b(" + "|".join(LEFTOVERS) + r")\b")
DEBUGGING = {"breakpoint", "pdb.set_trace", "ipdb.set_trace", "print"}
CODE = (".py", ".toml", ".sh", ".ini", ".cfg")

SYNC_TWINS = ("{}_sync", "sync_{}", "{}_blocking")
ASYNC_TWINS = ("a{}", "{}_async", "async_{}")


def may_print(path: Path) -> bool:
    """The command line talks to people."""
    return path.is_relative_to(SRC / "podium" / "cli")


def calls(tree: ast.AST) -> set[str]:
    """What a module calls by a plain or dotted name."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def twins(scope: ast.AST) -> set[tuple[str, str]]:
    """Functions side by side that do one thing twice, waiting and not."""
    waits = {
        node.name: isinstance(node, ast.AsyncFunctionDef)
        for node in inside(scope)
        if isinstance(node, Function)
    }
    return {
        (name, twin)
        for name, is_async in waits.items()
        for pattern in (SYNC_TWINS if is_async else ASYNC_TWINS)
        if (twin := pattern.format(name)) in waits and waits[twin] is not is_async
    }


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_module_says_what_it_is_for(path: Path) -> None:
    """Every module opens with a sentence, the empty-looking ones too."""
    docstring = ast.get_docstring(parse(path))

    assert docstring, "write what this file is for, in a sentence"
    assert docstring.splitlines()[0].rstrip().endswith((".", ":", "?", ",", ";")) or (
        len(docstring.splitlines()) > 1
    ), f"not a sentence: {docstring!r}"


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_nothing_is_left_of_debugging(path: Path) -> None:
    """No call to a debugger, and none to print outside the command line."""
    unwanted = DEBUGGING - ({"print"} if may_print(path) else set())

    assert calls(parse(path)) & unwanted == set()


def test_no_leftovers() -> None:
    """No code in the repository carries a note to come back to it."""
    found = [
        f"{name}:{number}"
        for name, text in texts().items()
        if name.endswith(CODE)
        for number, line in enumerate(text.splitlines(), start=1)
        if LEFTOVER.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_no_twins(path: Path) -> None:
    """One async core and a thin sync portal: nothing is written once waiting and once not."""
    tree = parse(path)
    scopes = [tree, *(node for _, node in named(tree) if isinstance(node, ast.ClassDef))]

    assert set().union(*(twins(scope) for scope in scopes)) == set()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def go(): ...\nasync def ago(): ...", {("go", "ago")}),
        ("class A:\n async def go(self): ...\n def go_sync(self): ...", {("go", "go_sync")}),
        ("def sk(): ...\ndef ask(): ...", set()),
        ("async def go(): ...\ndef run(): ...", set()),
    ],
)
def test_twins_are_found(code: str, expected: set[tuple[str, str]]) -> None:
    """The search for twins finds them, and no look-alikes."""
    tree = ast.parse(code)
    scopes = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]

    assert set().union(*(twins(scope) for scope in scopes)) == expected
