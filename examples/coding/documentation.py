"""What a repository says about itself, found by full text: its Markdown, section by section, and the
docstrings of its Python.
"""

import ast
import re
import sqlite3

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

from examples.coding.forms import Section

TEXT_CHARS = 3_000
_SCHEMA = """
    CREATE VIRTUAL TABLE section USING fts5(
        path UNINDEXED, heading, text, tokenize = "porter unicode61 remove_diacritics 2"
    )
"""
_SEARCH = """
    SELECT path, heading, text FROM section WHERE section MATCH ?
    ORDER BY bm25(section, 0, 4, 1), rowid LIMIT ?
"""
_EMPTY_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "can",
        "do",
        "does",
        "for",
        "from",
        "has",
        "have",
        "how",
        "if",
        "in",
        "is",
        "it",
        "its",
        "not",
        "of",
        "on",
        "or",
        "so",
        "that",
        "the",
        "there",
        "this",
        "to",
        "was",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
    ]
)


def search(files: Mapping[str, str], questions: Sequence[str], limit: int = 3) -> list[Section]:
    """Return the sections that answer some questions best, without repetitions.

    Args:
        files: Texts by path.
        questions: What to look for.
        limit: How many sections are found for each question at most.
    """
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(_SCHEMA)
        db.executemany("INSERT INTO section VALUES (?, ?, ?)", sections(files))
        found = [
            Section(*row)
            for question in questions
            if (wanted := _match(question))
            for row in db.execute(_SEARCH, (wanted, limit))
        ]
    return list(dict.fromkeys(found))


def sections(files: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Return path, heading and text of each section."""
    for path, text in sorted(files.items()):
        if path.endswith(".md"):
            yield from _of_markdown(path, text)
        elif path.endswith(".py"):
            yield from _of_python(path, text)


def _of_markdown(path: str, text: str) -> Iterator[tuple[str, str, str]]:
    page, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    title, _, opening = page.removeprefix("# ").partition("\n")
    if opening.strip():
        yield path, title.strip(), opening.strip()[:TEXT_CHARS]
    for part in parts:
        heading, _, body = part.partition("\n")
        yield path, f"{title.strip()}: {heading.strip()}", body.strip()[:TEXT_CHARS]


def _of_python(path: str, text: str) -> Iterator[tuple[str, str, str]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # what is no Python has no docstrings
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            said = ast.get_docstring(node)
            if said:
                yield path, f"{path}: {node.name}", _outline(node, said)[:TEXT_CHARS]


def _outline(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, said: str) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}\n{said}"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"def {node.name}({ast.unparse(node.args)}){returns}\n{said}"


def _match(question: str) -> str:
    words = [word for word in re.findall(r"\w+", question.lower()) if word not in _EMPTY_WORDS]
    return " OR ".join(f'"{word}"' for word in dict.fromkeys(words))
