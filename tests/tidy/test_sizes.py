"""Files, functions and classes stay small enough to be read in one sitting.

What is larger needs a waiver in `waivers.toml`, with its exact size and a reason. The list may only shrink.
"""

import ast
import tomllib

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.tidy.repository import SOURCES, Function, git, named, parse, place

MOST = {"file_lines": 600, "body_lines": 70, "parameters": 9, "public_methods": 20}

WAIVERS = Path(__file__).with_name("waivers.toml")


def body_lines(function: Function) -> int:
    """From the first statement after the docstring to the last line."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: Function) -> int:
    """What a caller can hand over."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args]
    given = given[1:] if given and given[0].arg in {"self", "cls"} else given
    rest = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return len(given) + len(arguments.kwonlyargs) + len(rest)


def public_methods(klass: ast.ClassDef) -> int:
    """Overloads of a method count once."""
    names = {node.name for node in klass.body if isinstance(node, Function)}
    return sum(not name.startswith("_") for name in names)


def measures(path: Path) -> Iterator[tuple[str, str, int]]:
    """Each measure of a file: which limit it counts against, of what, how much."""
    where = place(path).removeprefix("src/")
    yield "file_lines", where, len(path.read_text(encoding="utf-8").splitlines())
    for name, node in named(parse(path)):
        if isinstance(node, ast.ClassDef):
            yield "public_methods", f"{where}:{name}", public_methods(node)
        else:
            yield "body_lines", f"{where}:{name}", body_lines(node)
            yield "parameters", f"{where}:{name}", parameters(node)


@cache
def too_large() -> dict[tuple[str, str], int]:
    """Everything over its limit; of functions under one name (overloads) the largest."""
    found: dict[tuple[str, str], int] = {}
    for path in SOURCES:
        for limit, what, size in measures(path):
            if size > MOST[limit]:
                found[limit, what] = max(size, found.get((limit, what), 0))
    return found


def waived(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The waivers in a text, by limit and place."""
    return {
        (limit, what): waiver
        for limit, waivers in tomllib.loads(text).items()
        for what, waiver in waivers.items()
    }


def earlier_waivers() -> Iterator[dict[tuple[str, str], dict[str, Any]]]:
    """The waivers of each committed version of the list."""
    if not git("rev-list", "--all", "--max-count=1"):
        return
    name = place(WAIVERS)
    for commit in git("log", "--format=%H", "--diff-filter=AM", "--", name).split():
        yield waived(git("show", f"{commit}:{name}"))


@pytest.mark.parametrize("limit", MOST)
def test_sizes(limit: str) -> None:
    """What is too large has a waiver of exactly its size, and no other waiver is left."""
    allowed = {
        what: waiver["is"]
        for (which, what), waiver in waived(WAIVERS.read_text(encoding="utf-8")).items()
        if which == limit
    }
    found = {what: size for (which, what), size in too_large().items() if which == limit}

    assert found == allowed, f"at most {MOST[limit]} {limit}: make it smaller"


def test_each_waiver_says_why() -> None:
    """A waiver names a limit, a size and a reason."""
    for (limit, what), waiver in waived(WAIVERS.read_text(encoding="utf-8")).items():
        assert limit in MOST, limit
        assert waiver.keys() == {"is", "because"}, what
        assert waiver["because"].strip(), what


def test_waivers_only_shrink() -> None:
    """No waiver is larger, and none is there, that an earlier version did not have."""
    now = waived(WAIVERS.read_text(encoding="utf-8"))
    for before in earlier_waivers():
        grown = {
            key: waiver["is"]
            for key, waiver in now.items()
            if waiver["is"] > before.get(key, {"is": 0})["is"]
        }

        assert grown == {}
