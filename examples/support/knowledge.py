"""The knowledge base: help articles in Markdown, found by full text (SQLite FTS5, ranked by bm25).

Each section of an article is one document, so that a search finds the paragraph that answers, not
only the page it stands on. The index lives in memory and is built from the files in milliseconds.
"""

import re
import sqlite3

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

ARTICLES = Path(__file__).with_name("articles")

_SCHEMA = """
    CREATE VIRTUAL TABLE section USING fts5(
        article UNINDEXED, page, heading, body, tokenize = "porter unicode61 remove_diacritics 2"
    )
"""
_SEARCH = """
    SELECT article, page, heading, body, -bm25(section, 0, 2, 4, 1) AS score
    FROM section WHERE section MATCH ? ORDER BY score DESC LIMIT ?
"""
_EMPTY_WORDS = """
    a about again all am an and any anyway are as at be been but by can cannot could did do does
    don for from get go had has have hi how i if in is it its just me mine my no not now of on or
    order our please pls possible should so still that the there they this to too was we well
    were what when where which why will with would you your
"""


@dataclass(frozen=True)
class Section:
    """A section of a help article, and how well it matches (more is better)."""

    article: str
    page: str
    heading: str
    body: str
    score: float


class KnowledgeBase:
    """A full-text index over a folder of Markdown articles; safe to use from several threads."""

    def __init__(self, folder: Path = ARTICLES) -> None:
        self._lock = Lock()
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute(_SCHEMA)
        for path in sorted(folder.glob("*.md")):
            self._db.executemany("INSERT INTO section VALUES (?, ?, ?, ?)", sections(path))

    def search(self, question: str, limit: int = 3) -> list[Section]:
        """The sections that answer a question best, best first."""
        empty = _EMPTY_WORDS.split()
        words = [w for w in re.findall(r"[^\W\d_]+", question.lower()) if w not in empty]
        if not words:
            return []
        match = " OR ".join(f'"{word}"' for word in words)
        with self._lock:
            return [Section(*row) for row in self._db.execute(_SEARCH, (match, limit))]

    def close(self) -> None:
        """Give the index's memory back."""
        self._db.close()


def sections(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """The sections of a Markdown file: name of the file, its title, heading, text."""
    title, *parts = path.read_text(encoding="utf-8").split("\n## ")
    page = title.removeprefix("# ").strip()
    for part in parts:
        heading, _, body = part.partition("\n")
        yield path.stem, page, heading.strip(), " ".join(body.split())


@cache
def knowledge_base() -> KnowledgeBase:
    """The knowledge base over `articles/`, opened once per process."""
    return KnowledgeBase()
