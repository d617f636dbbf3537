"""The SQLite store: one file, many processes, and nothing else to run."""

from __future__ import annotations

from podium.journal.sqlite.care import Sizes
from podium.journal.sqlite.reader import SqliteReader
from podium.journal.sqlite.store import SqliteStore

__all__ = ["Sizes", "SqliteReader", "SqliteStore"]
