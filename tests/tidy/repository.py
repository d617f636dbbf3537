"""What the house rules are asked about: the files of the repository, and the functions in them."""

import ast
import subprocess
import tomllib

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
SOURCES = sorted(SRC.rglob("*.py"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def git(*arguments: str) -> str:
    """What git prints in the checkout."""
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the repository, committed or about to be."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return tuple(path for name in sorted(set(listed)) if name and (path := ROOT / name).is_file())


@cache
def texts() -> dict[str, str]:
    """The text of each file that is text, by its place in the repository."""
    found = {}
    for path in files():
        content = path.read_bytes()
        if b"\0" not in content:
            found[place(path)] = content.decode("utf-8", errors="replace")
    return found


def place(path: Path) -> str:
    """Where a file is, seen from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=place(path))


def named(scope: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Every function and class of a module with its dotted name, those inside functions too."""
    for node in inside(scope):
        name = f"{prefix}{node.name}"
        yield name, node
        yield from named(node, f"{name}.")


def inside(scope: ast.AST) -> Iterator[Function | ast.ClassDef]:
    """The functions and classes written directly in a scope, under an `if` or a `try` too."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, Function | ast.ClassDef):
            yield node
        elif not isinstance(node, ast.expr):
            yield from inside(node)
